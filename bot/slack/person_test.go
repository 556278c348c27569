package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// grid answers as a Slack whose workspace T0HOME belongs to an Enterprise organisation, unless org is empty.
// Its accounts are known by the id they have in the workspace.
type grid struct {
	org      string
	accounts map[string]map[string]any
	asked    int
}

func (g *grid) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{"ok": true}
	switch r.URL.Path {
	case "/api/auth.test":
		answer["team_id"], answer["user_id"], answer["bot_id"] = "T0HOME", "U0APP", "B0APP"
		if g.org != "" {
			answer["enterprise_id"] = g.org
		}
	case "/api/users.info":
		g.asked++
		if answer["user"] = g.accounts[r.FormValue("user")]; g.accounts[r.FormValue("user")] == nil {
			answer = map[string]any{"ok": false, "error": "user_not_found"}
		}
	case "/api/conversations.info":
		answer["channel"] = map[string]any{"id": r.FormValue("channel"), "is_org_shared": true}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// member is an account of a workspace, with its other id in an Enterprise organisation.
func member(id, team, org, global string, teams ...string) map[string]any {
	return map[string]any{"id": id, "team_id": team, "enterprise_user": map[string]any{"id": global, "enterprise_id": org, "teams": teams}}
}

// friends makes an adapter whose Slack is the grid and whose roster holds two people.
func friends(t *testing.T, g *grid) *Slack {
	t.Helper()
	h := httptest.NewServer(g)
	t.Cleanup(h.Close)
	files := fstest.MapFS{}
	for _, name := range []string{"organisation.yaml", "policy.yaml"} {
		raw, err := os.ReadFile("../testdata/org/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: raw}
	}
	files["roster.yaml"] = &fstest.MapFile{Data: []byte(`version: "1"
teams: [{id: operations, name: Operations}]
people:
  - {id: ada, name: Ada, slack: U0ADA, human: "1", roles: [approver], teams: [operations]}
  - {id: ben, name: Ben, slack: W0BEN, human: "2", roles: [approver], teams: [operations]}
`)}
	c, _ := catalog.Load(files, nil, "test", time.Now()) // it has no systems, and needs none here
	return New(Config{Catalog: func() (*catalog.Catalog, error) { return c, nil }, Clock: dr.Clock{Now: time.Now, After: time.After},
		Log: slog.New(slog.DiscardHandler), BotToken: "xoxb-1", URL: h.URL + "/api/"})
}

// TestWhoSpeaks: people are known by their account, whichever workspace of their own organisation they are
// seen to act from; nobody of another one is.
func TestWhoSpeaks(t *testing.T) {
	accounts := map[string]map[string]any{
		"U0ADA":   member("U0ADA", "T0HOME", "E0BANK", "W0ADA", "T0HOME", "T0EAST"),
		"U0BEN":   member("U0BEN", "T0EAST", "E0BANK", "W0BEN", "T0EAST"),
		"U0ALIAS": member("U0ALIAS", "T0FAR", "E0OTHER", "W0BEN", "T0FAR"), // says it is Ben, elsewhere
		"W0BEN":   member("W0BEN", "T0HOME", "E0BANK", "U0ADA", "T0HOME"),  // the roster has two people for it
		"U0NEW":   member("U0NEW", "T0HOME", "E0BANK", "W0NEW", "T0HOME"),
	}
	const unknown, stranger, unsure = "slack_person_unknown", "slack_account_stranger", "slack_cannot_vouch"
	for name, c := range map[string]struct {
		org  string
		who  heard
		want string
	}{
		"at home":                                   {"E0BANK", heard{User: "U0ADA", Team: "T0HOME", Enterprise: "E0BANK"}, "ada"},
		"from another workspace of hers":            {"E0BANK", heard{User: "U0ADA", Team: "T0EAST", Enterprise: "E0BANK"}, "ada"},
		"from the organisation as such":             {"E0BANK", heard{User: "U0ADA", Team: "E0BANK"}, "ada"},
		"from a workspace she is not in":            {"E0BANK", heard{User: "U0ADA", Team: "T0WEST", Enterprise: "E0BANK"}, stranger},
		"from another organisation":                 {"E0BANK", heard{User: "U0ADA", Team: "T0HOME", Enterprise: "E0OTHER"}, stranger},
		"by the organisation's id for him":          {"E0BANK", heard{User: "U0BEN", Team: "T0EAST", Enterprise: "E0BANK"}, "ben"},
		"that id in another organisation":           {"E0BANK", heard{User: "U0ALIAS", Team: "T0FAR", Enterprise: "E0OTHER"}, unknown},
		"two people for one account":                {"E0BANK", heard{User: "W0BEN", Team: "T0HOME", Enterprise: "E0BANK"}, unknown},
		"not in the roster":                         {"E0BANK", heard{User: "U0NEW", Team: "T0HOME", Enterprise: "E0BANK"}, unknown},
		"an organisation is nobody":                 {"E0BANK", heard{User: "U0NEW", Team: "T0HOME", Enterprise: "U0ADA"}, unknown},
		"Slack does not know the account":           {"E0BANK", heard{User: "U0GONE", Team: "T0HOME"}, unsure},
		"a workspace of its own":                    {"", heard{User: "U0ADA", Team: "T0HOME"}, "ada"},
		"a workspace of its own, and a foreign one": {"", heard{User: "U0ADA", Team: "T0EAST"}, stranger},
		"a workspace of its own, and foreign org":   {"", heard{User: "U0ADA", Team: "T0HOME", Enterprise: "E0BANK"}, stranger},
		"a workspace of its own, and an unknown":    {"", heard{User: "U0BEN", Team: "T0HOME"}, unknown},
	} {
		s := friends(t, &grid{org: c.org, accounts: accounts})
		c.who.Channel = "C0ROOM"
		person, err := s.people.find(t.Context(), c.who, true)
		if told, ok := errors.AsType[*dr.Error](err); ok {
			person = told.ID
		}
		if person != c.want {
			t.Errorf("%s: %q (%v), want %q", name, person, err, c.want)
		}
	}
}

// TestRememberedAccount: what Slack said of an account a moment ago does not vouch for where it acts from, and
// whoever the roster knows by the very id may start without Slack.
func TestRememberedAccount(t *testing.T) {
	g := &grid{accounts: map[string]map[string]any{"U0ADA": member("U0ADA", "T0HOME", "", "")}}
	s := friends(t, g)
	for i, team := range []string{"T0HOME", "T0EAST", "T0HOME"} {
		_, err := s.people.find(t.Context(), heard{User: "U0ADA", Team: team}, true)
		if got, want := fmt.Sprint(err != nil), fmt.Sprint(i == 1); got != want {
			t.Errorf("from %s: %v", team, err)
		}
	}
	if g.asked != 1 {
		t.Errorf("Slack was asked %d times", g.asked)
	}
	delete(g.accounts, "U0ADA")
	if person, err := friends(t, g).people.find(t.Context(), heard{User: "U0ADA"}, false); person != "ada" || err != nil || g.asked != 1 {
		t.Errorf("%q, %v", person, err)
	}
}
