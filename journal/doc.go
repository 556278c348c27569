// Package journal turns decisions into rows that nobody quietly changes.
//
// It owns the bytes of a row, the Merkle tree over them (RFC 6962, by golang.org/x/mod/sumdb/tlog),
// the signed checkpoint that names a tree (C2SP signed note and tlog-checkpoint text, Ed25519), and
// the proofs that one row is in a tree and that one tree continues another. It is pure: it reads no
// file, clock or database. Package store keeps what it computes.
//
// Invariants:
//   - A row has exactly one form in bytes. What is hashed is what is stored, and it is never written
//     again from its fields; [Decode] refuses every other form of the same row, so a second key, a
//     key in other letters or a trailing byte cannot say one thing to us and another to a reader.
//   - Appending needs no reads: [Head] carries the right edge of the tree, at most 63 hashes.
//   - The journal alone does not see its own end cut off. A checkpoint kept elsewhere does, which is
//     why store keeps one beside the database and fsm writes the root outside.
//   - A checkpoint proves nothing without a key somebody trusts; no function here takes a key from
//     what it verifies.
package journal
