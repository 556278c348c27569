package web

import (
	"context"
	"net/http"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// situations is what watches the house, where something does.
func (s *Server) situations() (*bot.Situations, error) {
	if s.cfg.Situations == nil {
		return nil, &dr.Error{Kind: dr.Unavailable, ID: "situations_off"}
	}
	return s.cfg.Situations, nil
}

// situationView is a situation with the words of its clues in the reader's language.
type situationView struct {
	dr.Situation
	Run   *carrying      `json:"run,omitempty"`
	Words situationWords `json:"words"`
}

// carrying is the open run of the plan that is advised: somebody asked for it already.
type carrying struct {
	ID    string   `json:"id"`
	State dr.State `json:"state"`
	Mode  dr.Mode  `json:"mode"`
}

// situationWords are sentences, in the order of what they stand for.
type situationWords struct {
	Headline string   `json:"headline"`
	Why      []string `json:"why"`
	Needs    []string `json:"needs"`
	Forbids  []string `json:"forbids"`
	For      []string `json:"for"`
	Against  []string `json:"against"`
	Short    string   `json:"short,omitempty"` // the why in fewer words
}

// carried gives situations the run that carries their plan out.
func (s *Server) carried(ctx context.Context, all []situationView) error {
	return s.cfg.Store.Read(ctx, func(r *store.Reader) error {
		for i := range all {
			run, err := bot.Carrying(ctx, r, all[i].Situation)
			if err != nil {
				return err
			}
			if all[i].Run = nil; run != nil {
				all[i].Run = &carrying{run.ID, run.State, run.Mode}
			}
		}
		return nil
	})
}

func situationOf(org dr.Organisation, lang string, x dr.Situation) situationView {
	say := func(clues []dr.Clue) []string {
		out := []string{}
		for _, c := range clues {
			out = append(out, bot.ClueText(org, lang, c))
		}
		return out
	}
	v := situationView{Situation: x, Words: situationWords{Why: say(x.Advice.Why), Needs: say(x.Advice.Needs), Forbids: say(x.Advice.Forbids), For: say(x.For), Against: say(x.Against), Short: x.Short[lang]}}
	if x.Advice.Headline.ID != "" {
		v.Words.Headline = bot.ClueText(org, lang, x.Advice.Headline)
	}
	if v.Systems == nil {
		v.Systems = []string{}
	}
	if v.For == nil {
		v.For = []dr.Clue{}
	}
	if v.Advice.Why == nil {
		v.Advice.Why = []dr.Clue{}
	}
	return v
}

func (s *Server) listSituations(w http.ResponseWriter, r *http.Request, _ caller) error {
	from, err := s.situations()
	if err != nil {
		return err
	}
	found, err := from.List(r.Context(), r.URL.Query().Has("all"))
	if err != nil {
		return err
	}
	loose, err := from.Unresolved(r.Context())
	if err != nil {
		return err
	}
	c, err := s.cfg.Catalog()
	if err != nil {
		return err
	}
	org, lang, out := c.Organisation(), s.language(r), []situationView{}
	for _, x := range found {
		out = append(out, situationOf(org, lang, x))
	}
	if err := s.carried(r.Context(), out); err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"situations": out, "unresolved": append([]dr.Signal{}, loose...)})
	return nil
}

func (s *Server) showSituation(w http.ResponseWriter, r *http.Request, _ caller) error {
	from, err := s.situations()
	if err != nil {
		return err
	}
	x, err := from.Get(r.Context(), r.PathValue("situation"))
	if err != nil {
		return err
	}
	c, err := s.cfg.Catalog()
	if err != nil {
		return err
	}
	out := []situationView{situationOf(c.Organisation(), s.language(r), x)}
	if err := s.carried(r.Context(), out); err != nil {
		return err
	}
	answer(w, http.StatusOK, out[0])
	return nil
}

// opinion is the body of POST /api/situations/{situation}/answer.
type opinion struct {
	Answer string `json:"answer"`
}

// answerSituation keeps what somebody says of an advice. It is taken in the order of the signals, so the
// situation shows it a moment later.
func (s *Server) answerSituation(w http.ResponseWriter, r *http.Request, c caller) error {
	var in opinion
	if err := read(w, r, &in); err != nil {
		return err
	}
	from, err := s.situations()
	if err != nil {
		return err
	}
	if in.Answer != bot.NotThis && in.Answer != "" {
		return &dr.Error{Kind: dr.Invalid, ID: "situation_answer_unknown", Args: dr.Args{"answer": printable(in.Answer)}}
	}
	if err := from.Answer(r.Context(), c.actor, r.PathValue("situation"), in.Answer); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) situationSignals(w http.ResponseWriter, r *http.Request, _ caller) error {
	from, err := s.situations()
	if err != nil {
		return err
	}
	found, err := from.Signals(r.Context(), r.PathValue("situation"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"signals": append([]dr.Signal{}, found...)})
	return nil
}

func (s *Server) situationNoise(w http.ResponseWriter, r *http.Request, _ caller) error {
	from, err := s.situations()
	if err != nil {
		return err
	}
	found, err := from.Noise(r.Context(), r.PathValue("situation"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"signals": append([]dr.Signal{}, found...)})
	return nil
}
