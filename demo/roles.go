package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// role does what the node is there for. Two kinds of request go down the same path: /book changes
// the ledger, /can/WHAT only asks whether it could, down to the database that would be written.
func (n *node) role(r *http.Request, body []byte) (int, []byte) {
	switch n.Role {
	case "frontdoor":
		return n.site.ask(r.Context(), n, "channels", "gateway", r.Method, r.URL.Path, body)
	case "gateway":
		return n.site.ask(r.Context(), n, n.System, "app", r.Method, r.URL.Path, body)
	case "app":
		return n.app(r, body)
	case "cache":
		return http.StatusOK, []byte("hit\n")
	case "queue":
		n.depth.Add(1)
		return http.StatusAccepted, nil
	case "db":
		return n.dbRole(r, body)
	}
	return http.StatusNotFound, []byte("nothing here\n")
}

// app is the heart of each system.
func (n *node) app(r *http.Request, body []byte) (int, []byte) {
	ctx, path := r.Context(), r.URL.Path
	if what, ok := strings.CutPrefix(path, "/can/"); ok {
		return n.can(ctx, what)
	}
	t, err := parseTransaction(body)
	if err != nil {
		return http.StatusBadRequest, []byte(err.Error() + "\n")
	}
	post := func(system, role string) (int, []byte) {
		return n.site.ask(ctx, n, system, role, http.MethodPost, path, body)
	}
	switch {
	case n.System == "channels" && t.Kind == "login":
		return post("identity", "gateway")
	case n.System == "channels" && t.Kind == "payment":
		return post("payments", "gateway")
	case n.System == "channels":
		return post("ledger", "app")
	case n.System == "payments":
		// The order first, then the booking: both are keyed by the customer's id, so a retry that
		// finds the order but not the booking completes it.
		if code, b := post("payments", "db"); code != http.StatusOK {
			return code, b
		}
		code, b := post("ledger", "app")
		if code == http.StatusOK {
			post("payments", "queue")
		}
		return code, b
	case n.System == "ledger":
		post("ledger", "cache")
		code, b := post("ledger", "db")
		if code == http.StatusOK {
			post("ledger", "queue")
		}
		return code, b
	}
	post("identity", "cache")
	return post("identity", "db")
}

// can asks the systems behind this one whether a customer's wish could be fulfilled now. The wish
// "serve" is about this node's own part; what lies behind may be at the other site.
func (n *node) can(ctx context.Context, what string) (int, []byte) {
	if what == "serve" && n.System != "channels" && n.System != "payments" {
		what = "write"
	} else if what == "serve" {
		what = "transfer"
	}
	get := func(system, role string) (int, []byte) {
		return n.site.ask(ctx, n, system, role, http.MethodGet, "/can/"+what, nil)
	}
	switch {
	case n.System == "channels" && what == "login":
		return get("identity", "gateway")
	case n.System == "channels" && what == "pay":
		return get("payments", "gateway")
	case n.System == "channels":
		return get("ledger", "app")
	case n.System == "payments":
		if code, b := get("payments", "db"); code != http.StatusOK {
			return code, b
		}
		return get("ledger", "app")
	}
	return get(n.System, "db")
}

// linked says whether the other site is reached. A site that is down answers nothing either; then nobody can
// tell.
func (n *node) linked(ctx context.Context) (yes, known bool) {
	ctx, cancel := context.WithTimeout(ctx, hopTimeout)
	defer cancel()
	_, _, err := n.site.request(ctx, n, n.Peer(), http.MethodGet, "/healthz", nil, false)
	return err == nil, err == nil || errors.Is(err, errPartition)
}

func (n *node) dbRole(r *http.Request, body []byte) (int, []byte) {
	if strings.HasPrefix(r.URL.Path, "/can/") {
		st := n.db.status()
		if !st.Writable {
			return http.StatusBadGateway, []byte(n.ID + " takes no writes\n")
		}
		return http.StatusOK, []byte(fmt.Sprintf("yes: %s, epoch %d, %d rows\n", n.ID, st.History[len(st.History)-1].Epoch, st.Size))
	}
	t, err := parseTransaction(body)
	if err != nil {
		return http.StatusBadRequest, []byte(err.Error() + "\n")
	}
	row, err := n.db.write(t.ID, t.Amount)
	if err != nil {
		return http.StatusBadGateway, []byte(n.ID + " " + err.Error() + "\n")
	}
	b, err := json.Marshal(row)
	if err != nil {
		return http.StatusInternalServerError, []byte(err.Error() + "\n")
	}
	return http.StatusOK, append(b, '\n')
}

// work is what batch and transfer nodes do all day: they take from their system's queues.
func (n *node) work(ctx context.Context) {
	for pause(ctx, 250*time.Millisecond) {
		st := n.snapshot()
		if !st.Active || st.Drained || n.is(faultHang) {
			continue
		}
		for _, spec := range n.site.order {
			if q := n.site.nodes[spec.ID]; q.Role == "queue" && q.System == n.System {
				n.depth.Add(q.depth.Swap(0))
			}
		}
	}
}

// followRecord keeps this site's DNS node in step with the other's: the higher serial wins.
func (n *node) followRecord(ctx context.Context) {
	for {
		if !n.is(faultHang) {
			n.adoptRecord(ctx)
		}
		if !pause(ctx, 200*time.Millisecond) {
			return
		}
	}
}

func (n *node) adoptRecord(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hopTimeout)
	defer cancel()
	var rec record
	if err := n.site.get(ctx, n, n.Peer(), "/record", &rec); err != nil {
		return
	}
	if _, err := n.change(func(s *nodeState) {
		if rec.Serial > s.Record.Serial {
			s.Record = rec
		}
	}); err != nil {
		n.site.logf("%s: %v", n.ID, err)
	}
}

// fenceEarly asks the peer, before an old primary opens its port, whether there is a newer one.
func (n *node) fenceEarly(ctx context.Context) {
	if !n.db.isPrimary() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hopTimeout)
	defer cancel()
	if st, ok := n.askPeer(ctx); ok {
		if _, err := n.db.hear(st); err != nil {
			n.site.logf("%s: %v", n.ID, err)
		}
	}
}
