package demo

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Monitor is the monitoring a bank has: it looks at the nodes, the copies and the link, and posts what
// Alertmanager would to whoever listens. It knows nothing of what was broken; it looks.
type Monitor struct {
	estate  *Estate
	ears    Ears
	client  *http.Client
	looks   map[string]int       // in a row that found the same, by alert
	fires   map[string]alert     // by fingerprint
	late    map[string]bool      // alert names whose last message was not taken
	counts  map[string][2]int64  // requests and failures of a node at the last look
	failing map[string]int64     // percent of a node's requests, where it is too much
	told    map[string]time.Time // changes that were told
	beat    int
	done    sync.WaitGroup
	stop    context.CancelFunc
}

// Ears is where a monitor posts to.
type Ears struct {
	Server       string // http://HOST:PORT
	Alertmanager string // path and secret of the hooks
	Change       string
	AlertSecret  string
	ChangeSecret string
}

const (
	sure       = 3   // looks in a row before an alert fires, and before it is resolved
	badShare   = 0.2 // of requests failing
	leastAsked = 3   // requests between two looks, or nothing is said about a share
	noiseEvery = 60  // looks between two alerts about nothing
	noiseLasts = 15
)

// alert is one of Alertmanager's, version 4.
type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Generator   string            `json:"generatorURL"`
	Fingerprint string            `json:"fingerprint"`
}

// Monitor looks at a pace until ctx ends or Stop is called. An alert fires, and is resolved, after three looks
// that found the same.
func (e *Estate) Monitor(ctx context.Context, pace time.Duration, ears Ears) *Monitor {
	ctx, stop := context.WithCancel(ctx)
	m := &Monitor{estate: e, ears: ears, stop: stop, looks: map[string]int{}, fires: map[string]alert{}, late: map[string]bool{}, counts: map[string][2]int64{}, told: map[string]time.Time{}, failing: map[string]int64{},
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 5 * time.Second}}}
	m.done.Go(func() {
		for pause(ctx, pace) {
			m.look(ctx)
		}
	})
	return m
}

// Stop ends the looking.
func (m *Monitor) Stop() {
	m.stop()
	m.done.Wait()
	m.client.CloseIdleConnections()
}

// look is one round: what is seen, compared with what fires, told where it differs.
func (m *Monitor) look(ctx context.Context) {
	m.beat++
	seen := map[string]alert{}
	note := func(name, severity, summary string, labels map[string]string) {
		labels["alertname"], labels["severity"] = name, severity
		a := alert{Labels: labels, Annotations: map[string]string{"summary": Watermark + ": " + summary}}
		a.Fingerprint = fingerprint(labels)
		seen[a.Fingerprint] = a
	}
	up := m.nodes(ctx, note)
	m.copies(ctx, up, note)
	m.link(ctx, up, note)
	m.customers(ctx, note)
	busy := FilterNodes(func(n Node) bool { return n.Role == "batch" && up[n.ID] })
	if len(busy) > 0 && m.beat%noiseEvery < noiseLasts { // batch runs; it is so every day
		n := busy[(m.beat/noiseEvery*3)%len(busy)]
		note("CPUHigh", "warning", n.ID+" is busy", labelsOf(n, m.estate.base))
	}
	m.changes(ctx)
	m.tell(ctx, m.settle(seen, time.Now()))
}

// settle decides what fires and what has ended, and names the alerts there is something new to say of.
func (m *Monitor) settle(seen map[string]alert, now time.Time) map[string]bool {
	news := maps.Clone(m.late)
	for f, a := range seen {
		if m.looks[f] = max(m.looks[f], 0) + 1; m.looks[f] < sure {
			continue
		}
		if old, fires := m.fires[f]; !fires || old.Status == "resolved" {
			a.Status, a.StartsAt = "firing", now.UTC()
			m.fires[f], news[a.Labels["alertname"]] = a, true
		}
	}
	for f, n := range m.looks {
		if _, still := seen[f]; still {
			continue
		}
		m.looks[f] = min(n, 0) - 1
		a, fires := m.fires[f]
		switch {
		case !fires && m.looks[f] <= -sure:
			delete(m.looks, f)
		case fires && a.Status == "firing" && m.looks[f] <= -sure:
			a.Status, a.EndsAt = "resolved", now.UTC()
			m.fires[f], news[a.Labels["alertname"]] = a, true
		}
	}
	return news
}

