package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

func knowledgeCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use:     "knowledge",
		Short:   "The runbooks that questions are answered from",
		Example: "  switchman knowledge status",
	}
	c.AddCommand(&cobra.Command{
		Use:   "status",
		Short: "What was read, what could not be, and what searches rest on",
		Long: `Say what was read, what could not be and why, and what searches rest on.

A file that cannot be read is left out and listed here with its reason; it never stops the others.`,
		Example: "  switchman knowledge status\n  switchman knowledge status --org ./bank --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return sh.knowledgeStatus(cmd.Context()) },
	}, knowledgeSyncCommand(sh), knowledgeFeedbackCommand(sh), knowledgeModelCommand(sh))
	return c
}

// library is the runbooks of the organisation, read by this process.
type library struct {
	*knowledge.Index
	models knowledge.Embedders
	change knowledge.Change
	labels []string // every audience there is
	close  func() error
}

// library reads the organisation's runbooks and the vectors a server has kept of them.
func (sh *shell) library(ctx context.Context) (*library, error) {
	cfg, err := sh.settings()
	if err != nil {
		return nil, err
	}
	source, done, err := runbooksOf(cfg.Org)
	if err != nil {
		return nil, err
	}
	l := &library{}
	if l.models, l.close, err = sh.embedders(""); err != nil {
		return nil, errors.Join(err, done())
	}
	keep, shut, err := sh.keptVectors(ctx, cfg.StateDir, cfg.DatabaseURL.Reveal())
	if err != nil {
		return nil, errors.Join(err, done())
	}
	l.Index = knowledge.New(knowledge.Options{Embedders: l.models, Keep: keep})
	if l.change, err = l.Sync(ctx, source); err == nil {
		l.labels = l.Labels()
		err = l.Recall(ctx)
	}
	return l, errors.Join(err, shut(), done())
}

// runbooksOf opens the folder runbooks of an organisation, the embedded sample's if dir is empty.
func runbooksOf(dir string) (s knowledge.Source, done func() error, err error) {
	s.Name, done = "runbooks", func() error { return nil }
	if dir == "" {
		s.FS, err = fs.Sub(data.FS(), s.Name)
		return s, done, err
	}
	if s.Commit, err = knowledge.Commit(dir); err != nil {
		return s, done, err
	}
	s.FS, done, err = knowledge.Folder(filepath.Join(dir, s.Name))
	return s, done, err
}

// keptVectors reads what a server has encoded; without a state there is none.
func (sh *shell) keptVectors(ctx context.Context, dir, url string) (knowledge.Keep, func() error, error) {
	none := func() error { return nil }
	if _, err := os.Stat(filepath.Join(dir, "state.db")); url == "" && err != nil {
		return knowledge.Keep{}, none, nil
	}
	st, err := store.Open(ctx, store.Options{Dir: dir, URL: url, ReadOnly: true, Clock: sh.term.clock})
	if err != nil {
		sh.note("the vectors of the last server cannot be used, so words alone decide: %v", err)
		return knowledge.Keep{}, none, nil
	}
	return knowledge.Keep{Load: knowledge.KeepIn(st).Load}, st.Close, nil
}

// embedders finds the models to search with, and what lets go of them. A model without weights is left out.
func (sh *shell) embedders(name string) (es knowledge.Embedders, done func() error, err error) {
	none := func() error { return nil }
	switch name {
	case "none":
		return es, none, nil
	case "", "builtin":
	default:
		return es, none, dr.Errorf(dr.Usage, "there is no embedder %q", name).WithHint("builtin, or none for words alone")
	}
	cfg, err := sh.settings()
	if err != nil {
		return es, none, err
	}
	es, done, err = knowledge.Builtin(cfg.Models())
	if err == nil || name == "" && es.Main == nil && es.CJK == nil {
		return es, done, nil
	}
	if name == "" {
		sh.note("not every model is there: %s", oneLine(err.Error()))
		return es, done, nil
	}
	return es, done, errors.Join(dr.Errorf(dr.Unavailable, "the built-in encoder has no weights here").WithHint("make model fetches them; SWITCHMAN_MODEL_DIR says where they are"), done())
}

// statusModel is how far a model has come.
type statusModel struct {
	Name    string `json:"name"`
	For     string `json:"for"`
	Missing int    `json:"missing"` // passages without vectors
}

// knowledgeState is the answer of knowledge status.
type knowledgeState struct {
	Documents int                 `json:"documents"`
	Passages  int                 `json:"passages"`
	Audiences []string            `json:"audiences"`
	Models    []statusModel       `json:"models"`
	Problems  []knowledge.Problem `json:"problems"`
	Unseen    []knowledge.Problem `json:"unseen,omitempty"`  // runbooks whose audience nobody is
	Sources   []bot.Shelf         `json:"sources,omitempty"` // of a server
	Trouble   string              `json:"trouble,omitempty"`
	Reading   bool                `json:"reading,omitempty"` // by a server, right now
	Looked    int                 `json:"looked,omitempty"`  // files of that reading
	Files     int                 `json:"files,omitempty"`
	Read      dr.Time             `json:"read_at,omitzero"`
}

