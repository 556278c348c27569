// Package storms makes days of alerts whose causes are known, and measures with them how well
// situations and recommended plans come out of [alerts].
//
// It owns the worlds (ordinary folders of an organisation, read by package catalog like anybody's), the
// days (incidents of many kinds, the noise around them, and everything that is wrong with labels in
// real estates), the scorer, and the fit of the weights behind a confidence. It refuses to know what
// the engine looks for: nothing here reads the engine's words or faults, and alerts are named as the
// monitoring people really run names them, differently on each seed, so that a good figure is not the
// generator recognising itself.
//
// Invariants. The same seed and settings give the same day to the last byte. Seeds below 1000 are the
// ones to tune with; seeds from 7000 on were never looked at while tuning, and only their figures may
// be called results.
package storms
