package storetest

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func runRoundTrip(b *bench) {
	run := b.insert("r1")
	want := run
	want.Round = dr.Round{}
	same(b, "run as inserted", b.run("r1"), want)
	round := b.openRound("r1", 1)
	b.write(func(tx *store.Tx) error {
		run, err := tx.LockRun(b.Context(), "r1")
		if err != nil {
			return err
		}
		run.State, run.Pause, run.ResumeTo = dr.Paused, dr.StepFailed, dr.Running
		run.Force = &dr.ForceAsk{Systems: []string{"ledger"}, Reason: "east is dark", By: "chen", Human: "10042", At: b.time.time()}
		run.Overrides = []dr.Override{{Check: "lag:x", Person: "chen", Reason: "known", At: b.time.time()}}
		run.System("ledger").State = "moved"
		run.Round.Expires = round.Expires.Plus(1000)
		if err := tx.UpdateRun(b.Context(), &run); err != nil {
			return err
		}
		want = run
		return nil
	})
	want.Round.Votes = []dr.Vote{}
	same(b, "run as updated", b.run("r1"), want)
	if want.Version != 3 {
		b.Errorf("version is %d after two updates of version 1", want.Version)
	}
	err := b.s.Read(b.Context(), func(r *store.Reader) error { _, err := r.Run(b.Context(), "nope"); return err })
	if dr.KindOf(err) != dr.NotFound {
		b.Errorf("an unknown run: %v", err)
	}
	b.refused(dr.NotFound, "run_not_found", func(tx *store.Tx) error { _, err := tx.LockRun(b.Context(), "nope"); return err })
	b.refused(dr.NotFound, "run_not_found", func(tx *store.Tx) error { _, err := tx.LockState(b.Context(), "nope"); return err })
}

func runMovedOn(b *bench) {
	b.insert("r1")
	stale := b.run("r1")
	fresh := stale
	b.write(func(tx *store.Tx) error { return tx.UpdateRun(b.Context(), &fresh) })
	b.refused(dr.Conflict, "run_moved_on", func(tx *store.Tx) error {
		tx.Journal(row("r1", dr.RowState, `{}`))
		return tx.UpdateRun(b.Context(), &stale)
	})
	if stale.Version != 1 || fresh.Version != 2 {
		b.Errorf("versions %d and %d, want 1 and 2", stale.Version, fresh.Version)
	}
}

func runsFiltered(b *bench) {
	for i, id := range []string{"r1", "r2", "r3"} {
		b.insert(id)
		b.time.forward(time.Minute)
		b.write(func(tx *store.Tx) error {
			run, err := tx.LockRun(b.Context(), id)
			if err != nil {
				return err
			}
			run.State = []dr.State{dr.Closed, dr.AwaitingCode, dr.ClosedWithExceptions}[i]
			return tx.UpdateRun(b.Context(), &run)
		})
	}
	for _, c := range []struct {
		f    store.Filter
		want string
	}{
		{store.Filter{}, "r3 r2 r1 "}, {store.Filter{Limit: 2}, "r3 r2 "}, {store.Filter{States: []dr.State{dr.Closed}}, "r1 "},
		{store.Filter{States: []dr.State{dr.Closed, dr.AwaitingCode}}, "r2 r1 "}, {store.Filter{States: []dr.State{dr.Running}}, ""},
		{store.Filter{System: "ledger"}, "r3 r2 r1 "}, {store.Filter{System: "cards"}, ""},
		{store.Filter{System: "identity", States: []dr.State{dr.ClosedWithExceptions}}, "r3 "},
	} {
		got := ""
		b.read(func(r *store.Reader) error {
			runs, err := r.Runs(b.Context(), c.f)
			for _, run := range runs {
				got += run.ID + " "
			}
			return err
		})
		if got != c.want {
			b.Errorf("%+v lists %q, want %q", c.f, got, c.want)
		}
	}
}

// unchangedParts: checks and round are left out of an update that does not change them, and never
// when it does, in whichever order a transaction goes about it.
func unchangedParts(b *bench) {
	b.insert("r1")
	b.openRound("r1", 1)
	set := func(fn func(run *dr.Run)) {
		b.Helper()
		var want dr.Run
		b.write(func(tx *store.Tx) error {
			run, err := tx.LockRun(b.Context(), "r1")
			if err != nil {
				return err
			}
			fn(&run)
			if err := tx.UpdateRun(b.Context(), &run); err != nil {
				return err
			}
			run.Reason += "."
			if err := tx.UpdateRun(b.Context(), &run); err != nil {
				return err
			}
			want = run
			return nil
		})
		same(b, "run", b.run("r1"), want)
	}
	set(func(run *dr.Run) { run.Checks = nil })
	set(func(run *dr.Run) { run.Checks = []dr.Check{{ID: "reach:a", Text: "answers"}} })
	set(func(run *dr.Run) { run.Round.State = "denied" })
	set(func(run *dr.Run) { run.Round.State = "open"; run.Checks = append(run.Checks, dr.Check{ID: "reach:b"}) })
	blind := b.run("r1") // an update without a lock before it knows nothing and writes everything
	blind.Checks, blind.Round.State = nil, "used"
	b.write(func(tx *store.Tx) error { return tx.UpdateRun(b.Context(), &blind) })
	same(b, "run", b.run("r1"), blind)
}

