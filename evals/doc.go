// Package evals holds the cases the search over the sample runbooks is measured with, and the gate
// that keeps it from getting worse.
//
// It owns questions.jsonl (asked by people, each with the section that answers it), unanswerable.jsonl
// (asked by people and answered nowhere), near_misses.jsonl (the same, but of the very systems the runbooks are
// about: most of these are answered all the same, and no fit that spares the answered has told them apart) and
// alerts.jsonl (each with its name and once more without).
// The questions avoid the words of the headings they are about; many ask in Chinese for an English
// runbook, or the other way round.
//
// Each line is one case as `switchman eval retrieval` reads it; documents are named by their path below
// data/runbooks, so that
//
//	switchman eval retrieval --corpus data/runbooks --cases evals/questions.jsonl --out out.jsonl
//
// asks the same questions; it takes front matter for somebody else's, so alerts find less there.
//
// knowledge/calibration.json, which tells how far an answer can be trusted, is fitted on these cases and on
// a larger set of the same form: `go test ./evals -run Calibrate -calibrate DIR -kept VECTORS -v` makes it anew,
// and prints what would be refused of every group by a fit that the question had no part in.
//
// vectors.gob holds what the built-in encoders made of the runbooks, for making it takes minutes and the
// gate has seconds; after a change of either, `go test ./evals -run Models -vectors -timeout 20m` makes
// it anew. Whoever edits a runbook moves lines: `go test ./evals -update` finds the
// sections again by their headings. A heading that is gone is an error, for somebody has to look whether
// the question is still answered.
package evals
