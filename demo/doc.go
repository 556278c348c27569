// Package demo plays the outside world for people who want to see Switchman work: the two sites of
// Harbor Bank as child processes, the bank's customers, and the staff who switch it over.
//
// It owns a sample estate of 2 × 39 small services on 127.0.0.1. Each answers /healthz and /metrics
// and does what its role does: the DNS node says which site serves, a front door lets customers in,
// gateways and applications pass the request on, databases keep a ledger and copy it to the other
// site with a real delay. Nothing is pretended where a number is later reported: acknowledged
// transactions are remembered by the customer who made them and counted again in the bank's own
// ledger.
//
// It refuses to be mistaken for a real bank: whatever it prints says SAMPLE, it listens on 127.0.0.1
// only, and no product package imports it.
//
// Invariants:
//   - No process outlives its parent: a site ends when its standard input closes, whatever happened
//     to the process that held the other end.
//   - A ledger survives kill -9 of its site, since a row is in the file before it is acknowledged.
//   - Of two databases that both believe to be primary the one with the lower epoch stops taking
//     writes as soon as it hears of the other.
//   - Rows cut off an old primary are kept beside the ledger and listed, never thrown away.
package demo

// Watermark stands before whatever the sample estate prints.
const Watermark = "SAMPLE"
