package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
)

// person is one line of GET /api/people.
type person struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Roles    []string `json:"roles"`
	Teams    []string `json:"teams"`
	Language string   `json:"language,omitempty"`
	Disabled bool     `json:"disabled,omitempty"`
	OnDuty   bool     `json:"on_duty"`
	Tokens   int      `json:"tokens"`
}

func personCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "person", Short: "Who is who, who may do what, and who holds credentials",
		Long: `Who is who, who may do what, and who holds credentials for console and command line.

People and their roles stand in the organisation's roster.yaml. A person who shall act from here
is enrolled once: an admin, or the owner of the server's socket, makes an enrolment. The person
opens its link in a browser and chooses a password and a second factor, or exchanges it for a
personal token with "token create --enrolment". A demo needs none of this.`,
		Example: "  switchman person list\n  switchman person enrol lin",
	}
	c.AddCommand(personListCommand(sh),
		&cobra.Command{
			Use: "enrol PERSON", Short: "Make a one-time enrolment for a person", Args: exactly("PERSON"),
			Long:    "Make a one-time enrolment for a person, good for a day: a link for the browser, or a secret for the command\nline. It is shown this once; give it to the person over a way you trust. Enrolling somebody again ends\nthe password they had, and signs them out everywhere, once they have confirmed the new one.",
			Example: "  switchman person enrol lin",
			RunE: func(cmd *cobra.Command, args []string) error {
				var answer struct {
					Person    string  `json:"person"`
					Enrolment string  `json:"enrolment"`
					Link      string  `json:"link"`
					Expires   dr.Time `json:"expires_at"`
				}
				if err := sh.call(cmd.Context(), "POST", "/api/people/"+url.PathEscape(args[0])+"/enrol", nil, &answer); err != nil {
					return err
				}
				return sh.show(answer, func(w io.Writer) {
					fmt.Fprintln(w, answer.Enrolment)
					sh.note("shown this once, good until %s\n%s opens it in a browser:\n  %s\nor, for a token, types it into: switchman token create --enrolment", sh.voice(cmd.Context()).at(answer.Expires), answer.Person, answer.Link)
				})
			},
			ValidArgsFunction: sh.completePeople,
		},
		&cobra.Command{
			Use: "revoke PERSON", Short: "End every credential of a person", Args: exactly("PERSON"),
			Example: "  switchman person revoke lin",
			RunE: func(cmd *cobra.Command, args []string) error {
				var answer struct {
					Person  string `json:"person"`
					Revoked int    `json:"revoked"`
				}
				if err := sh.call(cmd.Context(), "POST", "/api/people/"+url.PathEscape(args[0])+"/revoke", nil, &answer); err != nil {
					return err
				}
				return sh.show(answer, func(w io.Writer) {
					fmt.Fprintf(w, "%s of %s ended\n", plural(answer.Revoked, "credential"), answer.Person)
				})
			},
			ValidArgsFunction: sh.completePeople,
		})
	return c
}

func personListCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the people of the roster",
		Long:    "List the people of the roster: as the server sees them, or from the organisation's files when no server is up.",
		Example: "  switchman person list\n  switchman person list --json | jq -r '.people[] | select(.roles | index(\"approver\")) | .id'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer struct {
				People []person `json:"people"`
			}
			err := sh.call(cmd.Context(), "GET", "/api/people", nil, &answer)
			if sh.away(err) {
				if answer.People, err = sh.offlinePeople(); err == nil {
					sh.note("server not running; read from the organisation's files")
				}
			}
			if err != nil {
				return err
			}
			return sh.show(answer, func(w io.Writer) {
				t := table{head: []string{"PERSON", "NAME", "DUTY", "TEAMS", "ROLES"}}
				for _, p := range answer.People {
					name := p.Name
					if p.Disabled {
						name += " (left)"
					}
					duty := "-"
					if p.OnDuty {
						duty = "now"
					}
					t.add(p.ID, name, duty, strings.Join(p.Teams, " "), strings.Join(p.Roles, " "))
				}
				t.print(w, narrow)
			})
		},
	}
}

func (sh *shell) offlinePeople() ([]person, error) {
	c, _, err := sh.organisation()
	if err != nil {
		return nil, err
	}
	out := []person{}
	zone, err := time.LoadLocation(c.Organisation().TimeZone)
	if err != nil {
		zone = time.UTC
	}
	for _, p := range c.Organisation().Roster.People {
		one := person{OnDuty: !p.Disabled && approval.OnDuty(p, zone, sh.term.clock.Time()), ID: p.ID, Name: p.Name, Roles: []string{}, Teams: append([]string{}, p.Teams...), Language: p.Language, Disabled: p.Disabled}
		for _, r := range p.Roles {
			one.Roles = append(one.Roles, string(r))
		}
		out = append(out, one)
	}
	return out, nil
}

// token is a credential without its secret.
type token struct {
	ID      string   `json:"id"`
	Person  string   `json:"person"`
	What    string   `json:"what"`
	Label   string   `json:"label,omitempty"`
	Scopes  []string `json:"scopes"`
	Created dr.Time  `json:"created_at"`
	Expires dr.Time  `json:"expires_at"`
	Revoked dr.Time  `json:"revoked_at,omitzero"`
}

func tokenCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "token", Short: "Personal tokens of this command line",
		Long: `Personal tokens of this command line. Whoever holds one acts as its person, within its scopes:

  read    look at runs, plans and the journal
  act     request, vote, start, pause and all the rest
  issue   be shown a security code
  admin   enrol people and end their credentials (needs the admin role too)

Put a token into a file only you can read, and its path into SWITCHMAN_TOKEN_FILE.`,
		Example: "  switchman token create --label laptop\n  switchman token list",
	}
	c.AddCommand(tokenCreateCommand(sh), tokenListCommand(sh),
		&cobra.Command{
			Use: "revoke TOKEN", Short: "End a token, by its id", Args: exactly("TOKEN"),
			Example: "  switchman token revoke t-k3v9x2m8qa",
			RunE: func(cmd *cobra.Command, args []string) error {
				var answer token
				if err := sh.call(cmd.Context(), "DELETE", "/api/tokens/"+url.PathEscape(args[0]), nil, &answer); err != nil {
					return err
				}
				return sh.show(answer, func(w io.Writer) { fmt.Fprintf(w, "%s of %s has ended\n", answer.ID, answer.Person) })
			},
		})
	return c
}

func tokenCreateCommand(sh *shell) *cobra.Command {
	var ask struct {
		Person string   `json:"person,omitempty"`
		Label  string   `json:"label,omitempty"`
		Scopes []string `json:"scopes,omitempty"`
		Days   int      `json:"days,omitempty"`
	}
	var enrolment bool
	c := &cobra.Command{
		Use: "create [PERSON]", Short: "Make a personal token; it is shown once", Args: exactly("[PERSON]"),
		Long: `Make a personal token; it is shown this once.

With --enrolment: your first one; the enrolment is asked for without echo, or read from standard
input. With a token of yours: another one, with no more scopes and no longer life. As the owner of
the server's socket: for the PERSON named.`,
		Example: "  switchman token create --enrolment > ~/.switchman-token && chmod 600 ~/.switchman-token\n  switchman token create --scope read --days 7 --label dashboard\n  sudo switchman token create lin",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				ask.Person = args[0]
			}
			cl, err := sh.client()
			if err != nil {
				return err
			}
			if enrolment {
				secret, err := sh.term.secret("Enrolment")
				if err != nil {
					return err
				}
				cl = cl.With(secret)
			}
			var answer struct {
				Token   string   `json:"token"`
				ID      string   `json:"id"`
				Person  string   `json:"person"`
				Scopes  []string `json:"scopes"`
				Expires dr.Time  `json:"expires_at"`
			}
			if err := cl.Call(cmd.Context(), "POST", "/api/tokens", ask, &answer); err != nil {
				return err
			}
			return sh.show(answer, func(w io.Writer) {
				fmt.Fprintln(w, answer.Token)
				sh.note("shown this once: token %s of %s for %s, good until %s", answer.ID, answer.Person, strings.Join(answer.Scopes, ", "), sh.voice(cmd.Context()).at(answer.Expires))
			})
		},
		ValidArgsFunction: sh.completePeople,
	}
	f := c.Flags()
	f.StringSliceVar(&ask.Scopes, "scope", nil, "`SCOPE`: read, act, issue or admin; may be repeated (default: read, act, issue)")
	f.IntVar(&ask.Days, "days", 0, "`N` days it is good for, at most 90 (default: 30)")
	f.StringVar(&ask.Label, "label", "", "`TEXT` to know it by in lists")
	f.BoolVar(&enrolment, "enrolment", false, "exchange an enrolment for a first token")
	complete(c, "scope", "read", "act", "issue", "admin")
	return c
}

func tokenListCommand(sh *shell) *cobra.Command {
	var who string
	c := &cobra.Command{
		Use: "list", Short: "List your tokens; as an admin, everybody's",
		Example: "  switchman token list\n  switchman token list --person lin",
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/api/tokens"
			if who != "" {
				path += "?person=" + url.QueryEscape(who)
			}
			var answer struct {
				Tokens []token `json:"tokens"`
			}
			if err := sh.call(cmd.Context(), "GET", path, nil, &answer); err != nil {
				return err
			}
			return sh.show(answer, func(w io.Writer) {
				if len(answer.Tokens) == 0 {
					fmt.Fprintln(w, "no tokens; switchman token create --help says how to get one")
					return
				}
				t := table{head: []string{"TOKEN", "PERSON", "GOOD UNTIL", "SCOPES", "LABEL"}}
				now, o := sh.term.clock.Time(), sh.voice(cmd.Context())
				sh.note("times are in %s", o.zone)
				for _, k := range answer.Tokens {
					until := o.moment(k.Expires)
					switch {
					case !k.Revoked.IsZero():
						until = "revoked"
					case k.Expires.Before(now.Time):
						until = "ended"
					}
					t.add(k.ID, k.Person, until, firstText(strings.Join(k.Scopes, " "), k.What), k.Label)
				}
				t.print(w, narrow)
			})
		},
	}
	c.Flags().StringVar(&who, "person", "", "only tokens of this `PERSON`")
	return c
}
