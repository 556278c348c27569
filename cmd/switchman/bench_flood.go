package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

const (
	cardAtMost    = 2000 // ms from 300 alerts to the card in the channel
	clickAtMost   = 250  // ms from a vote to its answer, beside a flood
	slowedAtMost  = 1.5  // times as long as without the flood
	floodPosts    = 50   // a second
	floodAlerts   = 100  // of each: 5,000 a second
	floodSenders  = 4
	floodStages   = 12
	floodWait     = "10ms"
	votesEvery    = 100 * time.Millisecond
	stormPatience = time.Minute
)

// benchFlood measures what signals do to a real server: how soon a storm is a card, and what a source that
// floods costs people who vote and a run that is under way.
func (sh *shell) benchFlood(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	var card, advised, flooded []float64
	var calm, beside floodNews
	for i := range want.rounds {
		shape := []string{"--stages", strconv.Itoa(floodStages), "--wait", floodWait, "--flight", "1", "--lost"}
		err := sh.withServer(ctx, filepath.Join(dir, fmt.Sprintf("flood-%d", i)), shape, func(ctx context.Context, s *newsroom) error {
			seen, sure, err := s.storm(ctx)
			if err != nil {
				return err
			}
			card, advised = append(card, seen), append(advised, sure)
			rate, err := s.flooded(ctx, want.quick, &calm, &beside)
			flooded = append(flooded, rate)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return []figure{
		figureOf("a storm of 300 alerts, from its first post to its card", "ms", cardAtMost, card...),
		figureOf("the same until the card recommends the plan", "ms", 0, advised...),
		figureOf("a flood: alerts sent each second", "/s", 0, flooded...),
		figureOf("a vote without it, until it is answered", "ms", 0, calm.votes...),
		figureOf("a vote beside it", "ms", 0, beside.votes...),
		figureOf("the same: 95th of 100 votes", "ms", clickAtMost, hundredth(beside.votes, 95)),
		figureOf("a step of a run without it", "ms", 0, calm.steps...),
		figureOf("a step beside it", "ms", 0, beside.steps...),
		figureOf("the step beside it, in steps without", "×", slowedAtMost, median(beside.steps)/max(median(calm.steps), .001)),
	}, nil
}

// hundredth is the value below which so many of a hundred lie.
func hundredth(series []float64, n int) float64 {
	if len(series) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(series))
	return sorted[min(len(sorted)-1, len(sorted)*n/100)]
}

// firing is one alert of the generated organisation as Alertmanager tells it.
func firing(name, number string, labels map[string]string) map[string]any {
	all := map[string]string{"alertname": name, "severity": "critical"}
	for k, v := range labels {
		all[k] = v
	}
	return map[string]any{"status": "firing", "labels": all, "startsAt": "2026-03-01T00:00:00Z", "fingerprint": name + "-" + number}
}

// lostSite is what monitoring says when the east is gone, in 300 alerts.
func lostSite() (out []any) {
	for _, name := range []string{"TargetDown", "HostUnreachable", "HighErrorRate", "HighLatency"} {
		for k := range benchSystems {
			for n := range benchNodes {
				if len(out) < 300-benchSystems {
					out = append(out, firing(name, fmt.Sprintf("%d-%d", k, n), map[string]string{"node": fmt.Sprintf("w%d-n%d-e", k, n), "system": fmt.Sprintf("w%d", k), "site": "east"}))
				}
			}
		}
	}
	for k := range benchSystems {
		out = append(out, firing("ProbeFailed", strconv.Itoa(k), map[string]string{"system": fmt.Sprintf("w%d", k)}))
	}
	return out
}

// post sends alerts as Alertmanager does. That they are too many is an answer, too.
func (s *newsroom) post(ctx context.Context, alerts []any) error {
	err := s.door.Call(ctx, "POST", "/hooks/alertmanager", map[string]any{"version": "4", "alerts": alerts}, nil)
	if dr.KindOf(err) == dr.Refused {
		return nil
	}
	return err
}

// storm sends 300 alerts at once and waits for the situation's card in the channel, and for its advice.
func (s *newsroom) storm(ctx context.Context) (seen, sure float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, stormPatience)
	defer cancel()
	begun := s.sh.term.clock.Now()
	for part := range slices.Chunk(lostSite(), floodAlerts) {
		if err := s.post(ctx, part); err != nil {
			return 0, 0, err
		}
	}
	for sure == 0 {
		var channel struct {
			Cards []struct{ Card json.RawMessage }
		}
		if err := s.door.As("ann").Call(ctx, "GET", "/api/channel?limit=20", nil, &channel); err != nil {
			return 0, 0, fmt.Errorf("waiting for the card of a storm: %w", err)
		}
		for _, c := range channel.Cards {
			var card struct {
				Kind string `json:"kind"`
			}
			if json.Unmarshal(c.Card, &card) != nil || card.Kind != "situation" {
				continue
			}
			if seen == 0 {
				seen = s.sh.msSince(begun)
			}
			if slices.Contains(actionsOf(c.Card), "situation-request_failover") {
				sure = s.sh.msSince(begun)
			}
		}
		select {
		case <-s.sh.term.clock.After(20 * time.Millisecond):
		case <-ctx.Done():
			return 0, 0, fmt.Errorf("waiting for the card of a storm: %w", context.Cause(ctx))
		}
	}
	return seen, sure, nil
}

// actionsOf are the ids of what can be pressed on a card.
func actionsOf(raw json.RawMessage) (out []string) {
	var card struct {
		Parts []struct {
			Actions []struct {
				ID string `json:"id"`
			} `json:"actions"`
		} `json:"parts"`
	}
	if json.Unmarshal(raw, &card) != nil {
		return nil
	}
	for _, p := range card.Parts {
		for _, a := range p.Actions {
			out = append(out, a.ID)
		}
	}
	return out
}

// floodNews is what people and a run saw, in ms each.
type floodNews struct{ votes, steps []float64 }

// flooded has people vote while a run is under way, first for themselves and then beside a source that
// sends 5,000 alerts a second, and says how many it really sent.
func (s *newsroom) flooded(ctx context.Context, quick bool, calm, beside *floodNews) (rate float64, err error) {
	polls := benchPolls
	if quick {
		polls = 2
	}
	rounds, err := s.rounds(ctx, polls)
	if err != nil {
		return 0, err
	}
	if err := s.setOut(ctx); err != nil {
		return 0, err
	}
	if err := s.vote(ctx, rounds[:len(rounds)/2], calm); err != nil {
		return 0, err
	}
	flooding, stop := context.WithCancel(ctx)
	defer stop()
	var flood sync.WaitGroup
	var sent atomic.Int64
	failed := make(chan error, floodSenders)
	begun := s.sh.term.clock.Now()
	for k := range floodSenders {
		flood.Go(func() { failed <- s.pour(flooding, k, &sent) })
	}
	err = s.vote(ctx, rounds[len(rounds)/2:], beside)
	rate = float64(sent.Load()) / (s.sh.msSince(begun) / 1000)
	stop()
	flood.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return rate, err
}

// pour is one sender of a flood; each of its alerts is a new one.
func (s *newsroom) pour(ctx context.Context, k int, sent *atomic.Int64) error {
	begun := s.sh.term.clock.Now()
	for i := 0; ; i++ {
		select {
		case <-s.sh.term.clock.After(time.Duration(i)*time.Second*floodSenders/floodPosts - s.sh.term.clock.Now().Sub(begun)):
		case <-ctx.Done():
			return nil
		}
		var alerts []any
		for j := range floodAlerts {
			n := (i*floodAlerts + j) % (benchSystems * benchNodes)
			alerts = append(alerts, firing("Flood", fmt.Sprintf("%d-%d-%d", k, i, j), map[string]string{"node": fmt.Sprintf("w%d-n%d-w", n/benchNodes, n%benchNodes), "check": fmt.Sprint(i*floodAlerts + j)}))
		}
		if err := s.post(ctx, alerts); err != nil && ctx.Err() == nil {
			return err
		}
		sent.Add(floodAlerts)
	}
}

// ballot is a run that waits for votes.
type ballot struct{ run, nonce string }

// rounds requests runs to vote on.
func (s *newsroom) rounds(ctx context.Context, n int) (out []ballot, err error) {
	for i := range n {
		var run struct{ ID string }
		if err := s.door.As("eve").Call(ctx, "POST", "/api/runs", map[string]any{"plan": fmt.Sprintf("poll-w%d", i), "mode": dr.Drill, "reason": "measuring"}, &run); err != nil {
			return nil, err
		}
		nonce, err := s.waiting(ctx, run.ID, dr.AwaitingApproval)
		if err != nil {
			return nil, err
		}
		out = append(out, ballot{run.ID, nonce})
	}
	return out, nil
}

// waiting waits until a run is in a state, and gives its round's nonce.
func (s *newsroom) waiting(ctx context.Context, run string, state dr.State) (nonce string, err error) {
	for {
		var v struct {
			State dr.State
			Round struct{ Nonce string }
		}
		if err := s.door.As("ann").Call(ctx, "GET", "/api/runs/"+url.PathEscape(run), nil, &v); err != nil || v.State == state {
			return v.Round.Nonce, err
		}
		select {
		case <-s.sh.term.clock.After(20 * time.Millisecond):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// setOut takes the server's run through its votes and its code.
func (s *newsroom) setOut(ctx context.Context) error {
	nonce, err := s.waiting(ctx, s.run, dr.AwaitingApproval)
	if err != nil {
		return err
	}
	path := "/api/runs/" + url.PathEscape(s.run)
	for _, who := range []string{"bob", "cat"} {
		if err := s.door.As(who).Call(ctx, "POST", path+"/approve", map[string]any{"confirmed": true, "nonce": nonce}, nil); err != nil {
			return err
		}
	}
	var issued struct{ Code string }
	if err := s.door.As("dan").Call(ctx, "POST", path+"/issue_code", nil, &issued); err != nil {
		return err
	}
	return s.door.As("ann").Call(ctx, "POST", path+"/start", map[string]any{"code": issued.Code, "nonce": nonce, "confirmed": true}, nil)
}

// vote has each onlooker vote on each of the runs, ten votes a second, and looks what steps took meanwhile.
func (s *newsroom) vote(ctx context.Context, on []ballot, news *floodNews) error {
	begun := s.sh.term.clock.Now()
	for i := range len(on) * benchOnlookers {
		select {
		case <-s.sh.term.clock.After(time.Duration(i)*votesEvery - s.sh.term.clock.Now().Sub(begun)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		b, at := on[i/benchOnlookers], s.sh.term.clock.Now()
		err := s.door.As("o"+strconv.Itoa(i%benchOnlookers)).Call(ctx, "POST", "/api/runs/"+url.PathEscape(b.run)+"/approve", map[string]any{"confirmed": true, "nonce": b.nonce}, nil)
		if err != nil {
			return err
		}
		news.votes = append(news.votes, s.sh.msSince(at))
	}
	steps, err := s.stepsBetween(ctx, dr.At(begun), dr.At(s.sh.term.clock.Now()))
	news.steps = append(news.steps, steps...)
	return err
}

// stepsBetween is how long each step took that set out in a while, from its intent to the next one's: the
// plan goes one by one.
func (s *newsroom) stepsBetween(ctx context.Context, from, to dr.Time) (out []float64, err error) {
	var v struct {
		Steps []struct {
			Started dr.Time `json:"started_at"`
		}
	}
	if err := s.door.As("ann").Call(ctx, "GET", "/api/runs/"+url.PathEscape(s.run), nil, &v); err != nil {
		return nil, err
	}
	var began []dr.Time
	for _, st := range v.Steps {
		if !st.Started.IsZero() && st.Started.After(from.Time) && st.Started.Before(to.Time) {
			began = append(began, st.Started)
		}
	}
	slices.SortFunc(began, func(a, b dr.Time) int { return a.Compare(b.Time) })
	for i := 1; i < len(began); i++ {
		out = append(out, float64(began[i].Sub(began[i-1].Time))/float64(time.Millisecond))
	}
	if len(out) < 20 {
		return nil, dr.Errorf(dr.Unexpected, "only %d steps of the run set out while people voted", len(out))
	}
	return out, nil
}
