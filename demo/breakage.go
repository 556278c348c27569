package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What can be broken by one button, and mended by another.
const (
	KillSite        = "kill-site"        // the site that serves loses its power
	KillStandby     = "kill-standby"     // the other one does
	StopReplication = "stop-replication" // the ledger's copy is not fed any more
	CutLink         = "cut-link"         // neither site reaches the other; customers notice nothing
	BadDeploy       = "bad-deploy"       // a version of the payments applications that fails every second request
)

// Breaks lists them, in the order in which they are shown.
func Breaks() []string { return []string{KillSite, StopReplication, CutLink, BadDeploy, KillStandby} }

// wound is what is broken, and the site the bank lived at when it was.
type wound struct {
	serving string
	since   time.Time
}

// Break breaks something that is whole; Mend makes it whole again.
func (e *Estate) Break(ctx context.Context, what string) error { return e.turn(ctx, what, true) }

// Mend makes whole what Break broke. What was done about it meanwhile stays.
func (e *Estate) Mend(ctx context.Context, what string) error { return e.turn(ctx, what, false) }

// Broken lists what is broken now.
func (e *Estate) Broken() (all []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, what := range Breaks() {
		if _, broken := e.wounds[what]; broken {
			all = append(all, what)
		}
	}
	return all
}

func (e *Estate) turn(ctx context.Context, what string, broken bool) error {
	e.mu.Lock()
	w, was := e.wounds[what]
	e.mu.Unlock()
	if was == broken {
		return nil
	}
	if broken {
		w = wound{servingSite(ctx, e.dir), time.Now()}
	}
	if err := e.inflict(ctx, what, w.serving, broken); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if broken {
		e.wounds[what] = w
	} else {
		delete(e.wounds, what)
	}
	return nil
}

func (e *Estate) inflict(ctx context.Context, what, serving string, broken bool) error {
	other := otherSite(serving)
	power := func(site string) error {
		if broken {
			return e.Kill(site)
		}
		return e.Restart(ctx, site)
	}
	order := map[bool]string{false: "heal"}
	switch what {
	case KillSite:
		return power(serving)
	case KillStandby:
		return power(other)
	case StopReplication:
		order[true] = "unfed"
		return e.order(ctx, order[broken], FilterNodes(func(n Node) bool { return n.System == "ledger" && n.Role == "db" && n.Site == other }))
	case CutLink:
		order[true] = faultPartition
		return e.order(ctx, order[broken], FilterNodes(func(Node) bool { return true }))
	case BadDeploy:
		order[true] = faultBad
		return e.order(ctx, order[broken], FilterNodes(func(n Node) bool { return n.System == "payments" && n.Role == "app" && n.Site == serving }))
	}
	return fmt.Errorf("nothing is broken by %q; there are %s", what, strings.Join(Breaks(), ", "))
}

// order gives nodes a verb; those of a site without power have their fault already.
func (e *Estate) order(ctx context.Context, verb string, nodes []Node) error {
	for _, n := range nodes {
		if !e.Alive(n.Site) {
			continue
		}
		if out, exit := e.Command(ctx, n.ID, verb); exit != 0 {
			return fmt.Errorf("%s %s: %s", n.ID, verb, strings.TrimSpace(out))
		}
	}
	return nil
}

// FilterNodes lists the nodes that fit.
func FilterNodes(fits func(Node) bool) []Node {
	return slices.DeleteFunc(Nodes(), func(n Node) bool { return !fits(n) })
}

// stageView is what the console's bar shows.
type stageView struct {
	Breaks []stageBreak `json:"breaks"`
}

type stageBreak struct {
	ID     string `json:"id"`
	Broken bool   `json:"broken"`
	Site   string `json:"site,omitempty"` // the bank lived there when it was broken
}

// Stage is behind the "break something" buttons of the console: GET tells what is broken, POST
// {"break": WHAT} or {"mend": WHAT} changes it.
func (e *Estate) Stage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			var ask struct{ Break, Mend string }
			err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&ask)
			if err == nil && !slices.Contains(Breaks(), ask.Break+ask.Mend) {
				err = fmt.Errorf("there are %s", strings.Join(Breaks(), ", "))
			}
			if err != nil {
				reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
				return
			}
			if err := e.turn(r.Context(), ask.Break+ask.Mend, ask.Break != ""); err != nil {
				reply(w, http.StatusConflict, map[string]string{"error": err.Error()})
				return
			}
		}
		reply(w, http.StatusOK, e.stage())
	})
}

func (e *Estate) stage() stageView {
	e.mu.Lock()
	defer e.mu.Unlock()
	v := stageView{}
	for _, what := range Breaks() {
		w, broken := e.wounds[what]
		v.Breaks = append(v.Breaks, stageBreak{what, broken, w.serving})
	}
	return v
}

// pack is JSON as a request's body.
func pack(v any) (*bytes.Reader, error) {
	b, err := json.Marshal(v)
	return bytes.NewReader(b), err
}
