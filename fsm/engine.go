package fsm

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// stepBack is how far the clock may jump backwards before decisions freeze (invariant I26).
const stepBack = 5 * time.Second

// Config is what an engine is made of. Everything is required unless said otherwise.
type Config struct {
	Store    *store.Store
	Catalog  func() (*catalog.Catalog, error) // the organisation's files as they are now
	Hands    actions.Hands
	Eyes     actions.Eyes
	Clock    dr.Clock
	Pepper   []byte    // mixed into the hash of every security code; not in the database
	Random   io.Reader // nil: crypto/rand
	Log      *slog.Logger
	Version  string   // of this binary; part of every slice
	Instance string   // names this process in leases
	Contacts []string // kinds of contact people can be called out by, such as phone or mail
	Parallel int      // most steps in flight over all runs; 0: 64
	// Anchor writes the journal's root outside this machine's database and answers where it went;
	// nil: nowhere.
	Anchor func(ctx context.Context, text string) []string
	// Copy brings the state to another site and answers where it stands. It is called before a run that leaves a
	// site where Switchman runs, when that run starts and when it has arrived; nil: the store sees to that itself.
	Copy func(ctx context.Context) (string, error)
	// Point is called at every place a crash must be survived; tests die in it. nil: nothing.
	Point func(name string)
}

// Engine carries runs from request to end. One process has one.
type Engine struct {
	cfg Config

	mu       sync.Mutex
	runners  map[string]*runner   // moving runs this process owns
	compiled map[string]string    // digest by reading of the files and selection
	slices   map[string]*dr.Slice // frozen slices by digest; never changed once read
	codeMu   map[string]*sync.Mutex
	latest   time.Time // newest moment seen, to notice a clock that steps back
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	kick     chan struct{}
	slots    chan struct{} // one per step in flight, over all runs
	tended   map[string]bool
	tending  tending

	voices     map[string]*voice // of attempts in flight, by run and step
	complaints complaints
	looks      looks              // for codes that were seen in the open
	unheard    map[string]dr.Time // since when, by place; see Unheard
}

// New makes an engine; nothing runs before Start.
func New(cfg Config) *Engine {
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Point == nil {
		cfg.Point = func(string) {}
	}
	if cfg.Anchor == nil {
		cfg.Anchor = func(context.Context, string) []string { return nil }
	}
	if cfg.Parallel <= 0 {
		cfg.Parallel = mostInHand
	}
	return &Engine{cfg: cfg, slots: make(chan struct{}, cfg.Parallel), runners: map[string]*runner{}, slices: map[string]*dr.Slice{}, compiled: map[string]string{}, codeMu: map[string]*sync.Mutex{}, tended: map[string]bool{}, unheard: map[string]dr.Time{}, voices: map[string]*voice{},
		kick: make(chan struct{}, 1)}
}

// Start takes up the runs that were moving when the last process ended, and watches the clock.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.recallClock(ctx); err != nil {
		return err
	}
	if err := e.attestAll(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		e.tend(ctx)
	}()
	return nil
}

// Stop lets steps in flight end (their own time-outs bound it), starts nothing new, and gives the
// leases back. After ctx is done it returns whatever still flies.
func (e *Engine) Stop(ctx context.Context) error {
	if e.cancel == nil {
		return nil
	}
	e.cancel()
	done := make(chan struct{})
	go func() { e.wg.Wait(); close(done) }()
	select {
	case <-done:
		e.untend(ctx)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for steps in flight: %w", ctx.Err())
	}
}

// recallClock learns the newest moment the journal knows, so that a clock set back while the
// process was down is noticed too.
func (e *Engine) recallClock(ctx context.Context) error {
	return e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		head, err := r.Head(ctx)
		if err != nil || head.Size == 0 {
			return err
		}
		row, err := r.Row(ctx, head.Size-1)
		if err != nil {
			return err
		}
		e.see(row.At.Time)
		return nil
	})
}

// now is the time decisions and rows carry. It never goes backwards: while the machine's clock is
// behind the newest moment seen, that moment stands.
func (e *Engine) now() dr.Time {
	now := e.cfg.Clock.Time()
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.After(e.latest) {
		e.latest = now.Time
	}
	return dr.At(e.latest)
}

