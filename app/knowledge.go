package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/redact"
	"github.com/switchman-dr/switchman/store"
)

const (
	shelvesLook = 5 * time.Second        // how often folders are looked at, whatever the system tells of them
	shelvesRest = 200 * time.Millisecond // after a change, until whoever writes has come to an end
)

// librarian keeps the index of the runbooks as the files are: it reads them at the start, after a change
// the system tells of, and whenever a look every few seconds finds one. Reading and encoding are done
// beside everything else; questions are answered from what was read last.
type librarian struct {
	shelves []shelf
	index   atomic.Pointer[knowledge.Index]
	models  encoders
	keep    knowledge.Keep
	store   *store.Store
	writes  *indexer
	clock   dr.Clock
	log     *slog.Logger
	tidyAt  time.Time     // when vectors of what is gone are looked for; of whoever encodes
	changed chan struct{} // something was read: there may be something to encode
	collect bool          // how often garbage is collected follows what is in memory

	turn sync.Mutex // held by whoever reads
	seen string     // fingerprint of what was read
	told string     // the failure that was logged last
	owed bool       // another server was to note what was read; if it goes, this one does

	mu    sync.Mutex
	state bot.Shelves
}

// shelf is one source of runbooks.
type shelf struct {
	knowledge.Source
	dir      string // empty: inside the program
	optional bool   // it may be missing
	stood    bool   // it was read: if it is away now, it is away for a moment
}

func newLibrarian(cfg *config.Config, st *store.Store, instance string, models encoders, clock dr.Clock, log *slog.Logger) *librarian {
	l := &librarian{models: models, store: st, writes: &indexer{store: st, instance: instance}, clock: clock, log: log, changed: make(chan struct{}, 1), collect: collectsAsUsual()}
	l.keep = l.writes.vectors()
	l.index.Store(l.newIndex(models))
	own := shelf{Source: knowledge.Source{Name: bot.OrganisationSource}, optional: true}
	if cfg.Org != "" {
		own.dir = filepath.Join(cfg.Org, bot.OrganisationSource)
	}
	l.shelves = append(l.shelves, own)
	for _, s := range cfg.Runbooks {
		l.shelves = append(l.shelves, shelf{dir: s.Dir, Source: knowledge.Source{Name: s.Name, Audience: s.Audience, Only: s.Only, Foreign: s.Foreign}})
	}
	l.state.Without, l.state.Problems, l.state.Reading = models.without, []knowledge.Problem{}, true
	for _, s := range l.shelves {
		audience := s.Audience
		if len(audience) == 0 {
			audience = []string{knowledge.Internal}
		}
		l.state.Sources = append(l.state.Sources, bot.Shelf{Name: s.Name, Dir: s.dir, Audience: audience, Only: s.Only})
	}
	l.state.Models = models.told()
	return l
}

// lend gives the index vectors that came along with the sample's runbooks; nothing was read yet.
func (l *librarian) lend(packed []byte) {
	along, err := knowledge.Unpack(packed)
	if err != nil {
		l.log.Error("the sample's vectors cannot be read; its runbooks are encoded here", "error", err)
		return
	}
	l.keep = along.Before(l.keep)
	l.index.Store(l.newIndex(l.models))
}

// newIndex makes an empty one that searches with these models.
func (l *librarian) newIndex(models encoders) *knowledge.Index {
	return knowledge.New(knowledge.Options{Embedders: models.Embedders, Keep: l.keep, Now: l.clock.Now})
}

// openLibrary makes the library over the runbooks; nothing is read before Start.
func (a *App) openLibrary(cfg *config.Config, org dr.Organisation, instance string, clock dr.Clock, hidden *hidden, log *slog.Logger) (*bot.Library, error) {
	model, err := openModel(cfg, org, a.Store, hidden, clock, log)
	if err != nil {
		return nil, err
	}
	models := openEncoders(cfg, model)
	a.onStop("encoders", func(context.Context) error { return models.close() })
	a.librarian = newLibrarian(cfg, a.Store, instance, models, clock, log)
	if org.Environment == dr.Sample || cfg.Org == "" {
		a.librarian.lend(data.Vectors())
	}
	c := bot.LibraryConfig{Index: a.librarian.index.Load, Store: a.Store, Catalog: a.Files.Catalog, Clock: clock, Log: log,
		Mask: redact.New(hidden.known()...), Console: cfg.ConsoleURL, MaxAge: cfg.RunbookAge, State: a.librarian.State, Sync: a.librarian.Sync,
		Rooms: map[string]string{cfg.SlackChannel: cfg.SlackRoom}}
	if model.Chats() {
		w := words{model: model, own: domains(org)}
		c.Word, c.Rewrite = w.answer, w.rewrite
		a.shorten = w.shorten
	}
	return bot.NewLibrary(c), nil
}

// State says what has been read so far.
func (l *librarian) State() bot.Shelves {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	if s.Reading {
		s.Looked, s.Files = l.index.Load().Progress()
	}
	s.Sources, s.Problems, s.Models = slices.Clone(s.Sources), slices.Clone(s.Problems), append([]bot.Model{}, s.Models...)
	return s
}

func (l *librarian) note(change func(*bot.Shelves)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.state)
}

