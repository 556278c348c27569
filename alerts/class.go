package alerts

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/switchman-dr/switchman/dr"
)

// class is what kind of trouble a signal speaks of, told by its words.
type class uint8

// The classes. What no word tells stays unknown and still counts by place and time.
const (
	classUnknown class = iota
	classDown
	classIO
	classReplication
	classLink
	classDisk
	classErrors
	classLatency
	classSaturation
	classCertificate
	classBackup
	classConfig // restarts, failed roll-outs, drift: what a bad change looks like
	classCount
)

// classes is a set of them.
type classes uint32

func (c classes) has(x class) bool { return c&(1<<x) != 0 }

// ripples are the classes trouble shows by where it did not begin.
const ripples = classes(1<<classUnknown | 1<<classDown | 1<<classErrors | 1<<classLatency | 1<<classSaturation | 1<<classConfig | 1<<classLink)

// hard classes say that something does not work; soft ones that it works badly.
const hardClasses = classes(1<<classDown | 1<<classIO | 1<<classReplication | 1<<classLink | 1<<classDisk)

// softClasses say by themselves nothing about what works, however bad they are called.
const softClasses = classes(1<<classUnknown | 1<<classBackup | 1<<classConfig)

// gauges are what only a machine that runs can say of itself.
const gauges = classes(1<<classSaturation | 1<<classLatency | 1<<classConfig)

// String is the class as it stands in arguments of sentences.
func (c class) String() string {
	return [...]string{"unknown", "down", "io", "replication", "link", "disk", "errors", "latency", "saturation", "certificate", "backup", "config"}[c]
}

// rule says that one word of each set together mean a class. Words are stems: "replicat" fits replication and
// replicating; a word of at most three letters must stand alone.
type rule struct {
	class class
	all   []string // sets of words, a bar between the words of one
	not   string
}

