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
	"strings"

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
	s := knowledgeState{Models: []statusModel{}}
	err := sh.call(ctx, http.MethodGet, "/api/runbooks", nil, &served)
	switch {
	case notRunning(err):
		sh.note("server not running; the files are read here")
		if err := sh.statusHere(ctx, &s); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
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
	return sh.show(s, func(w io.Writer) { statusText(w, s) })
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

func statusText(w io.Writer, s knowledgeState) {
	if s.Reading {
		fmt.Fprintf(w, "the runbooks are being read: %d of %s\n", s.Looked, plural(s.Files, "file"))
	}
	if s.Reading && s.Read.IsZero() {
		return
	}
	fmt.Fprintf(w, "%s, %s\n", plural(s.Documents, "runbook"), plural(s.Passages, "passage"))
	fmt.Fprintf(w, "audiences: %s\n", strings.Join(s.Audiences, ", "))
	if s.Trouble != "" {
		fmt.Fprintf(w, "older than the files: %s\n", s.Trouble)
	}
	for _, x := range s.Sources {
		if x.Trouble != "" {
			fmt.Fprintf(w, "not read: %s/: %s\n", x.Name, x.Trouble)
		}
	}
	if len(s.Models) == 0 {
		fmt.Fprintln(w, "searches rest on words alone: the built-in encoder has no weights here. `make model` fetches them")
	}
	for _, m := range s.Models {
		if m.Missing == 0 {
			fmt.Fprintf(w, "%s: %s rest on words and meaning\n", m.Name, m.For)
			continue
		}
		fmt.Fprintf(w, "%s: %s still rest on words; %s to encode, which a running server does\n", m.Name, m.For, plural(m.Missing, "passage"))
	}
	for _, p := range s.Problems {
		if p.Doc == "" {
			fmt.Fprintln(w, "not read: a file; an administrator sees which")
			continue
		}
		fmt.Fprintf(w, "not read: %s\n", p)
	}
	for _, p := range s.Unseen {
		fmt.Fprintf(w, "look at: %s\n", p)
	}
}
