package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/switchman-dr/switchman/locale"
)

func tree() *cobra.Command {
	return newRoot(&shell{term: &terminal{in: strings.NewReader(""), out: io.Discard, err: io.Discard}})
}

func each(c *cobra.Command, do func(*cobra.Command)) {
	if c.Hidden {
		return
	}
	do(c)
	for _, sub := range c.Commands() {
		each(sub, do)
	}
}

func TestEveryCommandHelps(t *testing.T) {
	each(tree(), func(c *cobra.Command) {
		path := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || len(c.Short) > 65 {
			t.Errorf("%s: short text %q", path, c.Short)
		}
		if !strings.HasPrefix(c.Example, "  ") || !strings.Contains(c.Example, "switchman") {
			t.Errorf("%s: no example", path)
		}
		if c.HasParent() && c.Parent() != c.Root() && !strings.Contains(c.Example, c.Name()) {
			t.Errorf("%s: its example shows something else: %q", path, c.Example)
		}
		for _, line := range strings.Split(c.Long, "\n") {
			if cells(line) > narrow {
				t.Errorf("%s: a line of its help is wider than %d columns: %q", path, narrow, line)
			}
		}
		if c.RunE == nil {
			t.Errorf("%s does nothing", path)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s has no words", path, f.Name)
			}
			for _, secret := range []string{"code", "token", "password", "secret"} {
				if strings.Contains(f.Name, secret) {
					t.Errorf("%s --%s would put a secret among the arguments", path, f.Name)
				}
			}
		})
	})
}

// TestCommandsOfTheContract: the names scripts rely on are there.
func TestCommandsOfTheContract(t *testing.T) {
	have := map[string]bool{}
	each(tree(), func(c *cobra.Command) { have[strings.TrimPrefix(c.CommandPath(), "switchman ")] = true })
	for _, want := range []string{"demo", "serve", "check", "plan list", "plan show", "run request", "run list", "run show", "run watch", "run approve", "run deny",
		"run withdraw", "run start", "run pause", "run resume", "run cancel", "run abort", "run rollback", "run force", "run switchback", "run close", "run handover",
		"run continue", "run retry", "run skip", "run done", "run decide", "run override", "code issue", "person list", "person enrol", "person revoke",
		"token create", "token list", "token revoke", "report", "verify", "journal", "bench", "doctor", "backup", "restore", "version",
		"completion bash", "completion zsh", "completion fish", "alert send", "situation list", "situation show", "ask", "search", "knowledge status", "knowledge sync", "knowledge feedback", "eval retrieval", "eval alerts", "eval storms"} {
		if !have[want] {
			t.Errorf("no command %q", want)
		}
	}
}

func TestVerbsAllHaveACommand(t *testing.T) {
	for _, v := range verbTable() {
		if v.group == "" || commandOf(v.verb) == "" || !locale.Has("cli_did_"+string(v.verb)) {
			t.Errorf("%s: group %q, or nothing says that it was done", v.name, v.group)
		}
	}
}

// TestCommandsDocument compares docs/commands.md with the tree of commands.
func TestCommandsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Commands\n\nMade from the command tree; change it there and run `make generate`.\n\n" +
		"Flags for every command: `--json`, `--as PERSON`, `--server URL`, `--org DIR`, `--state DIR`, `--config FILE`, `--lang LANGUAGE`; what they mean is under `switchman`.\n")
	each(tree(), func(c *cobra.Command) { document(&b, c) })
	golden(t, "../../docs/commands.md", b.String())
}

func document(w io.Writer, c *cobra.Command) {
	level := "##"
	if c.HasParent() && c.Parent().HasParent() {
		level = "###"
	}
	fmt.Fprintf(w, "\n%s %s\n\n", level, c.CommandPath())
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	for _, par := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(par, " ") {
			par = "```\n" + par + "\n```"
		}
		fmt.Fprintf(w, "%s\n\n", par)
	}
	if !c.HasSubCommands() {
		fmt.Fprintf(w, "```\n%s\n```\n\n", strings.TrimSuffix(c.UseLine(), " [flags]"))
	}
	if flags := strings.TrimRight(c.LocalNonPersistentFlags().FlagUsagesWrapped(100)+c.PersistentFlags().FlagUsagesWrapped(100), "\n"); flags != "" {
		fmt.Fprintf(w, "```\n%s\n```\n\n", flags)
	}
	fmt.Fprintf(w, "For example:\n\n```\n%s\n```\n", c.Example)
}

func TestCompletion(t *testing.T) {
	d := serve(t, true)
	for shell, mark := range map[string]string{"bash": "__start_switchman", "zsh": "#compdef switchman", "fish": "complete -c switchman"} {
		if got := d.must("completion", shell); !strings.Contains(got.out, mark) {
			t.Errorf("%s: no %q", shell, mark)
		}
	}
	id := requestRun(d)
	for _, c := range []struct{ args, want string }{
		{"plan show m", "move\t"},
		{"run request ", "back\t"},
		{"run show ", id + "\t"},
		{"run request move --mode em", "emergency"},
		{"person revoke c", "cleo\t"},
		{"plan show move --format s", "svg"},
		{"run decide " + id + " settle a", "again"},
	} {
		args := append([]string{"__complete", "--as", "ada"}, strings.Split(c.args, " ")...)
		if got := d.run(args...); !strings.Contains(got.out, c.want) {
			t.Errorf("%q completes to %q, want %q", c.args, got.out, c.want)
		}
	}
}
