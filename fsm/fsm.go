// Package fsm is the life of a run: from a request through votes and a code to steps that move
// real systems, and on to an end that nobody has to guess.
//
// It owns the table of states and moves, the one function that decides what a person's verb does
// ([Decide]), the one place where decisions become rows ([Engine.Do]), the executor that sends
// steps, and what happens after a crash. It refuses to know about chat, HTTP or screens: they ask
// [Engine.Do] and read the journal.
//
// Invariants:
//   - A decision is pure. It takes the run as the store holds it, the frozen slice, the live roster
//     and the time, and returns the change. The change, its journal rows and nothing else are
//     written in one transaction that began by locking the run's row.
//   - looplab/fsm is the table only. It is built from the stored state for one decision and thrown
//     away; the truth is the row.
//   - Intent is durable before the hand moves, and the outcome is durable before anything that
//     depends on it is sent. What has an intent and no outcome is unknown, is looked at, and only
//     if looking does not tell is a person asked.
//   - Every executor write carries the epoch of the run's lease, so a replica that was stopped and
//     woken writes nothing.
//   - A rehearsal is given eyes and no hands: the type it holds has no method that acts.
//   - A refusal costs no state and leaves a row.
package fsm
