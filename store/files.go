package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// Names in the state directory.
const (
	dbFile   = "state.db"
	lockFile = "state.db.lock"
	headName = "journal.head"
	keyName  = "log.key"
	nextKey  = "log.key.next" // a rotation under way
)

// makeDir makes the state directory, for its owner only, and makes its name durable.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dr.Errorf(dr.Unavailable, "making the state directory: %w", err).
			WithHint("check that %s may be created by this user", dir)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("reading the state directory: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return dr.Errorf(dr.Unavailable, "the state directory %s may be entered by others: %w", dir, err).WithHint("chmod 700 %s", dir)
		}
	}
	if err := refuseNetwork(dir); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// syncDir makes names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EROFS) {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}

// takeLock keeps a second process away from the file. The lock is the kernel's and ends with us,
// however we end.
func takeLock(ctx context.Context, clock dr.Clock, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, dr.Errorf(dr.Unavailable, "the state directory cannot be written: %w", err).
			WithHint("check owner, mode and mount of %s", filepath.Dir(path))
	}
	// A command that a killed process was just starting holds the lock until it has started.
	for try := 0; ; try++ {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) || try == lockTries || clock.After == nil || ctx.Err() != nil {
			break
		}
		<-clock.After(lockPause)
	}
	if err != nil {
		who, _ := os.ReadFile(path)
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, dr.Errorf(dr.Conflict, "another Switchman (process %s) uses %s", orUnknown(who), filepath.Dir(path)).
				WithHint("stop it, or give this one a state directory of its own with --state; several servers need PostgreSQL (SWITCHMAN_DATABASE_URL)")
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintf("%d\n", os.Getpid()))); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the lock file: %w", err), f.Close())
	}
	return f, nil
}

const (
	lockTries = 10
	lockPause = 50 * time.Millisecond
)

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

func orUnknown(b []byte) string {
	if s := strings.TrimSpace(string(b)); s != "" {
		return s
	}
	return "unknown"
}

// headMark is what journal.head says.
type headMark struct {
	there bool   // the file exists
	blank bool   // it holds nothing, which is what a power cut between rename and write leaves
	note  []byte // the signed checkpoint, not yet verified
	cp    journal.Checkpoint
}

func readHeadFile(dir string) (headMark, error) {
	b, err := readSettled(filepath.Join(dir, headName))
	if errors.Is(err, fs.ErrNotExist) {
		return headMark{}, nil
	}
	if err != nil {
		return headMark{}, fmt.Errorf("reading %s: %w", headName, err)
	}
	if len(bytes.Trim(b, "\x00")) == 0 {
		return headMark{there: true, blank: true}, nil
	}
	b = append(bytes.TrimRight(b, "\n"), '\n')
	cp, err := journal.Peek(b)
	if err != nil {
		return headMark{}, dr.Errorf(dr.Unverified, "%s is damaged: %w", filepath.Join(dir, headName), err).
			WithHint("put the file back from a copy of the state directory, or restore a verified backup with `switchman restore FILE`")
	}
	return headMark{there: true, note: b, cp: cp}, nil
}

// readSettled reads a small file that a server may be replacing: until two readings agree.
func readSettled(path string) ([]byte, error) {
	last, err := os.ReadFile(path)
	for range 10 {
		if err != nil {
			return nil, err
		}
		var b []byte
		if b, err = os.ReadFile(path); err == nil && bytes.Equal(b, last) {
			return b, nil
		}
		last = b
	}
	return last, err
}

// putHeadFile replaces journal.head by the checkpoint just committed. The commit stands whether or
// not this works, and an older head is still a true one, so a failure is logged and not returned.
// The file is not synced: after a power cut it may be older than the database, never newer.
func (s *Store) putHeadFile(h journal.Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.Size <= s.headFile || errors.Is(s.broken, errClosed) {
		return // another transaction of ours was quicker, or the file is no longer ours
	}
	if err := s.marker.put(s.path(headName), padded(h.Note)); err != nil {
		s.log.Warn("journal.head could not be replaced; the journal itself is committed", "size", h.Size, "err", err)
		return
	}
	s.headFile = h.Size
}

// padded fills a note up to whole sectors of a disk. What is written over a file that keeps its size is there after a
// power cut or is not; where the size changes too, one of the two may be there without the other.
func padded(note []byte) []byte {
	const sector = 512
	return append(bytes.Clone(note), bytes.Repeat([]byte{'\n'}, (sector-len(note)%sector)%sector)...)
}

// marker replaces a small file again and again. Making and removing a file each time costs more than
// the commit it follows; so two files stay, the one that is not journal.head is written, and the two
// change names. Where the file system cannot exchange names, a new file is made and renamed.
type marker struct {
	now, spare *os.File // journal.head, and journal.head.new
	size       int64    // of what spare holds
	nowSize    int64
}

func (m *marker) put(path string, content []byte) (err error) {
	if m.spare == nil {
		if m.spare, err = os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return fmt.Errorf("writing beside %s: %w", path, err)
		}
		m.size = 0
	}
	if _, err := m.spare.WriteAt(content, 0); err != nil {
		return fmt.Errorf("writing beside %s: %w", path, err)
	}
	if m.size != int64(len(content)) {
		if err := m.spare.Truncate(int64(len(content))); err != nil {
			return fmt.Errorf("writing beside %s: %w", path, err)
		}
	}
	m.size = int64(len(content))
	if m.now != nil && exchange(path+".new", path) == nil {
		m.now, m.spare, m.nowSize, m.size = m.spare, m.now, m.size, m.nowSize
		return nil
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	err = m.now.Close() // nil at first, which Close answers with an error nobody needs
	m.now, m.spare, m.nowSize, m.size = m.spare, nil, m.size, 0
	if errors.Is(err, os.ErrInvalid) {
		return nil
	}
	return err
}

func (m *marker) close() error {
	var errs []error
	if m.now != nil {
		errs = append(errs, m.now.Sync())
	}
	for _, f := range []*os.File{m.now, m.spare} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	m.now, m.spare = nil, nil
	return errors.Join(errs...)
}

// replaceFile writes a file beside its place and renames it there.
func replaceFile(path string, content []byte, durable bool) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", tmp, err)
	}
	_, err = f.Write(content)
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", tmp, errors.Join(err, os.Remove(tmp)))
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	if durable {
		return syncDir(filepath.Dir(path))
	}
	return nil
}
