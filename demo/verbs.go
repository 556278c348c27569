package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"
)

// verbList is what can be asked of a node; anything else is a usage error.
const verbList = "status is can start stop drain undrain activate deactivate record " +
	"freeze unfreeze promote demote rejoin lag rpo count rows served cut hang slow partition bad-deploy unfed heal"

// teller takes one line of a verb's output as soon as it is known.
type teller func(line string)

// verb carries out one verb and returns its exit code: 0 done (also when it was done before), 1
// refused or failed, 2 nobody can tell or no such verb.
func (n *node) verb(ctx context.Context, args []string, say teller) int {
	if len(args) == 0 || !slices.Contains(strings.Fields(verbList), args[0]) {
		say("verbs: " + verbList)
		return 2
	}
	verb, rest := args[0], args[1:]
	switch verb {
	case "start", "stop", "hang", "slow", "partition", "bad-deploy", "unfed", "heal":
		return n.fromOutside(ctx, verb, say) // done to the node, not by it, so a hanging node is no obstacle
	}
	if n.is(faultHang) {
		<-ctx.Done() // that is what hanging means; the caller's timeout ends it
		return 2
	}
	if n.snapshot().Stopped && verb != "status" && verb != "is" {
		say(n.ID + " is stopped")
		return 1
	}
	if n.is(faultSlow) && !pause(ctx, slowness) {
		return 2
	}
	switch verb {
	case "status":
		say(n.line())
		return 0
	case "is":
		return n.sayIs(ctx, rest, say)
	case "can":
		return n.sayCan(ctx, rest, say)
	case "drain", "undrain", "activate", "deactivate":
		return n.inService(ctx, verb, say)
	case "record":
		return sayJSON(say, n.snapshot().Record)
	}
	if n.db == nil {
		say(fmt.Sprintf("%s is a %s; %s is for databases", n.ID, n.Role, verb))
		return 2
	}
	return n.dbVerb(ctx, verb, rest, say)
}

// took is how long a verb believably takes on this node: the same each time, a little different
// from node to node.
func (n *node) took(base time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(n.ID))
	return base + base*time.Duration(h.Sum32()%60)/100
}

func (n *node) fromOutside(ctx context.Context, verb string, say teller) int {
	switch verb {
	case "start":
		return n.start(ctx, say)
	case "stop":
		changed, err := n.change(func(s *nodeState) { s.Stopped = true })
		if err != nil {
			return failed(say, err)
		}
		if !changed {
			say(n.ID + " is stopped already")
			return 0
		}
		say("stopping " + n.ID + ": waiting for requests under way")
		pause(ctx, n.took(40*time.Millisecond))
		n.shut()
		say("ok: " + n.ID + " is stopped")
		return 0
	case "heal":
		n.mu.Lock()
		n.faults = nil
		n.mu.Unlock()
		if _, err := n.change(func(s *nodeState) { s.Version = goodVersion }); err != nil {
			return failed(say, err)
		}
		say("ok: " + n.ID + " has no faults")
		return 0
	}
	n.mu.Lock()
	faults := maps.Clone(n.faults)
	if faults == nil {
		faults = map[string]bool{}
	}
	faults[verb] = true
	n.faults = faults
	n.mu.Unlock()
	if verb == faultBad {
		if _, err := n.change(func(s *nodeState) { s.Version = badVersion }); err != nil {
			return failed(say, err)
		}
	}
	say("ok: " + n.ID + " has the fault " + verb)
	return 0
}

func (n *node) start(ctx context.Context, say teller) int {
	n.mu.Lock()
	running := n.server != nil
	n.mu.Unlock()
	if running {
		say(n.ID + " is running already")
		return 0
	}
	say("starting " + n.ID + " " + n.snapshot().Version)
	pause(ctx, n.took(60*time.Millisecond))
	if n.db != nil {
		n.fenceEarly(ctx)
	}
	// The node lives as long as its site, not as long as this request.
	if err := n.listen(context.WithoutCancel(ctx)); err != nil {
		return failed(say, err)
	}
	if _, err := n.change(func(s *nodeState) { s.Stopped = false }); err != nil {
		return failed(say, err)
	}
	say("ok: " + n.ID + " is running, health check green")
	return 0
}

// inService moves a node in and out of work.
func (n *node) inService(ctx context.Context, verb string, say teller) int {
	was := n.snapshot()
	done, doing, already := "", "", false
	switch verb {
	case "drain":
		done, doing, already = "drained", "no new work; letting what is under way finish", was.Drained
	case "undrain":
		done, doing, already = "open for work", "taking work again", !was.Drained
	case "activate":
		done, doing, already = "active", n.activation(), was.Active && (n.Role != "dns" || was.Record.Site == n.Site)
	case "deactivate":
		done, doing, already = "passive", "handing over to "+n.Peer(), !was.Active
	}
	if already {
		say(n.ID + " is " + done + " already")
		return 0
	}
	say(n.ID + ": " + doing)
	if verb == "activate" && n.Role == "dns" {
		n.adoptRecord(ctx) // so that our number is the highest even if we were cut off for a while
	}
	_, err := n.change(func(s *nodeState) {
		switch verb {
		case "drain", "undrain":
			s.Drained = verb == "drain"
		case "deactivate":
			s.Active, s.Drained = false, false // a passive node relays; a drained one would turn people away
		default:
			s.Active, s.Drained = true, false
			if n.Role == "dns" {
				s.Record = record{Site: n.Site, Serial: s.Record.Serial + 1}
			}
		}
	})
	if err != nil {
		return failed(say, err)
	}
	pause(ctx, n.took(n.effort(verb)))
	say("ok: " + n.ID + " is " + done)
	return 0
}