// rules are tried in this order: what a thing is about comes before how bad it is, so that "replication
// stopped" is replication and "disk latency" is I/O.
var rules = compileRules([]rule{
	{classCertificate, []string{"cert|certs|certificate|tls|ssl|x509|dnssec|keytab|licen", "expir|renew|ends|valid|until|days|signature|soon|old|invalid"}, ""},
	{classCertificate, []string{"cert|certificate|certificates|dnssec"}, "manager"},
	{classBackup, []string{"backup|backups|restore|snapshot|barman|pgbackrest|wal-g|rman"}, ""},
	{classBackup, []string{"archiv", "wal|log|failed|failing"}, ""},
	{classReplication, []string{"replicat|replica|standby|slave|secondary|mirror|walsender|walreceiver|binlog|dataguard|geo|follower|galera|quorum|cdp|journal|streaming|redo", "lag|lagging|behind|stop|stopped|broken|break|delay|delayed|fail|failed|failing|error|errors|disconnect|disconnected|down|suspend|paused|detached|lost|missing|sync|degraded|diverge|thread|not|halted|stale|interrupt|running|slot|inactive|apply|critical"},
		"set|sets|deployment|statefulset|pod|replicaset|consumer"},
	{classReplication, []string{"replication|repl|rpo|replicating|replag|srdf|hypermetro|recoverpoint|truecopy|snapmirror|metrocluster|pprc|drbd|mirrorview"}, ""},
	{classReplication, []string{"member|members|peer|peers|quorum|pacemaker|corosync|galera|raft", "down|lost|fail|failed|unreachable|partitioned|unhealthy|missing|left|gone"}, "bgp|ospf|lb|pool|backend|balancer|site|link|target"},
	{classReplication, []string{"sync|synchron|copy|protection", "lost|broken|stopped|suspended|behind|out"}, "clock|ntp|time|timex|clocks|file"},
	{classReplication, []string{"wal|apply|xlog|redo", "lag|behind|delay|stopped|stop|halted"}, ""},
	{classIO, []string{"io|i/o|iops", "error|errors|err|fail|failed|failing|failure|failures|timeout|timeouts|latency|stall|stuck|degraded|hang|slow|wait"}, ""},
	{classIO, []string{"ioerror|ioerrors|ioerr|eio|multipath|mpath|readonly|scsi|lun|luns|smart|raid|mdraid|hba|nvme|fibre|sector|sectors|medium|fc|iscsi|corrupt"}, ""},
	{classIO, []string{"read|remounted", "only"}, "replica|mode|transaction"},
	{classIO, []string{"disk|disks|storage|volume|array|filesystem|device|controller|san|block|datastore|enclosure|pool", "error|errors|fail|failed|failing|failure|failures|latency|slow|degraded|fault|faulty|unreachable|offline|lost|down|stall|timeout|bad|broken|hung|impaired"},
		"connection|connections|backend|thread|threads|member"},
	{classIO, []string{"write|writes|read|reads", "error|errors|fail|failed|failing|failure|failures|latency|slow|timeout|stall"}, "log|logs|logged|many|connection|connections|thread|threads"},
	{classIO, []string{"array|storage|shelf|enclosure|san", "critical|alarm|alert"}, "space|capacity|usage|free|full"},
	{classDisk, []string{"disk|disks|filesystem|fs|volume|volumes|inode|inodes|storage|pvc|persistentvolume|tablespace|datastore|partition|mount|mountpoint|space|pgdata|wal|log|logs|array",
		"full|fill|filling|filled|space|usage|used|free|low|out|almost|left|inodes|capacity|exhaust|running|growing|high|over|percent|critical|nearly|enospc|predict|available"}, "network|cpu|memory"},
	{classDisk, []string{"nospaceleft|enospc|diskfull|diskspace|outofspace|lowspace|diskfilling"}, ""},
	{classLink, []string{"interconnect|wan|dci|bgp|ospf|tunnel|vpn|circuit|fiber|mpls|peering|uplink|dwdm|backbone|trunk"}, ""},
	{classLink, []string{"packet|packets|retransmit|retransmission|retransmissions|loss|partition|partitioned|splitbrain|netsplit"}, "data|disk|table|power"},
	{classLink, []string{"link|network|interface|nic|bond|bonding|carrier|lacp|port", "down|loss|lost|flap|flapping|degraded|error|errors|fail|failed|partition|unreachable|drop|drops|dropped|cut|failure"}, ""},
	{classConfig, []string{"config|configuration|deploy|deployed|deployment|rollout|roll|release|canary|crashloop|crashlooping|crashloopbackoff|imagepull|schema|migration|drift|mismatch|generation|version|revision|reload|helm|manifest"}, "switch"},
	{classConfig, []string{"restart|restarts|restarting|restarted|crash", "loop|looping|often|many|times|pod|container|rate|keeps|restarting|restarts|backoff"}, ""},
	{classDown, []string{"down|unreachable|unavailable|notready|dead|absent|offline|crashed|silent|unresponsive|nodata|heartbeat|gone|outage|blackout|poweroff|poweredoff|halted|panic|vanished|died|dies|lost|disappeared|stopped|exited|killed|hung|inaccessible|isolated|unhealthy|disconnected|notresponding|nothealthy"},
		"memory|oom|packet|packets|shutdown|connections|count|target|slow"},
	{classDown, []string{"not|no|none|isnt|never|without", "ready|respond|responding|response|reply|replies|answer|answers|answering|reachable|running|open|up|heartbeat|reported|healthy|alive|available|leader|primary|master|connect|metrics|ping|signal|server"}, "slow"},
	{classDown, []string{"probe|healthcheck|health|ping|icmp|check|blackbox|scrape|synthetic|canary|endpoint|agent|exporter|liveness|tcp|http|https|socket|pgsql|connect|connection|login|monitor|tests|ssh|target|targets|conn",
		"critical|fail|failed|fails|failing|failure|timeout|timeouts|refused|missing|lost|down|unsuccessful|dropped|bad"}, "rate|ratio|sign|requests|many"},
	{classDown, []string{"missing|refused|missed", "target|targets|node|host|instance|instances|connection|heartbeats|scrapes|server|agent"}, ""},
	{classDown, []string{"power|powered|ups|feed|utility", "lost|fail|failed|failure|off|loss|outage|fault|battery|down"}, ""},
	{classDown, []string{"down"}, ""},
	{classSaturation, []string{"hpa|autoscaler|cpu|load|loadavg|memory|mem|oom|oomkilled|swap|heap|gc|connections|threads|pool|pools|queue|queues|backlog|saturat|throttl|overload|overloaded|quota|evict|descriptors|fds|conntrack|limit|limits|exhaust|consumer|capacity|utili|busy|pressure|utilization|maxed|inflight|locks|lock|sessions|deadletter|congest|contention|bandwidth|ring|buffer|buffers|entropy"}, ""},
	{classSaturation, []string{"traffic|request|requests|demand|rps|qps|tps|throughput|visitors|calls", "many|spike|unusual|anomaly|anomalous|surge|burst|peak|more|above|high|rate|rising|flood"}, "error|errors|fail|failed|failing|failure|failures|latency|slow|5xx|500|502|503|504|duration|drop|dropped|zero|low|success|reject|rejected|bad|timeout|timeouts"},
	{classErrors, []string{"5xx|500|502|503|504|error|errors|failing|failures|failed|exception|exceptions|slo|burn|budget|reject|rejected|rejections|rejects|errorrate|success|successes|fails|failure|declined|aborted|abort|4xx|fault|drops|dropped|unsuccessful|deadlock|deadlocks|lost|retries|invalid|bad"}, ""},
	{classLatency, []string{"latency|latencies|slow|slower|slowness|p99|p95|p90|p50|duration|delay|delayed|response|timeout|timeouts|apdex|rtt|late|lag|long|took|seconds|stuck|waits|wait|degraded"}, ""},
	{classConfig, []string{"change|changed|updated|upgrade|upgraded|restart|restarts|restarted"}, ""},
})

