package slackfake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

func TestBodiesAndTokens(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true, Scopes: []string{"chat:write", "channels:history"}})
	bot, level := f.App().BotToken, f.App().AppToken
	form, js := "application/x-www-form-urlencoded", "application/json"
	post := `{"channel":"C0OPS0001","text":"hello"}`
	for _, c := range []struct{ name, method, token, kind, body, want string }{
		{"form", "chat.postMessage", bot, form, "channel=C0OPS0001&text=hello", ""},
		{"form with blocks", "chat.postMessage", bot, form, `channel=C0OPS0001&blocks=[{"type":"divider"}]`, ""},
		{"token in the form", "auth.test", "", form, "token=" + bot, ""},
		{"JSON", "chat.postMessage", bot, js, post, ""},
		{"channel by name", "chat.postMessage", bot, js, `{"channel":"#ops","text":"hello"}`, ""},
		{"blocks as a string in JSON", "chat.postMessage", bot, js, `{"channel":"C0OPS0001","blocks":"[{\"type\":\"divider\"}]"}`, ""},
		{"broken JSON", "chat.postMessage", bot, js, `{"channel":`, "invalid_json"},
		{"no object", "chat.postMessage", bot, js, `[]`, "json_not_object"},
		{"other body", "chat.postMessage", bot, "text/plain", `hi`, "invalid_post_type"},
		{"broken form", "chat.postMessage", bot, form, "a=%zz", "invalid_form_data"},
		{"unknown method", "chat.shout", bot, form, "", "unknown_method"},
		{"no token", "auth.test", "", form, "", "not_authed"},
		{"wrong token", "auth.test", "xoxb-nobody", form, "", "invalid_auth"},
		{"app token for a bot's method", "chat.postMessage", level, js, post, "not_allowed_token_type"},
		{"bot token for a socket", "apps.connections.open", bot, form, "", "not_allowed_token_type"},
		{"scope", "users.info", bot, form, "user=U0HB10041", "missing_scope"},
		{"no text", "chat.postMessage", bot, js, `{"channel":"C0OPS0001"}`, "no_text"},
		{"no channel", "chat.postMessage", bot, js, `{"channel":"C0NOWHERE","text":"x"}`, "channel_not_found"},
		{"blocks are no JSON", "chat.postMessage", bot, form, "channel=C0OPS0001&blocks=[", "invalid_blocks_format"},
		{"metadata without payload", "chat.postMessage", bot, js, `{"channel":"C0OPS0001","text":"x","metadata":{"event_type":"k"}}`, "invalid_metadata_schema"},
		{"no such thread", "chat.postMessage", bot, js, `{"channel":"C0OPS0001","text":"x","thread_ts":"1.000001"}`, "thread_not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := f.call(t, c.method, c.token, c.kind, c.body)
			if code, _ := got["error"].(string); code != c.want || got["ok"] != (c.want == "") {
				t.Errorf("answered %v, want %q", got, c.want)
			}
		})
	}
	got := f.call(t, "users.info", bot, form, "user="+lin)
	if got["needed"] != "users:read" || got["provided"] != "chat:write,channels:history" {
		t.Errorf("missing_scope says %v", got)
	}
	f.Revoke(bot)
	if got := f.call(t, "auth.test", bot, form, ""); got["error"] != "token_revoked" {
		t.Errorf("after the token was revoked: %v", got)
	}
}

func TestRates(t *testing.T) {
	bubble(t, slackfake.Options{}, func(t *testing.T, f fake) {
		post := func() error {
			_, _, err := f.bot.PostMessageContext(t.Context(), ops, slack.MsgOptionText("x", false))
			return err
		}
		var limited *slack.RateLimitedError
		sent := 0
		for ; sent < 100; sent++ {
			if err := post(); errors.As(err, &limited) {
				break
			}
		}
		if sent != 4 || limited.RetryAfter != time.Second {
			t.Errorf("%d messages at once, then wait %v; want 4 and 1s", sent, limited)
		}
		<-time.After(limited.RetryAfter)
		if err := post(); err != nil {
			t.Errorf("after waiting as told: %v", err)
		}
		ts, calls := "", 0
		for ; calls < 200; calls++ {
			if _, _, _, err := f.bot.UpdateMessageContext(t.Context(), ops, "1.000001", slack.MsgOptionText(ts, false)); errors.As(err, &limited) {
				break
			}
		}
		if calls != 50 {
			t.Errorf("chat.update went through %d times in a minute, want 50", calls)
		}
	})
}

