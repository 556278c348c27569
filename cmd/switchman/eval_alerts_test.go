package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const stories = "../../evals/storms/testdata/stories/"

// TestEvalAlertsOnAStory: a recorded night gives one line for each situation, no line is in two of them, and
// lines of kinds that are not used are counted and hurt nobody.
func TestEvalAlertsOnAStory(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	out := filepath.Join(t.TempDir(), "out.jsonl")
	said := d.run("eval", "alerts", "--org", "../../data", "--in", stories+"zabbix-database.jsonl", "--out", out, "--json")
	if said.code != 0 {
		t.Fatalf("%d: %s", said.code, said.err)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	seen, found := map[string]bool{}, 0
	for line := range bytes.Lines(raw) {
		var s situationLine
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			t.Fatal(err)
		}
		for _, id := range s.Signals {
			if seen[id] {
				t.Errorf("%s is in two situations", id)
			}
			seen[id] = true
		}
		if s.Verdict == "recommend" {
			found++
			if s.Plan != "ledger-failover" || s.Confidence < 0.9 || len(s.Why) == 0 || s.VerdictAt.IsZero() || s.FirstAt.IsZero() {
				t.Errorf("%s", line)
			}
			for _, why := range s.Why {
				if strings.Contains(why, "{") || !strings.Contains(why, " ") {
					t.Errorf("no sentence: %q", why)
				}
			}
		}
	}
	if found != 1 {
		t.Errorf("%d recommendations:\n%s", found, raw)
	}
	said = d.run("eval", "alerts", "--org", "../../data", "--in", stories+"quiet-night.jsonl", "--out", out, "--json")
	if said.code != 0 || !strings.Contains(said.out, `"skipped":2`) {
		t.Errorf("%d: %s%s", said.code, said.out, said.err)
	}
}

// TestEvalAlertsNamesTheLine: what cannot be read is named with file and line, and ends with 4.
func TestEvalAlertsNamesTheLine(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	good := `{"at":"2026-05-04T02:11:00Z","id":"a","alert":{"status":"firing","labels":{"alertname":"X","instance":"ledger-db-e1"},"startsAt":"2026-05-04T02:10:00Z"}}`
	for _, bad := range []string{
		`{"at":`, `[]`, `{"id":"b","alert":{"status":"firing","labels":{"a":"b"}}}`, `{"at":"noon","id":"b","alert":{}}`,
		`{"at":"2026-05-04T02:11:00Z","alert":{"status":"firing","labels":{"a":"b"}}}`, `{"at":"2026-05-04T02:11:00Z","id":"b","alert":{"status":"what","labels":{"a":"b"}}}`,
		`{"at":"2026-05-04T02:11:00Z","id":"b","alert":{"status":"firing"}}`, `{"at":"2026-05-04T02:11:00Z","id":"b","change":{"system":"ledger"}}`,
		`{"at":"2026-05-04T02:11:00Z","id":"b","alert":7}`,
	} {
		in := filepath.Join(t.TempDir(), "in.jsonl")
		if err := os.WriteFile(in, []byte(good+"\n\n"+bad+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		said := d.run("eval", "alerts", "--in", in, "--out", filepath.Join(t.TempDir(), "out.jsonl"))
		if said.code != 4 || !strings.Contains(said.err, fmt.Sprintf("%s:3: ", in)) {
			t.Errorf("%s: %d %s", bad, said.code, said.err)
		}
	}
	if said := d.run("eval", "alerts", "--in", "nowhere.jsonl", "--out", "x"); said.code != 5 {
		t.Errorf("no input: %d %s", said.code, said.err)
	}
}

// TestEvalStormsReadsItsOwnFiles: a day written as files gives, through eval alerts and an organisation
// without roster, policy and runbooks, what it gave where it was made.
func TestEvalStormsReadsItsOwnFiles(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	dir := t.TempDir()
	made := d.run("eval", "storms", "--seed", "102", "--days", "1", "--write", dir, "--json")
	if made.code != 0 {
		t.Fatalf("%d: %s", made.code, made.err)
	}
	var report map[string]any
	if err := json.Unmarshal([]byte(made.out), &report); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"days", "incidents", "b3", "merged", "scope_right", "recommended", "precision", "recall", "false_per_day", "ece", "plans_on_partition", "baselines", "alerts_per_s"} {
		if _, ok := report[key]; !ok {
			t.Errorf("no %q in the report", key)
		}
	}
	out := filepath.Join(dir, "out.jsonl")
	if read := d.run("--org", filepath.Join(dir, "102", "org"), "eval", "alerts", "--in", filepath.Join(dir, "102", "lines.jsonl"), "--out", out); read.code != 0 {
		t.Fatalf("%d: %s", read.code, read.err)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(raw), `"verdict":"recommend"`); float64(got) != report["recommended"] {
		t.Errorf("%d recommendations from the files, %v where the day was made", got, report["recommended"])
	}
	for _, wrong := range [][]string{{"--days", "0"}, {"--noise", "99"}, {"--stale", "2"}, {"--world", "atlantis"}} {
		if said := d.run(append([]string{"eval", "storms"}, wrong...)...); said.code != 2 {
			t.Errorf("%v: %d %s", wrong, said.code, said.err)
		}
	}
}
