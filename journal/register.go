package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
)

// Entry is one line of the register of runs: a run was requested, it ended, or somebody put something on
// record about it, which they may do after its end too. It holds no more of the row it was made from than
// somebody must know to see that no run, and nothing that was said of it, was left out.
type Entry struct {
	Seq       int64        `json:"seq"` // the row it was made from
	At        dr.Time      `json:"at"`
	What      string       `json:"what"` // requested | ended | finding | observation | sign_off
	Run       string       `json:"run"`
	Systems   []string     `json:"systems"`
	Plan      string       `json:"plan,omitempty"`
	Kind      dr.Kind      `json:"kind,omitempty"`
	Mode      dr.Mode      `json:"mode,omitempty"`
	Direction dr.Direction `json:"direction,omitempty"`
	State     dr.State     `json:"state,omitempty"` // its end
	Verdict   string       `json:"verdict,omitempty"`
}

// What an entry tells of; a row that is none of a run's steps is told of by its kind.
const (
	EntryRequested = "requested"
	EntryEnded     = "ended"
)

// EntryKinds are the kinds of rows that can have an entry.
func EntryKinds() []dr.RowKind {
	return []dr.RowKind{dr.RowRequested, dr.RowState, dr.RowFinding, dr.RowObservation, dr.RowSignOff}
}

// EntryOf makes the entry of a row that has one: of a request, of the move of state that ended a run, of
// a finding, an observation and a signature. All but the first are on the systems of the run's request,
// which the caller knows.
func EntryOf(row dr.Row, systems func(run string) ([]string, error)) (Entry, bool, error) {
	e := Entry{Seq: row.Seq, At: dr.At(row.At.Time), Run: row.Run}
	switch row.Kind {
	case dr.RowRequested:
		var d dr.RequestedData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			return e, false, fmt.Errorf("reading row %d: %w", row.Seq, err)
		}
		e.What, e.Systems = EntryRequested, slices.Sorted(slices.Values(d.Systems))
		e.Plan, e.Kind, e.Mode, e.Direction = d.Plan, d.Kind, d.Mode, d.Direction
	case dr.RowState:
		var d dr.StateData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			return e, false, fmt.Errorf("reading row %d: %w", row.Seq, err)
		}
		if !d.To.Ended() || d.From == d.To {
			return e, false, nil
		}
		e.What, e.State, e.Verdict = EntryEnded, d.To, d.Verdict
	case dr.RowFinding, dr.RowObservation, dr.RowSignOff:
		if row.Run == "" {
			return e, false, nil
		}
		e.What = string(row.Kind)
	default:
		return e, false, nil
	}
	if row.Kind != dr.RowRequested {
		of, err := systems(row.Run)
		if err != nil {
			return e, false, err
		}
		e.Systems = slices.Sorted(slices.Values(of))
	}
	return e, true, nil
}

