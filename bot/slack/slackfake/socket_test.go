package slackfake_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

func TestSlashCommand(t *testing.T) {
	f := start(t, slackfake.Options{})
	heard := make(chan slack.SlashCommand, 1)
	f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		if cmd, ok := e.Data.(slack.SlashCommand); ok {
			_ = c.Ack(*e.Request, map[string]string{"text": "on it"})
			heard <- cmd
		}
	})
	act := f.Person(lin).Slash(t.Context(), ops, "/dr", "plans")
	if cmd := <-heard; cmd.Command != "/dr" || cmd.Text != "plans" || cmd.UserID != lin || cmd.ChannelName != "ops" {
		t.Errorf("heard %+v", cmd)
	}
	if act.Error != "" || act.Trigger == "" {
		t.Errorf("the person sees %+v", act)
	}
	seen, _ := f.Person(lin).Messages(ops)
	if len(seen) != 1 || !seen[0].Ephemeral || seen[0].Text != "on it" {
		t.Errorf("in the channel: %+v", seen)
	}
	for who, why := range map[string]string{stranger: "channel_not_found", guest: "channel_not_found", leaver: "account_inactive", "U0WORKFL1": "not_a_person", "U0NOBODY": "user_not_found"} {
		if act := f.Person(who).Slash(t.Context(), ops, "/dr", ""); act.Error != why {
			t.Errorf("%s: %+v, want %s", who, act, why)
		}
	}
}

// TestAckDeadline: a click or command unanswered for three seconds fails, and is not sent again.
func TestAckDeadline(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault slackfake.Fault
		want  string
	}{
		{"in time", slackfake.Fault{}, ""},
		{"just in time", slackfake.Fault{Kind: slackfake.LateAck, MS: 2900}, ""},
		{"late", slackfake.Fault{Kind: slackfake.LateAck, MS: 3100}, "operation_timeout"},
		{"lost", slackfake.Fault{Kind: slackfake.LostAck}, "operation_timeout"},
		{"the socket drops before the ack", slackfake.Fault{Kind: slackfake.DropSocket}, "operation_timeout"},
		{"twice", slackfake.Fault{Kind: slackfake.Duplicate}, ""},
		{"waits for another that never comes", slackfake.Fault{Kind: slackfake.Reorder}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, slackfake.Options{}, func(t *testing.T, f fake) {
				heard := 0
				f.connect(t, func(cl *socketmode.Client, e socketmode.Event) {
					if e.Type == socketmode.EventTypeSlashCommand {
						if heard++; c.fault.Kind != slackfake.DropSocket { // its ack would ride on the next socket
							_ = cl.Ack(*e.Request)
						}
					}
				})
				if c.fault.Kind != "" {
					if err := f.Break(c.fault); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				act := f.Person(lin).Slash(t.Context(), ops, "/dr", "x")
				if act.Error != c.want {
					t.Errorf("the person sees %+v after %v, want %q", act, time.Since(began), c.want)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("the person waited %v", took)
				}
				<-time.After(10 * time.Minute)
				synctest.Wait()
				if most := 1; heard > most && c.name != "twice" || heard == 0 && c.fault.Kind != slackfake.DropSocket {
					t.Errorf("the app heard it %d times", heard)
				}
			})
		})
	}
}

func TestRedelivery(t *testing.T) {
	bubble(t, slackfake.Options{Events: []string{"app_mention"}}, func(t *testing.T, f fake) {
		began := time.Now()
		var tries []string
		var ids []string
		f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
			if e.Type == socketmode.EventTypeEventsAPI {
				tries = append(tries, fmt.Sprint(time.Since(began).Round(time.Second), " ", e.Request.RetryAttempt, " ", e.Request.RetryReason))
				ids = append(ids, e.Data.(slackevents.EventsAPIEvent).Data.(*slackevents.EventsAPICallbackEvent).EventID)
			}
		})
		f.Person(lin).Say(ops, "<@"+f.App().BotUser+"> hello", "")
		<-time.After(time.Hour)
		synctest.Wait()
		want := []string{"0s 0 ", "3s 1 timeout", "1m6s 2 timeout", "6m9s 3 timeout"}
		if !slices.Equal(tries, want) {
			t.Errorf("delivered at %q, want %q", tries, want)
		}
		if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
			t.Errorf("one event came under several ids: %v", ids)
		}
		if st := f.Stats(); st.Redelivered != 3 || st.GivenUp != 1 {
			t.Errorf("counted %+v", st)
		}
	})
}

