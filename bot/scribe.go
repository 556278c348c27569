package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// scribe writes down, within the narrator's transaction, what there is to say about a stretch of the
// journal. It looks at the rows and at what never changes about their runs, so that the same rows give
// the same messages whenever they are read.
type scribe struct {
	n   *Narrator
	tx  *store.Tx
	now dr.Time
}

func (s *scribe) tell(ctx context.Context, rows []dr.Row) error {
	c, err := s.n.bot.cfg.Catalog()
	if err != nil {
		return fmt.Errorf("reading who is who: %w", err)
	}
	v := s.n.bot.voice(c.Organisation(), s.n.place.Lang)
	seen := map[string]bool{}
	for _, row := range rows {
		// One drawing covers every row of the stretch: it is made after them, and the board comes before news.
		if row.Run != "" && !seen[row.Run] && draws(row.Kind) {
			seen[row.Run] = true
			if err := s.board(ctx, row.Run, row.Seq, row.At); err != nil {
				return err
			}
		}
		if parent, err := s.parentOf(ctx, row); err != nil {
			return err
		} else if parent != "" && !seen[parent] {
			seen[parent] = true
			if err := s.board(ctx, parent, row.Seq, row.At); err != nil {
				return err
			}
		}
		if err := s.row(ctx, v, row); err != nil {
			return fmt.Errorf("telling row %d: %w", row.Seq, err)
		}
	}
	return nil
}

// parentOf is the open run whose board offers something else once the way back that a row is about has ended.
func (s *scribe) parentOf(ctx context.Context, row dr.Row) (string, error) {
	if row.Kind != dr.RowState {
		return "", nil
	}
	if d, err := read[dr.StateData](row); err != nil || !d.To.Ended() {
		return "", nil
	}
	run, err := s.tx.Run(ctx, row.Run)
	if err != nil || run.Parent == "" {
		return "", unlessGone(err)
	}
	parent, err := s.tx.Run(ctx, run.Parent)
	if err != nil || parent.State.Ended() {
		return "", unlessGone(err)
	}
	return parent.ID, nil
}

// unlessGone passes over a run that is not there.
func unlessGone(err error) error {
	if dr.KindOf(err) == dr.NotFound {
		return nil
	}
	return err
}

// draws says which rows change what a board shows.
func draws(kind dr.RowKind) bool {
	return kind != dr.RowRefusal && kind != dr.RowAnchor && kind != dr.RowTraffic && kind != dr.RowNotice
}

// row queues the news of one row.
func (s *scribe) row(ctx context.Context, v voice, row dr.Row) error {
	if row.Kind == dr.RowRefusal {
		return s.refusal(ctx, v, row)
	}
	if row.Kind == dr.RowSituation {
		return s.situation(ctx, v, row)
	}
	if row.Kind == dr.RowSite {
		return s.siteNews(ctx, v, row)
	}
	if row.Run == "" {
		return nil
	}
	run, err := s.tx.Run(ctx, row.Run)
	if dr.KindOf(err) == dr.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	slice, err := s.n.frozen(ctx, &s.tx.Reader, run.Digest)
	if err != nil {
		return err
	}
	once := ""
	card := each(v.lang, s.n.place.Each, func(lang string) (c Card) {
		c, once = v.in(lang).news(row, run, slice)
		return c
	})
	if len(card.Parts) == 0 {
		return nil
	}
	key := s.key(row.Seq, string(row.Kind))
	if once != "" {
		key = s.n.name + "/row/once/" + row.Run + "/" + once
	}
	if err := s.put(ctx, key, kindPost, row, told{Card: card}); err != nil {
		return err
	}
	if d, err := read[dr.CodeData](row); row.Kind == dr.RowCodeRevoked && err == nil && d.Reason == fsm.Leaked {
		return s.leaked(ctx, v, row, run, d)
	}
	if d, err := read[dr.StateData](row); row.Kind == dr.RowState && err == nil && d.To.Ended() && d.To != d.From && d.From.Started() && run.Mode != dr.Rehearsal {
		return s.put(ctx, s.key(row.Seq, "report"), kindReport, row, told{Run: row.Run})
	}
	return nil
}