func TestPagination(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	for i := range 7 {
		if _, _, err := f.bot.PostMessage(ops, slack.MsgOptionText(fmt.Sprint(i), false)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	cursor := ""
	for range 10 {
		h, err := f.bot.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: ops, Limit: 3, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range h.Messages {
			got = append(got, m.Text)
		}
		if cursor = h.ResponseMetaData.NextCursor; cursor == "" {
			break
		}
		f.Person(lin).Say(ops, "new meanwhile", "")
	}
	if strings.Join(got, "") != "6543210" {
		t.Errorf("read %v", got)
	}
	if o := f.json(t, "conversations.history", obj{"channel": ops, "cursor": "rubbish"}); o["error"] != "invalid_cursor" {
		t.Errorf("a made-up cursor: %v", o)
	}
	users, err := f.bot.GetUsers()
	if err != nil || slices.ContainsFunc(users, func(u slack.User) bool { return u.ID == stranger }) || len(users) < 20 {
		t.Errorf("users.list: %d users, %v", len(users), err)
	}
	rooms, _, err := f.bot.GetConversationsForUser(&slack.GetConversationsForUserParameters{})
	if err != nil || len(rooms) != 3 {
		t.Errorf("users.conversations: %d, %v", len(rooms), err)
	}
}

func TestMessages(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	meta := slack.SlackMetadata{EventType: "switchman", EventPayload: map[string]any{"key": "run-1/board"}}
	_, ts, err := f.bot.PostMessage(ops, slack.MsgOptionText("a < b & <!channel> <https://x.example|x>", false), slack.MsgOptionMetadata(meta))
	must(err)
	seen, _ := f.Person(lin).Messages(ops)
	if seen[0].Text != "a &lt; b &amp; <!channel> <https://x.example|x>" || !slices.Equal(seen[0].Notifies, []string{"!channel"}) || !seen[0].Unfurls {
		t.Errorf("escaped as %+v", seen[0])
	}
	h, err := f.bot.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: ops, IncludeAllMetadata: true})
	must(err)
	if h.Messages[0].Metadata.EventPayload["key"] != "run-1/board" {
		t.Errorf("metadata came back as %+v", h.Messages[0].Metadata)
	}
	if o := f.json(t, "conversations.history", obj{"channel": ops}); strings.Contains(fmt.Sprint(o), "run-1/board") {
		t.Error("metadata is told without being asked for")
	}
	_, reply, err := f.bot.PostMessage(ops, slack.MsgOptionText("below", false), slack.MsgOptionTS(ts))
	must(err)
	_, _, _, err = f.bot.UpdateMessage(ops, ts, slack.MsgOptionText("changed", false))
	must(err)
	must(f.bot.AddPin(ops, slack.NewRefToMessage(ops, ts)))
	must(f.bot.AddReaction("eyes", slack.NewRefToMessage(ops, ts)))
	_, err = f.bot.PostEphemeral(ops, chen, slack.MsgOptionText("only you", false))
	must(err)
	seen, _ = f.Person(chen).Messages(ops)
	if len(seen) != 3 || seen[0].Text != "changed" || !seen[0].Edited || !seen[0].Pinned || seen[0].Replies != 1 || seen[1].Thread != ts || !seen[2].Ephemeral {
		t.Errorf("Chen sees %+v", seen)
	}
	if seen, _ := f.Person(lin).Messages(ops); len(seen) != 2 {
		t.Errorf("Lin sees what was whispered to Chen: %+v", seen)
	}
	replies, _, _, err := f.bot.GetConversationReplies(&slack.GetConversationRepliesParameters{ChannelID: ops, Timestamp: reply})
	must(err)
	if len(replies) != 2 || replies[0].Timestamp != ts || replies[0].ReplyCount != 1 {
		t.Errorf("the thread is %+v", replies)
	}
	link, err := f.bot.GetPermalink(&slack.PermalinkParameters{Channel: ops, Ts: reply})
	if must(err); !strings.Contains(link, "thread_ts="+ts) {
		t.Errorf("permalink %s", link)
	}
	_, _, err = f.bot.DeleteMessage(ops, reply)
	must(err)
	said := f.Person(lin).Say(ops, "mine", "")
	for want, body := range map[string]obj{
		"cant_update_message": {"channel": ops, "ts": said.TS, "text": "x"},
		"message_not_found":   {"channel": ops, "ts": "1.000001", "text": "x"},
		"msg_too_long":        {"channel": ops, "ts": ts, "text": strings.Repeat("x", 4001)},
	} {
		if o := f.json(t, "chat.update", body); o["error"] != want {
			t.Errorf("chat.update answered %v, want %s", o, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true, Channels: []slackfake.Channel{{ID: ops, Name: "ops"}, {ID: "C0PRIVATE", Name: "board", Private: true, Members: []string{lin}},
		{ID: "C0OLD", Name: "old", Archived: true}, {ID: "C0SHARED", Name: "with-vendor", ExtShared: true, Members: []string{lin, stranger}}}})
	want := func(code, method string, body obj) {
		t.Helper()
		if o := f.json(t, method, body); fmt.Sprint(o["error"]) != code && (code != "" || o["ok"] != true) {
			t.Errorf("%s %v answered %v, want %q", method, body, o, code)
		}
	}
	want("channel_not_found", "chat.postMessage", obj{"channel": "C0PRIVATE", "text": "x"})
	want("is_archived", "chat.postMessage", obj{"channel": "C0OLD", "text": "x"})
	want("not_in_channel", "conversations.history", obj{"channel": "C0SHARED"})
	want("", "conversations.join", obj{"channel": "C0SHARED"})
	want("", "conversations.create", obj{"name": "run-1"})
	want("name_taken", "conversations.create", obj{"name": "run-1"})
	want("invalid_name_specials", "conversations.create", obj{"name": "Run 1"})
	want("", "conversations.invite", obj{"channel": f.ChannelID("run-1"), "users": lin + "," + chen})
	want("already_in_channel", "conversations.invite", obj{"channel": f.ChannelID("run-1"), "users": lin})
	want("too_long", "conversations.setTopic", obj{"channel": ops, "topic": strings.Repeat("x", 251)})
	want("", "conversations.setTopic", obj{"channel": ops, "topic": "steady"})
	want("user_not_in_channel", "chat.postEphemeral", obj{"channel": ops, "user": guest, "text": "x"})
	want("users_not_found", "users.lookupByEmail", obj{"email": "nobody@harbor.example"})
	want("", "users.lookupByEmail", obj{"email": "lin@harbor.example"})
	want("cannot_dm_bot", "conversations.open", obj{"users": f.App().BotUser})
	want("", "chat.postMessage", obj{"channel": lin, "text": "a word in private"})
	ch, _, _, err := f.bot.OpenConversation(&slack.OpenConversationParameters{Users: []string{lin}})
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := f.Person(lin).Messages(ch.ID); err != nil || len(seen) != 1 {
		t.Errorf("the direct conversation: %+v, %v", seen, err)
	}
	info, err := f.bot.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "C0SHARED"})
	if err != nil || !info.IsExtShared {
		t.Errorf("the shared channel: %+v, %v", info, err)
	}
	f.PutChannel(slackfake.Channel{ID: "C0INVITED", Name: "soon", Pending: true})
	if info, err = f.bot.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "C0INVITED"}); err != nil || info.IsExtShared || !info.IsPendingExtShared || len(info.PendingShared) != 1 {
		t.Errorf("a channel another workspace is invited to: %+v, %v", info, err)
	}
	for id, flag := range map[string]func(*slack.User) bool{
		guest: func(u *slack.User) bool { return u.IsRestricted }, "U0GUEST02": func(u *slack.User) bool { return u.IsUltraRestricted },
		stranger: func(u *slack.User) bool { return u.IsStranger && u.TeamID != f.App().ID }, leaver: func(u *slack.User) bool { return u.Deleted },
		"U0WORKFL1": func(u *slack.User) bool { return u.IsBot }, f.App().BotUser: func(u *slack.User) bool { return u.IsBot },
	} {
		if u, err := f.bot.GetUserInfo(id); err != nil || !flag(u) {
			t.Errorf("%s: %+v, %v", id, u, err)
		}
	}
}

