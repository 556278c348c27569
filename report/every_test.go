//go:build !race

package report

// What tries every change or hundreds of texts is one goroutine and takes many times as long with the race detector:
// it runs without it.

import (
	"bytes"
	"encoding/json"
	mrand "math/rand/v2"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/locale"
)

// Every byte that is turned anywhere in the zip is found; so is every random change.
func TestEveryChangeIsFound(t *testing.T) {
	l := openLedger(t)
	l.request("r1", "ledger", "short")
	whole := l.pack("r1")
	if found(whole) {
		t.Fatal("the bundle does not verify as it is")
	}
	// The pages are most of a bundle, and one byte of them is like another: of what is in them every 97th
	// byte is turned, with the full count every one; of everything else every byte, always.
	page, step, mutations := pagesOf(t, whole), 97, 1000
	if os.Getenv("SWITCHMAN_SOAK") == "1" {
		step, mutations = 1, 10_000
	}
	flips := 0
	raw := bytes.Clone(whole)
	for i := range raw {
		if page(i) && i%step != 0 {
			continue
		}
		raw[i] ^= 1 << (i % 8)
		if !found(raw) {
			t.Fatalf("byte %d of %d is not found", i, len(raw))
		}
		raw[i] = whole[i]
		flips++
	}
	rng := mrand.New(mrand.NewPCG(7, 11))
	for n := range mutations {
		if raw := mutated(rng, whole); !found(raw) {
			t.Fatalf("mutation %d is not found", n)
		}
	}
	t.Logf("soak: %d bytes turned and %d random changes of a bundle of %d bytes: all found", flips, mutations, len(whole))
}

func TestAnyTextStaysText(t *testing.T) {
	m, _ := pageModel(t)
	m.Runs = m.Runs[:1]
	m.Runs[0].Steps = m.Runs[0].Steps[:1]
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		m.Runs[0].Reason, m.Runs[0].Steps[0].Attempts[0].Text, m.Name, m.Runs[0].ID = text, text, text, text
		m.Runs[0].Refusals[0].ID = text
		page, err := HTML(m, locale.English, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if strings.Count(string(page), "<script") != 2 || strings.ContainsFunc(string(page[bytes.Index(page, []byte("<body>")):bytes.Index(page, []byte(`<script type="application/json"`))]), hidden) {
			rt.Fatalf("%q got out", text)
		}
	})
}

// Whatever people type, every text keeps its lines, its tables and its markup.
func TestTablesStayWhole(t *testing.T) {
	s := newScript(t)
	s.bank()
	src := s.source("r1", "r2")
	calm, err := Read(src)
	if err != nil {
		t.Fatal(err)
	}
	want := whole(t, calm)
	short := jsonText(t, &Model{Organisation: nasty})
	old := short[bytes.Index(short, []byte("a|b")):]
	old = old[:bytes.Index(old, []byte("\","))]
	told := jsonText(t, calm)
	if !bytes.Contains(told, old) {
		t.Fatal("there is nothing nasty in the report")
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("|\\`<>*_[]()#-+=1.~&\n\r\t \u202e\u200bx")))).Filter(func(s string) bool { return strings.TrimSpace(s) != "" }).Draw(t, "text")
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var m Model
		all := bytes.ReplaceAll(told, old, raw[1:len(raw)-1])
		if err := json.Unmarshal(all, &m); err != nil {
			t.Fatal(err)
		}
		if got := whole(t, &m); got != want {
			t.Errorf("%q makes %d lines of %d", text, got, want)
		}
	})
}