// Bytes are the entry's one form, which is what the chains hash.
func (e Entry) Bytes() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("writing an entry of the register: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// ParseEntry reads an entry and refuses every form but the one [Entry.Bytes] writes.
func ParseEntry(raw []byte) (Entry, error) {
	var e Entry
	if len(raw) > MaxRow {
		return e, fmt.Errorf("an entry of %d bytes is over the limit of %d", len(raw), MaxRow)
	}
	if err := checkJSON(raw); err != nil {
		return e, fmt.Errorf("entry of the register: %w", err)
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("entry of the register: %w", err)
	}
	again, err := e.Bytes()
	if err != nil {
		return e, err
	}
	if !bytes.Equal(raw, again) {
		return e, fmt.Errorf("the entry of row %d is not in canonical form", e.Seq)
	}
	return e, nil
}

// Chain is what the register holds of one system: how many entries, and the hash they end in.
type Chain struct {
	System  string
	Entries int64
	Hash    tlog.Hash
}

// chainPrefix keeps a link of the register from ever being anything else that is hashed.
const chainPrefix = "switchman/register/v1\n"

// Extend adds an entry's bytes to a chain.
func (c Chain) Extend(entry []byte) Chain {
	h := sha256.New()
	h.Write([]byte(chainPrefix))
	h.Write(c.Hash[:])
	h.Write(entry)
	return Chain{System: c.System, Entries: c.Entries + 1, Hash: tlog.Hash(h.Sum(nil))}
}

// Register holds the chains of all systems that ever had a run, sorted by system.
type Register []Chain

// Add extends the chains of an entry's systems. The register given is left as it was.
func (r Register) Add(e Entry) (Register, error) {
	raw, err := e.Bytes()
	if err != nil {
		return nil, err
	}
	out := slices.Clone(r)
	for _, system := range e.Systems {
		i, found := slices.BinarySearchFunc(out, system, func(c Chain, s string) int { return strings.Compare(c.System, s) })
		if !found {
			out = slices.Insert(out, i, Chain{System: system})
		}
		out[i] = out[i].Extend(raw)
	}
	return out, nil
}

// Chain finds a system's chain; a system without runs has an empty one.
func (r Register) Chain(system string) Chain {
	for _, c := range r {
		if c.System == system {
			return c
		}
	}
	return Chain{System: system}
}

// Text is the register as a bundle shows it: one line a system, "system entries hash".
func (r Register) Text() []byte {
	b := bytes.NewBuffer([]byte{})
	for _, c := range r {
		fmt.Fprintf(b, "%s %d %s\n", c.System, c.Entries, hex.EncodeToString(c.Hash[:]))
	}
	return b.Bytes()
}

// Digest names the register in checkpoints. That of a register without runs is zero.
func (r Register) Digest() tlog.Hash {
	if len(r) == 0 {
		return tlog.Hash{}
	}
	return tlog.Hash(sha256.Sum256(r.Text()))
}

// Fold makes the register of a whole journal, row by row.
type Fold struct {
	Register Register
	systems  map[string][]string
}

// Read takes in the next row.
func (f *Fold) Read(row dr.Row) error {
	e, ok, err := EntryOf(row, func(run string) ([]string, error) {
		of, known := f.systems[run]
		if !known {
			return nil, fmt.Errorf("row %d tells of run %q, which nobody requested", row.Seq, run)
		}
		return of, nil
	})
	if err != nil || !ok {
		return err
	}
	if e.What == EntryRequested {
		if f.systems == nil {
			f.systems = map[string][]string{}
		}
		f.systems[e.Run] = e.Systems
	}
	f.Register, err = f.Register.Add(e)
	return err
}

// Check compares the register of all rows with what a checkpoint says.
func (f *Fold) Check(cp Checkpoint) error {
	if f.Register.Digest() != cp.Register {
		return &Problem{Code: "register", Seq: -1, Text: "the rows make another register of runs than their checkpoint says"}
	}
	return nil
}

// maxSystems bounds a register that comes from elsewhere.
const maxSystems = 100_000

// ParseRegister reads the text of a register in its one form.
func ParseRegister(text []byte) (Register, error) {
	var out Register
	for line := range strings.Lines(string(text)) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(parts) != 3 || parts[0] == "" || !strings.HasSuffix(line, "\n") {
			return nil, fmt.Errorf("line %d of the register is not \"system entries hash\"", len(out)+1)
		}
		n, err := strconv.ParseInt(parts[1], 10, 64)
		hash, err2 := hex.DecodeString(parts[2])
		if err != nil || err2 != nil || n < 1 || len(hash) != tlog.HashSize || len(out) == maxSystems {
			return nil, fmt.Errorf("line %d of the register is not \"system entries hash\"", len(out)+1)
		}
		out = append(out, Chain{System: parts[0], Entries: n, Hash: tlog.Hash(hash)})
	}
	if !bytes.Equal(out.Text(), text) || !slices.IsSortedFunc(out, func(a, b Chain) int { return strings.Compare(a.System, b.System) }) {
		return nil, fmt.Errorf("the register is not in canonical form")
	}
	for i := 1; i < len(out); i++ {
		if out[i].System == out[i-1].System {
			return nil, fmt.Errorf("the register names %s twice", out[i].System)
		}
	}
	return out, nil
}

// CheckEntries reports whether entries, in the journal's order, are all there is of the systems, and
// nothing else.
func (r Register) CheckEntries(entries []Entry, systems []string) error {
	var made Register
	last := int64(-1)
	for _, e := range entries {
		if e.Seq <= last {
			return fmt.Errorf("the entry of row %d stands behind that of row %d", e.Seq, last)
		}
		last = e.Seq
		if !slices.ContainsFunc(e.Systems, func(s string) bool { return slices.Contains(systems, s) }) {
			return fmt.Errorf("the entry of row %d is of none of these systems", e.Seq)
		}
		var err error
		if made, err = made.Add(e); err != nil {
			return err
		}
	}
	for _, s := range systems {
		if want, got := r.Chain(s), made.Chain(s); want != got {
			return fmt.Errorf("the register has %d entries of %s, %d are shown; some were left out, added or changed", want.Entries, s, got.Entries)
		}
	}
	return nil
}
