package actions

import (
	"maps"
	"testing"
)

// FuzzConninfo: what is read of a primary_conninfo is written so that it is read the same again.
func FuzzConninfo(f *testing.F) {
	for _, seed := range []string{"", "host=a port=5432", `host = 'a' password='it\'s \\ here' options=''`, "a=b c", "host='open", "=x", `x=y\`, "postgres://u@h/d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := parseConninfo(text)
		if err != nil {
			return
		}
		second, err := parseConninfo(conninfo(first))
		if err != nil || !maps.Equal(first, second) {
			t.Errorf("%q: %q, then %q, %v", text, first, second, err)
		}
	})
}

func TestConninfo(t *testing.T) {
	got, err := parseConninfo(`user=repl  password='it\'s \\ here' host = old options=''`)
	if err != nil || got["password"] != `it's \ here` || got["host"] != "old" || got["user"] != "repl" || got["options"] != "" || len(got) != 4 {
		t.Errorf("%q %v", got, err)
	}
	if text := conninfo(got); text != `host='old' options='' password='it\'s \\ here' user='repl'` {
		t.Error(text)
	}
	for _, bad := range []string{"postgres://u:p4ss@h/d", "host='open", "word", "=x"} {
		if _, err := parseConninfo(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