// knowledgeStatus asks the server; without one the files are read here.
func (sh *shell) knowledgeStatus(ctx context.Context) error {
	var served struct {
		bot.Shelves
		Runbooks []struct {
			Audience []string `json:"audience"`
		} `json:"runbooks"`
	}
	o := sh.voice(ctx)
	s := knowledgeState{Models: []statusModel{}}
	err := sh.call(ctx, http.MethodGet, "/api/runbooks", nil, &served)
	switch {
	case sh.away(err):
		sh.note("%s", o.say("cli_files_read_here", nil))
		if err := sh.statusHere(ctx, &s); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		defer sh.sayNobody(o)
		s.Documents, s.Passages, s.Problems, s.Unseen, s.Sources, s.Trouble = served.Documents, served.Passages, served.Problems, served.Unseen, served.Sources, served.Trouble
		s.Reading, s.Looked, s.Files, s.Read = served.Reading, served.Looked, served.Files, served.Read
		for _, m := range served.Models {
			s.Models = append(s.Models, statusModel{Name: m.Name, For: askedIn(m.For), Missing: served.Passages - m.Done})
		}
		for _, r := range served.Runbooks {
			s.Audiences = append(s.Audiences, r.Audience...)
		}
		slices.Sort(s.Audiences)
		s.Audiences = slices.Compact(s.Audiences)
	}
	return sh.show(s, func(w io.Writer) { statusText(w, s, o) })
}

func askedIn(lang string) string {
	return map[string]string{"en": "questions in English", "zh": "questions in Chinese"}[lang]
}

// statusHere reads the files of this machine.
func (sh *shell) statusHere(ctx context.Context, s *knowledgeState) (err error) {
	l, err := sh.library(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	for i, e := range []*knowledge.Embedder{l.models.Main, l.models.CJK} {
		if e != nil {
			s.Models = append(s.Models, statusModel{Name: e.Name, For: askedIn([]string{"en", "zh"}[i]), Missing: l.Missing(e)})
		}
	}
	if c, _, err := sh.organisation(); err == nil {
		s.Unseen = bot.Unseen(c.Organisation(), l.Index)
	}
	s.Documents, s.Passages, s.Audiences, s.Problems = l.change.Documents, l.change.Passages, l.labels, append([]knowledge.Problem{}, l.change.Problems...)
	return nil
}

func statusText(w io.Writer, s knowledgeState, o voice) {
	say := func(id string, args dr.Args) { fmt.Fprintln(w, o.say(id, args)) }
	if s.Reading {
		say("cli_k_reading", dr.Args{"done": fmt.Sprint(s.Looked), "files": o.count(s.Files, "file")})
	}
	if s.Reading && s.Read.IsZero() {
		return
	}
	fmt.Fprintln(w, o.parts([]string{o.count(s.Documents, "runbook"), o.count(s.Passages, "passage")}))
	say("cli_k_audiences", dr.Args{"audiences": o.list(s.Audiences)})
	if s.Trouble != "" {
		say("cli_k_older", dr.Args{"why": s.Trouble})
	}
	for _, x := range s.Sources {
		if x.Trouble != "" {
			say("cli_k_unread", dr.Args{"what": x.Name + "/: " + x.Trouble})
		}
	}
	if len(s.Models) == 0 {
		say("cli_k_words_alone", nil)
	}
	for _, m := range s.Models {
		asked := m.For // as JSON says it
		for _, lang := range []string{"en", "zh"} {
			if m.For == askedIn(lang) {
				asked = o.say("cli_k_asked_"+lang, nil)
			}
		}
		if m.Missing == 0 {
			say("cli_k_meaning", dr.Args{"model": m.Name, "asked": asked})
			continue
		}
		say("cli_k_encoding", dr.Args{"model": m.Name, "asked": asked, "passages": o.count(m.Missing, "passage")})
	}
	problemsText(w, s.Problems, o)
	for _, p := range s.Unseen {
		say("cli_k_look_at", dr.Args{"what": p.String()})
	}
}

// problemsText lists what was not read, and keeps from whoever may not read it even its name.
func problemsText(w io.Writer, problems []knowledge.Problem, o voice) {
	for _, p := range problems {
		if p.Doc == "" {
			fmt.Fprintln(w, o.say("cli_k_unread_hidden", nil))
			continue
		}
		fmt.Fprintln(w, o.say("cli_k_unread", dr.Args{"what": p.String()}))
	}
}
