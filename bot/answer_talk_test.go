package bot

import (
	"bufio"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/knowledge"
)

// TestFollowUp: what was asked a moment ago is carried over where a question leans on it, and counts less.
func TestFollowUp(t *testing.T) {
	h := open(t)
	l := h.shelve(books())
	q := Question{Text: "replication lag of a standby", Person: "ada", Company: Alone, Talk: "t"}
	if got := l.lean(q).text(); got != q.Text {
		t.Errorf("%q", got)
	}
	q.Text = "and how do I stop what causes it?"
	if got := l.lean(q).text(); strings.Count(got, "stop") != 2 || strings.Count(got, "replication") != 1 {
		t.Errorf("%q", got)
	}
	q.Text = "why?"
	if got := l.lean(q).text(); strings.Count(got, "why") != 4 || strings.Count(got, "stop") != 2 || strings.Count(got, "replication") != 1 {
		t.Errorf("further back it counts less: %q", got)
	}
	q.Text = "what about the third?"
	if got := l.lean(q); len(got.before) != leansMost || strings.Contains(got.text(), "replication") {
		t.Errorf("what is far back is carried for ever: %q", got)
	}
	if got := l.lean(Question{Text: q.Text, Talk: "another"}); len(got.before) != 0 {
		t.Errorf("another talk was carried over: %q", got)
	}
	q.Text = "where do customers look for maintenance windows?"
	if got := l.lean(q); len(got.before) != 0 {
		t.Errorf("a complete question leans on %q", got.before)
	}
	q.Text = "why?"
	if got := l.lean(q); len(got.before) != 1 || !strings.Contains(got.before[0], "customers") {
		t.Errorf("a new subject does not end the one before: %q", got)
	}
	h.clock.advance(time.Hour)
	if got := l.lean(q); len(got.before) != 0 {
		t.Errorf("an old question was carried over: %q", got)
	}
}

// TestFollowUpIsSaidAndShared: a person reads what their question was taken with, and shares that very answer.
func TestFollowUpIsSaidAndShared(t *testing.T) {
	h := open(t)
	l := h.shelve(books())
	h.in(Alone, "ada", "ask how far is a standby behind, by replication lag?")
	r := h.in(Alone, "ada", "ask what about the batch that causes it?")
	if got := flat(r.Card); !strings.Contains(got, "how far is a standby behind") || !strings.Contains(got, "Pause it; do not kill it") {
		t.Error(got)
	}
	told, err := l.Ask(context.Background(), Question{Text: "how far is a standby behind, by replication lag?", Person: "ada", Company: Alone, Talk: "x"})
	if err != nil || told.Carried != "" {
		t.Fatalf("%+v, %v", told, err)
	}
	told, err = l.Ask(context.Background(), Question{Text: "why?", Person: "ada", Company: Alone, Talk: "x"})
	if err != nil || !strings.Contains(told.Carried, "standby behind") || told.Verdict != knowledge.Answered {
		t.Fatalf("%+v, %v", told, err)
	}
	kept, _ := l.lately(told.Asked)
	again := kept.question
	again.Talk, again.Company, again.Channel = "", InChannel, House
	if shared, err := l.Ask(context.Background(), again); err != nil || shared.Sources[0].Passage != told.Sources[0].Passage {
		t.Errorf("shared is %+v, %v", shared, err)
	}
}

// follow is a question, one that leans on it, and the runbook that answers both.
type follow struct{ first, then, doc string }

