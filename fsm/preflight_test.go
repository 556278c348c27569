package fsm

import (
	"testing"
	"time"
)

func TestOffsetGivesHalfOfTheAnswersTimeToTheWayThere(t *testing.T) {
	asked := walkStart.Time
	answered := asked.Add(200 * time.Millisecond)
	for _, c := range []struct {
		facts map[string]int64
		want  time.Duration
		known bool
	}{
		{nil, 0, false},
		{map[string]int64{"offset_ms": -1500}, -1500 * time.Millisecond, true},
		{map[string]int64{"clock_ms": asked.Add(100 * time.Millisecond).UnixMilli()}, 0, true},
		{map[string]int64{"clock_ms": asked.Add(3100 * time.Millisecond).UnixMilli()}, 3 * time.Second, true},
	} {
		got, known := offset(c.facts, asked, answered)
		if got != c.want || known != c.known {
			t.Errorf("offset(%v) = %v, %v; want %v, %v", c.facts, got, known, c.want, c.known)
		}
	}
}
