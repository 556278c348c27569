package fsm

import (
	"encoding/json"

	"github.com/switchman-dr/switchman/dr"
)

// Rows tell everything a run comes to: whoever has its rows and its frozen plans can tell the run
// without the tables. So whatever changes a run writes what it changed here.

// newRow makes a journal row; data always marshals, being our own structs.
func newRow(at dr.Time, run string, kind dr.RowKind, by dr.Actor, data any) dr.Row {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err) // a struct of package dr that cannot be written is a programming error
	}
	return dr.Row{At: at, Run: run, Kind: kind, Actor: by.Person, Surface: by.Surface, Data: b}
}

// stateData tells that a run came to the state it is in, from another or to ask for something in it.
// From the start on it carries the clocks.
func stateData(run *dr.Run, from dr.State, ev, reason string) dr.StateData {
	d := dr.StateData{From: from, To: run.State, Event: ev, Pause: run.Pause, Reason: reason, Verdict: run.Verdict}
	if !run.Clocks.Started.IsZero() || run.State.Ended() {
		clocks := run.Clocks
		d.Clocks = &clocks
	}
	return d
}

// stateRow is the row of a move.
func stateRow(now dr.Time, run *dr.Run, from dr.State, ev Event, by dr.Actor, reason string) dr.Row {
	return newRow(now, run.ID, dr.RowState, by, stateData(run, from, string(ev), reason))
}

// setSystems changes the systems of a run and gives a row for each that is another now.
func setSystems(r *dr.Run, now dr.Time, by dr.Actor, why string, change func(*dr.RunSystem)) []dr.Row {
	var rows []dr.Row
	for i := range r.Systems {
		before := r.Systems[i]
		if change(&r.Systems[i]); r.Systems[i] != before {
			rows = append(rows, systemRow(now, r.ID, by, why, r.Systems[i]))
		}
	}
	return rows
}

func systemRow(now dr.Time, run string, by dr.Actor, why string, s dr.RunSystem) dr.Row {
	return newRow(now, run, dr.RowSystem, by, dr.SystemData{RunSystem: s, Why: why})
}
