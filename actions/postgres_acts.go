package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

const (
	pgPause = 20 * time.Millisecond // between two looks while waiting
	pgProbe = 3 * time.Second       // for a peer that may be dead
	pgAlive = 3 * time.Second       // since a standby has heard a primary that is taken for alive
)

// pgAct is one way to act, and what is claimed of the server afterwards.
type pgAct struct {
	do    func(*pgScene, context.Context) (string, error)
	shows string
}

func pgActs() map[string]pgAct {
	return map[string]pgAct{
		"freeze":     {(*pgScene).freeze, "frozen"},
		"unfreeze":   {(*pgScene).unfreeze, "unfrozen"},
		"catch-up":   {(*pgScene).catchUp, "caught-up"},
		"promote":    {(*pgScene).promote, "primary"},
		"repoint":    {(*pgScene).repoint, "streaming"},
		"slot":       {(*pgScene).slot, "slot"},
		"checkpoint": {(*pgScene).checkpoint, "checkpoint"},
	}
}

// until looks again and again, within the call's own patience. no says what was not so in the end.
func (s *pgScene) until(ctx context.Context, no string, so func() (bool, error)) error {
	patience := 30 * time.Second
	if s.params.has("for") {
		patience = s.params.span("for")
	}
	end := s.Clock.Now().Add(patience)
	for {
		ok, err := so()
		if ok || err != nil {
			return err
		}
		if !s.Clock.Now().Before(end) {
			return fmt.Errorf("%s within %s", no, patience)
		}
		select {
		case <-s.Clock.After(pgPause):
		case <-ctx.Done():
			return errors.New(no)
		}
	}
}

// freeze makes the server refuse writes by default, and ends the sessions it had: what was not committed by
// then is rolled back, what comes later is read-only unless it insists.
func (s *pgScene) freeze(ctx context.Context) (string, error) {
	if err := s.mayFreeze(ctx); err != nil {
		return "", err
	}
	if err := s.setting(ctx, "SET default_transaction_read_only = on", true); err != nil {
		return "", err
	}
	ended, err := s.endSessions(ctx)
	if err != nil {
		return "", fmt.Errorf("ending sessions: %w", err)
	}
	p, err := s.conn.look(ctx)
	if err != nil {
		return "", err
	}
	if !p.frozen() {
		return "", errors.New("somebody still writes: " + p.words())
	}
	s.facts = p.facts()
	s.facts["ended"] = ended
	return fmt.Sprintf("frozen, %d sessions ended; %s", ended, p.words()), nil
}

// mayFreeze refuses where a freeze would not hold.
func (s *pgScene) mayFreeze(ctx context.Context) error {
	p, err := s.conn.look(ctx)
	if err != nil {
		return err
	}
	exceptions := int64(0)
	if err := s.ask(ctx, `SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) c WHERE c ILIKE 'default\_transaction\_read\_only=%'
		AND NOT split_part(c, '=', 2)::bool`, &exceptions); err != nil {
		return fmt.Errorf("reading the settings of roles: %w", err)
	}
	switch {
	case p.Standby:
		return errors.New("it is a standby, which takes no writes")
	case p.Prepared > 0:
		return fmt.Errorf("%d prepared transactions could still be committed; end them first", p.Prepared)
	case exceptions > 0:
		return fmt.Errorf("%d roles or databases have default_transaction_read_only off of their own, so a freeze would not hold them", exceptions)
	}
	return nil
}

