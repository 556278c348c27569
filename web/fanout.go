package web

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// fanoutRows is how many of the newest rows are kept for readers who are a little behind; who is further
// behind reads the store.
const fanoutRows = 2048

// fanout reads the journal once for all streams and words each row once for each language, so that two
// hundred open pages cost the store as much as one. It works while anybody listens.
type fanout struct {
	s    *Server
	news bell // rung when there are new rows

	mu      sync.Mutex
	readers int
	stop    context.CancelFunc
	known   bool
	first   int64 // number of the oldest row kept
	rows    []dr.Row
	frames  map[string][][]byte // by language, as long as rows; nil where nobody has asked yet
}

// join starts the reading with the first listener, leave ends it with the last.
func (f *fanout) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers++; f.readers > 1 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop, f.known, f.rows, f.frames = stop, false, nil, map[string][][]byte{}
	go f.follow(ctx)
}

func (f *fanout) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers--; f.readers == 0 {
		f.stop()
	}
}

// follow keeps the newest rows until nobody listens. A read that fails is tried again at the next
// wake-up; meanwhile streams are silent but for their heartbeat.
func (f *fanout) follow(ctx context.Context) {
	wake, stop := f.s.cfg.Store.Watch()
	defer stop()
	drawn := int64(-1)
	for {
		if err := f.read(ctx); err != nil && ctx.Err() == nil {
			f.s.cfg.Log.ErrorContext(ctx, "reading the journal for open pages", "error", err)
		}
		f.news.ring()
		drawn = f.drawings(ctx, drawn)
		select {
		case <-ctx.Done():
			return
		case <-f.s.closing:
			return
		case <-wake:
		case <-f.s.cfg.Clock.After(f.patience()):
		}
	}
}

// othersDraw is how often it is looked whether another server has drawn cards; no commit of theirs tells.
const othersDraw = time.Second

func (f *fanout) patience() time.Duration {
	if f.s.cfg.Store.Dialect() == "sqlite" || f.s.cfg.Chat == nil {
		return heartbeat
	}
	return othersDraw
}

// drawings rings for cards that another server drew, once for all open pages. It answers the newest change it
// knows of.
func (f *fanout) drawings(ctx context.Context, before int64) int64 {
	if f.patience() == heartbeat {
		return before
	}
	last := before
	err := f.s.cfg.Store.Read(ctx, func(rd *store.Reader) (err error) {
		last, err = rd.LastCardChange(ctx)
		return err
	})
	if err != nil {
		return before // the rows could not be read either, and that was logged
	}
	if before >= 0 && last != before {
		f.s.cfg.Chat.drawn.ring()
	}
	return last
}

// read takes in what is new. Only follow calls it, and only it writes, so the store is read unlocked.
func (f *fanout) read(ctx context.Context) error {
	for {
		f.mu.Lock()
		from, known := f.first+int64(len(f.rows)), f.known
		f.mu.Unlock()
		var fresh []dr.Row
		var size int64
		err := f.s.cfg.Store.Read(ctx, func(rd *store.Reader) error {
			head, err := rd.Head(ctx)
			if size = head.Size; err != nil || !known || from >= size {
				return err
			}
			fresh, _, err = rd.Rows(ctx, from, page)
			return err
		})
		if err != nil {
			return err
		}
		if f.take(ctx, fresh, size) {
			return nil
		}
	}
}

// take keeps new rows and says whether they reach the size seen.
func (f *fanout) take(ctx context.Context, fresh []dr.Row, size int64) (done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil { // the last reader left and another has begun anew
		return true
	}
	if !f.known {
		f.known, f.first = true, size
		return true
	}
	f.rows = append(f.rows, fresh...)
	if over := len(f.rows) - fanoutRows; over > 0 {
		f.rows = append([]dr.Row{}, f.rows[over:]...)
		f.first += int64(over)
		for lang, all := range f.frames {
			f.frames[lang] = append([][]byte{}, all[min(over, len(all)):]...)
		}
	}
	return len(fresh) == 0 || f.first+int64(len(f.rows)) >= size
}

// since answers the events from a row on, and where to go on. ok is false for rows that are not kept.
func (f *fanout) since(from int64, lang, run string) (events [][]byte, next int64, ok bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known || from < f.first {
		return nil, from, false, nil
	}
	frames, names := f.frames[lang], f.s.naming()
	for i := from - f.first; i < int64(len(f.rows)); i++ {
		for int64(len(frames)) <= i {
			frames = append(frames, nil)
		}
		if frames[i] == nil {
			if frames[i], err = event(names, lang, f.rows[i]); err != nil {
				return nil, from, true, err
			}
		}
		if run == "" || f.rows[i].Run == run {
			events = append(events, frames[i])
		}
	}
	f.frames[lang] = frames
	return events, max(from, f.first+int64(len(f.rows))), true, nil
}

// event is a row as a server-sent event.
func event(names naming, lang string, row dr.Row) ([]byte, error) {
	data, err := json.Marshal(names.reading(lang, row))
	if err != nil {
		return nil, fmt.Errorf("showing row %d: %w", row.Seq, err)
	}
	return fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", row.Seq, row.Kind, data), nil
}
