package store

import (
	"strings"
	"testing"
)

// TestLacks: what keeps an acknowledged commit from surviving is said, worst first.
func TestLacks(t *testing.T) {
	waited, idle, hidden := []Standby{{"db2", "streaming", "quorum"}}, []Standby{{"db2", "streaming", "async"}}, []Standby{{Name: "db2"}}
	for _, c := range []struct {
		d    Durability
		want string
	}{
		{Durability{Commit: "on", Names: "ANY 1 (db2)", Fsync: "on", Standbys: waited}, ""},
		{Durability{Commit: "remote_apply", Names: "db2", Fsync: "on", Standbys: hidden}, ""}, // we may not see, and commits return
		{Durability{Commit: "on", Names: " ", Fsync: "on", Standbys: idle}, "no synchronous standby"},
		{Durability{Commit: "on", Names: "db2", Fsync: "on", Standbys: idle}, "is connected"},
		{Durability{Commit: "on", Names: "db2", Fsync: "on"}, "is connected"},
		{Durability{Commit: "off", Names: "db2", Fsync: "on", Standbys: waited}, "synchronous_commit=off"},
		{Durability{Commit: "local", Fsync: "on", Standbys: waited}, "synchronous_commit=local"},
		{Durability{Commit: "remote_write", Names: "db2", Fsync: "on", Standbys: waited}, "remote_write"},
		{Durability{Commit: "on", Names: "db2", Fsync: "off", Standbys: waited}, "fsync=off"},
	} {
		if got := c.d.lacks(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q", c.d, got)
		}
	}
}
