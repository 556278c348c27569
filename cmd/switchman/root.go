package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
)

const rootLong = `Switchman moves business systems between two sites, when enough of the right people have said yes.

A first look, on this machine, with a sample bank that is really running:

  switchman demo                   two sites, traffic, people; leave it running
  switchman demo --auto            the same, and the whole story plays by itself

Then, in a second terminal, be everybody in turn (a demo has no passwords):

  switchman person list            who is who, and who may do what
  switchman plan list              what can be moved
  switchman run request bank-switchover --mode drill --reason "drill" \
      --as PERSON
  switchman run watch RUN          a live board; says what the run waits for
  switchman run approve RUN --as PERSON     once for each team the policy names
  switchman code issue RUN --as PERSON      a manager is shown a one-time code
  switchman run start RUN --as PERSON       asks for the code; the bank moves
  switchman run switchback RUN --reason "back home" --as PERSON
  switchman report RUN             what happened, for the file

An answer comes in one language: that of --lang, else yours as the roster has it, else that of your terminal (LANG).
Help, doctor, check and errors about flags are English. Times are in the organisation's time zone; those of --json in UTC.

Exit codes: 0 done, 1 unexpected, 2 usage, 3 refused by a rule, 4 invalid input, 5 not found,
6 something changed meanwhile, 7 a needed service is down, 8 verification failed.`

// usage is cobra's template, with the examples first, because they are what people copy, and lines
// that fit 80 columns.
const usage = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{if .Groups}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{else}}

