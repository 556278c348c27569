package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
)

// siteAnswer is where work is taken, as the server answers it.
type siteAnswer struct {
	Site  string `json:"site,omitempty"`
	Epoch int64  `json:"epoch"`
	Works bool   `json:"works"`
	Ask   *struct {
		Site   string  `json:"site"`
		Person string  `json:"person"`
		Reason string  `json:"reason"`
		At     dr.Time `json:"at"`
	} `json:"ask,omitempty"`
}

// replicaAnswer is one line of GET /api/replicas.
type replicaAnswer struct {
	ID      string   `json:"id"`
	Site    string   `json:"site,omitempty"`
	Version string   `json:"version"`
	Started dr.Time  `json:"started_at"`
	Seen    dr.Time  `json:"seen_at"`
	Here    bool     `json:"here,omitempty"`
	Leases  []string `json:"leases"`
}

func siteCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "site", Short: "Which servers there are, and at which site they take work",
		Long: `Servers at two sites may share one PostgreSQL database. Those at the active site take work; those at
the other show, and carry nothing out. When the active site is lost and the database's standby was
promoted, two people make the other site the active one: a commander asks, and a second person
confirms within half an hour. A server has to be there already. docs/replicas.md has the whole drill.`,
		Example: "  switchman site list\n  switchman site take west --reason \"east lost its power, the database was promoted\"\n  switchman site confirm west",
	}
	var reason string
	take := &cobra.Command{
		Use: "take SITE", Short: "Ask that another site take work", Args: exactly("SITE"),
		Long:    "Ask that another site, where a server is already, take work from now on. It takes the role commander\nand a reason, and nothing changes before a second person confirms.",
		Example: "  switchman site take west --reason \"east lost its power, the database was promoted\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			return sh.moveSite(cmd, map[string]any{"site": args[0], "reason": reason})
		},
	}
	take.Flags().StringVar(&reason, "reason", "", "why, in a `SENTENCE`; the journal keeps it")
	c.AddCommand(siteListCommand(sh), take, &cobra.Command{
		Use: "confirm SITE", Short: "Confirm what somebody else has asked", Args: exactly("SITE"),
		Long:    "Confirm, as a second person, that another site takes work from now on. It takes the role\ncommander, code issuer or approver. Every lease ends: a server of the old site that still runs writes\nnothing more, and runs are taken up at the new one.",
		Example: "  switchman site confirm west",
		RunE: func(cmd *cobra.Command, args []string) error {
			return sh.moveSite(cmd, map[string]any{"site": args[0], "confirm": true})
		},
	})
	return c
}

func siteListCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the servers of the store and what each alone does",
		Long:    "List the servers of the store that were seen within the last minute, what each alone does now, and the\nsite that takes work.",
		Example: "  switchman site list\n  switchman site list --json | jq -r '.active_site.site'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer struct {
				Replicas []replicaAnswer `json:"replicas"`
				Active   siteAnswer      `json:"active_site"`
			}
			if err := sh.call(cmd.Context(), "GET", "/api/replicas", nil, &answer); err != nil {
				return err
			}
			return sh.show(answer, func(w io.Writer) {
				for _, r := range answer.Replicas {
					fmt.Fprintf(w, "%s  %s  %s\n    %s\n", r.ID, firstText(r.Site, "-"), r.Version, firstText(strings.Join(r.Leases, ", "), "does nothing alone"))
				}
				fmt.Fprintln(w, siteText(answer.Active))
			})
		},
	}
}

// moveSite is one of the two people's acts.
func (sh *shell) moveSite(cmd *cobra.Command, body map[string]any) error {
	var answer siteAnswer
	if err := sh.call(cmd.Context(), "POST", "/api/site", body, &answer); err != nil {
		return err
	}
	return sh.show(answer, func(w io.Writer) { fmt.Fprintln(w, siteText(answer)) })
}

func siteText(a siteAnswer) string {
	switch {
	case a.Site == "":
		return "work is taken by every server: none was told its site"
	case a.Ask != nil:
		return fmt.Sprintf("work is taken at %s; %s wants it at %s (%s): a second person confirms with\n  switchman site confirm %s", a.Site, a.Ask.Person, a.Ask.Site, a.Ask.Reason, a.Ask.Site)
	}
	return "work is taken at " + a.Site
}
