package fsm

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// IssueCode makes a one-time code for the open round. It is returned once and kept as a hash.
func (e *Engine) IssueCode(ctx context.Context, by dr.Actor, id string) (Issued, error) {
	secret, err := approval.NewCode(e.cfg.Random)
	if err != nil {
		return Issued{}, err
	}
	salt := make([]byte, 16)
	if _, err := io.ReadFull(e.cfg.Random, salt); err != nil {
		return Issued{}, fmt.Errorf("drawing a salt: %w", err)
	}
	codeID, err := e.nonce()
	if err != nil {
		return Issued{}, err
	}
	var code dr.Code
	_, err = e.decide(ctx, id, Act{Actor: by, Verb: dr.VerbIssue}, func(tx *store.Tx, s *Situation, c *Change) error {
		me, _ := s.Roster.Person(by.Person)
		code = dr.Code{ID: codeID, Issuer: me.ID, Human: me.Human, Round: s.Run.Round.Number, Digest: s.Run.Digest,
			Direction: s.Run.Direction, Mode: s.Run.Mode, Source: "issued", Salt: salt, Issued: s.Now, Expires: s.Now.Plus(approval.CodeLife(s.Slice.Rule, "issued"))}
		code.Hash = approval.HashCode(e.cfg.Pepper, salt, codeContext(s.Run, code), secret.Reveal())
		replaceCodes(s, c, me.Human, by)
		c.Run.Codes = append(c.Run.Codes, code)
		c.Rows = append(c.Rows, newRow(s.Now, id, dr.RowCodeIssued, by,
			dr.CodeData{ID: code.ID, Round: code.Round, Issuer: code.Issuer, Source: code.Source, Expires: code.Expires}))
		return tx.PutCode(ctx, id, code)
	})
	if err != nil {
		return Issued{}, err
	}
	view, err := e.View(ctx, by, id)
	return Issued{Code: secret, Expires: code.Expires, View: view}, err
}

// replaceCodes revokes what a new code takes the place of: every live one where the rule wants one
// code, the issuer's own where it wants two.
func replaceCodes(s *Situation, c *Change, human string, by dr.Actor) {
	for i := range c.Run.Codes {
		old := &c.Run.Codes[i]
		live := old.Used.IsZero() && old.Revoked.IsZero() && old.Source == "issued"
		if !live || (s.Slice.Rule.Codes > 1 && old.Human != human) {
			continue
		}
		old.Revoked = s.Now
		c.Codes = append(c.Codes, *old)
		c.Rows = append(c.Rows, newRow(s.Now, c.Run.ID, dr.RowCodeRevoked, by,
			dr.CodeData{ID: old.ID, Round: old.Round, Issuer: old.Issuer, Source: old.Source, Expires: old.Expires, Reason: "replaced"}))
	}
}

func codeContext(run dr.Run, c dr.Code) approval.CodeContext {
	return approval.CodeContext{Run: run.ID, Digest: c.Digest, Round: c.Round, Direction: c.Direction, Mode: c.Mode}
}

// prepareStart looks at the facts again where they are getting old, and hashes the typed code, but
// only for somebody who could start the run: strangers cannot make this machine or its targets work.
// The typed code goes out of args, and the version in it follows the look: whoever saw the run before has
// seen all but the facts, which the guards read themselves.
func (e *Engine) prepareStart(ctx context.Context, by dr.Actor, id string, args *Args) (approval.CodeTry, error) {
	canonical, ok := approval.ParseCodes(args.Code)
	try := approval.CodeTry{Typed: args.Code != "", WellFormed: ok, Count: len(canonical)}
	args.Code = ""
	s, err := e.readSituation(ctx, id)
	if err != nil {
		return try, err
	}
	if s.Run.State == dr.AwaitingCode && stale(s) && approval.MayLook(s.Case, by.Person) == nil {
		wrote, err := e.lookAgain(ctx, id)
		if err != nil {
			return try, err
		}
		if args.Version != 0 && args.Version == wrote.before {
			args.Version = wrote.after
		}
		if s, err = e.readSituation(ctx, id); err != nil {
			return try, err
		}
	}
	if !ok || s.Run.CodeLocked || approval.MayTry(s.Case, by.Person) != nil {
		return try, nil
	}
	e.dial(s.Run, s.Slice) // beside the hash, which takes as long
	for _, c := range s.Run.Codes {
		if !c.Used.IsZero() || !c.Revoked.IsZero() {
			continue
		}
		for _, code := range canonical {
			if approval.Matches(c.Hash, e.cfg.Pepper, c.Salt, codeContext(s.Run, c), code) {
				try.Match = append(try.Match, c.ID)
			}
		}
	}
	return try, nil
}

// lockCodes lets one code check of a run happen at a time, so that Argon2 is no lever to exhaust
// the machine with.
func (e *Engine) lockCodes(run string) (unlock func()) {
	e.mu.Lock()
	m := e.codeMu[run]
	if m == nil {
		m = &sync.Mutex{}
		e.codeMu[run] = m
	}
	e.mu.Unlock()
	m.Lock()
	return m.Unlock
}
