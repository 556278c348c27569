package actions

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// pgState is what a server tells of itself in one look. Positions are bytes since the beginning of its log.
type pgState struct {
	Standby   bool
	ReadOnly  bool  // default_transaction_read_only, for a session that begins now
	System    int64 // the same for a primary and all its copies
	Timeline  int64
	At        int64 // primary: end of its log; standby: how far it has replayed
	Received  int64 // standby
	Told      int64 // standby: end of the primary's log, when it was last heard of
	Lag       int64 // standby: ms since the newest commit it has, 0 when it has all it was told of; -1: not known
	Heard     int64 // standby: ms since its primary was last heard; -1: not connected
	Sender    string
	Streaming bool  // standby: it receives
	Copies    int64 // servers that receive from here
	CopyLag   int64 // ms of the slowest of them; -1: not known
	Slots     int64
	IdleSlots int64
	Writers   int64 // other sessions that have written and not ended
	Prepared  int64 // prepared transactions
}

const pgStateSQL = `
SELECT r.standby, current_setting('default_transaction_read_only')::bool, (SELECT system_identifier FROM pg_control_system()),
  CASE WHEN r.standby THEN coalesce(w.received_tli, (SELECT greatest(c.timeline_id, r.min_recovery_end_timeline) FROM pg_control_checkpoint() c, pg_control_recovery() r))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
  CASE WHEN r.standby THEN coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0) ELSE pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') END::bigint,
  CASE WHEN r.standby THEN greatest(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0'), pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0) ELSE 0 END::bigint,
  coalesce(pg_wal_lsn_diff(w.latest_end_lsn, '0/0'), 0)::bigint,
  CASE WHEN r.standby THEN coalesce((extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint, -1) ELSE -1 END,
  coalesce((extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time) * 1000)::bigint, -1),
  coalesce(w.sender_host || ':' || w.sender_port, ''), coalesce(w.status = 'streaming', false),
  (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'),
  (SELECT coalesce(max((extract(epoch FROM replay_lag) * 1000)::bigint), -1) FROM pg_stat_replication),
  (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_replication_slots WHERE NOT active),
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL),
  (SELECT count(*) FROM pg_prepared_xacts)
FROM (SELECT pg_is_in_recovery() AS standby) r LEFT JOIN pg_stat_wal_receiver w ON true`

// look reads the state of a server.
func (c *pgConn) look(ctx context.Context) (*pgState, error) {
	p := &pgState{}
	err := c.QueryRow(ctx, pgStateSQL).Scan(&p.Standby, &p.ReadOnly, &p.System, &p.Timeline, &p.At, &p.Received, &p.Told, &p.Lag, &p.Heard,
		&p.Sender, &p.Streaming, &p.Copies, &p.CopyLag, &p.Slots, &p.IdleSlots, &p.Writers, &p.Prepared)
	if err != nil {
		return nil, fmt.Errorf("reading the state of the server: %w", err)
	}
	if p.Standby && p.Streaming && p.At >= max(p.Received, p.Told) {
		p.Lag = 0
	}
	return p, nil
}

// behind is how many bytes a standby knows that it lacks.
func (p *pgState) behind() int64 { return max(0, max(p.Received, p.Told)-p.At) }

func (p *pgState) frozen() bool { return !p.Standby && p.ReadOnly && p.Writers+p.Prepared == 0 }

func (p *pgState) facts() map[string]int64 {
	f := map[string]int64{"timeline": p.Timeline, "position": p.At, "slots": p.Slots, "slots_idle": p.IdleSlots, "copies": p.Copies, "standby": 0, "read_only": 0}
	if p.ReadOnly {
		f["read_only"] = 1
	}
	if !p.Standby {
		f["writers"], f["prepared"] = p.Writers, p.Prepared
		if p.CopyLag >= 0 {
			f["copy_lag_ms"] = p.CopyLag
		}
		return f
	}
	f["standby"], f["lag_bytes"], f["connected"] = 1, p.behind(), 0
	if p.Streaming {
		f["connected"], f["heard_ms"] = 1, p.Heard
	}
	if p.Lag >= 0 {
		f["lag_ms"] = p.Lag
	}
	return f
}

