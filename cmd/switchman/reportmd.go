package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// markdown is the report for people.
func (d *reportData) markdown(w io.Writer) {
	fmt.Fprintf(w, "# %s\n\n", md(d.run.Title))
	if d.run.Environment != dr.Production {
		fmt.Fprintf(w, "**%s: this is not about a real bank.**\n\n", strings.ToUpper(string(d.run.Environment)))
	}
	chapter(w, "The move", d.run)
	if d.Switchback != nil {
		chapter(w, "The way back", d.back)
	}
	fmt.Fprintf(w, "## What happened\n\n| row | time (UTC) | run | |\n|---|---|---|---|\n")
	for _, raw := range d.Journal {
		var ev client.Event
		if json.Unmarshal(raw, &ev) == nil {
			fmt.Fprintf(w, "| %d | %s | %s | %s |\n", ev.Seq, clockTime(ev.At), md(ev.Run), md(ev.Text))
		}
	}
	fmt.Fprintf(w, "\n## Proof\n\nThe journal held %d rows under this signed checkpoint; its key is `%s`.\n\n```\n%s\n```\n", len(d.rows), d.Key, strings.TrimSpace(d.Checkpoint))
}

func chapter(w io.Writer, title string, v fsm.View) {
	fmt.Fprintf(w, "## %s: %s\n\n", title, md(v.ID))
	for _, row := range [][2]string{
		{"Plan", fmt.Sprintf("%s, %s, %s to %s", v.Plan, v.Kind, v.From, v.To)}, {"Mode", strings.ReplaceAll(string(v.Mode), "_", " ")},
		{"State", stateText(v)}, {"Verdict", v.Verdict}, {"Reason", v.Reason}, {"Staffing profile", v.Profile}, {"People", peopleText(v)}, {"Challenge word", v.Challenge},
		{"Digest", "`" + v.Digest + "`"}, {"Words", wordsText(v.Words)}, {"Votes", votesText(v)}, {"Times", timesText(v.Times)},
	} {
		if row[1] != "" {
			fmt.Fprintf(w, "- %s: %s\n", row[0], md(row[1]))
		}
	}
	for _, o := range v.Overrides {
		fmt.Fprintf(w, "- **Overridden** by %s: %s, because %s\n", md(o.Person), md(o.Check), md(o.Reason))
	}
	fmt.Fprint(w, "\n| system | at | state | RTO | target | RPO | target | limit | lost | served | verdict |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range v.Systems {
		restored := !s.Restored.IsZero()
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", md(s.ID), md(s.Site), md(s.State), measuredSpan(s.RTO, restored), span(s.RTOTarget),
			measuredSpan(s.RPO, restored && s.RPO >= 0), span(s.RPOTarget), span(s.Limit), measuredCount(s.Lost), measuredCount(s.Served), md(s.Verdict))
	}
	if len(v.Criteria) > 0 {
		fmt.Fprint(w, "\n| measure of success | wanted | got | result |\n|---|---|---|---|\n")
		for _, c := range v.Criteria {
			fmt.Fprintf(w, "| %s | %s %d | %d | %s |\n", md(firstText(c.Title, c.ID)), c.Op, c.Value, c.Got, strings.ReplaceAll(c.Result, "_", " "))
		}
	}
	fmt.Fprint(w, "\n| step | state | try | took | |\n|---|---|---|---|---|\n")
	for _, s := range v.Steps {
		fmt.Fprintf(w, "| %s | %s | %d | %s | %s |\n", md(s.ID), s.State, s.Attempt, tookText(s, v.Now), md(firstText(s.Text, s.Reason, s.Title)))
	}
	fmt.Fprintln(w)
}

// md keeps text from elsewhere on one line of a table and out of the markup.
func md(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;").Replace(oneLine(s))
}
