package bot

import (
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// sitesAt is a Switchman at two sites; somebody may want the other one to take work.
func sitesAt(now dr.Time, asked string) fsm.SiteView {
	v := fsm.SiteView{ActiveSite: store.ActiveSite{Site: "east", Epoch: 1}, Here: "west", Open: []string{"west"}, MayAsk: true}
	if asked != "" {
		v.Ask = store.SiteAsk{Site: "west", Person: asked, Reason: "east lost its power at 03:10, db-2 was promoted", At: now}
		v.Expires = now.Plus(30 * 60_000)
	}
	return v
}

func servers() []store.Replica {
	return []store.Replica{{ID: "app-e1/2117/K3ZQ7AAB", Site: "east", Version: "1.0.0"}, {ID: "app-w1/884/P0FMM2CX", Site: "west", Version: "1.0.0"}}
}

func leases() []store.Lease {
	return []store.Lease{{Name: "run:r1125-7k2m", Holder: "app-e1/2117/K3ZQ7AAB"}, {Name: "tender", Holder: "app-e1/2117/K3ZQ7AAB"}}
}

// TestSiteOfOne: where there is one server nothing is to be taken, and a line of text would not take it anyway.
func TestSiteOfOne(t *testing.T) {
	h := open(t)
	for text, want := range map[string]string{
		"site":                        "Every server of Switchman takes work",
		"站点":                          "Every server of Switchman takes work",
		"site take west east is lost": "there is nothing to take",
		"site confirm west":           "Nobody has asked within the last half hour that west take work",
		"site confirm":                "Nobody has asked",
	} {
		r := h.say("fay", text)
		if got := Text(r.Card, 0); !strings.Contains(strings.Join(strings.Fields(got), " "), want) || r.Done {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got := InChat("`switchman site take west --reason …` or `switchman site list`"); got != "`/dr site take west --reason …` or `/dr site`" {
		t.Error(got)
	}
}
