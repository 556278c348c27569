package demo

import (
	"fmt"
	"strings"
)

// metrics is the node's page in the Prometheus text format.
func (n *node) metrics() string {
	var b strings.Builder
	st := n.snapshot()
	label := fmt.Sprintf(`node=%q,system=%q,site=%q,role=%q`, n.ID, n.System, n.Site, n.Role)
	put := func(name, kind, help string, value any, more string) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n%s{%s%s} %v\n", name, help, name, kind, name, label, more, value)
	}
	put("sample_up", "gauge", "The service runs (sample data).", 1, "")
	put("sample_active", "gauge", "The service is in the active pool.", btoi(st.Active), "")
	put("sample_drained", "gauge", "The service takes no new work.", btoi(st.Drained), "")
	put("sample_build_info", "gauge", "Version of the service.", 1, fmt.Sprintf(`,version=%q`, st.Version))
	requests := n.requests.Load()
	put("sample_requests_total", "counter", "Requests served.", requests, "")
	put("sample_request_failures_total", "counter", "Requests answered with 5xx.", n.failures.Load(), "")
	put("sample_request_seconds_sum", "counter", "Time spent on requests.", float64(n.micros.Load())/1e6, "")
	switch n.Role {
	case "db":
		n.dbMetrics(put)
	case "dns":
		put("sample_dns_serial", "counter", "Number of the newest record.", st.Record.Serial, fmt.Sprintf(`,answers=%q`, st.Record.Site))
	case "queue":
		put("sample_queue_depth", "gauge", "Events waiting.", n.depth.Load(), "")
	case "batch", "transfer":
		put("sample_work_done_total", "counter", "Items worked off.", n.depth.Load(), "")
	}
	return b.String()
}

func (n *node) dbMetrics(put func(name, kind, help string, value any, more string)) {
	d, l := n.db.status(), n.db.lag()
	put("sample_db_primary", "gauge", "This database is the primary.", btoi(d.Role == "primary"), "")
	put("sample_db_writable", "gauge", "This database takes writes.", btoi(d.Writable), "")
	put("sample_db_epoch", "counter", "Fencing epoch.", d.History[len(d.History)-1].Epoch, "")
	put("sample_db_rows", "gauge", "Rows of the ledger.", d.Size, "")
	put("sample_db_replication_lag_rows", "gauge", "Rows the copy lacks.", l.Rows, "")
	put("sample_db_replication_lag_ms", "gauge", "Age of the oldest row the copy lacks; -1: not known.", l.Millis, "")
}
