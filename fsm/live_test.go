package fsm

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

func TestLive(t *testing.T) {
	e := New(Config{})
	a := dr.Attempt{Run: "r1", Step: "move", N: 2}
	v, hush := e.listen(a)
	if _, ok := e.Live("r1", "move"); ok {
		t.Error("something was heard before anything was said")
	}
	v.hear([]byte("copying \x1b[1m数据\x1b[0m\r\n"))
	if got, ok := e.Live("r1", "move"); !ok || got != (Live{N: 2, Text: "copying 数据\n"}) {
		t.Errorf("heard %+v, %v", got, ok)
	}
	if _, ok := e.Live("r1", "other"); ok {
		t.Error("another step speaks too")
	}
	v.hear([]byte(strings.Repeat("数", liveText)))
	got, _ := e.Live("r1", "move")
	if !got.Cut || len(got.Text) > liveText || !utf8.ValidString(got.Text) || strings.ContainsRune(got.Text, utf8.RuneError) {
		t.Errorf("cut %v, %d bytes, valid %v", got.Cut, len(got.Text), utf8.ValidString(got.Text))
	}

	again, quiet := e.listen(dr.Attempt{Run: "r1", Step: "move", N: 3})
	hush() // the attempt before ends late
	again.hear([]byte("once more\n"))
	if got, ok := e.Live("r1", "move"); !ok || got.N != 3 {
		t.Errorf("heard %+v, %v", got, ok)
	}
	quiet()
	if _, ok := e.Live("r1", "move"); ok {
		t.Error("heard after it ended")
	}
}
