//go:build !race

// Package api holds real servers against docs/openapi.yaml: schemathesis makes requests up from it, good
// ones and bad ones, and reads every answer. Whatever is sent, the server must not fail (5xx) and must
// answer as the document says: with such a status, in such a media type, of such a shape.
package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/switchman-dr/switchman/docs"
)

// What every answer is held against. Left out are the checks that ask for more than the document says:
// requests refused that no schema forbids (an unknown query parameter), accepted that a rule forbids (a
// run of a system that is moving), and what is only a matter of taste (405 instead of 404).
const checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"

// stream has no end, so schemathesis would wait for it until it gave up. (*bank).streams opens it instead.
const stream = "/api/events"

func TestTheServerKeepsToItsDescription(t *testing.T) {
	tool, err := exec.CommandContext(t.Context(), "../../.ci/schemathesis").Output()
	if err != nil {
		t.Fatalf("schemathesis: %v", err)
	}
	program := build(t)
	try := func(name, command string, prepare func(*bank) (dictionaries, []string)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, program, command)
			words, flags := prepare(b)
			b.examine(strings.TrimSpace(string(tool)), words, flags...)
		})
	}
	try("somebody of the demo who moves systems", "demo", func(b *bank) (dictionaries, []string) {
		moved := b.drill("identity-switchover")
		waiting := b.request("payments-switchover", "drill")
		v := b.reaches(waiting, "awaiting_approval")
		words := dictionaries{
			"run":    {moved.ID, waiting},
			"plan":   {"identity-switchover", "payments-switchover", "ledger-switchover", "bank-failover"},
			"person": {"lin", "chen", "qi"},
			"nonce":  {v.Round.Nonce},
		}
		for _, s := range moved.Steps {
			words["step"] = append(words["step"], s.ID)
			for _, e := range s.Evidence {
				words["digest"] = append(words["digest"], e.Digest)
			}
		}
		return words, []string{"--header", "X-Switchman-As: lin"}
	})
	try("an administrator with a token", "serve", func(b *bank) (dictionaries, []string) {
		return dictionaries{"plan": {"bank-switchover"}, "person": {"qi", "chen"}},
			[]string{"--header", "Authorization: Bearer " + b.token("bai"), "--checks", checks + ",ignored_auth", "--phases", "fuzzing"}
	})
	t.Run("whoever follows the journal", func(t *testing.T) {
		t.Parallel()
		open(t, program, "serve").streams()
	})
	try("nobody, from a page of the server's own", "serve", func(b *bank) (dictionaries, []string) {
		return dictionaries{"person": {"lin", "chen"}}, []string{"--header", "Origin: " + b.base, "--phases", "fuzzing"}
	})
}

func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "switchman")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../cmd/switchman").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return program
}

// dictionaries are values that mean something to a server, by the name of the parameter or field they are
// for. Without them nearly every answer would be that there is no such thing.
type dictionaries map[string][]string

func (d dictionaries) file(t *testing.T) string {
	t.Helper()
	var lists, uses strings.Builder
	for name, values := range d {
		list, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lists, "[dictionaries.%s]\nvalues = %s\n", name, list)
		for _, place := range []string{"path", "query", "body"} {
			fmt.Fprintf(&uses, "\"%s.%s\" = {dictionary = %q, probability = 0.8}\n", place, name, name)
		}
	}
	path := filepath.Join(t.TempDir(), "schemathesis.toml")
	if err := os.WriteFile(path, []byte(lists.String()+"[parameters]\n"+uses.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// examine lets schemathesis loose on the server. One worker: several at once upset CPython's parser. The seed
// is fixed, so that what fails fails again; the soak takes others, and five times as many.
func (b *bank) examine(tool string, words dictionaries, flags ...string) {
	b.Helper()
	description, err := filepath.Abs("../../docs/openapi.yaml")
	if err != nil {
		b.Fatal(err)
	}
	examples, seed := "20", []string{"--seed", "1"}
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		examples, seed = "100", nil
	}
	args := []string{"--config-file", words.file(b.T), "run", description, "--url", b.base, "--max-examples", examples, "--checks", checks,
		"--exclude-path", stream, "--generation-database", "none", "--continue-on-failure", "--no-color", "--request-timeout", "30"}
	cmd := exec.CommandContext(b.Context(), tool, slices.Concat(args, seed, flags)...)
	cmd.Dir = b.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s\nthe server said:\n%s", err, out, b.log)
	}
	tested := regexp.MustCompile(`(?m)^\s+Tested:\s+(\d+)`).FindSubmatch(out)
	if tested == nil {
		b.Fatalf("schemathesis does not say what it tested:\n%s", out)
	}
	if n, _ := strconv.Atoi(string(tested[1])); n != operations(b.T)-1 {
		b.Errorf("%d operations were tested; the document has %d, one of them a stream", n, operations(b.T))
	}
	for line := range strings.Lines(b.log.String()) {
		if strings.Contains(line, "request ended in an error") || strings.Contains(line, "panic") {
			b.Error(line)
		}
	}
	b.Logf("%s", regexp.MustCompile(`(?m)^\s+\d+ generated.*$`).Find(out))
}

func operations(t *testing.T) (n int) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(docs.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range doc.Paths.Map() {
		n += len(item.Operations())
	}
	return n
}

// streams opens the one operation that schemathesis cannot, well and badly.
func (b *bank) streams() {
	b.Helper()
	token := b.token("lin")
	for _, try := range []struct {
		query, last, kind string
		code              int
	}{
		{"", "", "text/event-stream", 200},
		{"?from=0&run=nobody&lang=zh", "", "text/event-stream", 200},
		{"?from=9223372036854775807", "", "application/json", 400},
		{"?from=-1", "", "application/json", 400},
		{"?from=%00", "", "application/json", 400},
		{"?from=1e3", "", "application/json", 400},
		{"", "0", "text/event-stream", 200},
		{"", "9223372036854775807", "application/json", 400},
		{"", "-1", "application/json", 400},
		{"", "last", "application/json", 400},
		{"", strings.Repeat("9", 5000), "application/json", 400},
	} {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, b.base+stream+try.query, nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		if try.last != "" {
			req.Header.Set("Last-Event-ID", try.last)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		if kind := res.Header.Get("Content-Type"); res.StatusCode != try.code || kind != try.kind {
			b.Errorf("%q after %.20q: HTTP %d %s, want %d %s", try.query, try.last, res.StatusCode, kind, try.code, try.kind)
		}
		if err := res.Body.Close(); err != nil {
			b.Error(err)
		}
	}
}
