package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
)

// Ports of the demo's block where its console and its Slack are found again after the next start.
const (
	consoleSpare = 8
	slackSpare   = 9
)

// roomName is the channel's name, under which the sample says who reads there.
const roomName = "dr-room"

// chatRoom is the workspace of a demo: a Slack of our own on this machine, with the bank's people in it
// and somebody of every kind that has no business there.
type chatRoom struct {
	server  *slackfake.Server
	host    string
	channel string
	ended   chan error
	stop    func()
}

// openChat starts the workspace. It keeps nothing, so each start has a channel of its own: the bot takes
// that for a place it has not spoken in yet, and begins there with the runs that are open.
func (sh *shell) openChat(ctx context.Context, addr string, org dr.Organisation) (*chatRoom, error) {
	o := slackfake.Options{Clock: sh.term.clock, Team: slackfake.Team{ID: "T0HARBOR1", Name: org.Name, Domain: org.ID}}
	for _, p := range staff(org, sh.term.clock.Time()) {
		o.Users = append(o.Users, account(p))
	}
	o.Users = append(o.Users, slackfake.Outsiders()...)
	r := &chatRoom{channel: "C0" + strings.ToUpper(strconv.FormatInt(sh.term.clock.Now().UnixMilli(), 36)), ended: make(chan error, 1)}
	o.Channels = []slackfake.Channel{{ID: r.channel, Name: roomName, Topic: "Recovery runs: asked for, agreed to, watched. Type /dr help"}}
	r.server = slackfake.New(o)
	ctx, r.stop = context.WithCancel(ctx)
	up := make(chan string, 1)
	go func() { r.ended <- r.server.Listen(ctx, addr, func(host string) { up <- host }) }()
	select {
	case r.host = <-up:
		return r, nil
	case err := <-r.ended:
		r.stop()
		return nil, dr.Errorf(dr.Unavailable, "the demo's Slack cannot listen on %s: %v", addr, err).WithHint("end what listens there, or start the demo in another --state directory")
	}
}

// staff are the people with an account: whoever is on duty now comes first, then in the order of their
// member ids, so that the page begins with somebody who can ask for a run.
func staff(org dr.Organisation, now dr.Time) []dr.Person {
	zone, err := time.LoadLocation(org.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	away := func(p dr.Person) int {
		if len(p.Duty) > 0 && approval.OnDuty(p, zone, now) {
			return 0
		}
		return 1
	}
	people := slices.DeleteFunc(slices.Clone(org.Roster.People), func(p dr.Person) bool { return p.Slack == "" })
	slices.SortFunc(people, func(a, b dr.Person) int { return cmp.Or(away(a)-away(b), cmp.Compare(a.Slack, b.Slack)) })
	return people
}

// account is a person of the roster as a member of the workspace; the title says what they may do.
func account(p dr.Person) slackfake.User {
	var roles []string
	for _, r := range p.Roles {
		roles = append(roles, strings.ReplaceAll(string(r), "_", " "))
	}
	title := strings.Join(roles, ", ")
	for _, d := range p.Duty {
		title += " · " + d.From + "–" + d.To
	}
	locale := "en-US"
	if p.Language == "zh" {
		title, locale = title+" · 中文", "zh-CN"
	}
	return slackfake.User{ID: p.Slack, Name: p.ID, RealName: p.Name, Email: p.ID + "@harbor.example", Title: title, Locale: locale}
}

// page is where one is any of the people.
func (r *chatRoom) page() string { return "http://" + r.host + "/" }

// settings make the bot talk there, whatever the environment says about a real Slack.
func (r *chatRoom) settings(environ []string) []string {
	kept := slices.DeleteFunc(slices.Clone(environ), func(pair string) bool { return strings.HasPrefix(pair, "SWITCHMAN_SLACK_") })
	app := r.server.App()
	return append(kept, "SWITCHMAN_SLACK_BOT_TOKEN="+app.BotToken, "SWITCHMAN_SLACK_APP_TOKEN="+app.AppToken,
		"SWITCHMAN_SLACK_CHANNEL="+r.channel, "SWITCHMAN_SLACK_ROOM="+roomName, "SWITCHMAN_SLACK_URL=http://"+r.host+"/api/")
}

// close ends the workspace and waits for its listener.
func (r *chatRoom) close() error {
	r.stop()
	if err := <-r.ended; err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("closing the demo's Slack: %w", err)
	}
	return nil
}
