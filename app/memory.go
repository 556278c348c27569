package app

import (
	"runtime/debug"
	"runtime/metrics"
)

// Between two collections as much garbage may gather as is alive, which is nothing for a server of ten
// megabytes and a hundred too many with ten thousand passages in memory. So it is this much in bytes, but at
// least a quarter of what is alive: a collection costs more the more there is.
const (
	mostGarbage  = 32 << 20
	leastGarbage = 25  // percent
	usualGarbage = 100 // percent
)

// gauge reads a number of the runtime; 0 where it has none of that name.
func gauge(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	if metrics.Read(s); s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}

// collectsAsUsual says whether nobody has decided how often to collect: then this server may.
func collectsAsUsual() bool { return gauge("/gc/gogc:percent") == usualGarbage }

// collectFor sets how often garbage is collected by what was alive at the last collection.
func collectFor() {
	percent := mostGarbage * 100 / max(gauge("/gc/heap/live:bytes"), 1)
	debug.SetGCPercent(int(min(usualGarbage, max(leastGarbage, percent))))
}