// see remembers a moment of the past.
func (e *Engine) see(then time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if then.After(e.latest) {
		e.latest = then
	}
}

// stepped reports whether the clock is more than stepBack behind the newest moment seen.
func (e *Engine) stepped() bool { return e.now().Sub(e.cfg.Clock.Now()) > stepBack }

// wake makes the tending loop look at once.
func (e *Engine) wake() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// slice reads a frozen slice and keeps it; a digest names the same bytes for ever.
func (e *Engine) slice(ctx context.Context, r *store.Reader, digest string) (*dr.Slice, error) {
	e.mu.Lock()
	s := e.slices[digest]
	e.mu.Unlock()
	if s != nil {
		return s, nil
	}
	b, err := r.Slice(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("reading the frozen plan %s: %w", digest, err)
	}
	if got := dr.Digest(b); got != digest {
		return nil, dr.Errorf(dr.Unverified, "the frozen plan %s was changed in the store: its bytes have digest %s", digest, got).
			WithHint("stop here; run `switchman doctor` and restore a verified backup")
	}
	s = &dr.Slice{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("reading the frozen plan %s: %w", digest, err)
	}
	s.Index()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.slices) > 64 {
		clear(e.slices)
	}
	e.slices[digest] = s
	return s, nil
}

// situation reads all that a decision about one run may look at.
func (e *Engine) situation(ctx context.Context, r *store.Reader, run dr.Run) (Situation, error) {
	s := Situation{Newest: map[string]dr.Attempt{}, Placements: map[string]dr.Placement{}}
	slice, err := e.slice(ctx, r, run.Digest)
	if err != nil {
		return s, err
	}
	s.Case = approval.Case{Run: run, Slice: slice, Now: e.now(), Current: run.Digest}
	s.ClockStepped = e.stepped()
	s.Zone = zoneOf(slice.TimeZone)
	if c, err := e.cfg.Catalog(); err != nil {
		s.RosterErr = err
	} else {
		s.Roster = c.Organisation().Roster
	}
	if s.Steps, err = r.Steps(ctx, run.ID); err != nil {
		return s, fmt.Errorf("reading steps of %s: %w", run.ID, err)
	}
	if s.Attempts, err = r.Attempts(ctx, run.ID); err != nil {
		return s, fmt.Errorf("reading attempts of %s: %w", run.ID, err)
	}
	for _, a := range s.Attempts {
		if a.N >= s.Newest[a.Step].N {
			s.Newest[a.Step] = a
		}
	}
	places, err := r.Placements(ctx)
	if err != nil {
		return s, fmt.Errorf("reading placements: %w", err)
	}
	for _, p := range places {
		s.Placements[p.System] = p
	}
	if run.Child != "" {
		child, err := r.Run(ctx, run.Child)
		if err != nil {
			return s, fmt.Errorf("reading the switchback %s: %w", run.Child, err)
		}
		s.ChildOpen = !child.State.Ended()
	}
	return s, nil
}

// zoneOf loads a zone the catalog has already checked; UTC where the machine lacks its data.
func zoneOf(name string) *time.Location {
	if z, err := time.LoadLocation(name); err == nil {
		return z
	}
	return time.UTC
}

// crockford is the alphabet of run ids: no letters that look or sound alike.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// newRunID makes an id a tired person can read out: month, day and four symbols.
func (e *Engine) newRunID() (string, error) {
	b := make([]byte, 4)
	if _, err := io.ReadFull(e.cfg.Random, b); err != nil {
		return "", fmt.Errorf("drawing a run id: %w", err)
	}
	for i := range b {
		b[i] = crockford[int(b[i])%len(crockford)]
	}
	return "r" + e.cfg.Clock.Now().UTC().Format("0102") + "-" + string(b), nil
}

// nonce draws 128 bits for a round or a step's token.
func (e *Engine) nonce() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(e.cfg.Random, b); err != nil {
		return "", fmt.Errorf("drawing a nonce: %w", err)
	}
	return hex.EncodeToString(b), nil
}
