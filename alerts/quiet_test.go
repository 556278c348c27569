package alerts

import (
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// TestWhatIsOverRecommendsNothing: as soon as nothing fires any more, what was recommended is withdrawn, and
// stands again only when most of it is back.
func TestWhatIsOverRecommendsNothing(t *testing.T) {
	d := newDay(t)
	d.fire("ProbeFailed", "critical", nodes(at("east"))...).fire("NodeDown", "critical", nodes(at("east"))...).wait(30 * time.Second)
	if s := d.only(); s.Advice.Verdict != dr.Recommend {
		t.Fatalf("it is%s", told([]dr.Situation{s}))
	}
	d.said = nil
	d.back().wait(5 * time.Second)
	s := d.only()
	if s.State != "quiet" || s.Advice.Verdict != dr.NoneFits || s.Advice.Plan != "" || s.Advice.Headline.ID != "alert_advice_over" || s.Advice.Headline.Args["until"] == "" || len(s.Advice.Needs) > 0 || s.For[0].ID != "alert_was_down_units" {
		t.Errorf("it is%s %s %v %v", told([]dr.Situation{s}), s.Advice.Headline.ID, s.Advice.Headline.Args, s.Wants)
	}
	if !slices.ContainsFunc(d.said, func(n dr.SituationData) bool {
		return n.Event == "quiet" && n.Verdict == dr.Recommend && n.Plan == "bank-failover"
	}) {
		t.Errorf("nobody is told that it is withdrawn: %+v", d.said)
	}
	d.fire("NodeDown", "critical", "node=ledger-app-e1").wait(5 * time.Second)
	if s = d.only(); s.State != "open" || s.Advice.Verdict == dr.Recommend || s.Advice.Headline.ID != "alert_advice_fading" {
		t.Errorf("one machine is down again:%s %s", told([]dr.Situation{s}), s.Advice.Headline.ID)
	}
	d.fire("NodeDown", "critical", nodes(at("east"))...).fire("ProbeFailed", "critical", nodes(at("east"))...).wait(time.Minute)
	if s = d.only(); s.Advice.Verdict != dr.Recommend {
		t.Errorf("all of it is back:%s", told([]dr.Situation{s}))
	}
	d.back().wait(12 * time.Minute)
	all := d.e.Situations()
	s = all[len(all)-1]
	if s.State != "closed" || s.For[0].ID != "alert_was_down_units" || s.Advice.Verdict != dr.Recommend || len(s.Advice.Why) > 0 && s.Advice.Why[0].ID == "alert_is_down_units" {
		t.Errorf("what was advised is not remembered:%s %v %v", told([]dr.Situation{s}), ids(s.For), ids(s.Advice.Why))
	}
}
