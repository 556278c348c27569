package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// TestEveryReaderGetsEveryRow: forty pages, in both languages, that came at different moments and asked
// for different beginnings, see every row from there on, once and in order.
func TestEveryReaderGetsEveryRow(t *testing.T) {
	h := open(t, true)
	const rows = 60
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for n := range rows {
		if n%3 == 0 {
			for _, lang := range []string{"en", "zh"} {
				wg.Go(func() { h.reads(ctx, lang, n/2, rows) })
			}
		}
		h.observe(fmt.Sprint("note ", n))
	}
	wg.Wait()
}

func (h *house) observe(text string) {
	h.t.Helper()
	raw, err := json.Marshal(dr.FindingData{Text: text})
	if err != nil {
		h.t.Fatal(err)
	}
	err = h.store.Write(context.Background(), func(tx *store.Tx) error {
		tx.Journal(dr.Row{At: dr.At(h.clock.Now()), Kind: dr.RowObservation, Actor: "ada", Surface: "cli", Data: raw})
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// reads follows the journal from a row to the last one; row 0 opens the journal.
func (h *house) reads(ctx context.Context, lang string, from, last int) {
	req, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/api/events?from=%d&lang=%s", h.url, from, lang), nil)
	if err != nil {
		h.t.Error(err)
		return
	}
	req.Header.Set(asHeader, "ada")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		h.t.Error(err)
		return
	}
	defer res.Body.Close()
	next := from
	for lines := bufio.NewScanner(res.Body); next <= last && lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			if id != fmt.Sprint(next) {
				h.t.Errorf("row %s came, want %d", id, next)
				return
			}
			next++
		}
	}
	if next <= last {
		h.t.Errorf("%s from %d: the stream ended before row %d", lang, from, next)
	}
}

func TestFanoutKeepsTheNewest(t *testing.T) {
	ctx := context.Background()
	f := &fanout{s: &Server{cfg: Config{Catalog: func() (*catalog.Catalog, error) { return nil, errors.New("no files") }}}, frames: map[string][][]byte{}}
	f.take(ctx, nil, 5)
	size := int64(5)
	for range 12 {
		var fresh []dr.Row
		for range page {
			fresh = append(fresh, dr.Row{Seq: size, Kind: dr.RowInstalled, Run: []string{"", "r1"}[size%2]})
			size++
		}
		f.take(ctx, fresh, size)
		if _, _, ok, err := f.since(max(f.first, size-10), "en", ""); !ok || err != nil {
			t.Fatalf("the newest rows are not there: %v", err)
		}
	}
	if len(f.rows) != fanoutRows || f.first != size-fanoutRows {
		t.Errorf("%d rows are kept, from %d", len(f.rows), f.first)
	}
	if _, _, ok, _ := f.since(f.first-1, "en", ""); ok {
		t.Error("a row that was let go is not missed")
	}
	events, next, ok, err := f.since(f.first, "zh", "")
	if !ok || err != nil || next != size || len(events) != fanoutRows || !strings.HasPrefix(string(events[0]), fmt.Sprintf("id: %d\n", f.first)) {
		t.Errorf("%d events up to %d, %v", len(events), next, err)
	}
	mine, _, _, _ := f.since(f.first, "zh", "r1")
	if len(mine) != fanoutRows/2 || slices.ContainsFunc(mine, func(e []byte) bool { return !strings.Contains(string(e), `"run":"r1"`) }) {
		t.Errorf("%d rows of the run", len(mine))
	}
	if events, next, ok, _ := f.since(size+3, "en", ""); !ok || len(events) != 0 || next != size+3 {
		t.Errorf("ahead of the journal: %d events, next %d", len(events), next)
	}
}