func followUps() []follow {
	return []follow{
		{"A PostgreSQL standby falls behind, how do I measure it?", "and what if the line is slow?", "postgres/replication-lag.md"},
		{"A PostgreSQL standby falls behind, how do I measure it?", "how much is too much?", "postgres/replication-lag.md"},
		{"How do I promote the PostgreSQL standby of the ledger by hand?", "how do I prove it worked?", "postgres/promote-by-hand.md"},
		{"How do I promote the PostgreSQL standby of the ledger by hand?", "what next?", "postgres/promote-by-hand.md"},
		{"Transaction ids run out, wraparound", "does that refuse writes?", "postgres/wraparound.md"},
		{"Transaction ids run out, wraparound", "how do I verify it?", "postgres/wraparound.md"},
		{"The database volume fills up with WAL", "can I delete it?", "postgres/disk-full.md"},
		{"The database volume fills up with WAL", "what about log files?", "postgres/disk-full.md"},
		{"Sessions wait for a lock in PostgreSQL", "may I kill them?", "postgres/locks.md"},
		{"Sessions wait for a lock in PostgreSQL", "and prepared transactions?", "postgres/locks.md"},
		{"restore PostgreSQL to a point in time", "how do I prove it?", "postgres/restore-pitr.md"},
		{"restore PostgreSQL to a point in time", "how often?", "postgres/restore-pitr.md"},
		{"Messages pile up in the RabbitMQ queue", "can I purge them?", "queue/backlog.md"},
		{"Messages pile up in the RabbitMQ queue", "how long will that take?", "queue/backlog.md"},
		{"a poison message nobody can process", "whose fault is it?", "queue/poison-message.md"},
		{"a poison message nobody can process", "how do I put them back?", "queue/poison-message.md"},
		{"Redis evicts keys, memory is full", "which ones are large?", "redis/memory.md"},
		{"Redis evicts keys, memory is full", "and fragmentation?", "redis/memory.md"},
		{"lowering the TTL of bank.example before a move", "when do I start with it?", "dns/lower-ttl-before-a-move.md"},
		{"lowering the TTL of bank.example before a move", "what afterwards?", "dns/lower-ttl-before-a-move.md"},
		{"DNSSEC signature of the zone has expired", "who may order that?", "dns/zone-signing.md"},
		{"both front doors claim the VRRP address", "how do I make sure of this?", "loadbalancer/both-claim-address.md"},
		{"A gateway has no healthy backend, 503", "and after a reload?", "loadbalancer/no-healthy-backend.md"},
		{"A Kubernetes node is not ready", "how do I take it out of use?", "kubernetes/node-not-ready.md"},
		{"emergency access, break glass", "where is it?", "access/emergency-access.md"},
		{"emergency access, break glass", "who else?", "access/emergency-access.md"},
		{"PostgreSQL 表和索引膨胀怎么办？", "为什么？", "postgres/bloat.md"},
		{"PostgreSQL 表和索引膨胀怎么办？", "对备库的影响呢？", "postgres/bloat.md"},
		{"数据库连接数耗尽怎么处理？", "那怎么确认恢复？", "postgres/connections.md"},
		{"数据库连接数耗尽怎么处理？", "谁占用了？", "postgres/connections.md"},
		{"缓存故障后怎么预热？", "那要多久？", "redis/failure-and-warming.md"},
		{"缓存故障后怎么预热？", "只坏一台呢？", "redis/failure-and-warming.md"},
		{"PostgreSQL 复制中断怎么处理？", "那怎么重建？", "postgres/replication-broken.md"},
		{"PostgreSQL 复制中断怎么处理？", "如果两边分叉？", "postgres/replication-broken.md"},
		{"RabbitMQ 内存告警怎么办？", "要重启它吗？", "queue/memory-alarm.md"},
		{"RabbitMQ 内存告警怎么办？", "磁盘告警呢？", "queue/memory-alarm.md"},
		{"DNS 区域传送失败", "然后怎么对比序列号？", "dns/zone-transfer.md"},
		{"安全码输错了怎么办？", "这个能重置吗？", "access/issuing-the-code.md"},
		{"对客公告由谁批准？", "还有短信？", "communication/notices-to-customers.md"},
		{"前门摘流怎么做？", "那怎么恢复？", "loadbalancer/drain-front-door.md"},
	}
}

// asked reads questions of the evaluation, each complete on its own.
func asked(t *testing.T, file string) (all []string) {
	t.Helper()
	f, err := os.Open("../evals/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var one struct {
			Question string `json:"question"`
		}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one.Question)
	}
	return all
}

