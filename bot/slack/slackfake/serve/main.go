// Command serve runs a Slack workspace on this machine, with people to be and a page to look at, so
// that the bot can be tried and tested without Slack. It prints one line of JSON with the address
// and the tokens an app needs, and serves until it is interrupted. It keeps nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:4180", "address to listen on; port 0 takes a free one")
	rates := flag.Bool("rates", true, "keep Slack's rate limits")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := slackfake.Sample()
	o.NoRates = !*rates
	s := slackfake.New(o)
	err := s.Listen(ctx, *addr, func(host string) {
		a := s.App()
		line, _ := json.Marshal(map[string]string{"api": "http://" + host + "/api/", "page": "http://" + host + "/", "bot_token": a.BotToken,
			"app_token": a.AppToken, "signing_secret": a.SigningSecret, "bot_user": a.BotUser, "app_id": a.ID})
		fmt.Println(string(line))
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot serve:", err)
		os.Exit(1)
	}
}