// tell posts the groups that changed, as Alertmanager does: with all their members.
func (m *Monitor) tell(ctx context.Context, names map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(names)) {
		group := map[string]any{"version": "4", "groupKey": fmt.Sprintf(`{}:{alertname=%q}`, name), "receiver": "switchman", "truncatedAlerts": 0,
			"groupLabels": map[string]string{"alertname": name}, "commonLabels": map[string]string{"alertname": name}, "commonAnnotations": map[string]string{}, "externalURL": "http://monitor.bank.example"}
		all, status := []alert{}, "resolved"
		for _, a := range m.fires {
			if a.Labels["alertname"] == name {
				all = append(all, a)
				if a.Status == "firing" {
					status = "firing"
				}
			}
		}
		slices.SortFunc(all, func(a, b alert) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
		group["alerts"], group["status"] = all, status
		if m.late[name] = m.post(ctx, m.ears.Alertmanager, m.ears.AlertSecret, group) != nil; m.late[name] {
			continue
		}
		delete(m.late, name)
		for _, a := range all {
			if a.Status == "resolved" {
				delete(m.fires, a.Fingerprint)
				delete(m.looks, a.Fingerprint)
			}
		}
	}
}

// changes tells of roll-outs as the bank's pipeline would. The pipeline knows nothing of what comes of them.
func (m *Monitor) changes(ctx context.Context) {
	m.estate.mu.Lock()
	w, broken := m.estate.wounds[BadDeploy]
	m.estate.mu.Unlock()
	if !broken {
		return
	}
	if _, told := m.told[BadDeploy]; told && m.told[BadDeploy].Equal(w.since) {
		return
	}
	change := map[string]any{"kind": "deploy", "system": "payments", "site": w.serving, "by": "release pipeline", "summary": "payments applications " + badVersion + " rolled out, was " + goodVersion,
		"starts_at": w.since.UTC()}
	if m.post(ctx, m.ears.Change, m.ears.ChangeSecret, change) == nil {
		m.told[BadDeploy] = w.since
	}
}

func (m *Monitor) post(ctx context.Context, path, secret string, body any) error {
	b, err := pack(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.ears.Server+path, b)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(io.LimitReader(res.Body, 1000)); res.StatusCode >= 300 {
		return fmt.Errorf("HTTP %d: %s", res.StatusCode, text)
	}
	return nil
}

// noter takes what a look found wanting.
type noter func(name, severity, summary string, labels map[string]string)

// nodes asks every node whether it is well, and applications how many requests fail. It answers who is up.
func (m *Monitor) nodes(ctx context.Context, note noter) map[string]bool {
	all := Nodes()
	well, pages := make([]bool, len(all)), make([]string, len(all))
	var wait sync.WaitGroup
	for i, n := range all {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience) // who is gone refuses at once; who is only slow is there
			defer cancel()
			path := "/healthz"
			if n.Role == "app" {
				path = "/metrics"
			}
			page, err := fetch(ctx, m.client, n.Address(m.estate.base), path)
			well[i], pages[i] = err == nil, string(page)
		})
	}
	wait.Wait()
	up := map[string]bool{}
	for i, n := range all {
		if up[n.ID] = well[i]; !well[i] && ctx.Err() == nil {
			note("TargetDown", "critical", n.ID+" does not answer", labelsOf(n, m.estate.base))
		}
		if n.Role == "app" && well[i] {
			m.errors(n, pages[i], note)
		}
	}
	return up
}

