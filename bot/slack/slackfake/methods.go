package slackfake

// usualScopes are what the bot token may do unless Options say otherwise.
var usualScopes = []string{"app_mentions:read", "channels:history", "channels:join", "channels:manage", "channels:read", "chat:write", "chat:write.public",
	"commands", "files:read", "files:write", "groups:history", "groups:read", "groups:write", "im:history", "im:read", "im:write",
	"metadata.message:read", "pins:write", "reactions:write", "team:read", "users:read", "users:read.email"}

// usualEvents are what the app subscribes to unless Options say otherwise.
var usualEvents = []string{"app_home_opened", "app_mention", "member_joined_channel", "message.channels", "message.groups", "message.im"}

var (
	reading = []string{"channels:read", "groups:read", "im:read", "mpim:read"}
	history = []string{"channels:history", "groups:history", "im:history", "mpim:history"}
	manage  = []string{"channels:manage", "groups:write"}
	writing = []string{"chat:write"}
)

// methods is the part of the Web API that apps of this kind call.
var methods = map[string]method{
	"apps.connections.open":        {tier: special, socket: true, do: openConnection},
	"apps.manifest.validate":       {tier: tier3, socket: true, do: validateManifest},
	"auth.test":                    {tier: special, do: authTest},
	"bots.info":                    {tier: tier3, scopes: []string{"users:read"}, do: botInfo},
	"team.info":                    {tier: tier3, scopes: []string{"team:read"}, do: teamInfo},
	"chat.postMessage":             {tier: posting, scopes: writing, do: postMessage},
	"chat.postEphemeral":           {tier: tier4, scopes: writing, do: postEphemeral},
	"chat.update":                  {tier: tier3, scopes: writing, do: updateMessage},
	"chat.delete":                  {tier: tier3, scopes: writing, do: deleteMessage},
	"chat.getPermalink":            {tier: special, do: permalink},
	"views.open":                   {tier: tier4, do: openView},
	"views.push":                   {tier: tier4, do: pushView},
	"views.update":                 {tier: tier4, do: updateView},
	"views.publish":                {tier: tier4, do: publishView},
	"users.info":                   {tier: tier4, scopes: []string{"users:read"}, do: userInfo},
	"users.list":                   {tier: tier2, scopes: []string{"users:read"}, do: userList},
	"users.lookupByEmail":          {tier: tier3, scopes: []string{"users:read.email"}, do: userByEmail},
	"users.conversations":          {tier: tier3, scopes: reading, do: userConversations},
	"conversations.info":           {tier: tier3, scopes: reading, do: channelInfo},
	"conversations.list":           {tier: tier2, scopes: reading, do: channelList},
	"conversations.history":        {tier: tier3, scopes: history, do: channelHistory},
	"conversations.replies":        {tier: tier3, scopes: history, do: channelReplies},
	"conversations.members":        {tier: tier4, scopes: reading, do: channelMembers},
	"conversations.open":           {tier: tier3, scopes: []string{"im:write", "mpim:write"}, do: channelOpen},
	"conversations.join":           {tier: tier3, scopes: []string{"channels:join"}, do: channelJoin},
	"conversations.create":         {tier: tier2, scopes: manage, do: channelCreate},
	"conversations.invite":         {tier: tier3, scopes: manage, do: channelInvite},
	"conversations.setTopic":       {tier: tier2, scopes: manage, do: channelTopic},
	"pins.add":                     {tier: tier2, scopes: []string{"pins:write"}, do: pinAdd},
	"reactions.add":                {tier: tier3, scopes: []string{"reactions:write"}, do: reactionAdd},
	"files.getUploadURLExternal":   {tier: tier4, scopes: []string{"files:write"}, do: fileURL},
	"files.completeUploadExternal": {tier: tier4, scopes: []string{"files:write"}, do: fileComplete},
	"files.info":                   {tier: tier4, scopes: []string{"files:read"}, do: fileInfo},
}

func authTest(s *Server, c *call) (obj, error) {
	return obj{"url": "https://" + s.team.Domain + ".slack.com/", "team": s.team.Name, "user": c.app.user.Name, "team_id": s.team.ID,
		"user_id": c.app.user.ID, "bot_id": c.app.botID, "is_enterprise_install": false}, nil
}

func teamInfo(s *Server, _ *call) (obj, error) {
	return obj{"team": obj{"id": s.team.ID, "name": s.team.Name, "domain": s.team.Domain, "url": "https://" + s.team.Domain + ".slack.com/",
		"email_domain": "", "icon": obj{"image_default": true}}}, nil
}

func botInfo(s *Server, c *call) (obj, error) {
	for _, a := range s.apps {
		if id := c.str("bot"); id == a.botID || id == "" && a == c.app {
			return obj{"bot": obj{"id": a.botID, "app_id": a.ID, "user_id": a.user.ID, "name": a.Name, "deleted": a.user.Deleted, "updated": 1, "icons": obj{}}}, nil
		}
	}
	return nil, fail("bot_not_found")
}

func userInfo(s *Server, c *call) (obj, error) {
	u := s.users[c.str("user")]
	if u == nil {
		return nil, fail("user_not_found")
	}
	return obj{"user": u.profile()}, nil
}

func userList(s *Server, c *call) (obj, error) {
	all := []obj{}
	for _, id := range s.userOrder {
		if u := s.users[id]; !u.Stranger {
			all = append(all, u.profile())
		}
	}
	some, meta, err := page(c, all, max(1, len(all)), 1000, idOf)
	if err != nil {
		return nil, err
	}
	return obj{"members": some, "cache_ts": s.clock.Now().Unix(), "response_metadata": meta}, nil
}

func userByEmail(s *Server, c *call) (obj, error) {
	for _, id := range s.userOrder {
		if u := s.users[id]; u.Email != "" && u.Email == c.str("email") && !u.Deleted && !u.Stranger {
			return obj{"user": u.profile()}, nil
		}
	}
	return nil, fail("users_not_found")
}

func pinAdd(s *Server, c *call) (obj, error) {
	ch, err := s.inside(c)
	if err != nil {
		return nil, err
	}
	m := ch.find(c.str("timestamp"))
	if m == nil || m.only != "" {
		return nil, fail("message_not_found")
	}
	for _, ts := range ch.pins {
		if ts == m.ts {
			return nil, fail("already_pinned")
		}
	}
	ch.pins = append(ch.pins, m.ts)
	s.changed(ch.ID)
	return nil, nil
}

func reactionAdd(s *Server, c *call) (obj, error) {
	ch, err := s.inside(c)
	if err != nil {
		return nil, err
	}
	m, name := ch.find(c.str("timestamp")), c.str("name")
	switch {
	case m == nil || m.only != "":
		return nil, fail("message_not_found")
	case name == "":
		return nil, fail("invalid_name")
	}
	for i := range m.reactions {
		r := &m.reactions[i]
		if r.name != name {
			continue
		}
		for _, u := range r.users {
			if u == c.app.user.ID {
				return nil, fail("already_reacted")
			}
		}
		r.users = append(r.users, c.app.user.ID)
		s.changed(ch.ID)
		return nil, nil
	}
	m.reactions = append(m.reactions, reaction{name: name, users: []string{c.app.user.ID}})
	s.changed(ch.ID)
	return nil, nil
}
