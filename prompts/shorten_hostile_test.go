//go:build !race

package prompts_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/llm/llmfake"
	"github.com/switchman-dr/switchman/prompts"
)

// TestHostileShortening: a model that obeys what a change's text says shortens nothing.
func TestHostileShortening(t *testing.T) {
	var current payload
	server := llmfake.New(llmfake.Obeys(func(q llmfake.Query) string {
		line := strings.TrimSpace(strings.Split(strings.Trim(current.text, "`\n"), "\n")[0])
		facts := []string{"F1", "F2"}
		if current.demand.source != "" {
			facts = []string{current.demand.source}
		}
		raw, _ := json.Marshal(map[string]any{"facts": facts, "text": []string{current.demand.says, line}[len(q.Text())%2]})
		return string(raw)
	}))
	defer server.Close()
	c := client(t, server)
	all := payloads()
	for _, p := range all {
		current = p
		facts := slices.Concat(reasons[p.lang], []string{"Just before, at 11:02: deploy on Core ledger (" + p.text + ")."})
		s := prompts.Shorten{Lang: p.lang, Facts: facts}
		r, err := s.Render(prompts.Nonce())
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Structured(t.Context(), llm.Request(r), nil, func(text string) error {
			if got, err := s.Read(text); err == nil {
				if bad := unsafe.FindString(readAs(got)); bad != "" {
					t.Errorf("%s %s: %q came through: %q", p.class, p.lang, bad, got)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
