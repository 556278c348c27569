package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// askWishes narrow a question.
type askWishes struct {
	channel, system string
	limit           int
}

func searchCommand(sh *shell) *cobra.Command {
	var want askWishes
	c := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find passages in the runbooks",
		Long: `Find passages in the runbooks, the best first, with the lines that match.

Without a server the organisation's files are read here and now.`,
		Example: "  switchman search replication lag\n  switchman search --system ledger --json \"standby behind\"",
		Args:    atLeast("QUERY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return sh.search(cmd.Context(), strings.Join(args, " "), want)
		},
	}
	narrowing(c, &want)
	c.Flags().IntVar(&want.limit, "limit", 5, "at most `N` passages")
	return c
}

// narrowing adds the flags that narrow a question.
func narrowing(c *cobra.Command, want *askWishes) {
	c.Flags().StringVar(&want.channel, "channel", "", "as seen in this `CHANNEL` of organisation.yaml; its audience decides")
	c.Flags().StringVar(&want.system, "system", "", "prefer runbooks of this `SYSTEM`")
}

// query makes a search of what was typed.
func (sh *shell) query(l *library, text string, want askWishes) (knowledge.Query, error) {
	q := knowledge.Query{Kind: knowledge.Question, Text: text, Audience: l.labels, System: want.system, Limit: want.limit}
	if want.limit < 0 || want.limit > 50 {
		return q, dr.Errorf(dr.Usage, "--limit must be from 1 to 50")
	}
	if want.channel == "" && want.system == "" {
		return q, nil
	}
	c, _, err := sh.organisation()
	if err != nil {
		return q, err
	}
	o := c.Organisation()
	if _, ok := o.System(want.system); want.system != "" && !ok {
		return q, dr.Errorf(dr.NotFound, "there is no system %q", want.system).WithHint("switchman check lists the systems of the organisation")
	}
	if want.channel != "" {
		i := slices.IndexFunc(o.Channels, func(ch dr.Channel) bool { return ch.ID == want.channel })
		if i < 0 {
			return q, dr.Errorf(dr.NotFound, "there is no channel %q", want.channel).WithHint("channels stand in organisation.yaml")
		}
		q.Audience = []string{o.Channels[i].Audience}
	}
	return q, nil
}

// foundPassage is one result of search --json.
type foundPassage struct {
	knowledge.Cited
	Text  string           `json:"text"`
	Marks []knowledge.Span `json:"marks"`
}

// foundPassages is the answer of a search.
type foundPassages struct {
	Results    []foundPassage `json:"results"`
	Confidence float64        `json:"confidence"`
	Ranking    knowledge.Mode `json:"ranking"`
	Abstained  bool           `json:"abstained"`
}

func (sh *shell) search(ctx context.Context, text string, want askWishes) error {
	p := url.Values{"query": {text}, "channel": {want.channel}, "system": {want.system}, "limit": {strconv.Itoa(want.limit)}}
	var found foundPassages
	o := sh.voice(ctx)
	err := sh.call(ctx, http.MethodGet, "/api/search?"+p.Encode(), nil, &found)
	if sh.away(err) {
		sh.note("%s", o.say("cli_files_read_here", nil))
		found, err = sh.searchHere(ctx, text, want)
	} else if err == nil {
		defer sh.sayNobody(o)
	}
	if err != nil {
		return err
	}
	return sh.show(found, func(w io.Writer) { foundText(w, found.Results, o) })
}

// searchHere searches the files of this machine.
func (sh *shell) searchHere(ctx context.Context, text string, want askWishes) (out foundPassages, err error) {
	l, err := sh.library(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	q, err := sh.query(l, text, want)
	if err != nil {
		return out, err
	}
	found, err := l.Search(ctx, q)
	if err != nil {
		return out, err
	}
	out = foundPassages{Results: []foundPassage{}, Confidence: found.Confidence, Ranking: found.Mode, Abstained: found.Abstain()}
	for _, r := range found.Results {
		out.Results = append(out.Results, foundPassage{Cited: knowledge.Freshness{}.Cite(r), Text: r.Passage.Text, Marks: append([]knowledge.Span{}, r.Marks...)})
	}
	return out, nil
}

func foundText(w io.Writer, results []foundPassage, o voice) {
	if len(results) == 0 {
		fmt.Fprintln(w, o.say("cli_search_none", nil))
	}
	for i, r := range results {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s\n  %s\n", r.Heading, o.place(r.Cited))
		for _, m := range r.Marks[:min(2, len(r.Marks))] {
			quoted(w, m.Text)
		}
	}
}

// place says where a passage stands and how fresh it is.
func (o voice) place(c knowledge.Cited) string {
	said := []string{fmt.Sprintf("%s:%d", c.Doc, c.Start)}
	if c.Reviewed != "" {
		said = append(said, o.say("answer_reviewed", dr.Args{"day": c.Reviewed}))
	}
	if c.Owner != "" {
		said = append(said, o.say("answer_owner", dr.Args{"owner": c.Owner}))
	}
	text := o.parts(said)
	for _, why := range c.Stale {
		text += o.semicolon() + o.say("cli_stale", dr.Args{"why": o.say("ui_rb_stale_"+why, nil)})
	}
	return text
}

// quoted prints the words of a runbook, told apart from ours.
func quoted(w io.Writer, text string) {
	for _, line := range strings.Split(text, "\n") {
		fmt.Fprintln(w, strings.TrimRight("  | "+line, " "))
	}
}