Commands:{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 79 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

For every command:
{{.InheritedFlags.FlagUsagesWrapped 79 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

{{.CommandPath}} COMMAND --help says more about each.{{end}}
`

// newRoot builds the tree of commands.
func newRoot(sh *shell) *cobra.Command {
	root := &cobra.Command{
		Use:           "switchman",
		Short:         "Moves business systems between sites, when enough people said yes",
		Long:          rootLong,
		Example:       "  switchman demo\n  switchman run list",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return dr.Errorf(dr.Usage, "there is no command %q", args[0]).WithHint("%s", meant(cmd, args[0]))
			}
			return cmd.Help()
		},
	}
	root.SetIn(sh.term.in)
	root.SetOut(sh.term.out)
	root.SetErr(sh.term.err)
	f := root.PersistentFlags()
	f.SortFlags = false
	f.BoolVar(&sh.json, "json", sh.json, "answer with JSON on standard output, and talk to people on standard error")
	f.StringVar(&sh.as, "as", "", "act as this `PERSON`; only a demo server allows it")
	f.StringVar(&sh.flags.server, "server", "", "server to ask: `URL` or unix:PATH (SWITCHMAN_SERVER; default: the socket in the state directory)")
	f.StringVar(&sh.flags.org, "org", "", "`DIR` with the organisation's files (SWITCHMAN_ORG; default: the embedded sample bank)")
	f.StringVar(&sh.flags.state, "state", "", "`DIR` for everything that must not be lost (SWITCHMAN_STATE_DIR; default: ./var)")
	f.StringVar(&sh.flags.config, "config", "", "`FILE` with settings (SWITCHMAN_CONFIG)")
	f.StringVar(&sh.flags.lang, "lang", "", "`LANGUAGE` of answers: en or zh (SWITCHMAN_LANG; default: your own in the roster, else that of LANG)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return dr.Errorf(dr.Usage, "%v", err).WithHint("%s --help", cmd.CommandPath())
	})
	root.AddGroup(&cobra.Group{ID: "play", Title: "To begin with:"}, &cobra.Group{ID: "run", Title: "Plans and runs:"},
		&cobra.Group{ID: "know", Title: "Runbooks:"},
		&cobra.Group{ID: "proof", Title: "What happened:"}, &cobra.Group{ID: "house", Title: "Keeping house:"})
	root.AddCommand(
		group("play", demoCommand(sh)), group("play", checkCommand(sh)),
		group("run", planCommand(sh)), group("run", runCommand(sh)), group("run", codeCommand(sh)),
		group("know", alertCommand(sh)), group("know", situationCommand(sh)), group("know", askCommand(sh)), group("know", searchCommand(sh)), group("know", knowledgeCommand(sh)),
		group("proof", journalCommand(sh)), group("proof", reportCommand(sh)), group("proof", verifyCommand(sh)),
		group("house", serveCommand(sh)), group("house", siteCommand(sh)), group("house", personCommand(sh)), group("house", tokenCommand(sh)), group("house", doctorCommand(sh)),
		group("house", backupCommand(sh)), group("house", restoreCommand(sh)), group("house", rotateKeyCommand(sh)),
		group("house", benchCommand(sh)), group("house", evalCommand(sh)),
		group("house", versionCommand(sh)), group("house", completionCommand(sh)))
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help", GroupID: "house"})
	root.SetUsageTemplate(usage)
	polish(sh, root)
	return root
}

func group(id string, c *cobra.Command) *cobra.Command {
	c.GroupID = id
	return c
}

// polish finishes every command: prose that fits the screen, no arguments where none are
// declared, and an answer of its own for one that only holds others.
func polish(sh *shell, c *cobra.Command) {
	for _, sub := range c.Commands() {
		polish(sh, sub)
	}
	c.Long = reflow(c.Long)
	if c.HasParent() && c.HasSubCommands() && c.RunE == nil {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return dr.Errorf(dr.Usage, "%s has no command %q", cmd.CommandPath(), args[0]).WithHint("%s", meant(cmd, args[0]))
		}
	}
	if c.Args == nil && c.RunE != nil {
		c.Args = exactly()
	}
}

// meant guesses the command somebody wanted to type.
func meant(cmd *cobra.Command, typed string) string {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(typed); len(near) > 0 {
		return "did you mean: " + cmd.CommandPath() + " " + near[0]
	}
	return cmd.CommandPath() + " --help lists them"
}

// reflow breaks paragraphs into lines that fit; what is indented stays as it is.
func reflow(text string) string {
	var out []string
	for _, par := range strings.Split(text, "\n\n") {
		if !strings.HasPrefix(par, " ") {
			var b strings.Builder
			wrap(&b, "", par, narrow)
			par = strings.TrimSuffix(b.String(), "\n")
		}
		out = append(out, par)
	}
	return strings.Join(out, "\n\n")
}

// exactly wants one argument for each name; a name in brackets may be left out.
func exactly(names ...string) cobra.PositionalArgs {
	least := 0
	for _, n := range names {
		if !strings.HasPrefix(n, "[") {
			least++
		}
	}
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= len(names) {
			return nil
		}
		return wants(cmd, args, names...)
	}
}

// atLeast wants one argument or more.
func atLeast(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(strings.Join(args, "")) != "" {
			return nil
		}
		return wants(cmd, nil, name)
	}
}

// wants says what is missing or too much, with an example to copy.
func wants(cmd *cobra.Command, args []string, names ...string) error {
	for i, name := range names {
		if i >= len(args) && !strings.HasPrefix(name, "[") {
			example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
			return dr.Errorf(dr.Usage, "%s wants %s", typed(cmd), article(name)).WithHint("for example: %s", example)
		}
	}
	if len(names) == 0 {
		return dr.Errorf(dr.Usage, "%s takes no argument, and was given %q", typed(cmd), args[0]).WithHint("%s --help", cmd.CommandPath())
	}
	return dr.Errorf(dr.Usage, "%s takes %s, and %q is one argument too many", typed(cmd), strings.Join(names, " "), args[len(names)]).
		WithHint("put a text with blanks in quotes; %s --help says more", cmd.CommandPath())
}

// typed is how a command is called, without the program, whose name stands before every error.
func typed(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// article puts an article before the name of an argument.
func article(name string) string {
	if strings.ContainsAny(name[:1], "AEIOU") {
		return "an " + name
	}
	return "a " + name
}