// errors looks at the share of requests that failed since the last look.
func (m *Monitor) errors(n Node, page string, note noter) {
	now := [2]int64{counter(page, "sample_requests_total"), counter(page, "sample_request_failures_total")}
	before, known := m.counts[n.ID]
	asked, failed := now[0]-before[0], now[1]-before[1]
	if !known || asked >= leastAsked || asked < 0 {
		m.counts[n.ID] = now
	}
	if known && asked >= leastAsked { // else what was found before holds
		m.failing[n.ID] = 0
		if float64(failed) > badShare*float64(asked) {
			m.failing[n.ID] = 100 * failed / asked
		}
	}
	if share := m.failing[n.ID]; share > 0 {
		note("HighErrorRate", "critical", n.ID+": "+strconv.FormatInt(share, 10)+" % of requests fail", labelsOf(n, m.estate.base))
	}
}

// counter reads one number of a metrics page.
func counter(page, name string) int64 {
	for line := range strings.SplitSeq(page, "\n") {
		if rest, ok := strings.CutPrefix(line, name+"{"); ok {
			_, value, _ := strings.Cut(rest, "} ")
			n, _ := strconv.ParseFloat(value, 64)
			return int64(n)
		}
	}
	return 0
}

// copies asks each pair of databases whether the copy is fed.
func (m *Monitor) copies(ctx context.Context, up map[string]bool, note noter) {
	for _, n := range FilterNodes(func(n Node) bool { return n.Role == "db" && n.Site == West }) {
		if !up[n.ID] {
			if n, _ = FindNode(n.Peer()); !up[n.ID] {
				continue
			}
		}
		if m.says(ctx, n, "replicating") == "no" {
			labels := labelsOf(n, m.estate.base)
			labels["protection"] = n.System + "-stream"
			note("ReplicationBroken", "critical", "the copy of "+n.System+" is not fed", labels)
		}
	}
}

// link asks both ends whether they reach the other.
func (m *Monitor) link(ctx context.Context, up map[string]bool, note noter) {
	for _, n := range FilterNodes(func(n Node) bool { return n.Role == "dns" }) {
		if up[n.ID] && m.says(ctx, n, "linked") == "no" {
			note("LinkDown", "critical", n.Site+" does not reach "+otherSite(n.Site), map[string]string{"link": "dci", "site": n.Site})
		}
	}
}

// customers tries what a customer would.
func (m *Monitor) customers(all context.Context, note noter) {
	ctx, cancel := context.WithTimeout(all, 3*hopTimeout)
	defer cancel()
	serving := servingSite(ctx, m.estate.dir)
	for _, n := range FilterNodes(func(n Node) bool { return n.Role == "frontdoor" && n.Site == serving }) {
		if _, err := fetch(ctx, m.client, n.Address(m.estate.base), "/can/transfer"); err == nil {
			return
		}
	}
	if all.Err() == nil {
		note("ProbeFailed", "critical", "a customer cannot book a transfer", map[string]string{"system": "channels", "probe": "can-reach", "site": serving})
	}
}

// says is what a node answers to a question: yes, no, or nothing of use.
func (m *Monitor) says(ctx context.Context, n Node, what string) string {
	ctx, cancel := context.WithTimeout(ctx, 3*hopTimeout)
	defer cancel()
	switch _, err := fetch(ctx, m.client, n.Address(m.estate.base), "/is/"+what); err {
	case nil:
		return "yes"
	case answered(http.StatusConflict):
		return "no"
	}
	return ""
}

// labelsOf are those a scrape of the node has.
func labelsOf(n Node, base int) map[string]string {
	return map[string]string{"job": "node", "node": n.ID, "instance": n.Address(base), "system": n.System, "site": n.Site, "role": n.Role}
}

// fingerprint names an alert by its labels.
func fingerprint(labels map[string]string) string {
	h := fnv.New64a()
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(h, "%s\xff%s\xff", k, labels[k])
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
