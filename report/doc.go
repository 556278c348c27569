// Package report turns the journal into something a person can judge and a stranger can check.
//
// It owns one chain of readings. [Gather] collects the rows of a run and of its ways back, the frozen
// plans they name, the register of their systems and the signed head they stand under. [Read] makes the
// [Model] of that source: every figure, name and state in it follows from a row, a frozen plan or kept
// evidence. [Markdown], [HTML] and JSON lay the model out, in the reader's language. [Bundle] packs the
// readings with what they were read from, and [Verify] makes them again from there and compares.
//
// What holds:
//
//   - Tables are never read for facts. They are copies for quick reading, and whoever can write to the
//     database can change them; they only say which rows to fetch.
//   - The same source gives the same bytes, whenever and wherever it is read. There is no clock here, no
//     map order, no locale of the machine.
//   - Any run has a report: one that is open, was denied, expired, failed or was rolled back too. A row
//     that does not fit the rows before it or its frozen plan is an error, never a guess and never left
//     out in silence.
//   - What nobody measured is called not measured. It is not zero, and it is not a success.
//   - Text that came from elsewhere is shown as text: it starts no markup, ends no table cell, turns no
//     line around and hides no letter.
//
// It refuses to act, to decide, and to word anything outside package locale.
package report
