package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// HeadSuffix names the checkpoint that is written beside a backup. Kept elsewhere, it proves later
// that the backup is the one that was made.
const HeadSuffix = ".head"

// Backup writes one consistent file while the server works, reads it through, and only then gives it
// its name; beside it stands its checkpoint. An existing file is never overwritten. The log key is
// not in it: it belongs with the organisation's secrets, not with its copies.
func (s *Store) Backup(ctx context.Context, file string) (Verified, error) {
	if s.d == postgres {
		return Verified{}, dr.Errorf(dr.Unavailable, "the state is in PostgreSQL, which makes its own backups").
			WithHint("use `pg_dump --format=custom --file=%s` with the same URL, or your base backups; keep journal.head and log.key from %s beside it", file, s.opts.Dir)
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return Verified{}, dr.Errorf(dr.Conflict, "%s exists already", file).WithHint("name another file; backups are never overwritten")
	}
	work, err := os.MkdirTemp(filepath.Dir(file), ".backup-*")
	if err != nil {
		return Verified{}, dr.Errorf(dr.Unavailable, "making room for the backup: %w", err).WithHint("check that %s exists and may be written", filepath.Dir(file))
	}
	defer func() { _ = os.RemoveAll(work) }() // what is left of a backup that failed
	copied := filepath.Join(work, dbFile)
	if err := s.copyInto(ctx, copied); err != nil {
		return Verified{}, explain(err)
	}
	v, note, err := verifyCopy(ctx, work, s.opts.Organisation, s.log)
	if err != nil {
		return Verified{}, fmt.Errorf("reading the backup through: %w", err)
	}
	if err := replaceFile(file+HeadSuffix, note, true); err != nil {
		return Verified{}, explain(err)
	}
	if err := errors.Join(os.Rename(copied, file), syncDir(filepath.Dir(file))); err != nil {
		return Verified{}, fmt.Errorf("naming the backup: %w", err)
	}
	return v, nil
}

// copyInto lets SQLite write a consistent copy; the file is made before with our mode.
func (s *Store) copyInto(ctx context.Context, to string) error {
	db, err := openSQLite(s.path(dbFile), "_busy_timeout=5000&mode=ro")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO "+quote(to))
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	return syncFile(to)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	return nil
}

// verifyCopy opens a copy by itself, read-only, and reads it through.
func verifyCopy(ctx context.Context, dir, organisation string, log *slog.Logger) (Verified, []byte, error) {
	c, err := Open(ctx, Options{Dir: dir, ReadOnly: true, Organisation: organisation, Log: log})
	if err != nil {
		return Verified{}, nil, err
	}
	v, err := c.Verify(ctx)
	return v, c.head.Note, errors.Join(err, c.Close())
}

// RestoreOptions steer [Restore].
type RestoreOptions struct {
	Organisation string // empty: whichever the backup is of
	// Replace allows a state that is newer than the backup, or another one, to be given up. The reason
	// is journaled.
	Replace string
	Clock   dr.Clock // needed with Replace
	Log     *slog.Logger
}

// Restore puts a backup into a state directory. It reads the whole copy through before anything is
// moved, refuses to give up a newer state without being told, and sets what was there aside.
func Restore(ctx context.Context, file, dir string, o RestoreOptions) (Verified, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := makeDir(dir); err != nil {
		return Verified{}, err
	}
	lock, err := takeLock(ctx, o.Clock, filepath.Join(dir, lockFile))
	if err != nil {
		return Verified{}, err
	}
	v, rollback, err := restore(ctx, file, dir, o)
	if err = errors.Join(err, lock.Close()); err != nil || !rollback {
		return v, explain(err)
	}
	// The state given up is noted in the journal, and with it the checkpoint beside it.
	s, err := Open(ctx, Options{Dir: dir, Organisation: o.Organisation, Clock: o.Clock, Log: o.Log, AcceptRollback: o.Replace})
	if err != nil {
		return v, err
	}
	return v, s.Close()
}

