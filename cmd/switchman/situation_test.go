package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// TestSituationInLines: what is recommended is a command that can be typed as it stands; where there is nothing to
// ask for, none is shown.
func TestSituationInLines(t *testing.T) {
	at := dr.At(time.Date(2026, 11, 25, 3, 12, 4, 0, time.UTC))
	open := dr.Situation{ID: "s1125-4f9q", State: "open", Entity: dr.Entity{Scope: "site", ID: "east"}, Fault: dr.FaultDown, FirstAt: at, Signals: 43, Firing: 43, Advice: dr.Advice{Verdict: dr.Recommend, Plan: "bank-failover"}}
	const request = "switchman run request bank-failover --mode emergency --reason \"situation s1125-4f9q\" --impact 2026-11-25T03:12:04Z"
	for _, tc := range []struct {
		name        string
		change      func(*dr.Situation)
		run         string
		says, hides []string
	}{
		{"recommended", nil, "", []string{request, "site/east is down", "43 firing"}, nil},
		{"asked for already", nil, `{"id":"r1125-x7kq","state":"awaiting_approval"}`, []string{"bank-failover", "switchman run show r1125-x7kq", "waiting for votes"}, []string{"run request"}},
		{"quiet", func(s *dr.Situation) { s.State, s.Firing = "quiet", 0 }, "", []string{"site/east was down"}, []string{"run request"}},
		{"not this", func(s *dr.Situation) { s.Answer = "not_this" }, "", nil, []string{"run request"}},
		{"over", func(s *dr.Situation) { s.State, s.Firing, s.EndedAt = "closed", 3, at.Plus(60_000) }, "", []string{"site/east was down", "43 signals"}, []string{"run request", "firing", "fits"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := situationText{Situation: open}
			x.Words.Headline = "bank-failover fits"
			if tc.change != nil {
				tc.change(&x.Situation)
			}
			if tc.run != "" {
				if err := json.Unmarshal([]byte(`{"run":`+tc.run+`}`), &x); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			headOf(&out, x, voice{"en", time.UTC})
			for _, want := range tc.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, &out)
				}
			}
			for _, not := range tc.hides {
				if strings.Contains(out.String(), not) {
					t.Errorf("%q in\n%s", not, &out)
				}
			}
		})
	}
}