// compiled is a rule with its words in sets.
type compiled struct {
	class class
	all   []map[string]bool
	stems [][]string
	not   map[string]bool
}

func compileRules(in []rule) []compiled {
	out := make([]compiled, 0, len(in))
	for _, r := range in {
		c := compiled{class: r.class, not: map[string]bool{}}
		for _, w := range strings.Split(r.not, "|") {
			c.not[w] = w != ""
		}
		for _, list := range r.all {
			set := map[string]bool{}
			var stems []string
			for _, w := range strings.Split(list, "|") {
				set[w] = true
				if slices.Contains([]string{"replicat", "synchron", "archiv", "expir", "renew", "saturat", "throttl", "exhaust", "evict", "utili", "licen", "congest", "diverge", "interrupt"}, w) {
					stems = append(stems, w)
				}
			}
			c.all, c.stems = append(c.all, set), append(c.stems, stems)
		}
		out = append(out, c)
	}
	return out
}

// fits says whether one word of each set is there, each by a word of its own where it can be.
func (c compiled) fits(tokens []string) bool {
	for _, w := range tokens {
		if c.not[w] {
			return false
		}
	}
	for i, set := range c.all {
		if !slices.ContainsFunc(tokens, func(w string) bool {
			return set[w] || slices.ContainsFunc(c.stems[i], func(s string) bool { return strings.HasPrefix(w, s) })
		}) {
			return false
		}
	}
	return true
}

// classOf tells the class of a signal: by its name, else by what labels say it is about, else by its text.
func classOf(s dr.Signal) class {
	name := tokens(s.Name)
	if c := classify(name); c != classUnknown {
		return c
	}
	var more []string
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		if slices.Contains([]string{"check", "check_name", "category", "type", "class", "kind", "metric", "probe", "event", "reason", "problem", "symptom", "trigger", "rule", "rulename", "module"}, k) {
			more = append(more, tokens(s.Labels[k])...)
		}
	}
	if c := classify(append(slices.Clone(name), more...)); c != classUnknown {
		return c
	}
	for _, k := range []string{"summary", "title", "message", "description"} {
		if v := s.Annotations[k]; v != "" {
			if c := classify(tokens(cut(v, 240))); c != classUnknown {
				return c
			}
		}
	}
	return classUnknown
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n]
}

func classify(words []string) class {
	if len(words) == 0 {
		return classUnknown
	}
	for _, r := range rules {
		if r.fits(words) {
			return r.class
		}
	}
	return classUnknown
}

// tokens splits a name or a text into small words: at everything that is no letter or digit, and where a
// name written LikeThis turns. Words that stand together only in names are added in one piece, too.
func tokens(s string) []string {
	var out []string
	runes := []rune(s)
	start := -1
	flush := func(end int) {
		if start >= 0 && end > start {
			for run, rest := script(runes[start:end]); len(run) > 0; {
				if isHan(run[0]) {
					out = append(out, han(run)...)
				} else {
					w := strings.ToLower(string(run))
					if len(w) > 3 && strings.HasSuffix(w, "5xx") {
						out = append(out, "5xx")
					}
					out = append(out, w)
				}
				if run = nil; len(rest) > 0 {
					run, rest = script(rest)
				}
			}
		}
		start = -1
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			if r == '/' && i > 0 && i+1 < len(runes) && unicode.ToLower(runes[i-1]) == 'i' && unicode.ToLower(runes[i+1]) == 'o' {
				continue // I/O
			}
			flush(i)
			continue
		case start >= 0 && turns(runes, i):
			flush(i)
		}
		if start < 0 {
			start = i
		}
	}
	flush(len(runes))
	return out
}

// turns says whether a new word begins at i: a capital after a small letter, or the last capital of a run
// before a small letter (HTTPError, IOErrors), or small letters after digits.
func turns(r []rune, i int) bool {
	if !unicode.IsUpper(r[i]) || r[i] == 'X' && unicode.IsDigit(r[i-1]) {
		return false // 5XX is one word
	}
	if !unicode.IsUpper(r[i-1]) {
		return true
	}
	return i+1 < len(r) && unicode.IsLower(r[i+1])
}
