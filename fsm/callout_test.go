package fsm

import (
	"errors"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// Whoever is called at night is called in their own language, also while the files cannot be read.
func TestCallOutsSpeakTheirLanguage(t *testing.T) {
	s := walkBegin()
	e := &Engine{cfg: Config{Catalog: func() (*catalog.Catalog, error) { return nil, errors.New("no files") }}}
	for _, c := range []struct {
		about, language, want string
	}{
		{"approval", "", "waits for you: your approval is missing"},
		{"approval", "zh", "在等您：还缺您的审批"},
		{"code", "zh", "还缺安全码"},
		{"unknown", "en", "it has to be decided"},
		{"paused", "zh", "需要有人处理"},
		{aboutUnheard, "zh", "slack/C0DR 自"},
		{aboutUnheard, "en", "slack/C0DR has not answered since"},
	} {
		text := e.wording(s, callout{about: c.about, person: dr.Person{Language: c.language}, place: "slack/C0DR", since: s.Now})
		if !strings.Contains(text, c.want) || !strings.Contains(text, s.Run.ID) || strings.ContainsAny(text, "{}\n") {
			t.Errorf("%s %s: %q", c.about, c.language, text)
		}
	}
}
