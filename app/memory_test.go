package app

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestCollectFor: the more is alive, the smaller the share of garbage beside it, from all to a quarter.
func TestCollectFor(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(usualGarbage))
	if !collectsAsUsual() {
		t.Fatal("the usual is not seen")
	}
	percent := func(mib int) uint64 {
		alive := make([]byte, mib<<20)
		runtime.GC()
		collectFor()
		runtime.KeepAlive(alive)
		return gauge("/gc/gogc:percent")
	}
	if few, some, many := percent(1), percent(64), percent(300); few <= some || some > 55 || some <= many || many != leastGarbage {
		t.Errorf("%d %%, %d %% and %d %% of garbage", few, some, many)
	}
	if gauge("/no/such:number") != 0 {
		t.Error("a number of no name")
	}
}