// run reads until the context ends.
func (l *librarian) run(ctx context.Context) {
	w := newWatcher(l.log)
	defer w.close()
	defer func() {
		if err := l.writes.release(ctx); err != nil {
			l.log.WarnContext(ctx, "another server has to wait before it keeps what is read of runbooks", "error", err)
		}
	}()
	var encoding sync.WaitGroup
	encoding.Go(func() { l.encode(ctx) })
	defer encoding.Wait()
	for ctx.Err() == nil {
		wait := l.clock.After(shelvesLook)
		l.look(ctx)
		l.turn.Lock()
		w.follow(l.shelves)
		l.turn.Unlock()
		select {
		case <-ctx.Done():
		case <-wait:
		case <-w.told:
			rest := l.clock.After(shelvesRest)
			select {
			case <-ctx.Done():
			case <-rest:
			}
			w.drain()
		}
	}
}

// Sync reads the sources again now, and waits for it.
func (l *librarian) Sync(ctx context.Context) {
	l.turn.Lock()
	l.seen = ""
	l.turn.Unlock()
	l.look(ctx)
}

// look reads the sources if they are not as they were.
func (l *librarian) look(ctx context.Context) {
	l.turn.Lock()
	defer l.turn.Unlock()
	seen := l.fingerprint()
	if seen == l.seen {
		if l.owed && l.enter(ctx, l.index.Load()) == nil {
			l.owed = false
			l.poke()
		}
		return
	}
	l.note(func(s *bot.Shelves) { s.Reading = true })
	l.seen = "" // until it has been read whole
	err := l.sync(ctx, l.index.Load())
	l.note(func(s *bot.Shelves) {
		s.Reading, s.Trouble = false, ""
		if err != nil {
			s.Trouble = err.Error()
		}
	})
	switch {
	case ctx.Err() != nil:
	case err != nil && err.Error() != l.told: // it is tried every few seconds, and told once
		l.log.Error("reading the runbooks; what was read before stays, and it is tried again", "error", err)
		l.told = err.Error()
	case err != nil:
	default:
		l.seen, l.told = seen, ""
		for _, shelf := range l.State().Sources {
			if shelf.Trouble != "" {
				l.log.Error("a folder of runbooks cannot be read", "name", shelf.Name, "error", shelf.Trouble)
			}
		}
	}
}

// sync reads every source and puts what was found in place of what was there, whole.
func (l *librarian) sync(ctx context.Context, x *knowledge.Index) error {
	var sources []knowledge.Source
	for i := range l.shelves {
		s, done, err := l.shelves[i].open()
		if err != nil && l.shelves[i].optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		l.note(func(state *bot.Shelves) {
			state.Sources[i].Commit, state.Sources[i].Trouble = s.Commit, ""
			if err != nil {
				state.Sources[i].Trouble = err.Error()
			}
		})
		if err != nil && !l.shelves[i].stood { // one folder that never was there keeps none of the others away
			continue
		}
		if err != nil {
			return err
		}
		l.shelves[i].stood = true
		defer done()
		sources = append(sources, s)
	}
	change, err := x.Sync(ctx, sources...)
	if err != nil {
		return err
	}
	l.note(func(s *bot.Shelves) { // from here on questions are answered from it
		s.Documents, s.Passages, s.Read = change.Documents, change.Passages, l.clock.Time()
		s.Problems = append([]knowledge.Problem{}, change.Problems...)
	})
	err = l.enter(ctx, x)
	if l.owed = errors.Is(err, errFollows); err != nil && !l.owed {
		return err
	}
	l.spare()
	for _, p := range change.Problems {
		l.log.Warn("a runbook is left out", "why", p.String())
	}
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return nil
}

// open prepares a source for one reading: the folder may be another one by the next.
func (s shelf) open() (source knowledge.Source, done func() error, err error) {
	source, done = s.Source, func() error { return nil }
	if s.dir == "" {
		source.FS, err = fs.Sub(data.FS(), s.Name)
		return source, done, err
	}
	if _, err = os.Stat(s.dir); err != nil {
		return source, done, fmt.Errorf("reading %s: %w", s.dir, err)
	}
	if source.Commit, err = knowledge.Commit(s.dir); err != nil {
		return source, done, err
	}
	source.FS, done, err = knowledge.Folder(s.dir)
	return source, done, err
}

// enter notes in the store which runbooks there are and when each was seen to change. When none was ever
// noted, nobody knows: they count as old.
func (l *librarian) enter(ctx context.Context, x *knowledge.Index) error {
	return l.writes.write(ctx, func(tx *store.Tx) error {
		before, err := tx.Runbooks(ctx)
		if err != nil {
			return err
		}
		now, known := l.clock.Time(), map[string]string{}
		if len(before) == 0 {
			now = dr.Time{}
		}
		for _, b := range before {
			known[b.Doc] = b.Digest
		}
		for d := range x.All() {
			if known[d.Path] != d.Digest {
				if err := tx.PutRunbook(ctx, store.Runbook{Doc: d.Path, Digest: d.Digest, Changed: now}); err != nil {
					return err
				}
			}
			delete(known, d.Path)
		}
		for doc := range known {
			if err := tx.DropRunbook(ctx, doc); err != nil {
				return err
			}
		}
		return nil
	})
}

// fingerprint is names, sizes and times of all files, and the commits they are at; what is inside the
// program never changes.
func (l *librarian) fingerprint() string {
	all := ""
	for _, s := range l.shelves {
		all += s.Name + "\n"
		if s.dir == "" {
			continue
		}
		commit, err := knowledge.Commit(s.dir)
		all += fmt.Sprintln(commit, err)
		all += lookOf(s.dir)
	}
	return dr.Digest([]byte(all))
}
