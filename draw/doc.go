// Package draw turns plans and what became of them into pictures: one SVG document each, no script,
// no font, no network.
//
// It owns layout and nothing else: it reads a compiled plan, or a course of bars and moments, and
// writes bytes, and the same input always gives the same bytes, so that a picture may be stored,
// compared and put in a report. It refuses nothing: a plan too large for one box a step is drawn with
// one box for all the steps a plan line makes on one system, and a long wait in a timeline is drawn
// shorter than it was and says so.
//
// Invariants: every text is escaped; colours follow the reader's light or dark scheme; every box
// carries its whole name as a title, because what is drawn may have been cut to fit.
package draw