func roundsAndVotes(b *bench) {
	b.insert("r1")
	b.openRound("r1", 1)
	_, digest := sliceOf("r1")
	vote := dr.Vote{Person: "chen", Human: "10042", For: "zhao", Verdict: "approve", Via: "console", Round: 1, Digest: digest, At: b.time.time(), Reason: "好"}
	b.write(func(tx *store.Tx) error { return tx.PutVote(b.Context(), "r1", vote) })
	same(b, "votes", b.run("r1").Round.Votes, []dr.Vote{vote})
	again := vote // another account of the same human counts as the same human
	again.Person, again.Verdict = "chen-admin", "withdrawn"
	other := dr.Vote{Person: "wu", Human: "10043", Verdict: "approve", Via: "cli", Round: 1, Digest: digest, At: b.time.time()}
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.PutVote(b.Context(), "r1", again), tx.PutVote(b.Context(), "r1", other))
	})
	same(b, "votes", b.run("r1").Round.Votes, []dr.Vote{again, other})
	b.openRound("r1", 2)
	if n := len(b.run("r1").Round.Votes); n != 0 {
		b.Errorf("a new round begins with %d votes", n)
	}
	b.read(func(r *store.Reader) error {
		rounds, err := r.Rounds(b.Context(), "r1")
		if err != nil || len(rounds) != 2 || rounds[0].State != "replaced" || rounds[1].State != "open" || len(rounds[0].Votes) != 2 {
			b.Errorf("rounds are %+v, %v", rounds, err)
		}
		return nil
	})
	late := vote
	late.Round = 7
	if err := b.s.Write(b.Context(), func(tx *store.Tx) error { return tx.PutVote(b.Context(), "r1", late) }); err == nil {
		b.Error("a vote in a round that was never opened was stored")
	}
}

func codes(b *bench) {
	b.insert("r1")
	b.openRound("r1", 1)
	_, digest := sliceOf("r1")
	code := dr.Code{ID: "c1", Issuer: "zhao", Human: "10044", Round: 1, Digest: digest, Direction: dr.Outbound, Mode: dr.Drill, Source: "issued",
		Salt: []byte{1, 2, 0, 255}, Hash: []byte{9, 8, 7}, Issued: b.time.time(), Expires: b.time.time().Plus(600000)}
	b.write(func(tx *store.Tx) error { return tx.PutCode(b.Context(), "r1", code) })
	got := b.run("r1").Codes
	same(b, "codes", got, []dr.Code{code})
	if len(got) != 1 || !bytes.Equal(got[0].Salt, code.Salt) || !bytes.Equal(got[0].Hash, code.Hash) {
		b.Fatalf("salt or hash did not come back: %v", got)
	}
	used := code
	used.Used, used.UsedBy = b.time.time(), "lin"
	b.write(func(tx *store.Tx) error { return tx.UpdateCode(b.Context(), "r1", used) })
	b.refused(dr.Conflict, "code_gone", func(tx *store.Tx) error { return tx.UpdateCode(b.Context(), "r1", used) })
	revoked := code
	revoked.Revoked = b.time.time()
	b.refused(dr.Conflict, "code_gone", func(tx *store.Tx) error { return tx.UpdateCode(b.Context(), "r1", revoked) })
	b.openRound("r1", 2)
	if n := len(b.run("r1").Codes); n != 0 {
		b.Errorf("a new round begins with %d codes", n)
	}
	b.read(func(r *store.Reader) error {
		all, err := r.Codes(b.Context(), "r1")
		same(b, "all codes", all, []dr.Code{used})
		return err
	})
}

func sheets(b *bench) {
	var codes []store.SheetCode
	for i := range 3 {
		codes = append(codes, store.SheetCode{Sheet: "s1", Number: i + 1, Site: "west", Issuer: "zhao", Salt: []byte{byte(i)}, Hash: []byte("h" + strconv.Itoa(i)), Made: b.time.time()})
	}
	b.write(func(tx *store.Tx) error { return tx.PutSheet(b.Context(), codes) })
	b.write(func(tx *store.Tx) error { return tx.UseSheetCode(b.Context(), "r1", "s1", 2, b.time.time()) })
	b.refused(dr.Conflict, "code_gone", func(tx *store.Tx) error { return tx.UseSheetCode(b.Context(), "r1", "s1", 2, b.time.time()) })
	b.read(func(r *store.Reader) error {
		left, err := r.SheetCodes(b.Context())
		same(b, "codes left", left, []store.SheetCode{codes[0], codes[2]})
		return err
	})
}

func slicesKept(b *bench) {
	body, digest := sliceOf("x")
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.PutSlice(b.Context(), digest, body), tx.PutSlice(b.Context(), digest, body))
	})
	if err := b.s.Write(b.Context(), func(tx *store.Tx) error { return tx.PutSlice(b.Context(), digest, []byte("other")) }); err == nil {
		b.Error("bytes were stored under a digest that is not theirs")
	}
	b.read(func(r *store.Reader) error {
		got, err := r.Slice(b.Context(), digest)
		if err != nil || !bytes.Equal(got, body) {
			b.Errorf("slice is %q, %v", got, err)
		}
		return nil
	})
}
