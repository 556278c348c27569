package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// limit is how often something may fail before it has to wait, and how long it is remembered.
type limit struct {
	most   int
	within dr.Millis
	first  dr.Millis // the first wait; each further one is twice as long
	hold   dr.Millis // the longest wait
}

// One address guessing at one account is held off soon; an address guessing at many a little later; and
// an account guessed at from everywhere last, because that limit also keeps its owner out. 100 guesses an
// hour stay within what NIST SP 800-63B-4, section 3.2.2 allows in all.
func pairLimit() limit {
	return limit{5, 15 * minute, minute, 15 * minute}
}
func addressLimit() limit { return limit{30, 15 * minute, 5 * minute, 15 * minute} }
func accountLimit() limit { return limit{100, 60 * minute, 15 * minute, 15 * minute} }

const minute = dr.Millis(60_000)

// wait is how long to hold off after so many tries.
func (l limit) wait(fails int) dr.Millis {
	if fails < l.most {
		return 0
	}
	return min(l.hold, l.first<<min(fails-l.most, 10))
}

// tries are the counts one sign-in or step-up goes against. Names are hashed: what a stranger typed as
// a name is not kept.
type tries struct{ pair, address, account string }

func (s *Server) triesOf(r *http.Request, what, person string) tries {
	address := s.originOf(r).place()
	name := func(kind string, parts ...string) string {
		h := sha256.New()
		for _, p := range parts {
			h.Write([]byte(p))
			h.Write([]byte{0})
		}
		return kind + ":" + hex.EncodeToString(h.Sum(nil)[:16])
	}
	return tries{pair: name("pair", what, person, address), address: name("address", address), account: name("account", person)}
}

// reserve counts a try before it is looked at, so that trying in parallel gains nothing, and refuses it
// where there were too many.
func (s *Server) reserve(ctx context.Context, t tries) (dr.Millis, error) {
	var wait dr.Millis
	err := s.cfg.Store.Read(ctx, func(rd *store.Reader) (err error) { // a flood costs no commits
		wait, err = t.held(ctx, rd, s.cfg.Clock.Time())
		return err
	})
	if err != nil || wait > 0 {
		return wait, err
	}
	err = s.cfg.Store.Write(ctx, func(tx *store.Tx) (err error) {
		now := s.cfg.Clock.Time()
		if wait, err = t.held(ctx, &tx.Reader, now); err != nil || wait > 0 {
			return err
		}
		return count(ctx, tx, t.pair, pairLimit(), now)
	})
	return wait, err
}

// held is how long the longest hold under these names lasts.
func (t tries) held(ctx context.Context, rd *store.Reader, now dr.Time) (wait dr.Millis, err error) {
	for _, name := range []string{t.pair, t.address, t.account} {
		one, err := rd.Strike(ctx, name)
		if err != nil {
			return 0, err
		}
		if one.Until.After(now.Time) {
			wait = max(wait, one.Until.Since(now))
		}
	}
	return wait, nil
}

// failed counts a try that was wrong where only wrong ones count.
func (s *Server) failed(ctx context.Context, t tries) error {
	return s.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		now := s.cfg.Clock.Time()
		if err := count(ctx, tx, t.address, addressLimit(), now); err != nil {
			return err
		}
		return count(ctx, tx, t.account, accountLimit(), now)
	})
}

func count(ctx context.Context, tx *store.Tx, name string, l limit, now dr.Time) error {
	fails, err := tx.AddStrike(ctx, name, now, now.Plus(-l.within))
	if err != nil {
		return err
	}
	if wait := l.wait(fails); wait > 0 {
		return tx.HoldStrike(ctx, name, now.Plus(wait))
	}
	return nil
}

// tooMany is the refusal of somebody who has to wait.
func tooMany(wait dr.Millis) *dr.Error {
	return &dr.Error{Kind: dr.Refused, ID: "too_many_tries", Args: dr.Args{"wait": wait.Duration().Round(time.Second).String()}}
}