func TestFiles(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	up, err := f.bot.UploadFile(slack.UploadFileParameters{Filename: "report.txt", Title: "Report", Content: "all is well", FileSize: 11, Channel: ops, InitialComment: "here"})
	if err != nil {
		t.Fatal(err)
	}
	seen, _ := f.Person(lin).Messages(ops)
	if len(seen) != 1 || seen[0].Text != "here" || len(seen[0].Files) != 1 || seen[0].Files[0]["id"] != up.ID {
		t.Errorf("in the channel: %+v", seen)
	}
	var b strings.Builder
	info, _, _, err := f.bot.GetFileInfo(up.ID, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.bot.GetFile(info.URLPrivate, &b); err != nil || b.String() != "all is well" {
		t.Errorf("downloaded %q, %v", b.String(), err)
	}
	if _, err := f.bot.UploadFile(slack.UploadFileParameters{Filename: "x", Content: "four", FileSize: 5, Channel: ops}); err == nil {
		t.Error("an upload of 4 bytes where 5 were promised went through")
	}
	if o := f.json(t, "files.completeUploadExternal", obj{"files": []obj{{"id": up.ID}}}); o["error"] != "file_update_failed" {
		t.Errorf("completing twice: %v", o)
	}
}

func TestPersonHandle(t *testing.T) {
	f := start(t, slackfake.Options{NoRates: true})
	js := "application/json"
	o, _ := f.raw(t, "/_person/user", "", js, `{"id":"U0NEW","name":"new","guest":true}`)
	if u := o["user"].(obj); u["is_restricted"] != true {
		t.Errorf("new guest: %v", o)
	}
	if o, _ := f.raw(t, "/_person/user", "", js, `{"id":"U0NEW","deleted":true}`); o["user"].(obj)["name"] != "new" || o["user"].(obj)["deleted"] != true {
		t.Errorf("changed guest: %v", o)
	}
	if o, _ := f.raw(t, "/_person/channel", "", js, `{"id":"C0WAR","name":"war-room","kind":"private","members":["`+lin+`"]}`); o["channel"].(obj)["is_private"] != true {
		t.Errorf("new channel: %v", o)
	}
	if o, _ := f.raw(t, "/_person/say", "", js, `{"user":"`+lin+`","channel":"C0WAR","text":"@here who <is> up?"}`); o["ts"] == "" || o["acked_ms"] == nil {
		t.Errorf("said: %v", o)
	}
	r, err := f.http.Get(f.base + "/_person/messages?channel=C0WAR&user=" + lin)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var list struct{ Messages []slackfake.Seen }
	if json.NewDecoder(r.Body).Decode(&list) != nil || len(list.Messages) != 1 || list.Messages[0].Text != "<!here> who &lt;is&gt; up?" {
		t.Errorf("read %+v", list)
	}
	if o, r := f.raw(t, "/_fault", "", js, `{"kind":"earthquake"}`); r.StatusCode != http.StatusBadRequest || !strings.Contains(fmt.Sprint(o["error"]), "lost_answer") {
		t.Errorf("an unknown fault: %v", o)
	}
	if o, _ := f.raw(t, "/_person/slash", "", js, `{"user":"`+lin+`","channel":"`+ops+`","command":"/dr","text":"help"}`); o["error"] != "dispatch_failed" {
		t.Errorf("a command without a bot: %v", o)
	}
}
