package slackfake

import "strings"

// app is one installed app with its bot user, tokens and open sockets.
type app struct {
	App
	user    *User
	botID   string
	scopes  []string
	events  []string
	origin  string // http://host the app last reached us by
	sockets []*socket
	tickets map[string]bool
	pending map[string]*envelope
}

// App is what somebody needs to run an app in this workspace.
type App struct {
	ID            string `json:"app_id"`
	Name          string `json:"name"`
	BotUser       string `json:"bot_user"`
	BotToken      string `json:"bot_token"`
	AppToken      string `json:"app_token"`
	SigningSecret string `json:"signing_secret"`
}

// grant is what a token allows.
type grant struct {
	app     *app
	socket  bool // an app-level token, which opens sockets and nothing else
	revoked bool
}

// App returns the app under test.
func (s *Server) App() App { return s.app.App }

// AddApp installs a further app, such as a stranger to the app under test.
func (s *Server) AddApp(name string, scopes, events []string) App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newApp(name, scopes, events).App
}

func (s *Server) newApp(name string, scopes, events []string) *app {
	if len(scopes) == 0 {
		scopes = usualScopes
	}
	if len(events) == 0 {
		events = usualEvents
	}
	a := &app{scopes: scopes, events: events, botID: s.next("B"), tickets: map[string]bool{}, pending: map[string]*envelope{}}
	a.user = s.putUser(User{ID: s.next("U"), Name: strings.ToLower(name), RealName: name, Bot: true})
	a.user.app = a
	id := s.next("A")
	a.App = App{ID: id, Name: name, BotUser: a.user.ID, BotToken: "xoxb-fake-" + strings.ToLower(id) + "-" + s.secret(),
		AppToken: "xapp-1-" + id + "-" + s.secret(), SigningSecret: s.secret()}
	s.tokens[a.BotToken] = grant{app: a}
	s.tokens[a.AppToken] = grant{app: a, socket: true}
	s.apps = append(s.apps, a)
	return a
}

// Revoke makes a token worthless, as when an administrator removes the app.
func (s *Server) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.tokens[token]; ok {
		g.revoked = true
		s.tokens[token] = g
	}
}

// secret makes something nobody guesses by accident; it protects nothing.
func (s *Server) secret() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 24)
	for i := range b {
		b[i] = letters[s.random.IntN(len(letters))]
	}
	return string(b)
}