// endSessions ends every session that began before now, and every one that writes, until there is none.
func (s *pgScene) endSessions(ctx context.Context) (ended int64, err error) {
	since := time.Time{}
	if err := s.ask(ctx, "SELECT clock_timestamp()", &since); err != nil {
		return 0, err
	}
	fmt.Fprintln(&s.said, "pg_terminate_backend of every session that began before, and of every one that writes")
	err = s.until(ctx, "sessions did not end", func() (bool, error) {
		n := int64(0)
		err := s.conn.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
			AND (backend_xid IS NOT NULL OR backend_start < $1 AND NOT (usename = current_user AND application_name = current_setting('application_name')))`, since).Scan(&n)
		ended = max(ended, n)
		return n == 0, err
	})
	return ended, err
}

func (s *pgScene) unfreeze(ctx context.Context) (string, error) {
	if err := s.setting(ctx, "RESET default_transaction_read_only", false); err != nil {
		return "", err
	}
	p, err := s.conn.look(ctx)
	if err != nil {
		return "", err
	}
	s.facts = p.remains()
	return p.words(), nil
}

// setting changes default_transaction_read_only and waits until sessions that begin have it.
func (s *pgScene) setting(ctx context.Context, change string, want bool) error {
	if err := s.change(ctx, "ALTER SYSTEM "+change, ""); err != nil {
		return err
	}
	if err := s.change(ctx, "SELECT pg_reload_conf()", ""); err != nil {
		return err
	}
	return s.until(ctx, "the setting did not take effect (a command line or a role may override it)", func() (bool, error) {
		is := false
		err := s.ask(ctx, "SELECT current_setting('default_transaction_read_only')::bool", &is)
		return is == want, err
	})
}

// catchUp waits for the peer's last position, or measures what a failover would lose.
func (s *pgScene) catchUp(ctx context.Context) (string, error) {
	if s.params.text("mode") == "failover" {
		return s.measure(ctx)
	}
	return s.lossless(ctx)
}

// lossless wants the peer frozen and all of it here. What a frozen primary writes on its own afterwards
// (vacuum, checkpoints) holds nobody's data, so the position is read once.
func (s *pgScene) lossless(ctx context.Context) (string, error) {
	peer, err := s.peer(ctx)
	if err != nil {
		return "", err
	}
	here, err := s.conn.look(ctx)
	switch {
	case err != nil:
		return "", err
	case !here.Standby:
		return "", errors.New("recovery is not in progress: it is a primary already")
	case peer.System != here.System:
		return "", errors.New("the peer is another database, not the one this is a copy of")
	case peer.Standby:
		return "", errors.New("the peer is a standby, so there is no last position to wait for")
	case !peer.frozen():
		return "", errors.New("the peer still takes writes, freeze it first; it is " + peer.words())
	}
	err = s.until(ctx, "the standby has not replayed all of its peer", func() (bool, error) {
		now, err := s.conn.look(ctx)
		if err != nil {
			return false, err
		}
		here = now
		return here.At >= peer.At, nil
	})
	s.facts = here.facts()
	s.facts["lost_bytes"] = max(0, peer.At-here.At)
	if err != nil {
		return "", fmt.Errorf("%w; %d bytes are missing", err, peer.At-here.At)
	}
	s.facts["lag_ms"], s.facts["lag_bytes"] = 0, 0
	return "has all of its peer, nothing is lost; " + here.words(), nil
}

// measure says what would be lost if this standby were promoted now. A peer that still takes writes is the one
// thing it does not accept: two primaries would be worse than none. One that only this standby hears counts too.
func (s *pgScene) measure(ctx context.Context) (string, error) {
	short, cancel := context.WithTimeout(ctx, pgProbe)
	defer cancel()
	var peer *pgState
	if s.params.has("peer") {
		peer, _ = s.peer(short) // that it does not answer is why one fails over
	}
	here, err := s.conn.look(ctx)
	if err != nil {
		return "", err
	}
	if peer != nil && !peer.Standby && !peer.ReadOnly {
		return "", errors.New("the peer is alive and takes writes: freeze or stop it, or make a switchover")
	}
	if peer == nil {
		if here, err = s.silence(ctx); err != nil {
			return "", err
		}
	}
	s.facts = here.facts()
	delete(s.facts, "lag_bytes") // what was received is replayed before the promotion
	lost, text := int64(-1), "how many bytes are lost is not known while the peer is silent"
	switch {
	case peer != nil && !peer.Standby && peer.System == here.System:
		lost = max(0, peer.At-here.Received)
	case here.Told > 0:
		lost = max(0, here.Told-here.Received)
	}
	if lost >= 0 {
		s.facts["lost_bytes"] = lost
		text = fmt.Sprintf("%d bytes that the peer was known to have are missing", lost)
	}
	return text + "; " + here.words(), nil
}

// silence waits until this standby hears nobody either.
func (s *pgScene) silence(ctx context.Context) (here *pgState, err error) {
	err = s.until(ctx, "the primary does not answer, but the standby still hears it, so it lives: fence it first; it did not fall silent", func() (bool, error) {
		here, err = s.conn.look(ctx)
		return err == nil && (!here.Streaming || here.Heard >= pgAlive.Milliseconds()), err
	})
	return here, err
}

// promote checks as its mode says, then makes this standby the primary.
func (s *pgScene) promote(ctx context.Context) (string, error) {
	before, err := s.catchUp(ctx)
	if err != nil {
		return "", err
	}
	patience := cmp.Or(s.params.span("for"), 30*time.Second)
	promoted := false
	sql := fmt.Sprintf("SELECT pg_promote(true, %d)", max(1, int(patience.Seconds())))
	fmt.Fprintln(&s.said, before)
	if err := s.change(ctx, sql, ""); err != nil {
		return "", err
	}
	if err := s.ask(ctx, "SELECT NOT pg_is_in_recovery()", &promoted); err != nil {
		return "", fmt.Errorf("it was told to promote; asking whether it has: %w", err)
	}
	if !promoted {
		return "", errors.New("it was told to promote and is still a standby")
	}
	p, err := s.conn.look(ctx)
	if err != nil {
		return "", err
	}
	kept := s.facts
	s.facts = p.facts()
	for _, name := range []string{"lag_ms", "lost_bytes"} {
		if n, ok := kept[name]; ok {
			s.facts[name] = n
		}
	}
	return fmt.Sprintf("%s; before that: %s", p.words(), before), nil
}

// repoint makes a standby follow its peer, keeping everything else of how it connects.
func (s *pgScene) repoint(ctx context.Context) (string, error) {
	standby, old := false, ""
	if err := s.ask(ctx, "SELECT pg_is_in_recovery(), current_setting('primary_conninfo')", &standby, &old); err != nil {
		return "", err
	}
	host, port, err := pgHostPort(s.params.text("peer"))
	if err != nil {
		return "", errors.New("the server to follow is missing: say peer")
	}
	if !standby {
		return "", errors.New("it is a primary; it cannot follow anybody before it is rewound (pg_rewind)")
	}
	settings, err := parseConninfo(old)
	if err != nil {
		return "", err
	}
	delete(settings, "hostaddr")
	maps.Copy(settings, s.params.pairs("settings"))
	settings["host"], settings["port"] = host, port
	if err := s.follow(ctx, settings); err != nil {
		return "", err
	}
	p := &pgState{}
	err = s.until(ctx, "it does not receive from its peer", func() (bool, error) {
		p, err = s.conn.look(ctx)
		return err == nil && s.follows(p), err
	})
	if err != nil {
		return "", err
	}
	s.facts = p.remains()
	return p.words(), nil
}

// follow changes whom it follows. How it connects may hold a password, so that is not told.
func (s *pgScene) follow(ctx context.Context, settings map[string]string) error {
	told := "ALTER SYSTEM SET primary_conninfo = … host=" + settings["host"] + " port=" + settings["port"]
	if err := s.change(ctx, "ALTER SYSTEM SET primary_conninfo = "+pgLiteral(conninfo(settings)), told); err != nil {
		return err
	}
	if slot := s.params.text("slot"); slot != "" {
		if err := s.change(ctx, "ALTER SYSTEM SET primary_slot_name = "+pgLiteral(slot), ""); err != nil {
			return err
		}
	}
	return s.change(ctx, "SELECT pg_reload_conf()", "")
}

// slot makes a physical replication slot unless it is there.
func (s *pgScene) slot(ctx context.Context) (string, error) {
	name := s.params.text("slot")
	if name == "" {
		return "", errors.New("its name is missing: say slot")
	}
	there, err := s.slotThere(ctx)
	if err != nil || there {
		return "the slot is there", err
	}
	return "made the slot " + name, s.change(ctx, "SELECT pg_create_physical_replication_slot("+pgLiteral(name)+", true)", "")
}

func (s *pgScene) slotThere(ctx context.Context) (bool, error) {
	there := false
	err := s.ask(ctx, "SELECT count(*) > 0 FROM pg_replication_slots WHERE slot_type = 'physical' AND slot_name = "+pgLiteral(s.params.text("slot")), &there)
	return there, err
}

func (s *pgScene) checkpoint(ctx context.Context) (string, error) {
	return "a checkpoint is done", s.change(ctx, "CHECKPOINT", "")
}
