package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/web"
)

// customerPace is the pause between two transactions of one customer; about forty a second in all.
const customerPace = 200 * time.Millisecond

// lookPace is the pause between two looks of the bank's monitoring.
const lookPace = time.Second

const demoLong = `The sample bank on this machine, live: two sites as two processes with 39 small services each,
customers who pay, and a server that has no passwords. Whatever it prints is marked SAMPLE.

Open the console in a browser and be everybody in turn; or do the same in a second
terminal, in the same directory:

  switchman person list                      who may do what
  switchman run request bank-switchover --mode drill --reason "to see it" \
      --as REQUESTER
  switchman run watch RUN                    says what the run waits for
  switchman run approve RUN --as APPROVER    one of each team
  switchman code issue RUN --as ISSUER       shows a one-time code
  switchman run start RUN --as REQUESTER     asks for it, and the bank moves
  switchman run switchback RUN --reason "back home" --as REQUESTER
                                             and the same again
  switchman report RUN

Or break something: the console's bar has buttons that kill a site, stop the replication, cut the
link between the sites and roll out a bad version, for real, and mend it again; the same here:

  SWITCHMAN_DEMO_DIR=var/bank switchman demo-node bank break kill-site
  switchman situation list                   what it makes of it

Interrupt it and everything stops; started again in the same directory, it goes on where it was.

With --auto the whole story plays by itself and ends with a verified report. With --slack the demo
has a Slack of its own, and a page to be everybody in.`

// demoInSlack is what a newcomer does in the page of the demo's Slack.
const demoInSlack = `In Slack's page, choose who you are, and:

  as a requester       /dr request bank-switchover drill "to see it"
  as approvers         press Approve, one of each team; the card says who can
  in the console       as a code issuer, issue the code, and note it down
  as the requester     press Start and type the code; watch the board and its thread
                       press Switch back, and the same again
`

func demoCommand(sh *shell) *cobra.Command {
	var want demoWishes
	c := &cobra.Command{
		Use: "demo", Short: "The sample bank on this machine, live; --auto plays the story",
		Long:    demoLong,
		Example: "  switchman demo\n  switchman demo --slack\n  switchman demo --auto\n  switchman demo --auto --json | tail -1 | jq .traffic",
		RunE: func(cmd *cobra.Command, _ []string) error {
			live := sh.openHouse
			if want.auto {
				live = sh.playStory
			}
			return sh.demo(cmd.Context(), want, live)
		},
	}
	c.Flags().BoolVar(&want.auto, "auto", false, "play the whole story without a person, on fresh temporary state unless --state is given")
	c.Flags().BoolVar(&want.fresh, "fresh", false, "begin anew; what the state directory holds is set aside")
	c.Flags().BoolVar(&want.slack, "slack", false, "with a Slack of its own on this machine, whose page lets you be everybody in the channel")
	c.Flags().StringVar(&want.addr, "addr", "", "`HOST:PORT` to listen on (default: 127.0.0.1 and a free port)")
	return c
}

type demoWishes struct {
	auto, fresh, slack bool
	addr               string
}

// bank is what a demo has running.
type bank struct {
	cfg       *config.Config
	app       *app.App
	customers *demo.Customers
	chat      *chatRoom // nil without --slack
}

