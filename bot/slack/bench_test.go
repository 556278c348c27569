package slack

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
)

// BenchmarkBoard draws the board of a run over 39 systems with steps under way, as JSON for Slack.
func BenchmarkBoard(b *testing.B) {
	card := bot.Card{Kind: "board", Lang: "en", Parts: []bot.Part{{Kind: bot.PartTitle, Text: "Move many systems: running (r1125-7k2m)"},
		{Kind: bot.PartProgress, Text: "steps · 40 in flight", Done: 31, Total: 234}}}
	table := bot.Part{Kind: bot.PartTable, Columns: []string{"System", "Lives at", "Steps", "State", "Recovery time"}}
	plan := bot.Part{Kind: bot.PartPlan}
	for i := range 39 {
		table.Rows = append(table.Rows, []string{fmt.Sprintf("System number %d", i), "Harbor East", "5/10", "moving", "at most 10 min"})
		plan.Steps = append(plan.Steps, bot.PlanStep{Title: fmt.Sprintf("Make node-%d the primary", i), State: dr.StepIntent, Note: "in flight"})
	}
	card.Parts = append(card.Parts, table, plan)
	for b.Loop() {
		raw, err := json.Marshal(blocks(card, messageMost))
		if err != nil || len(raw) < 3000 {
			b.Fatalf("%d bytes: %v", len(raw), err)
		}
	}
}
