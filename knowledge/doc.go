// Package knowledge finds the passage of a runbook that answers a question or belongs to an alert, or
// says honestly that there is none.
//
// It owns the way from files to answers: reading Markdown, HTML and text ([Source]), cutting them into
// passages at their headings, the index over them ([Index]), the search ([Index.Search]), the figure
// that says how far a result can be trusted, and the answer made of the passages themselves
// ([Index.Answer]).
//
// It refuses to write: whatever a runbook, an alert or a person says is data here. It cannot reach the
// hands, the rules of approval or the life of a run; a test of the import graph keeps it so.
//
// Invariants:
//   - What somebody may not see does not exist for them. A question is answered from a view, the index
//     one would have if only the visible documents had ever been read; no hidden passage can move a
//     score, a rank or a confidence.
//   - A question sees one snapshot. Reading again builds the next one beside it and swaps whole.
//   - Vectors of two models are never compared. Passages in Chinese and others are ranked each among their
//     own, by the model that reads them, before the two meet; and no such half is ranked by the vectors of
//     some of its passages only: until all are there, words alone decide.
//   - A broken file is listed with its reason and never stops the others.
//   - A passage keeps its id while its document and its headings keep their names, whatever is edited
//     in it.
package knowledge
