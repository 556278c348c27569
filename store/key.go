package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// loadKey finds the key that signs: the one given, or log.key, or a new one for a new journal. It
// must be the key the journal names, or every later checkpoint would be refused.
func (s *Store) loadKey(f *findings) error {
	signer, err := s.readKey(*f)
	if err != nil {
		return err
	}
	switch {
	case signer == nil && len(f.keys) == 0:
		if s.opts.Organisation == "" {
			return errors.New("opening a new store: no organisation given")
		}
		signer, err = s.makeKey(journal.Origin(s.opts.Organisation))
	case signer == nil:
		signer, err = s.keyLost(f)
	case len(f.keys) > 0 && signer.Public() != f.keys[len(f.keys)-1]:
		return dr.Errorf(dr.Unverified, "the log key does not belong to this journal: it is %s, the journal is signed with %s", signer.Public(), f.keys[len(f.keys)-1]).
			WithHint("put back the log.key this journal was written with (several servers on one database share it)")
	}
	s.signer = signer
	return err
}

// readKey gives the key that is there, nil when none is. A rotation that was committed but not yet
// renamed is finished here.
func (s *Store) readKey(f findings) (*journal.Signer, error) {
	if s.opts.Key != nil {
		return s.opts.Key, nil
	}
	next, err := readKeyFile(s.path(nextKey))
	if err != nil {
		return nil, err
	}
	if next != nil {
		if len(f.keys) > 0 && next.Public() == f.keys[len(f.keys)-1] {
			if err := errors.Join(os.Rename(s.path(nextKey), s.path(keyName)), syncDir(s.opts.Dir)); err != nil {
				return nil, fmt.Errorf("finishing a key rotation: %w", err)
			}
			return next, nil
		}
		if err := os.Remove(s.path(nextKey)); err != nil {
			return nil, fmt.Errorf("removing a key that was never used: %w", err)
		}
	}
	return readKeyFile(s.path(keyName))
}

func readKeyFile(path string) (*journal.Signer, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, dr.Errorf(dr.Unavailable, "the log key %s may be read by others (mode %04o)", path, info.Mode().Perm()).
			WithHint("chmod 600 %s; if somebody may have read it, rotate the key", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the log key: %w", err)
	}
	signer, err := journal.ParseKey(string(b))
	if err != nil {
		return nil, dr.Errorf(dr.Unverified, "the log key %s cannot be read: %w", path, err).WithHint("put it back from a copy; it is one line of text")
	}
	return signer, nil
}

// peekKey takes the log key for signing files, if it is here and is the journal's; a reader can do
// without.
func (s *Store) peekKey(f findings) error {
	signer := s.opts.Key
	if signer == nil {
		var err error
		if signer, err = readKeyFile(s.path(keyName)); err != nil {
			return err
		}
	}
	if signer != nil && len(f.keys) > 0 && signer.Public() == f.keys[len(f.keys)-1] {
		s.signer = signer
	}
	return nil
}

// SignFile signs a file with the log key in the form ssh-keygen reads.
func (s *Store) SignFile(namespace string, message []byte) ([]byte, error) {
	signer := s.key()
	if signer == nil {
		return nil, dr.Errorf(dr.Unavailable, "the log key is not in %s, and a report is signed with it", s.opts.Dir).
			WithHint("make the report where the server runs, or give it as .md, .html or .json, which are not signed")
	}
	return signer.SignFile(namespace, message)
}

// makeKey makes a key and keeps it before it signs anything.
func (s *Store) makeKey(origin string) (*journal.Signer, error) {
	signer, err := journal.NewKey(rand.Reader, origin)
	if err != nil {
		return nil, err
	}
	return signer, replaceFile(s.path(keyName), []byte(signer.Secret()+"\n"), true)
}

// keyLost refuses a journal without its key, or goes on with a new one if that was accepted.
func (s *Store) keyLost(f *findings) (*journal.Signer, error) {
	if s.opts.AcceptRollback == "" {
		return nil, dr.Errorf(dr.Unverified, "log.key is missing: the journal of %s cannot be continued without the key it is signed with", count(f.head.Size)).
			WithHint("put log.key into %s from the copy kept with your secrets (backups do not hold it; several servers share it). "+
				"If it is lost for good, start once with --accept-rollback REASON: a new key is made and the journal says so", s.opts.Dir)
	}
	current := f.keys[len(f.keys)-1]
	cp, err := journal.Verify(f.head.Note, current)
	if err != nil {
		return nil, fmt.Errorf("reading the journal's checkpoint: %w", err)
	}
	signer, err := s.makeKey(cp.Origin)
	if err != nil {
		return nil, err
	}
	data, err := rotation(current, nil, signer)
	if err != nil {
		return nil, err
	}
	f.newKey = &data
	if f.loss == nil {
		f.loss = &dr.RollbackData{Found: f.head.Size, Had: f.head.Size, Reason: s.opts.AcceptRollback}
	}
	return signer, nil
}

// rotation makes the row; old is nil after a loss.
func rotation(current string, old, next *journal.Signer) (dr.KeyData, error) {
	d := dr.KeyData{Old: current, New: next.Public()}
	var err error
	if d.NewSig, err = next.SignText(journal.RotationText(d.Old, d.New)); err != nil || old == nil {
		return d, err
	}
	d.OldSig, err = old.SignText(journal.RotationText(d.Old, d.New))
	return d, err
}

// RotateKey goes over to a new log key: one row, signed by both, is the first thing the new key's
// checkpoint covers. The new verifier key must reach auditors as the first one did. Other servers on
// the same database write nothing until they are given the new log.key.
func (s *Store) RotateKey(ctx context.Context, actor dr.Actor) (public string, err error) {
	if s.opts.ReadOnly {
		return "", &dr.Error{Kind: dr.Unavailable, ID: "database_read_only"}
	}
	s.rotating.Lock()
	defer s.rotating.Unlock()
	old := s.key()
	if s.opts.Key != nil {
		return "", dr.Errorf(dr.Usage, "the log key is given by configuration and cannot be rotated here").
			WithHint("let Switchman keep log.key in its state directory")
	}
	next, err := journal.NewKey(rand.Reader, old.Origin())
	if err != nil {
		return "", err
	}
	data, err := rotation(old.Public(), old, next)
	if err != nil {
		return "", err
	}
	if err := replaceFile(s.path(nextKey), []byte(next.Secret()+"\n"), true); err != nil {
		return "", err
	}
	err = s.retry(ctx, func(tx *Tx) error {
		tx.signer = next
		return tx.journalBy(actor, dr.RowKey, data)
	})
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.signer = next
	s.mu.Unlock()
	if err := errors.Join(os.Rename(s.path(nextKey), s.path(keyName)), syncDir(s.opts.Dir)); err != nil {
		return "", fmt.Errorf("keeping the new log key: %w", err)
	}
	return next.Public(), nil
}
