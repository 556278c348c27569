package config

import (
	"slices"
	"strings"
)

// SlackFacts are what Slack said about the app. An error is Slack's own word; the first unreachable answer
// ends the questions.
type SlackFacts struct {
	Unreachable error
	BotError    string // why the bot token is not taken
	AppError    string // why the app-level token opens no connection
	Team, Bot   string // what Slack calls the workspace and the app
	Needed      []string
	Scopes      []string // of the bot token
	Channel     SlackChannel
}

// SlackChannel is the channel of the settings.
type SlackChannel struct {
	Error                             string
	Name                              string
	Member, Private, Archived, Shared bool
}

// SlackState is the worst there is to say about Slack, for whoever has to answer with one number.
type SlackState int

// The states, best first.
const (
	SlackFine        SlackState = iota
	SlackWrong                  // something is set up wrongly here or in Slack
	SlackRefused                // Slack does not take a token
	SlackUnreachable            // nobody can say
)

// DoctorSlack says what Slack's answers mean and what to click.
func DoctorSlack(c *Config, f SlackFacts) ([]Finding, SlackState) {
	d := &slackDoctor{doctor: doctor{cfg: c}, facts: f}
	d.look()
	return d.found, d.state
}

type slackDoctor struct {
	doctor
	facts SlackFacts
	state SlackState
}

func (d *slackDoctor) bad(state SlackState, next, format string, a ...any) {
	d.say("slack", Problem, next, format, a...)
	d.state = max(d.state, state)
}

func (d *slackDoctor) fine(format string, a ...any) { d.say("slack", Fine, "", format, a...) }

const apps = "api.slack.com/apps → your app → "

func (d *slackDoctor) look() {
	c, f := d.cfg, d.facts
	if c.SlackBotToken.Empty() || c.SlackAppToken.Empty() || c.SlackChannel == "" {
		d.bad(SlackWrong, "Follow docs/slack.md: it takes five minutes.",
			"Slack is not set up: "+prefix+"SLACK_BOT_TOKEN_FILE, "+prefix+"SLACK_APP_TOKEN_FILE and "+prefix+"SLACK_CHANNEL go together.")
		return
	}
	if f.Unreachable != nil {
		d.bad(SlackUnreachable, "Let this machine reach slack.com and wss-primary.slack.com over HTTPS, or look at slack-status.com. Runs and the console do not wait for it.",
			"Slack cannot be reached: %v", f.Unreachable)
		return
	}
	if f.AppError != "" {
		d.bad(SlackRefused, apps+"Basic Information → App-Level Tokens → Generate, with the scope connections:write. It begins with xapp-.",
			"Slack does not take the app-level token (%s), so no connection can be opened.", f.AppError)
	} else {
		d.fine("The app-level token opens connections.")
	}
	if f.BotError != "" {
		d.bad(SlackRefused, apps+"Install App → Reinstall to Workspace, then put the token that begins with xoxb- into the file.",
			"Slack does not take the bot token (%s).", f.BotError)
		return
	}
	d.fine("The bot token is of %s in the workspace %s.", f.Bot, f.Team)
	d.scopes()
	d.channel()
}

func (d *slackDoctor) scopes() {
	var missing, spare []string
	for _, one := range d.facts.Needed {
		if !slices.Contains(d.facts.Scopes, one) {
			missing = append(missing, one)
		}
	}
	for _, one := range d.facts.Scopes {
		if !slices.Contains(d.facts.Needed, one) {
			spare = append(spare, one)
		}
	}
	if len(missing) > 0 {
		d.bad(SlackWrong, apps+"OAuth & Permissions → Bot Token Scopes → Add, then Install App → Reinstall to Workspace.",
			"The app is not allowed what it needs: %s.", strings.Join(missing, ", "))
	} else {
		d.fine("The app is allowed everything it needs.")
	}
	if len(spare) > 0 {
		d.say("slack", Note, "Take them away where nothing else uses this app.", "The app is allowed more than it needs: %s.", strings.Join(spare, ", "))
	}
}

func (d *slackDoctor) channel() {
	c := d.facts.Channel
	name := "#" + c.Name
	switch {
	case c.Error == "missing_scope": // said already
	case c.Error == "channel_not_found":
		d.bad(SlackWrong, "Take the id from the bottom of the channel's details. If the channel is private, type there: /invite @"+d.facts.Bot,
			"The app does not see a channel with the id %s.", d.cfg.SlackChannel)
	case c.Error != "":
		d.bad(SlackWrong, "Take the id from the bottom of the channel's details.", "Slack does not tell about channel %s: %s.", d.cfg.SlackChannel, c.Error)
	case c.Shared:
		d.bad(SlackWrong, "Make a channel for the team alone, and put its id into "+prefix+"SLACK_CHANNEL.",
			"%s is shared with another organisation; nothing about runs is said or done there.", name)
	case c.Archived:
		d.bad(SlackWrong, "Open the channel's details → Settings → Unarchive, or choose another channel.", "%s is archived.", name)
	case !c.Member:
		d.bad(SlackWrong, "Type in the channel: /invite @"+d.facts.Bot, "The app is not in %s, so it hears and says nothing there.", name)
	default:
		d.fine("The app is in %s, which is %s and shared with nobody.", name, map[bool]string{true: "private", false: "public within the workspace"}[c.Private])
	}
}
