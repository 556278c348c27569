package locale

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/switchman-dr/switchman/dr"
	"go.yaml.in/yaml/v3"
)

func TestFilesAreSound(t *testing.T) {
	all, problems := load(files)
	for _, p := range problems {
		t.Error(p)
	}
	if len(all) < 50 {
		t.Fatalf("only %d sentences were read", len(all))
	}
}

// Unknown keys in an entry are slips such as "zn:".
func TestEntriesHaveOnlyKnownKeys(t *testing.T) {
	names, _ := fs.Glob(files, "sentences/*.yaml")
	for _, name := range names {
		raw, _ := fs.ReadFile(files, name)
		dec := yaml.NewDecoder(strings.NewReader(string(raw)))
		dec.KnownFields(true)
		if err := dec.Decode(&map[string]sentence{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var (
	holes  = regexp.MustCompile(`\{([^{}]*)\}`)
	idForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	hole   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	latin  = regexp.MustCompile(`[\p{Han}]`)
)

func holesOf(text string) []string {
	var names []string
	for _, m := range holes.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	for _, id := range IDs() {
		s := sentences()[id]
		if !idForm.MatchString(id) {
			t.Errorf("%s: an id is lower case with underscores", id)
		}
		compare(t, id, s.wording, true)
		compare(t, id+" hint", s.Hint, false)
	}
}

func compare(t *testing.T, what string, w wording, must bool) {
	t.Helper()
	if must && (w.EN == "" || w.ZH == "") || (w.EN == "") != (w.ZH == "") {
		t.Errorf("%s: said in one language only", what)
	}
	if en, zh := holesOf(w.EN), holesOf(w.ZH); !slices.Equal(en, zh) {
		t.Errorf("%s: holes differ: %v and %v", what, en, zh)
	}
	if latin.MatchString(w.EN) {
		t.Errorf("%s: the English sentence holds Chinese", what)
	}
	for _, text := range []string{w.EN, w.ZH} {
		if strings.Count(text, "`")%2 != 0 {
			t.Errorf("%s: a backquote is left open", what)
		}
		if strings.TrimSpace(text) != text {
			t.Errorf("%s: blanks at an end", what)
		}
		for _, h := range holesOf(text) {
			if !hole.MatchString(h) {
				t.Errorf("%s: {%s} is no argument name", what, h)
			}
		}
	}
}

// A hint may only use what the sentence's arguments bring; where the sentence does not show an
// argument, code must still pass it, so the hole has to be filled by somebody.
func TestSay(t *testing.T) {
	args := dr.Args{"person": "Lin Hua", "state": "awaiting_code", "run": "r1", "roles": "operator, code_issuer"}
	for _, tc := range []struct{ lang, id, want string }{
		{"en", "vote_of_requester", "Lin Hua asked for this run, so their vote does not count."},
		{"zh", "vote_of_requester", "本次运行由Lin Hua提出，其投票不计入。"},
		{"zh-CN", "vote_of_requester", "本次运行由Lin Hua提出，其投票不计入。"},
		{"zh_TW", "vote_of_requester", "本次运行由Lin Hua提出，其投票不计入。"},
		{"de", "vote_of_requester", "Lin Hua asked for this run, so their vote does not count."},
		{"en", "run_not_waiting", "Run r1 waits for no approval: it is waiting for its code."},
		{"zh", "run_not_waiting", "运行 r1 当前不在等待审批，状态为：等待安全码。"},
		{"en", "start_not_eligible", "Lin Hua may not start this run; that takes one of these roles: operator, code issuer."},
		{"zh", "start_not_eligible", "Lin Hua无权启动本次运行；需要以下角色之一：操作员、安全码签发人。"},
		{"en", "no_such_sentence_at_all", "no_such_sentence_at_all"},
	} {
		if got := Say(tc.lang, tc.id, args); got != tc.want {
			t.Errorf("Say(%s, %s) = %q, want %q", tc.lang, tc.id, got, tc.want)
		}
	}
	if got := Say("en", "quorum_missing", dr.Args{"have": "1"}); got != "1 of {need} votes count for run {run} now." {
		t.Errorf("missing arguments: %q", got)
	}
}

// What is typed stays as it is typed.
func TestFillLeavesCommandsAlone(t *testing.T) {
	got := fill("zh", "请执行 `switchman run {verb} {run}`（{verb}）", dr.Args{"verb": "pause", "run": "r1"})
	if want := "请执行 `switchman run pause r1`（暂停）"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, odd := range []string{"{", "a{b", "}", "``", "`{x", "{}", "{{x}}"} {
		if got := fill("en", odd, dr.Args{}); got != odd {
			t.Errorf("fill(%q) = %q", odd, got)
		}
	}
	if got := fill("en", "{a}{b}", dr.Args{"a": "{b}", "b": "{a}"}); got != "{b}{a}" {
		t.Errorf("arguments were filled twice: %q", got)
	}
}

func TestError(t *testing.T) {
	refused := dr.Refuse("vote_of_requester", dr.Args{"person": "Lin Hua"})
	for _, tc := range []struct {
		name          string
		err           error
		message, hint string
	}{
		{"none", nil, "", ""},
		{"sentence", refused, "Lin Hua asked for this run, so their vote does not count.", "Ask somebody else with the approver role."},
		{"wrapped", fmt.Errorf("deciding: %w", refused), "Lin Hua asked for this run, so their vote does not count.", "Ask somebody else with the approver role."},
		{"text", dr.Errorf(dr.Invalid, "line 3: no").WithHint("mend it"), "line 3: no", "mend it"},
		{"own hint", &dr.Error{ID: "vote_of_requester", Args: dr.Args{"person": "A"}, Hint: "now"}, "A asked for this run, so their vote does not count.", "now"},
		{"unknown id", &dr.Error{ID: "never_worded"}, "Something went wrong that nobody foresaw. Reference: {ref}.", "Look for this reference in the server's log."},
		{"foreign", errors.New("sql: broken"), "Something went wrong that nobody foresaw. Reference: {ref}.", "Look for this reference in the server's log."},
		{"referenced", &dr.Error{Kind: dr.Unexpected, Args: dr.Args{"ref": "k3x9"}}, "Something went wrong that nobody foresaw. Reference: k3x9.", "Look for this reference in the server's log."},
	} {
		if m, h := Error("en", tc.err); m != tc.message || h != tc.hint {
			t.Errorf("%s: %q / %q", tc.name, m, h)
		}
	}
}

func TestEveryWordHasATerm(t *testing.T) {
	need := func(class, value string) {
		if !Has("term_" + class + "_" + value) {
			t.Errorf("terms.yaml has no word for %s %s", class, value)
		}
	}
	for _, s := range dr.States() {
		need("state", string(s))
	}
	for _, m := range dr.Modes() {
		need("mode", string(m))
	}
	for _, r := range dr.Roles() {
		need("role", string(r))
	}
	if got := Term("zh", "state", "running"); got != "切换中" {
		t.Errorf("Term: %q", got)
	}
	if got := Term("zh", "state", "something"); got != "something" {
		t.Errorf("Term of an unknown word: %q", got)
	}
}

// Files of other areas may come and go, and a broken one takes only its own sentences with it.
func TestLoadToleratesABrokenFile(t *testing.T) {
	all, problems := load(fstest.MapFS{
		"sentences/a.yaml": {Data: []byte("one: {en: One, zh: 一}\n")},
		"sentences/b.yaml": {Data: []byte("two: [not a sentence\n")},
		"sentences/c.yaml": {Data: []byte("one: {en: Again, zh: 又}\n")},
	})
	if len(all) != 1 || len(problems) != 2 {
		t.Errorf("%v %v", all, problems)
	}
}

func FuzzFill(f *testing.F) {
	f.Add("{person} may not `run {verb}`", "x")
	f.Add("{{state}", "awaiting_code,")
	f.Fuzz(func(t *testing.T, text, arg string) {
		_ = fill(Chinese, text, dr.Args{"person": arg, "state": arg, "verb": arg})
		if got := fill(English, text, nil); got != text {
			t.Errorf("without arguments %q became %q", text, got)
		}
	})
}