func TestEventsWaitForASocket(t *testing.T) {
	bubble(t, slackfake.Options{Events: []string{"message.channels"}}, func(t *testing.T, f fake) {
		f.Person(lin).Say(ops, "is anybody there?", "")
		<-time.After(30 * time.Second)
		heard := make(chan socketmode.Event, 10)
		f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
			ackAll(c, e)
			if e.Type == socketmode.EventTypeEventsAPI {
				heard <- e
			}
		})
		if e := <-heard; e.Request.RetryAttempt != 2 || e.Request.RetryReason != "connection_failed" {
			t.Errorf("came as %+v", e.Request)
		}
	})
}

// open gets a ticket and dials it without a client library.
func (f fake) open(t *testing.T) (*websocket.Conn, map[string]any) {
	t.Helper()
	o := f.call(t, "apps.connections.open", f.App().AppToken, "application/x-www-form-urlencoded", "")
	conn, _, err := f.dial.Dial(o["url"].(string), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	first := map[string]any{}
	if err := conn.ReadJSON(&first); err != nil {
		t.Fatal(err)
	}
	return conn, first
}

func TestSockets(t *testing.T) {
	f := start(t, slackfake.Options{})
	for i := range 10 {
		if _, hello := f.open(t); hello["type"] != "hello" || hello["num_connections"] != float64(i+1) {
			t.Fatalf("socket %d says %v", i+1, hello)
		}
	}
	if _, said := f.open(t); said["reason"] != "too_many_websockets" {
		t.Errorf("an eleventh socket says %v", said)
	}
	o := f.call(t, "apps.connections.open", f.App().AppToken, "application/x-www-form-urlencoded", "")
	url := o["url"].(string)
	if conn, _, err := f.dial.Dial(url, nil); err != nil {
		t.Fatal(err)
	} else {
		_ = conn.Close()
	}
	if _, resp, err := f.dial.Dial(url, nil); err == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a used ticket opened a socket: %v", err)
	}
}

// TestManySockets: envelopes spread over the sockets, and 20 KB of answer vanish.
func TestManySockets(t *testing.T) {
	f := start(t, slackfake.Options{})
	var mu sync.Mutex
	got := map[int]int{}
	for i := range 3 {
		f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
			if e.Type == socketmode.EventTypeSlashCommand {
				mu.Lock()
				got[i]++
				mu.Unlock()
				ackAll(c, e)
			}
		})
	}
	for range 30 {
		if act := f.Person(lin).Slash(t.Context(), ops, "/dr", ""); act.Error != "" {
			t.Fatal(act)
		}
	}
	if got[0] == 0 || got[1] == 0 || got[2] == 0 {
		t.Errorf("30 commands went to the sockets as %v", got)
	}
}

func TestLargeAckVanishes(t *testing.T) {
	bubble(t, slackfake.Options{}, func(t *testing.T, f fake) {
		conn, _ := f.open(t)
		go func() {
			e := map[string]any{}
			if conn.ReadJSON(&e) == nil {
				_ = conn.WriteJSON(map[string]any{"envelope_id": e["envelope_id"], "payload": map[string]string{"text": strings.Repeat("x", 20_000)}})
			}
		}()
		if act := f.Person(lin).Slash(t.Context(), ops, "/dr", ""); act.Error != "operation_timeout" || f.Stats().TooLarge != 1 {
			t.Errorf("the person sees %+v", act)
		}
	})
}

func TestRefreshAndDrop(t *testing.T) {
	for _, kind := range []string{slackfake.Refresh, slackfake.Disconnect} {
		t.Run(kind, func(t *testing.T) {
			bubble(t, slackfake.Options{}, func(t *testing.T, f fake) {
				hello := make(chan bool, 10)
				f.connect(t, func(c *socketmode.Client, e socketmode.Event) {
					ackAll(c, e)
					if e.Type == socketmode.EventTypeHello {
						hello <- true
					}
				})
				<-hello
				if err := f.Break(slackfake.Fault{Kind: kind}); err != nil {
					t.Fatal(err)
				}
				if act := f.Person(lin).Slash(t.Context(), ops, "/dr", ""); act.Error != "dispatch_failed" {
					t.Errorf("without a socket: %+v", act)
				}
				<-hello
				if act := f.Person(lin).Slash(t.Context(), ops, "/dr", ""); act.Error != "" {
					t.Errorf("after the reconnect: %+v", act)
				}
			})
		})
	}
}

func TestPings(t *testing.T) {
	bubble(t, slackfake.Options{}, func(t *testing.T, f fake) {
		conn, _ := f.open(t)
		pings := 0
		conn.SetPingHandler(func(string) error { pings++; return nil })
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute + time.Second))
		_, _, _ = conn.ReadMessage()
		if pings != 6 {
			t.Errorf("%d pings in a minute, want 6", pings)
		}
	})
}