// demo brings up the sample bank and a server for it, lets them live, and stops both in the opposite
// order.
func (sh *shell) demo(ctx context.Context, want demoWishes, live func(context.Context, bank) error) (err error) {
	dir, clean, err := sh.demoDir(want)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clean()) }()
	estate, err := demo.Start(ctx, filepath.Join(dir, "bank"))
	if err != nil {
		return err
	}
	defer estate.Stop()
	files, _, err := sh.load(estate.Organisation())
	if err != nil {
		return err
	}
	var chat *chatRoom
	if want.slack {
		if chat, err = sh.openChat(ctx, estate.Spare(slackSpare), files.Organisation()); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, chat.close()) }()
		want.addr = firstText(want.addr, estate.Spare(consoleSpare)) // links in Slack lead there
	}
	cfg, err := sh.demoSettings(estate, files, dir, want.addr, chat)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Log: sh.logger(cfg), Demo: true, Env: estate.Env(), Stage: estate.Stage()})
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, stopWithin(ctx, a.Stop))
	}
	defer func() { err = errors.Join(err, stopWithin(ctx, a.Stop)) }()
	customers := estate.Customers(ctx, customerPace)
	defer customers.Stop()
	monitor := estate.Monitor(ctx, lookPace, demo.Ears{Server: "http://" + a.Addr(), Alertmanager: "/hooks/alertmanager", Change: "/hooks/change",
		AlertSecret: cfg.HookAlertmanager.Reveal(), ChangeSecret: cfg.HookChange.Reveal()})
	defer monitor.Stop()
	return live(ctx, bank{cfg, a, customers, chat})
}

// demoSettings are what a bank would configure: its files, the addresses steps may call, and a way
// to everybody its plans want to tell. Here all notices, and the roots of the journal, go to a file.
func (sh *shell) demoSettings(estate *demo.Estate, files *catalog.Catalog, dir, addr string, chat *chatRoom) (*config.Config, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the own program: %w", err)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the state directory: %w", err)
	}
	way := []map[string][]string{{"command": {self, noticeEntry, filepath.Join(absolute, "notices.txt")}}}
	ways := map[string][]map[string][]string{"witness": way}
	for _, to := range recipients(files) {
		ways[to] = way
	}
	notify, err := encodeJSON(ways)
	if err != nil {
		return nil, err
	}
	set := map[string]string{"org": estate.Organisation(), "state_dir": dir, "addr": firstText(addr, "127.0.0.1:0"),
		"allow_http": strings.Join(estate.Addresses(), ","), "notify": string(notify), "anchors": "notify:witness"}
	environ := append(slices.Clone(sh.term.environ), "SWITCHMAN_HOOK_ALERTMANAGER="+rand.Text(), "SWITCHMAN_HOOK_CHANGE="+rand.Text()) // its own monitoring's
	if chat != nil {
		environ, set["console_url"] = chat.settings(environ), "http://"+addr
	}
	return sh.settingsFrom(environ, set)
}

// demoDir chooses where the demo lives and what happens to it afterwards.
func (sh *shell) demoDir(want demoWishes) (dir string, clean func() error, err error) {
	nothing := func() error { return nil }
	if want.auto && sh.flags.state == "" {
		dir, err := os.MkdirTemp("", "switchman-demo-")
		if err != nil {
			return "", nothing, fmt.Errorf("making a temporary state: %w", err)
		}
		return dir, func() error { return os.RemoveAll(dir) }, nil
	}
	cfg, err := sh.settings()
	if err != nil {
		return "", nothing, err
	}
	if !want.fresh {
		return cfg.StateDir, nothing, nil
	}
	if _, err := os.Stat(filepath.Join(cfg.StateDir, web.SocketName)); err == nil {
		return "", nothing, dr.Errorf(dr.Conflict, "a server is running in %s, or was killed there", cfg.StateDir).
			WithHint("stop it, or start without --fresh to go on where it was, or use another --state")
	}
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.%d", strings.TrimSuffix(cfg.StateDir, "/"), n)
		if _, err := os.Lstat(aside); err == nil {
			continue
		}
		err := os.Rename(cfg.StateDir, aside)
		if errors.Is(err, os.ErrNotExist) {
			return cfg.StateDir, nothing, nil
		}
		if err != nil {
			return "", nothing, fmt.Errorf("setting the old state aside: %w", err)
		}
		sh.note("the old state is in %s", aside)
		return cfg.StateDir, nothing, nil
	}
}

