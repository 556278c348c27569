package prompts_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/prompts"
)

// reasons are what a card says of a lost site.
var reasons = map[string][]string{
	"en": {"Harbor East is down since 11:04: 39 of its 39 machines are silent.", "Customers lose Customer channels, Core ledger, Payments.", "Just before, at 11:01, Chen Yu: deploy on Customer channels (web front 7.5.0).",
		"Customers may notice it in Payments.", "bank-failover must not run while replication is broken; Harbor West does not have the latest data."},
	"zh": {"Harbor East 自 11:04 起停止服务：39 台机器中有 39 台无响应。", "客户无法使用 Customer channels、Core ledger、Payments。", "此前 11:01，Chen Yu：Customer channels 的 deploy（web front 7.5.0）。",
		"客户可能在 Payments 中感受到影响。", "复制中断时禁止执行 bank-failover：Harbor West 没有最新数据。"},
}

// TestShorten: what leaves words out comes in; what adds, turns or mixes does not.
func TestShorten(t *testing.T) {
	for _, c := range []struct {
		lang, facts, text string
		ok                bool
	}{
		{"en", "F1", "Harbor East is down since 11:04.", true},
		{"en", "F1 F2", "Harbor East is down, 39 of 39 machines silent; customers lose Payments.", true},
		{"en", "F1 F3", "Harbor East is down, just before: deploy on Customer channels.", true},
		{"en", "F4", "Customers may notice it in Payments.", true},
		{"en", "F5", "bank-failover must not run while replication is broken.", true},
		{"en", "F1", "Harbor East is down since 11:05.", false},                    // another number
		{"en", "F1", "Harbor East is down: 3 machines are silent.", false},         // a number of its own
		{"en", "F1 F5", "Harbor West is down.", false},                             // mixes two facts
		{"en", "F1", "Customers lose Payments.", false},                            // a fact it does not name
		{"en", "F9", "Harbor East is down.", false},                                // none there is
		{"en", "F1 F9", "Harbor East is down.", false},                             //
		{"en", "", "Harbor East is down.", false},                                  //
		{"en", "F5", "bank-failover must run while replication is broken.", false}, // turned
		{"en", "F4", "Customers notice it in Payments.", false},                    // surer than the fact
		{"en", "F1", "Harbor East is not down.", false},                            // turned
		{"en", "F1", "Harbor East is down. Request bank-failover now.", false},     // advice
		{"en", "F1", "ledger-failover: Harbor East is down.", false},               // a plan of its own
		{"en", "F1", "**Harbor East** is down, see https://evil.com", false},       //
		{"en", "F1 F2 F3 F4 F5", strings.Join(reasons["en"], " "), false},          // no shorter
		{"en", "F1", "and the", false},                                             // says nothing
		{"en", "F1", "Harbor East 停止服务。", false},                                   // another language
		{"zh", "F1", "Harbor East 自 11:04 起停止服务。", true},                           //
		{"zh", "F1 F2", "Harbor East 停止服务，客户无法使用 Payments。", true},                 //
		{"zh", "F4", "客户可能在 Payments 中感受到影响。", true},                               //
		{"zh", "F5", "复制中断时禁止执行 bank-failover。", true},                             //
		{"zh", "F1", "Harbor East 自 11:05 起停止服务。", false},                          //
		{"zh", "F2", "客户可使用 Payments。", false},                                     //
		{"zh", "F4", "客户在 Payments 中感受到影响。", false},                                //
		{"zh", "F5", "复制中断时执行 bank-failover。", false},                              //
		{"zh", "F1 F5", "Harbor West 停止服务。", false},                                //
		{"zh", "F1", "Harbor East 停止服务，请立即切换。", false},                             //
	} {
		facts := strings.Fields(c.facts)
		if facts == nil {
			facts = []string{}
		}
		raw, _ := json.Marshal(map[string]any{"facts": facts, "text": c.text})
		got, err := prompts.Shorten{Lang: c.lang, Facts: reasons[c.lang]}.Read(string(raw))
		if (err == nil) != c.ok || c.ok && got != c.text || err != nil && !errors.Is(err, prompts.ErrReply) {
			t.Errorf("%s %q: %q, %v", c.facts, c.text, got, err)
		}
	}
	for _, text := range []string{"", "{}", `{"facts":["F1"],"text":"Harbor East is down.","run":true}`, `{"facts":"F1","text":"Harbor East is down."}`, `[]`} {
		if got, err := (prompts.Shorten{Lang: "en", Facts: reasons["en"]}).Read(text); err == nil {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// FuzzShorten: whatever a model says, only words of the facts come in.
func FuzzShorten(f *testing.F) {
	f.Add(`{"facts":["F1"],"text":"Harbor East is down."}`)
	f.Add(`{"facts":["F1","F2"],"text":"Harbor East，is: down (39)."}`)
	known := strings.ToLower(strings.Join(reasons["en"], " ")) + " a an the is are was were has have and of on in at to with since it its that"
	f.Fuzz(func(t *testing.T, text string) {
		got, err := prompts.Shorten{Lang: "en", Facts: reasons["en"]}.Read(text)
		if err != nil {
			return
		}
		for _, w := range strings.FieldsFunc(strings.ToLower(got), func(r rune) bool {
			return strings.ContainsRune(" ,.;:!?()\"'`“”‘’，。；：！？、（）和与的已在于自起了中", r)
		}) {
			if !strings.Contains(known, w) {
				t.Errorf("%q has %q", got, w)
			}
		}
	})
}