// remains is what acts tell that prepare a standby for later. How far that one is behind is no loss of the run.
func (p *pgState) remains() map[string]int64 {
	f := p.facts()
	delete(f, "lag_ms")
	return f
}

func (p *pgState) words() string {
	mode := "takes writes"
	if p.ReadOnly {
		mode = fmt.Sprintf("read-only, %d writing, %d prepared", p.Writers, p.Prepared)
	}
	if !p.Standby {
		return fmt.Sprintf("primary, timeline %d, %s, %d standbys connected, %d slots (%d idle)", p.Timeline, mode, p.Copies, p.Slots, p.IdleSlots)
	}
	from := "receives nothing"
	if p.Streaming {
		from = "receives from " + p.Sender
	}
	age := "not known how old"
	if p.Lag >= 0 {
		age = fmt.Sprintf("%d ms behind", p.Lag)
	}
	return fmt.Sprintf("standby, timeline %d, %s, %s, %d bytes to replay", p.Timeline, from, age, p.behind())
}

// pgClaims are what can be asked of a server: whether it is so, given its state.
func pgClaims() map[string]func(*pgScene, context.Context, *pgState) (bool, error) {
	plain := func(so func(*pgState) bool) func(*pgScene, context.Context, *pgState) (bool, error) {
		return func(_ *pgScene, _ context.Context, p *pgState) (bool, error) { return so(p), nil }
	}
	return map[string]func(*pgScene, context.Context, *pgState) (bool, error){
		"primary":  plain(func(p *pgState) bool { return !p.Standby }),
		"writable": plain(func(p *pgState) bool { return !p.Standby && !p.ReadOnly }),
		"frozen":   plain((*pgState).frozen),
		"standby": func(s *pgScene, _ context.Context, p *pgState) (bool, error) {
			return p.Standby && (!s.params.has("max_lag") || p.Lag >= 0 && p.Lag <= s.params.span("max_lag").Milliseconds()), nil
		},
		"streaming": func(s *pgScene, _ context.Context, p *pgState) (bool, error) { return s.follows(p), nil },
		"caught-up": func(s *pgScene, ctx context.Context, p *pgState) (bool, error) {
			peer, err := s.peer(ctx)
			if err != nil {
				return false, err
			}
			return p.Standby && p.System == peer.System && p.At >= peer.At, nil
		},
	}
}

// claim looks whether something is so. What an act leaves is claimed too, though no plan can ask for it.
func (s *pgScene) claim(ctx context.Context, is string) (Sight, error) {
	p, err := s.conn.look(ctx)
	if err != nil {
		return Sight{}, err
	}
	s.facts = p.facts()
	so := false
	switch is {
	case "unfrozen":
		so = !p.ReadOnly
	case "slot":
		so, err = s.slotThere(ctx)
	case "checkpoint": // one since the promotion, for pg_rewind reads the timeline from there
		err = s.ask(ctx, "SELECT timeline_id = "+strconv.FormatInt(p.Timeline, 10)+" FROM pg_control_checkpoint()", &so)
	default:
		so, err = pgClaims()[is](s, ctx, p)
	}
	if err != nil {
		return Sight{}, err
	}
	found, word := dr.FoundNotDone, "not "
	if so {
		found, word = dr.FoundDone, ""
	}
	return s.sight(found, s.facts, "%s%s: %s", word, is, p.words()), nil
}

// follows reports whether a standby receives, and from its peer where the call names one.
func (s *pgScene) follows(p *pgState) bool {
	peer := s.params.text("peer")
	if !p.Streaming || peer == "" {
		return p.Streaming
	}
	host, port, err := pgHostPort(peer)
	return err == nil && strings.EqualFold(p.Sender, host+":"+port)
}

// peer reads the state of the other server.
func (s *pgScene) peer(ctx context.Context) (*pgState, error) {
	named := s.params.text("peer")
	if named == "" {
		return nil, errors.New("the other server is missing: say peer")
	}
	conn, err := s.postgres(ctx, named)
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	defer conn.hangUp()
	p, err := conn.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	return p, nil
}