// TestWhatFollows measures the rule: what leans on a question is seen, and what is complete is left alone.
func TestWhatFollows(t *testing.T) {
	seen := 0
	for _, f := range followUps() {
		if follows(f.first) {
			t.Errorf("%q is complete", f.first)
		}
		if follows(f.then) {
			seen++
		} else {
			t.Logf("missed: %q", f.then)
		}
	}
	if all := len(followUps()); seen*100 < 95*all {
		t.Errorf("%d of %d follow-ups are seen", seen, all)
	}
	for _, q := range []string{"who brings lunch?", "is it safe to restart Redis?", "is there a runbook for DNS?", "Redis evicts keys", "DNS 怎么切？"} {
		if follows(q) {
			t.Errorf("%q is taken for a follow-up", q)
		}
	}
	wrong := 0
	all := append(asked(t, "questions.jsonl"), asked(t, "unanswerable.jsonl")...)
	for _, q := range all {
		if follows(q) {
			wrong++
			t.Logf("complete, and taken for a follow-up: %q", q)
		}
	}
	if len(all) < 200 || wrong*100 > 2*len(all) {
		t.Errorf("%d of %d complete questions are taken for follow-ups", wrong, len(all))
	}
}

// TestNameTakesThePlace: a name in a follow-up stands for the names of the question before.
func TestNameTakesThePlace(t *testing.T) {
	for _, c := range []struct{ before, then, without string }{
		{"How do I measure replication lag on PostgreSQL?", "and on MySQL?", "PostgreSQL"},
		{"Redis 内存满了怎么办", "那 RabbitMQ 呢", "Redis"},
	} {
		got := leaning{question: c.then, before: []string{c.before}}.text()
		if strings.Contains(got, c.without) || !strings.Contains(got, strings.TrimSpace(strings.TrimSuffix(c.before, c.without+"?")[len("Redis"):])) {
			t.Errorf("%s, %s: %q", c.before, c.then, got)
		}
	}
	for _, then := range []string{"and after that?", "那然后呢", "And why?"} {
		if got := (leaning{question: then, before: []string{"How do I stop PostgreSQL?"}}).text(); !strings.Contains(got, "PostgreSQL") {
			t.Errorf("%s: %q", then, got)
		}
	}
}

// TestFollowUpFindsTheSubject measures what carrying over is for, over the sample's runbooks: with it a
// follow-up finds the runbook the talk is about, without it many don't; and a question about something else
// in the middle of the talk finds what it would have found.
func TestFollowUpFindsTheSubject(t *testing.T) {
	files, err := fs.Sub(data.FS(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	x := knowledge.New(knowledge.Options{})
	if _, err := x.Sync(t.Context(), knowledge.Source{Name: "runbooks", FS: files}); err != nil {
		t.Fatal(err)
	}
	first := func(text string) string {
		found, err := x.Search(t.Context(), knowledge.Query{Text: text, Audience: x.Labels()})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Results) == 0 {
			return ""
		}
		return strings.TrimPrefix(found.Results[0].Passage.Doc.Path, "runbooks/")
	}
	h := open(t)
	l := NewLibrary(LibraryConfig{Clock: h.clock.clock()})
	alone, carried := 0, 0
	for _, f := range followUps() {
		l.lean(Question{Text: f.first, Talk: "t"})
		if first(f.then) == f.doc {
			alone++
		}
		if got := first(l.lean(Question{Text: f.then, Talk: "t"}).text()); got == f.doc {
			carried++
		} else {
			t.Logf("%q, then %q: %s", f.first, f.then, got)
		}
	}
	t.Logf("of %d follow-ups %d find the runbook of the talk, %d by themselves", len(followUps()), carried, alone)
	if all := len(followUps()); carried*100 < 90*all || carried-alone < 12 {
		t.Errorf("of %d follow-ups %d find the runbook of the talk, %d by themselves", all, carried, alone)
	}
	spoilt := 0
	for _, q := range asked(t, "questions.jsonl") { // each right after the one before it
		if got := l.lean(Question{Text: q, Talk: "other"}).text(); got != q && first(got) != first(q) {
			spoilt++
		}
	}
	if spoilt > 2 {
		t.Errorf("%d complete questions find something else in the middle of a talk", spoilt)
	}
}
