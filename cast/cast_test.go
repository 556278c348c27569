package cast_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/cast"
	"pgregory.net/rapid"
)

func TestGolden(t *testing.T) {
	var b bytes.Buffer
	w, err := cast.NewWriter(&b, cast.Header{Width: 100, Height: 30, Timestamp: 1764000000, Title: "run-7 promote@db-w1 <主库>", Env: map[string]string{"TERM": "xterm"}})
	if err != nil {
		t.Fatal(err)
	}
	w.Output(0, []byte("[ SAMPLE ]\r\n"))                                  //nolint:errcheck
	w.Output(1500*time.Millisecond, []byte("\x1b[32mok\x1b[0m \"<&>\"\t")) //nolint:errcheck
	w.Marker(1600*time.Millisecond, "promoted")                            //nolint:errcheck
	w.Output(1*time.Second, []byte("切\xe6\x8d"))                           //nolint:errcheck
	w.Output(2*time.Second, []byte("\xa2 \xff"))                           //nolint:errcheck
	w.Resize(3*time.Second, 80, 24)                                        //nolint:errcheck
	w.Output(4*time.Second, []byte("\xe5\x88"))                            //nolint:errcheck
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := `{"version":2,"width":100,"height":30,"timestamp":1764000000,"title":"run-7 promote@db-w1 <主库>","env":{"TERM":"xterm"}}
[0.000000, "o", "[ SAMPLE ]\r\n"]
[1.500000, "o", "\u001b[32mok\u001b[0m \"<&>\"\t"]
[1.600000, "m", "promoted"]
[1.600000, "o", "切"]
[2.000000, "o", "换 ` + "\\ufffd" + `"]
[3.000000, "r", "80x24"]
[3.000000, "o", "` + "\\ufffd" + `"]
`
	got := strings.ReplaceAll(b.String(), "\uFFFD", "\\ufffd")
	if strings.Replace(got, "\\ufffd\\ufffd", "\\ufffd", 1) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func all(r io.Reader) (cast.Header, []cast.Event, error) {
	in, err := cast.NewReader(r)
	if err != nil {
		return cast.Header{}, nil, err
	}
	var out []cast.Event
	for {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			return in.Header, out, nil
		}
		if err != nil {
			return in.Header, out, err
		}
		out = append(out, e)
	}
}

func TestRefusals(t *testing.T) {
	const head = `{"version": 2, "width": 80, "height": 24}` + "\n"
	for name, text := range map[string]string{
		"empty":             "",
		"no header":         "[0, \"o\", \"x\"]\n",
		"version 1":         `{"version": 1, "width": 80, "height": 24}` + "\n",
		"version 3":         `{"version": 3, "width": 80, "height": 24}` + "\n",
		"no size":           `{"version": 2}` + "\n",
		"field twice":       `{"version": 2, "width": 80, "height": 24, "width": 9}` + "\n",
		"field in capitals": `{"version": 2, "Width": 80, "width": 80, "height": 24}` + "\n",
		"unknown field":     `{"version": 2, "width": 80, "height": 24, "by": "x"}` + "\n",
		"behind the header": `{"version": 2, "width": 80, "height": 24} {}` + "\n",
		"cut":               head + `[0.1, "o", "x"]`,
		"blank line":        head + "\n",
		"two fields":        head + "[0.1, \"o\"]\n",
		"four fields":       head + "[0.1, \"o\", \"x\", 1]\n",
		"kind":              head + "[0.1, \"oi\", \"x\"]\n",
		"null":              head + "[null, \"o\", \"x\"]\n",
		"backwards":         head + "[0.2, \"o\", \"x\"]\n[0.1, \"o\", \"x\"]\n",
		"negative":          head + "[-1, \"o\", \"x\"]\n",
		"absurd":            head + "[1e300, \"o\", \"x\"]\n",
		"no UTF-8":          head + "[0.2, \"o\", \"\xff\"]\n",
		"long line":         head + `[0.2, "o", "` + strings.Repeat("x", 1<<20) + "\"]\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := all(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "line ") {
				t.Errorf("err %v, want a refusal with a line", err)
			}
		})
	}
	if _, err := cast.NewWriter(io.Discard, cast.Header{}); err == nil {
		t.Error("a recording without size was begun")
	}
}

// What was written is what is read, and no character is lost at a cut.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		var b bytes.Buffer
		w, err := cast.NewWriter(&b, cast.Header{Width: 80, Height: 24})
		if err != nil {
			t.Fatal(err)
		}
		at := time.Duration(0)
		for rest := []byte(text); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			at += time.Duration(rapid.IntRange(0, 1e9).Draw(t, "us")) * time.Microsecond
			if err := w.Output(at, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_, events, err := all(&b)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range events {
			got += e.Data
		}
		if got != text {
			t.Fatalf("%q became %q", text, got)
		}
		if len(events) > 0 && events[len(events)-1].At > at {
			t.Fatalf("last event at %s, written at %s", events[len(events)-1].At, at)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("{\"version\":2,\"width\":80,\"height\":24}\n[0.1,\"o\",\"x\"]\n"))
	f.Add([]byte("{\"version\":2,\"width\":80,\"height\":24,\"env\":{\"A\":\"b\"},\"theme\":{\"fg\":\"#000\",\"bg\":\"#fff\",\"palette\":\"\"}}\n[1e1,\"m\",\"\\u0000\"]\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, events, err := all(bytes.NewReader(raw))
		if err != nil {
			return
		}
		var b bytes.Buffer
		w, err := cast.NewWriter(&b, h)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			switch e.Kind {
			case cast.Output:
				w.Output(e.At, []byte(e.Data)) //nolint:errcheck
			case cast.Marker:
				w.Marker(e.At, e.Data) //nolint:errcheck
			}
		}
		w.Close() //nolint:errcheck
		_, again, err := all(&b)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		events = slices.DeleteFunc(events, func(e cast.Event) bool {
			return e.Kind != cast.Output && e.Kind != cast.Marker || e.Kind == cast.Output && e.Data == ""
		})
		if !slices.Equal(events, again) {
			t.Fatalf("%v became %v", events, again)
		}
	})
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte("\xe5\x88\x87"), 1)
	f.Add([]byte("\xff\xf0\x9f\x99"), 2)
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		var b bytes.Buffer
		w, err := cast.NewWriter(&b, cast.Header{Width: 1, Height: 1})
		if err != nil {
			t.Fatal(err)
		}
		n := cut&7 + 1
		for rest := raw; len(rest) > 0; rest = rest[min(n, len(rest)):] {
			w.Output(0, rest[:min(n, len(rest))]) //nolint:errcheck
		}
		w.Close() //nolint:errcheck
		_, events, err := all(&b)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range events {
			got += e.Data
		}
		if want := string([]rune(string(raw))); got != want || !utf8.ValidString(got) {
			t.Fatalf("%q became %q, want %q", raw, got, want)
		}
	})
}
