package actions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// postgresAction moves a PostgreSQL from one server to another: it stops writes, waits for the copy, promotes
// it and points the others at it. One connection for each call, closed at its end.
//
// What changes a server is told apart from what only asks. As long as nothing that changes was sent, an
// end is failed. The server's own no to the first change is failed too. After that only the probe knows.
type postgresAction struct {
	form
	host *host
}

func newPostgres(h *host) *postgresAction {
	return &postgresAction{host: h, form: newForm(dr.ActionSpec{
		Name: "postgres",
		Title: "Act on a PostgreSQL server (13 or newer) or look at it. do says what to do, is what should be true; one of them. " +
			"As a probe: true is done, not true is not done, no answer is inconclusive; a call with do looks whether its effect is there. promote must be of class once.",
		Kind:     dr.ActionStep,
		Classes:  []dr.Class{dr.Read, dr.Idempotent, dr.Once},
		CanProbe: true,
		Example:  `{action: postgres, with: {do: promote, address: "{address}", peer: "{peer_address}", user: switchman, password: "secret:PG"}, class: once}`,
		Params: append([]dr.ParamSpec{
			{Name: "do", Type: "string", Enum: slices.Sorted(maps.Keys(pgActs())), Doc: "freeze: make the primary refuse writes and end its sessions; unfreeze: take that back; catch-up: wait until the standby has all of its peer; promote: make the standby the primary; repoint: make a standby follow its peer; slot: make a replication slot; checkpoint"},
			{Name: "is", Type: "string", Enum: slices.Sorted(maps.Keys(pgClaims())), Doc: "primary, standby (lag at most max_lag), streaming (from peer, if given), caught-up (has all of its peer), frozen (the primary refuses writes and nobody is writing), writable (a primary that takes them)"},
			{Name: "mode", Type: "string", Enum: []string{"switchover", "failover"}, Doc: "of catch-up and promote. switchover (when not given): the peer must answer, be frozen, and nothing of it may be missing here. failover: refused only while the peer takes writes or the standby still hears it; what may be missing is measured."},
			{Name: "for", Type: "duration", Doc: "how long freeze, catch-up, promote and repoint wait for their effect; 30s when not given"},
			{Name: "max_lag", Type: "duration", Doc: "of standby: how old its data may be"},
			{Name: "peer", Type: "string", Pattern: pgAddress, Doc: "host or host:port of the other server: of catch-up and promote the one that was primary, of repoint the one to follow"},
			{Name: "slot", Type: "string", Pattern: `[a-z0-9_]{1,63}`, Doc: "replication slot to make, or of repoint: to use at the peer"},
			{Name: "settings", Type: "map", Doc: "of repoint: what to change in primary_conninfo besides host and port, such as user or sslmode. No secrets: the server keeps them in plain text; use its own passfile."},
			{Name: "tables", Type: "list", Doc: "as a side of reconcile, instead of do and is: tables to read, [schema.]name with a primary key, all of one moment"},
			{Name: "amounts", Type: "map", Doc: "with tables: the column to sum, by table"},
		}, pgConnParams()...),
	}, "password")}
}

// pgScene is one call to a server.
type pgScene struct {
	*scene
	conn    *pgConn
	changed bool             // something was changed, or may have been
	facts   map[string]int64 // for the report
	said    strings.Builder  // what was sent and answered
}

// Do acts.
func (x *postgresAction) Do(ctx context.Context, job Job) Result {
	s, err := x.scene(job)
	if err != nil {
		return s.refused(err)
	}
	do, is := s.params.text("do"), s.params.text("is")
	switch {
	case is != "":
		return s.step(ctx, func(ctx context.Context) (string, error) {
			sight, err := s.claim(ctx, is)
			if err == nil && sight.Found != dr.FoundDone {
				err = errors.New(sight.Text)
			}
			return sight.Text, err
		})
	case do == "promote" && job.Class != dr.Once && job.Class != "":
		return s.refused(errors.New("promote cannot be taken back; declare it class: once, with a probe"))
	case do != "catch-up" && job.Class == dr.Read:
		return s.refused(fmt.Errorf("%s changes the server and cannot be class: read", do))
	}
	act := pgActs()[do]
	return s.step(ctx, func(ctx context.Context) (string, error) { return act.do(s, ctx) })
}

// Look looks whether what the call says is so.
func (x *postgresAction) Look(ctx context.Context, job Job) Sight {
	s, err := x.scene(job)
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not looked: %v", err)
	}
	is := s.params.text("is")
	if is == "" {
		is = pgActs()[s.params.text("do")].shows
	}
	sight, err := s.open(ctx, func(ctx context.Context) (Sight, error) { return s.claim(ctx, is) })
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not looked: %v", err)
	}
	return sight
}

// scene checks a call that is not a side of a reconciliation.
func (x *postgresAction) scene(job Job) (*pgScene, error) {
	base, err := x.host.scene(x.form, job)
	s := &pgScene{scene: base, facts: map[string]int64{}}
	if err == nil && s.params.has("do") == s.params.has("is") {
		err = errors.New("postgres needs do or is, and only one of them; tables are read by reconcile")
	}
	return s, err
}

// open connects, works and hangs up.
func (s *pgScene) open(ctx context.Context, work func(context.Context) (Sight, error)) (Sight, error) {
	conn, err := s.postgres(ctx, s.params.text("address"))
	if err != nil {
		return Sight{}, err
	}
	defer conn.hangUp()
	s.conn = conn
	return work(ctx)
}

// step does one act and judges its end.
func (s *pgScene) step(ctx context.Context, act func(context.Context) (string, error)) Result {
	text := ""
	_, err := s.open(ctx, func(ctx context.Context) (Sight, error) {
		var err error
		text, err = act(ctx)
		return Sight{}, err
	})
	r := Result{}
	switch {
	case err == nil:
		r = s.result(dr.StepOK, 0, "%s", text)
	case !s.changed && s.conn == nil:
		r = s.refused(s.tell(ctx, err))
	case !s.changed:
		r = s.result(dr.StepFail, -1, "nothing was changed: %v", s.tell(ctx, err))
	default:
		r = s.result(dr.StepUnknown, -1, "not known how it ended: %v", s.tell(ctx, err))
	}
	if len(s.facts) > 0 {
		r.Facts = s.facts
	}
	k := s.keep(false)
	fmt.Fprintf(k, "%s%s\n", s.said.String(), r.Text)
	k.close()
	r.Files = k.files(r.State)
	r.Masked, r.MaskRules = s.count.Count, s.count.Rules
	return r
}

// tell puts the end of the time before what broke because of it.
func (s *pgScene) tell(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", why(ctx, s.job.Timeout), err)
	}
	return err
}