// effort is how long a role takes for its part of a move.
func (n *node) effort(verb string) time.Duration {
	ms := time.Duration(40)
	switch {
	case verb == "drain" && (n.Role == "batch" || n.Role == "transfer"):
		ms = 250 // the item under way is finished
	case verb == "activate" && n.Role == "cache":
		ms = 250
	case verb == "activate" && (n.Role == "app" || n.Role == "dns"):
		ms = 80
	}
	return ms * time.Millisecond
}

func (n *node) activation() string {
	switch n.Role {
	case "cache":
		return "warming 512 keys from the database"
	case "dns":
		return "bank.example now answers with the front doors of " + n.Site
	case "queue", "batch", "transfer":
		return "taking over the intake"
	}
	return "joining the pool, health check green"
}

// question answers what is asked of a node by `is`.
func (n *node) question(ctx context.Context, what string) (yes, known bool) {
	st := n.snapshot()
	switch what {
	case "running":
		return !st.Stopped, true
	case "stopped":
		return st.Stopped, true
	case "healthy":
		n.mu.Lock()
		defer n.mu.Unlock()
		return !st.Stopped && len(n.faults) == 0, true
	case "active":
		return st.Active && (n.Role != "dns" || st.Record.Site == n.Site), true
	case "passive":
		return !st.Active, true
	case "drained":
		return st.Drained, true
	case "open":
		return !st.Drained, true
	}
	if n.Role == "dns" && what == "linked" {
		return n.linked(ctx)
	}
	if n.db == nil {
		return false, false
	}
	return n.dbQuestion(ctx, what)
}

// sayIs answers for scripts by exit code and for people in a line.
func (n *node) sayIs(ctx context.Context, rest []string, say teller) int {
	if len(rest) != 1 {
		say("usage: demo-node NODE is WHAT")
		return 2
	}
	yes, known := n.question(ctx, rest[0])
	if rest[0] == "caught-up" && known {
		// Two facts for whoever keeps the numbers, in the form name=number.
		l := n.db.lag()
		say(fmt.Sprintf("lag_rows=%d", l.Rows))
		say(fmt.Sprintf("lag_ms=%d", max(0, l.Millis)))
	}
	switch {
	case !known && rest[0] == "linked":
		say("nobody can tell: nothing at the other site answers")
		return 2
	case !known:
		say(fmt.Sprintf("%s: no such question for a %s: %s", n.ID, n.Role, rest[0]))
		return 2
	case yes:
		say(fmt.Sprintf("%s is %s: yes", n.ID, rest[0]))
		return 0
	}
	say(fmt.Sprintf("%s is %s: no", n.ID, rest[0]))
	return 1
}

// sayCan asks down to the database whether a customer's wish could be fulfilled now.
func (n *node) sayCan(ctx context.Context, rest []string, say teller) int {
	if len(rest) != 1 {
		say("usage: demo-node NODE can login|transfer|pay")
		return 2
	}
	code, b, err := n.site.request(ctx, n, n.ID, "GET", "/can/"+rest[0], nil, false)
	if err != nil {
		return failed(say, err)
	}
	say(fmt.Sprintf("%s can %s: HTTP %d %s", n.ID, rest[0], code, strings.TrimSpace(string(b))))
	return btoi(code != 200)
}

func failed(say teller, err error) int {
	say("failed: " + err.Error())
	return 1
}

// line describes the node in one line.
func (n *node) line() string {
	st := n.snapshot()
	words := []string{fmt.Sprintf("%-22s %-5s %-9s", n.ID, n.Site, n.Role)}
	switch {
	case st.Stopped:
		words = append(words, "stopped")
	case n.db != nil:
		d := n.db.status()
		words = append(words, dbWords(d, n.db.lag()))
	case n.Role == "dns":
		words = append(words, fmt.Sprintf("bank.example → %s, serial %d", st.Record.Site, st.Record.Serial))
	case st.Drained:
		words = append(words, "drained")
	case st.Active:
		words = append(words, "active")
	default:
		words = append(words, "passive")
	}
	n.mu.Lock()
	faults := slices.Sorted(maps.Keys(n.faults))
	n.mu.Unlock()
	if len(faults) > 0 {
		words = append(words, "faults: "+strings.Join(faults, ", "))
	}
	return strings.Join(words, " ")
}

func dbWords(d dbStatus, l Lag) string {
	what := d.Role
	if d.Frozen && d.Role == "primary" {
		what += " (frozen)"
	}
	if d.Fenced {
		what += " (fenced)"
	}
	if d.Diverged {
		what += " (diverged: rejoin it)"
	}
	lag := "lag not known"
	if l.Known {
		lag = fmt.Sprintf("lag %d rows, %d ms", l.Rows, l.Millis)
	}
	return fmt.Sprintf("%s, epoch %d, %d rows, %s", what, d.History[len(d.History)-1].Epoch, d.Size, lag)
}

// sayJSON writes one line for machines.
func sayJSON(say teller, v any) int {
	b, err := json.Marshal(v)
	if err != nil {
		return failed(say, err)
	}
	say(string(b))
	return 0
}
