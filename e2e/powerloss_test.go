//go:build !race

package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// loss is a power failure tried at every moment of a recording.
type loss struct {
	*testing.T
	dir     string
	rnd     *rand.Rand
	reach   func(dir string) (int64, error) // opens an image and says how far it goes
	tried   int
	lost    int // images without something that was acknowledged
	broken  int // images that cannot be opened or do not verify
	reached map[[32]byte]int64
	first   string // what went wrong first
}

// everywhere tries every stride-th stroke: the process killed, the power gone with everything unsynced, and three
// times with some of it written.
func (l *loss) everywhere(r *recording, stride int) {
	l.Helper()
	p, promised, moments := newPlatter(), int64(0), 0
	for i, s := range r.strokes {
		if s.kind == "ack" {
			promised = max(promised, s.at)
			continue
		}
		p.play(s)
		if i%stride != 0 {
			continue
		}
		moments++
		l.try(fmt.Sprintf("killed at stroke %d", i), p.killed(), promised)
		l.try(fmt.Sprintf("dropped at stroke %d", i), p.dropped(), promised)
		for range 3 {
			l.try(fmt.Sprintf("torn at stroke %d", i), p.torn(l.rnd), promised)
		}
	}
	l.Logf("%d strokes, %d moments, %d images, %d of them different", len(r.strokes), moments, l.tried, len(l.reached))
}

func (l *loss) try(what string, m image, promised int64) {
	l.Helper()
	l.tried++
	sum := m.sum()
	reached, known := l.reached[sum]
	if !known {
		err := m.lay(l.dir)
		if err == nil {
			reached, err = l.reach(l.dir)
		}
		if err != nil {
			reached = -1
			l.broken++
			l.note("%s: %v", what, err)
		}
		l.reached[sum] = reached
	}
	if reached >= 0 && reached < promised {
		l.lost++
		l.note("%s: %d rows, %d were acknowledged", what, reached, promised)
	}
}

func (l *loss) note(format string, a ...any) {
	if l.first == "" {
		l.first = fmt.Sprintf(format, a...)
	}
}

func newLoss(t *testing.T, reach func(string) (int64, error)) *loss {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &loss{T: t, dir: filepath.Join(newDisk(t, filepath.Join(t.TempDir(), "disk"), 24).dir, "state"), rnd: rand.New(rand.NewPCG(seed, 13)), reach: reach, reached: map[[32]byte]int64{}}
}

// TestFault13PowerLoss records what a whole run writes, and cuts the power at every moment of it. Whatever is left on
// the disk opens, is whole, verifies, has its tables as its journal tells, and lacks no row that anybody was told of:
// no vote, no intent that was sent, no outcome. What PostgreSQL keeps after a power cut is its own; fault 14 has what it is asked.
func TestFault13PowerLoss(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.CopyFS(filepath.Join(dir, "org"), os.DirFS("testdata/org")), os.Mkdir(filepath.Join(dir, "facts"), 0o700)); err != nil {
		t.Fatal(err)
	}
	r := record(t, dir, "PATH="+toolPath(t, dir), "VICTIM_PLAN=move", "VICTIM_TELLS=1")
	l := newLoss(t, func(dir string) (int64, error) { return soundState(t, dir) })
	l.everywhere(r, max(1, len(r.strokes)/rounds(60, len(r.strokes)))) // in a soak after every single one
	if l.broken+l.lost > 0 {
		t.Errorf("%d images are broken, %d lack what was acknowledged; the first: %s", l.broken, l.lost, l.first)
	}
	t.Logf("soak: power lost at %d images (%d different) of a run's files: %d broken, %d without what was acknowledged", l.tried, len(l.reached), l.broken, l.lost)
}

// soundState opens what is left as a server would, and answers how many rows its journal has.
func soundState(t *testing.T, dir string) (size int64, err error) {
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Organisation: "tiny-bank", Environment: dr.Test, Clock: app.SystemClock(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, fmt.Errorf("opening: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.Verify(t.Context()); err != nil {
		return 0, fmt.Errorf("verifying: %w", err)
	}
	var runs []dr.Run
	err = s.Read(t.Context(), func(r *store.Reader) (err error) {
		head, err := r.Head(t.Context())
		size = head.Size
		if err == nil {
			runs, err = r.Runs(t.Context(), store.Filter{})
		}
		return err
	})
	for _, run := range runs {
		heldAgainstRows(t.Context(), t, s, run.ID)
	}
	return size, err
}

// TestFault13PowerLossIsSeen: the same eyes see that a commit can be lost, where SQLite does not wait for the disk, and
// that none is where it does.
func TestFault13PowerLossIsSeen(t *testing.T) {
	for level, loses := range map[string]bool{"NORMAL": true, "FULL": false} {
		dir := t.TempDir()
		r := record(t, dir, "VICTIM_BARE="+level)
		l := newLoss(t, bareState)
		l.everywhere(r, 1)
		if (l.lost > 0) != loses || l.broken > 0 {
			t.Errorf("synchronous=%s: %d of %d images lack what was acknowledged, %d are broken; the first: %s", level, l.lost, l.tried, l.broken, l.first)
		}
		t.Logf("soak: power lost with synchronous=%s alone: %d of %d images lack what was acknowledged", level, l.lost, l.tried)
	}
}

func bareState(dir string) (n int64, err error) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "state.db"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	sound, tables := "", 0
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		return 0, fmt.Errorf("integrity: %s %w", sound, err)
	}
	if err := db.QueryRow("SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	return n, db.QueryRow("SELECT count(*) FROM said").Scan(&n)
}
