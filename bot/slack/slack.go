// Package slack is the conversation in Slack: it hands what people type, press and send to the bot, and
// draws the bot's cards as blocks.
//
// It owns the sockets to Slack, the translation of cards, forms and intents, who a Slack user is, and how
// a message is posted once although its answer may be lost. It has no rule of its own about runs: every
// act goes through the bot, which asks the engine. It refuses people Slack itself does not vouch for
// (guests, strangers of a shared channel, bots, deactivated accounts, other teams) and channels that are
// shared with another organisation. A text never votes; a security code is read out of a dialog's field
// and handed on, and is in no store, queue or log.
//
// Invariants. What came in is stored before it is acknowledged, or it is not acknowledged; a dialog that
// is sent is worked at once, because its fields may be secret, and answered in the acknowledgement. A
// second delivery is known by its keys. Texts from outside are plain text to Slack, never markup. No type
// of the client library leaves this package.
package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// Surface is what votes and rows say people came through.
const Surface = "slack"

// Config is what the adapter is made of. Everything is required unless said otherwise.
type Config struct {
	Bot     *bot.Bot
	Store   *store.Store
	Catalog func() (*catalog.Catalog, error)
	Clock   dr.Clock
	Log     *slog.Logger

	BotToken string // xoxb-…
	AppToken string // xapp-…, which opens sockets
	URL      string // of the Web API; empty: Slack's own
	Channel  string // id of the channel where runs are told and asked about
	// Alarm hears since when Slack cannot be reached by either socket; the zero time says that it can again.
	Alarm func(since dr.Time)
	// Point is called where a crash must be survived; tests die in it. nil: nothing.
	Point func(name string)
}

// Slack is one workspace with one channel. It is safe for use by several goroutines.
type Slack struct {
	cfg    Config
	api    *api.Client
	dialer websocket.Dialer
	posted *posted
	people *people
	homes  *homes
	talks  *talks

	queue  *queue
	frames chan frame // on their way into the inbox

	mu   sync.Mutex
	team api.AuthTestResponse // what Slack calls us; zero until asked
}

var _ bot.Chat = (*Slack)(nil)

// callTimeout bounds one call to Slack, which answers within seconds or not at all.
const callTimeout = 15 * time.Second

// New makes the adapter; nothing is asked of Slack before [Slack.Run].
func New(cfg Config) *Slack {
	if cfg.Point == nil {
		cfg.Point = func(string) {}
	}
	if cfg.Alarm == nil {
		cfg.Alarm = func(dr.Time) {}
	}
	s := &Slack{cfg: cfg, api: connect(cfg), posted: newPosted(), homes: &homes{open: map[string]opened{}}, talks: &talks{last: map[talk]time.Time{}},
		queue:  &queue{taken: map[string]claim{}, lanes: map[string][]heard{}, free: make(chan struct{}, hands), closed: true},
		frames: make(chan frame, framesMost), dialer: websocket.Dialer{Proxy: http.ProxyFromEnvironment, WriteBufferSize: writeBuffer}}
	s.people = &people{of: s, seen: map[string]known{}}
	return s
}

// connect makes the one client of Slack's Web API.
func connect(cfg Config) *api.Client {
	options := []api.Option{api.OptionAppLevelToken(cfg.AppToken), api.OptionHTTPClient(&http.Client{Timeout: callTimeout})}
	if cfg.URL != "" {
		options = append(options, api.OptionAPIURL(cfg.URL))
	}
	return api.New(cfg.BotToken, options...)
}

// Place is where the narrator tells what happens.
func (s *Slack) Place(instance string, point func(string)) bot.Place {
	return bot.Place{Surface: Surface, Dest: s.cfg.Channel, Chat: s, Instance: instance, Point: point}
}

// Run keeps two sockets open and works what comes in, until the context ends.
func (s *Slack) Run(ctx context.Context) {
	var all sync.WaitGroup
	line := s.newLine()
	for n := range sockets {
		all.Go(func() { s.socket(ctx, n, line) })
	}
	all.Go(func() { line.watch(ctx) })
	all.Go(func() { s.gather(ctx) })
	all.Go(func() { s.refresh(ctx) })
	s.work(ctx)
	all.Wait()
}

// who answers what Slack calls this app and its workspace.
func (s *Slack) who(ctx context.Context) (api.AuthTestResponse, error) {
	s.mu.Lock()
	team := s.team
	s.mu.Unlock()
	if team.TeamID != "" {
		return team, nil
	}
	answer, err := s.api.AuthTestContext(ctx)
	if err != nil {
		return team, fmt.Errorf("asking Slack who we are: %w", trouble(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.team = *answer
	return s.team, nil
}

// trouble sorts an error of Slack's: what will never be taken is Invalid, everything else is tried again.
func trouble(err error) error {
	var said api.SlackErrorResponse
	var slow *api.RateLimitedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &slow):
		return &dr.Error{Kind: dr.Unavailable, Message: fmt.Sprintf("Slack asks to wait %s", slow.RetryAfter), Err: &bot.Busy{Wait: slow.RetryAfter}}
	case errors.As(err, &said) && hopeless(said.Err):
		return &dr.Error{Kind: dr.Invalid, Message: "Slack does not take it: " + said.Err, Err: err}
	}
	return &dr.Error{Kind: dr.Unavailable, Message: "Slack cannot be reached", Err: err}
}

// hopeless are answers that the same message will get again. What somebody can mend in the workspace, such
// as a revoked token or a channel the app is not in, is not among them: the message waits for that.
func hopeless(code string) bool {
	switch code {
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "too_many_attachments",
		"message_not_found", "cant_update_message", "edit_window_closed", "invalid_arguments", "user_not_in_channel", "user_not_found",
		"thread_not_found", "metadata_too_large", "view_too_large", "expired_trigger_id", "invalid_trigger_id", "exchanged_trigger_id",
		"trigger_exchanged", "trigger_expired", "messages_tab_disabled":
		return true
	}
	return false
}

// doubtful says whether a message may have been taken although its answer says otherwise or got lost.
func doubtful(err error) bool {
	var said api.SlackErrorResponse
	var slow *api.RateLimitedError
	if errors.As(err, &slow) {
		return false
	}
	if errors.As(err, &said) {
		return said.Err == "internal_error" || said.Err == "fatal_error" || said.Err == "service_unavailable"
	}
	return true
}