// openHouse keeps the bank running until interrupted, for a person to play.
func (sh *shell) openHouse(ctx context.Context, b bank) error {
	cfg, a := b.cfg, b.app
	socket := filepath.Join(cfg.StateDir, web.SocketName)
	if sh.json {
		line := map[string]string{"addr": a.Addr(), "socket": socket, "environment": "sample"}
		if b.chat != nil {
			line["slack"], line["slack_channel"] = b.chat.page(), b.chat.channel
		}
		if err := sh.printJSON(line); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(sh.term.out, "%s: Harbor Bank is open on this machine, with two sites and customers who pay.\n", demo.Watermark)
		field(sh.term.out, "console", "http://"+a.Addr()+" (open it in a browser)")
		if b.chat != nil {
			field(sh.term.out, "slack", b.chat.page()+" (open it in a browser; choose who you are)")
		}
		field(sh.term.out, "server", "unix:"+socket)
		field(sh.term.out, "notices", filepath.Join(cfg.StateDir, "notices.txt")+" (what plans tell people, and the journal's roots)")
		field(sh.term.out, "stop", "Ctrl-C; start again to go on, with --fresh to begin anew")
		if b.chat != nil {
			fmt.Fprintf(sh.term.out, "\n%s", demoInSlack)
		}
		fmt.Fprintf(sh.term.out, "\n%s\n", demoLong[strings.Index(demoLong, "Open the console"):strings.Index(demoLong, "Interrupt it")])
	}
	<-ctx.Done()
	seen := b.customers.Seen()
	sh.note("%s: stopping; customers made %d transactions, the longest gap without service was %s", demo.Watermark, seen.Acknowledged, span(dr.Millis(seen.LongestGap)))
	return nil
}

// playStory lets the story play by itself and prints what came out of it.
func (sh *shell) playStory(ctx context.Context, b bank) error {
	talk := sh.term.out
	if sh.json {
		talk = sh.term.err
	}
	result, err := sh.tellStory(ctx, b, talk)
	if err != nil {
		return err
	}
	if !result.Verified {
		sh.code = exitCode(dr.Unverified)
	}
	if sh.json {
		return sh.printJSON(result)
	}
	return nil
}

// tellStory lets the people of the story play, over the same API as everybody.
func (sh *shell) tellStory(ctx context.Context, b bank, talk io.Writer) (demo.Result, error) {
	cfg, customers := b.cfg, b.customers
	server := "unix:" + filepath.Join(cfg.StateDir, web.SocketName)
	cl, err := client.New(client.Options{Server: server, Lang: cfg.Lang})
	if err != nil {
		return demo.Result{}, err
	}
	files, err := b.app.Files.Catalog()
	if err != nil {
		return demo.Result{}, err
	}
	sh.flags.server, sh.flags.state, sh.flags.org = server, cfg.StateDir, cfg.Org
	story := demo.Story{
		API: func(ctx context.Context, as, method, path string, in, out any) error {
			return cl.As(as).Call(ctx, method, path, in, out)
		},
		People: files.Organisation().Roster.People, Seen: customers.Seen, Audit: customers.Audit, Lang: sh.lang(),
		Report: func(ctx context.Context, run string) (string, bool, error) {
			return sh.storyReport(ctx, cfg.StateDir, run)
		},
	}
	return story.Play(ctx, talk)
}

// storyReport writes the report of the story where it outlives the demo, and verifies it.
func (sh *shell) storyReport(ctx context.Context, state, run string) (string, bool, error) {
	dir := state
	if strings.HasPrefix(filepath.Base(state), "switchman-demo-") {
		dir = os.TempDir()
	}
	file := filepath.Join(dir, "switchman-report-"+run+".zip")
	if err := writeFile(file, func(w io.Writer) error { return sh.makeReport(ctx, reportWish{run: run, format: "zip"}, w) }); err != nil {
		return "", false, err
	}
	v, err := sh.verify(ctx, []string{file}, "")
	return file, v.OK, err
}
