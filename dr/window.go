package dr

import (
	"strings"
	"time"
)

// InWindow reports whether a local time of day lies in a daily window such as "22:00-01:30", which
// may run past midnight. The end is outside. Text that is no window holds nothing.
func InWindow(when string, local time.Time) bool {
	a, b, ok := strings.Cut(when, "-")
	from, err1 := time.Parse("15:04", strings.TrimSpace(a))
	to, err2 := time.Parse("15:04", strings.TrimSpace(b))
	if !ok || err1 != nil || err2 != nil {
		return false
	}
	minute := func(t time.Time) int { return t.Hour()*60 + t.Minute() }
	now, start, end := minute(local), minute(from), minute(to)
	if start <= end {
		return now >= start && now < end
	}
	return now >= start || now < end
}
