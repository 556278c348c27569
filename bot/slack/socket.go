package slack

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	api "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/switchman-dr/switchman/dr"
)

const (
	sockets   = 2                // while one is exchanged the other listens
	readLimit = 4 << 20          // bytes of one frame
	patience  = 10 * time.Second // the client's own pause between tries; a longer one is cut short
	deaf      = dr.Millis(15_000)
	slowRetry = 30 * time.Second // after an answer that a person has to mend, such as a revoked token
)

// socket keeps one connection open until the context ends. The client library gives up on errors of
// authentication and pauses up to five minutes otherwise, so it is begun afresh.
func (s *Slack) socket(ctx context.Context, n int, line *line) {
	for try := 0; ctx.Err() == nil; try++ {
		began := s.cfg.Clock.Now()
		err := s.listen(ctx, n, line)
		line.set(n, false)
		if ctx.Err() != nil {
			return
		}
		if s.cfg.Clock.Now().Sub(began) > time.Minute {
			try = 0
		}
		pause := min(time.Duration(100<<min(try, 8))*time.Millisecond, patience)
		var said api.SlackErrorResponse
		if errors.As(err, &said) {
			pause = slowRetry
			s.cfg.Log.ErrorContext(ctx, "Slack refuses the app; runs go on, and so does the console", "error", said.Err)
		}
		select {
		case <-ctx.Done():
		case <-s.cfg.Clock.After(pause + spread(pause, n, try)):
		}
	}
}

// spread keeps sockets and servers from coming back in step.
func spread(d time.Duration, n, try int) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte{byte(n), byte(try)})
	return d * time.Duration(h.Sum32()%256) / 1024
}

// listen reads one connection, and those the client puts in its place, until it must be begun afresh.
func (s *Slack) listen(ctx context.Context, n int, line *line) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c := socketmode.New(s.api, socketmode.OptionReadLimit(readLimit))
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-c.Events:
				switch e.Type {
				case socketmode.EventTypeHello:
					line.set(n, true)
				case socketmode.EventTypeConnecting, socketmode.EventTypeDisconnect:
					line.set(n, false)
				case socketmode.EventTypeConnectionError:
					line.set(n, false)
					if failed, ok := e.Data.(*api.ConnectionErrorEvent); ok && failed.Backoff > patience {
						stop()
						return
					}
				}
				s.receive(ctx, c, e, reading.Go)
			}
		}
	})
	err := c.RunContext(ctx)
	stop()
	reading.Wait()
	return err
}

// receive takes one frame. What the library cannot read is acknowledged, else it would come for ever.
func (s *Slack) receive(ctx context.Context, c *socketmode.Client, e socketmode.Event, later func(func())) {
	switch e.Type {
	case socketmode.EventTypeErrorBadMessage:
		bad, ok := e.Data.(*socketmode.ErrorBadMessage)
		var frame struct {
			ID string `json:"envelope_id"`
		}
		if ok && json.Unmarshal(bad.Message, &frame) == nil && frame.ID != "" {
			s.cfg.Log.WarnContext(ctx, "a frame of Slack's cannot be read and is passed over", "envelope", frame.ID, "error", bad.Cause)
			s.ack(ctx, c, frame.ID, nil)
		}
	case socketmode.EventTypeSlashCommand, socketmode.EventTypeInteractive, socketmode.EventTypeEventsAPI:
		if e.Request == nil {
			return
		}
		s.take(ctx, e, later, func(answer any) { s.ack(ctx, c, e.Request.EnvelopeID, answer) })
	}
}

// ackMost is what Slack takes in an acknowledgement; what is longer is dropped without a word.
const ackMost = 19_000

func (s *Slack) ack(ctx context.Context, c *socketmode.Client, envelope string, answer any) {
	if answer != nil {
		if raw, err := json.Marshal(answer); err != nil || len(raw) > ackMost {
			s.cfg.Log.ErrorContext(ctx, "an answer is too long for Slack and is left out", "bytes", len(raw), "error", err)
			answer = nil
		}
	}
	if ctx.Err() != nil {
		return
	}
	if err := c.AckCtx(ctx, envelope, answer); err != nil && ctx.Err() == nil {
		s.cfg.Log.WarnContext(ctx, "acknowledging to Slack", "envelope", envelope, "error", err)
	}
}

// line knows whether Slack is heard by any socket.
type line struct {
	of *Slack

	mu    sync.Mutex
	up    [sockets]bool
	since dr.Time // when the last one went down; zero while one is up
	told  bool
}

func (l *line) set(n int, up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up[n] = up
	for _, one := range l.up {
		if one {
			l.since = dr.Time{}
			if l.told {
				l.told = false
				l.of.cfg.Alarm(dr.Time{})
				l.of.cfg.Log.Info("Slack is heard again")
			}
			return
		}
	}
	if l.since.IsZero() {
		l.since = l.of.cfg.Clock.Time()
	}
}

// watch raises the alarm once no socket has been up for a while.
func (l *line) watch(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-l.of.cfg.Clock.After(time.Second):
		}
		l.look()
	}
}

func (l *line) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.told && !l.since.IsZero() && l.of.cfg.Clock.Time().Since(l.since) > deaf {
		l.told = true
		l.of.cfg.Alarm(l.since)
		l.of.cfg.Log.Error("Slack is not heard; runs go on, and so does the console", "since", l.since)
	}
}
