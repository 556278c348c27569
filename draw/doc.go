// Package draw turns plans into pictures: one SVG document, no script, no font, no network.
//
// It owns layout and nothing else: it reads a compiled plan and writes bytes, and the same plan
// always gives the same bytes, so that a picture may be stored, compared and put in a report.
// It refuses nothing: a plan too large for one box a step is drawn with one box for all the
// steps a plan line makes on one system.
//
// Invariants: every text is escaped; colours follow the reader's light or dark scheme; every box
// carries its whole name as a title, because what is drawn may have been cut to fit.
package draw