// refusal tells somebody that an act in their name was refused on another surface: there they know, or
// somebody else does what they should hear of. What was refused here was answered here.
func (s *scribe) refusal(ctx context.Context, v voice, row dr.Row) error {
	p, known := v.org.Roster.Person(row.Actor)
	if !known || p.Disabled || row.Surface == s.n.place.Surface {
		return nil
	}
	if p.Language != "" {
		v.lang = s.n.bot.voice(v.org, p.Language).lang
	}
	d, err := read[dr.RefusalData](row)
	if err != nil {
		return nil
	}
	card := each(v.lang, s.n.place.Each, func(lang string) Card {
		v := v.in(lang)
		card := v.refusal(&dr.Error{Kind: dr.Refused, ID: d.ID, Args: d.Args})
		card.Run = row.Run
		card.add(footnote(v.say("bot_refused_elsewhere", dr.Args{"surface": row.Surface, "time": v.clock(row.At, dr.Time{}), "verb": string(d.Verb)})))
		return card.Fit()
	})
	return s.whisper(ctx, "refusal", row, row.Actor, card)
}

// leaked tells whoever issued a code that was seen in the open, and whoever leads the run (before it has a
// commander: who asked for it), that a new one is needed.
func (s *scribe) leaked(ctx context.Context, v voice, row dr.Row, run dr.Run, d dr.CodeData) error {
	told := map[string]bool{}
	for _, id := range []string{d.Issuer, first(run.Commander, run.Requester)} {
		p, known := v.org.Roster.Person(id)
		if !known || p.Disabled || told[id] {
			continue
		}
		told[id] = true
		card := each(s.n.bot.voice(v.org, p.Language).lang, s.n.place.Each, func(lang string) Card {
			return v.in(lang).leaked(d.Issuer, run.ID)
		})
		if err := s.whisper(ctx, "leaked/"+id, row, id, card); err != nil {
			return err
		}
	}
	return nil
}

func (s *scribe) whisper(ctx context.Context, what string, row dr.Row, person string, card Card) error {
	return s.put(ctx, s.key(row.Seq, what), kindWhisper, row, told{Card: card, Person: person})
}

// key makes keys that sort as the rows do.
func (s *scribe) key(seq int64, what string) string {
	return fmt.Sprintf("%s/row/%012d/%s", s.n.name, seq, what)
}

func (s *scribe) put(ctx context.Context, key, kind string, row dr.Row, m told) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	_, err = s.tx.PutOutbox(ctx, store.Outgoing{Key: key, Surface: s.n.name, Dest: s.n.place.Dest, Run: row.Run, Kind: kind, Body: string(body), Made: row.At, Due: s.now})
	return err
}

// board queues a run's board: its first drawing, or one more, unless one is waiting to be drawn already.
// at is the moment of the row that asks for it, which gives it its place in the order.
func (s *scribe) board(ctx context.Context, run string, seq int64, at dr.Time) error {
	return s.wall(ctx, run, told{}, seq, at)
}

// wall queues a living card, of a run or of a situation.
func (s *scribe) wall(ctx context.Context, about string, m told, seq int64, at dr.Time) error {
	n := s.n
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	o := store.Outgoing{Key: n.boardKey(about), Surface: n.name, Dest: n.place.Dest, Run: about, Kind: kindBoard, Body: string(body), Made: at, Due: s.now}
	if fresh, err := s.tx.PutOutbox(ctx, o); err != nil || fresh {
		return err
	}
	last, err := s.tx.Outbox(ctx, n.boardKey(about))
	if err != nil || last.Sent.IsZero() {
		return err
	}
	mark := n.name + "/redraw/" + about
	drawn, err := s.tx.Cursor(ctx, mark)
	if err != nil {
		return err
	}
	if drawn > 0 {
		switch redrawn, err := s.tx.Outbox(ctx, mark+"/"+strconv.FormatInt(drawn, 10)); {
		case dr.KindOf(err) == dr.NotFound: // sent so long ago that it is no longer kept
		case err != nil || redrawn.Sent.IsZero():
			return err
		default:
			last = redrawn
		}
	}
	if next := last.Sent.Plus(max(leastRedraw, n.place.Chat.Caps().Redraw, m.patience())); next.After(s.now.Time) {
		o.Due = next
	}
	o.Key, o.Kind = mark+"/"+strconv.FormatInt(seq, 10), kindRedraw
	if _, err := s.tx.PutOutbox(ctx, o); err != nil {
		return err
	}
	return s.tx.SetCursor(ctx, mark, seq)
}

// frozen reads a frozen plan with the transaction's own reader; a second one could wait for the writer.
func (n *Narrator) frozen(ctx context.Context, r *store.Reader, digest string) (*dr.Slice, error) {
	n.bot.mu.Lock()
	s := n.bot.slices[digest]
	n.bot.mu.Unlock()
	if s != nil {
		return s, nil
	}
	raw, err := r.Slice(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("reading the frozen plan %s: %w", digest, err)
	}
	return n.bot.remember(digest, raw)
}

// read decodes a row's data.
func read[T any](row dr.Row) (d T, err error) {
	err = json.Unmarshal(row.Data, &d)
	return d, err
}
