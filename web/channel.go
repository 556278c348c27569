package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const textMost = 4000

// entry is one card of the channel as a page is sent it.
type entry struct {
	ID      string          `json:"id"`
	At      dr.Time         `json:"at"`
	Version int64           `json:"version"`
	Person  string          `json:"person,omitempty"` // who alone sees it; with Text, who said it
	Text    string          `json:"text,omitempty"`
	Card    json.RawMessage `json:"card"`
}

// readChannel answers the newest cards, or those before one, oldest first.
func (s *Server) readChannel(w http.ResponseWriter, r *http.Request, c caller) error {
	limit, err := number(r.URL.Query().Get("limit"), "limit", 50, 1, 200)
	if err != nil {
		return err
	}
	before := r.URL.Query().Get("before")
	var cards []store.Card
	err = s.cfg.Store.Read(r.Context(), func(rd *store.Reader) error {
		place := int64(1) << 62
		if before != "" {
			one, err := rd.Card(r.Context(), before)
			if err != nil || one.Dest != ConsoleChannel || one.Person != "" && one.Person != c.actor.Person {
				return &dr.Error{Kind: dr.NotFound, ID: "no_such_card", Args: dr.Args{"card": printable(before)}}
			}
			place = one.Place
		}
		var err error
		cards, err = rd.CardsBefore(r.Context(), ConsoleChannel, c.actor.Person, place, int(limit))
		return err
	})
	if err != nil {
		return err
	}
	out := []entry{}
	if s.cfg.Chat == nil {
		cards = nil // a server without a conversation
	}
	for _, card := range slices.Backward(cards) {
		e, err := s.cfg.Chat.entry(card, c.actor.Person, s.language(r))
		if err != nil {
			return err
		}
		out = append(out, e)
	}
	body := map[string]any{"cards": out, "commands": bot.Offers(s.language(r))}
	if len(out) == int(limit) && cards[len(cards)-1].Place > 1 {
		body["before"] = out[0].ID
	}
	answer(w, http.StatusOK, body)
	return nil
}

// saying is the body of POST /api/channel.
type saying struct {
	Text string `json:"text"`
}

func (s *Server) say(w http.ResponseWriter, r *http.Request, c caller) error {
	var ask saying
	if err := read(w, r, &ask); err != nil {
		return err
	}
	if ask.Text == "" || len(ask.Text) > 4*textMost {
		return &dr.Error{Kind: dr.Invalid, ID: "channel_text", Args: dr.Args{"most": strconv.Itoa(textMost)}}
	}
	if s.cfg.Bot == nil || s.cfg.Chat == nil {
		return &dr.Error{Kind: dr.Unavailable, ID: "channel_off"}
	}
	line, err := s.cfg.Chat.Say(r.Context(), c.actor.Person, ask.Text)
	if err != nil {
		return err
	}
	patient(w)
	drawing := answering{console: s.cfg.Chat, person: c.actor.Person}
	draw := func(ctx context.Context, reply bot.Reply) {
		if err := drawing.draw(ctx, reply); err != nil {
			s.cfg.Log.ErrorContext(ctx, "an answer is not in the channel", "error", err)
		}
	}
	reply, err := s.reply(r, c, bot.Intent{Kind: bot.Command, Args: ask.Text, Each: true, Live: func(reply bot.Reply) { draw(r.Context(), reply) }})
	if err != nil {
		return err
	}
	// What was asked is done; that it was answered is kept too, whoever has hung up meanwhile.
	draw(context.WithoutCancel(r.Context()), reply)
	reply.Card = reply.Card.In(reply.Card.Lang)
	answer(w, http.StatusOK, said{Reply: reply, Line: line, Answer: drawing.id})
	return nil
}

// said is the answer to a line, with the entries of the channel that keep both, so that a page shows
// neither twice.
type said struct {
	bot.Reply
	Line   string `json:"line"`
	Answer string `json:"answer,omitempty"`
}

// pressing is the body of POST /api/channel/press.
type pressing struct {
	Nonce     string `json:"nonce"`
	Choice    string `json:"choice,omitempty"`
	Confirmed bool   `json:"confirmed,omitempty"`
}

func (s *Server) pressButton(w http.ResponseWriter, r *http.Request, c caller) error {
	var ask pressing
	if err := read(w, r, &ask); err != nil {
		return err
	}
	in := bot.Intent{Kind: bot.Press, Args: ask.Nonce, Confirmed: ask.Confirmed}
	if ask.Choice != "" {
		in.Values = map[string]string{"choice": ask.Choice}
	}
	return s.hand(w, r, c, in)
}

// sending is the body of POST /api/channel/submit.
type sending struct {
	Nonce  string            `json:"nonce"`
	Values map[string]string `json:"values"` // a code may be among them; it is neither kept nor logged
}

func (s *Server) submitForm(w http.ResponseWriter, r *http.Request, c caller) error {
	var ask sending
	if err := read(w, r, &ask); err != nil {
		return err
	}
	// The person read what it does beside the form's button, and pressed that.
	return s.hand(w, r, c, bot.Intent{Kind: bot.Submit, Args: ask.Nonce, Values: ask.Values, Confirmed: true})
}

// hand hands in what may carry out a verb, once the person has proven again who they are where that is
// wanted.
func (s *Server) hand(w http.ResponseWriter, r *http.Request, c caller, in bot.Intent) error {
	if s.cfg.Bot == nil {
		return &dr.Error{Kind: dr.Unavailable, ID: "channel_off"}
	}
	run, verb, err := s.cfg.Bot.Acts(r.Context(), in.Args)
	if err != nil {
		return err
	}
	if verb != "" {
		if no := s.watching(c, verb); no != nil {
			return s.refuseAtEdge(r, c.actor.Person, "edge_observer", no)
		}
		if err := s.stepUpFor(r.Context(), c, run, verb); err != nil {
			return err
		}
		in.StepUp = true
	}
	return s.handle(w, r, c, in)
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request, c caller, in bot.Intent) error {
	if s.cfg.Bot == nil {
		return &dr.Error{Kind: dr.Unavailable, ID: "channel_off"}
	}
	reply, err := s.reply(r, c, in)
	if err != nil {
		return err
	}
	if reply.Post != nil && s.cfg.Chat != nil {
		if err := s.cfg.Chat.Share(context.WithoutCancel(r.Context()), *reply.Post); err != nil {
			return err
		}
	}
	answer(w, http.StatusOK, reply)
	return nil
}

func (s *Server) reply(r *http.Request, c caller, in bot.Intent) (bot.Reply, error) {
	in.Surface, in.Person, in.Dest, in.At, in.Secrets = consoleSurface, c.actor.Person, ConsoleChannel, s.cfg.Clock.Time(), true
	in.Company = bot.InHouse                            // everybody who signs in reads the channel, and an answer can be shown to one alone
	if lang := r.URL.Query().Get("lang"); known(lang) { // what the page is read in counts more than the roster
		in.Lang = lang
	}
	return s.cfg.Bot.Handle(r.Context(), in)
}

// cards are the drawings made since a page last looked, that its reader may see.
func (s *Server) cards(ctx context.Context, person, lang string, after int64) (out []entry, last int64, err error) {
	found, err := s.drawn.since(ctx, s.cfg.Store, s.cfg.Clock, s.cfg.Chat.drawn.count(), after)
	last = after
	for _, card := range found {
		last = card.Change
		if card.Dest == ConsoleChannel && (card.Person == "" || card.Person == person) {
			e, err := s.cfg.Chat.entry(card, person, lang)
			if err != nil {
				return nil, after, err
			}
			out = append(out, e)
		}
	}
	return out, last, err
}