func restore(ctx context.Context, file, dir string, o RestoreOptions) (v Verified, rollback bool, err error) {
	work, err := os.MkdirTemp(dir, ".restore-*")
	if err != nil {
		return v, false, fmt.Errorf("making room for the restored state: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // empty by then, or what is left of a restore that failed
	copied := filepath.Join(work, dbFile)
	if err := copyFile(file, copied); err != nil {
		return v, false, err
	}
	v, note, err := verifyCopy(ctx, work, o.Organisation, o.Log)
	if err != nil {
		return v, false, fmt.Errorf("reading the backup through: %w", err)
	}
	if err := checkHeadBeside(file, v); err != nil {
		return v, false, err
	}
	given, err := wouldGiveUp(ctx, work, dir, v, o)
	if err != nil {
		return v, false, err
	}
	if given != nil && o.Replace == "" {
		return v, false, given
	}
	if err := setAside(dir); err != nil {
		return v, false, err
	}
	if err := errors.Join(os.Rename(copied, filepath.Join(dir, dbFile)), syncDir(dir)); err != nil {
		return v, false, fmt.Errorf("putting the restored state in place: %w", err)
	}
	if given != nil {
		return v, true, dropUnreadableHead(dir)
	}
	return v, false, replaceFile(filepath.Join(dir, headName), note, true)
}

// checkHeadBeside compares a backup with the checkpoint written beside it, if that is there.
func checkHeadBeside(file string, v Verified) error {
	b, err := os.ReadFile(file + HeadSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", file+HeadSuffix, err)
	}
	cp, err := journal.Verify(b, v.Keys...)
	if err != nil || cp.Size != v.Checkpoint.Size || cp.Root != v.Checkpoint.Root {
		return dr.Errorf(dr.Unverified, "%s is not the backup its checkpoint %s was written for", file, file+HeadSuffix).
			WithHint("use another backup; keep this one for whoever looks into it")
	}
	return nil
}

// wouldGiveUp compares the backup with what is there; nil when the backup continues it.
func wouldGiveUp(ctx context.Context, work, dir string, v Verified, o RestoreOptions) (*dr.Error, error) {
	mark, err := readHeadFile(dir)
	if err != nil {
		mark = headMark{there: true, blank: true}
	}
	_, err = os.Stat(filepath.Join(dir, dbFile))
	if errors.Is(err, fs.ErrNotExist) && !mark.there {
		return nil, nil
	}
	hint := "to give the present state up, say why: `switchman restore --replace REASON FILE`. It is set aside, not deleted"
	if !mark.there || mark.blank {
		return dr.Errorf(dr.Conflict, "there is a state in %s that does not say how new it is", dir).WithHint("%s", hint), nil
	}
	if mark.cp.Size > v.Rows {
		return dr.Errorf(dr.Conflict, "the state in %s is newer: it has %s, the backup %s", dir, count(mark.cp.Size), count(v.Rows)).WithHint("%s", hint), nil
	}
	same := false
	c, err := Open(ctx, Options{Dir: work, ReadOnly: true, Organisation: o.Organisation, Log: o.Log})
	if err != nil {
		return nil, err
	}
	err = c.Read(ctx, func(r *Reader) error {
		root, err := tlog.TreeHash(mark.cp.Size, r.Hashes(ctx))
		same = err == nil && root == mark.cp.Root
		return err
	})
	if err = errors.Join(err, c.Close()); err != nil {
		return nil, err
	}
	if !same {
		return dr.Errorf(dr.Conflict, "the state in %s is another one, not an older one of the backup", dir).WithHint("%s", hint), nil
	}
	return nil, nil
}

// dropUnreadableHead removes a checkpoint that says nothing, so that the next start notes in the
// journal that nobody knows what was given up.
func dropUnreadableHead(dir string) error {
	if mark, err := readHeadFile(dir); err == nil && !mark.blank {
		return nil
	}
	if err := os.Remove(filepath.Join(dir, headName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a damaged %s: %w", headName, err)
	}
	return nil
}

// setAside moves the present database away, with its write-ahead log, which must never meet another
// database. The checkpoint and the key stay where they are.
func setAside(dir string) error {
	var there []string
	for _, name := range []string{dbFile, dbFile + "-wal", dbFile + "-shm"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			there = append(there, name)
		}
	}
	if len(there) == 0 {
		return nil
	}
	for n := 1; ; n++ {
		aside := filepath.Join(dir, "replaced-"+strconv.Itoa(n))
		err := os.Mkdir(aside, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		for _, name := range there {
			if err == nil {
				err = os.Rename(filepath.Join(dir, name), filepath.Join(aside, name))
			}
		}
		if err != nil {
			return fmt.Errorf("setting the present state aside: %w", err)
		}
		return syncDir(aside)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return dr.Errorf(dr.NotFound, "there is no backup %s", from).WithHint("`switchman backup FILE` makes one")
	}
	if err != nil {
		return fmt.Errorf("opening the backup: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copying the backup: %w", err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("copying the backup: %w", err)
	}
	return nil
}
