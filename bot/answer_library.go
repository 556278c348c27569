package bot

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/redact"
	"github.com/switchman-dr/switchman/store"
)

// MaxQuestion bounds a question, in characters. Nobody asks longer ones; a longer text is an accident.
const MaxQuestion = 2000

// Question is what somebody wants to know from the runbooks.
type Question struct {
	Text    string
	Person  string
	Company Company
	Channel string // id in organisation.yaml or Slack's; with Alone: asked on its behalf
	Lang    string
	System  string // empty: any; its runbooks are preferred
	Talk    string // names the talk it is part of, for follow-ups; empty: it stands alone

	before []string // what it leans on, newest first, where that is known without a talk
	aside  bool     // nobody asked the bot: what it cannot answer leaves no trace
}

// Told is an answer with what it takes to talk about it.
type Told struct {
	knowledge.Answer
	Asked      string `json:"asked"`                // names this answer, for feedback and sharing
	Understood string `json:"understood,omitempty"` // a follow-up in words that stand alone
	Carried    string `json:"carried,omitempty"`    // or what was asked before, whose words were looked for too
	Going      bool   `json:"going,omitempty"`      // a model still words it: another one takes its place
	Own        bool   `json:"own,omitempty"`        // for the asker's eyes alone
	LeftOut    int    `json:"left_out,omitempty"`   // sentences of a model that proved nothing

	before []string // what was carried, newest first
}

// Sentence is one a model wrote, with the quote that proves it.
type Sentence struct {
	Text    string
	Passage string // id
	Quote   string // cut out of the passage's text
	At      int    // byte of that text the quote begins at
}

// LibraryConfig is what a library is made of. Everything is required unless said otherwise.
type LibraryConfig struct {
	Index   func() *knowledge.Index // as it is now
	Store   *store.Store
	Catalog func() (*catalog.Catalog, error)
	Clock   dr.Clock
	Log     *slog.Logger
	Mask    *redact.Masker        // of what is kept
	Console string                // address of the console for links; empty: links are relative
	MaxAge  time.Duration         // a review older than this is stale; 0: age does not matter
	State   func() Shelves        // what has been read so far
	Sync    func(context.Context) // reads again now; nil: it cannot be asked for
	// Rooms name channels by the ids of their surface, besides the ids organisation.yaml gives.
	Rooms map[string]string
	// Word has a model word an answer from what was found, and counts the sentences that proved nothing and
	// were left out; nil: there is no model. No sentences and no error: it finds no answer there. On the way
	// each is given the sentences so far, whenever another one has proven itself; it must not take long.
	Word func(ctx context.Context, lang, question string, from []knowledge.Result, each func(soFar []Sentence)) (said []Sentence, left int, err error)
	// Rewrite puts a follow-up into words that stand alone; nil: words are carried over.
	Rewrite func(ctx context.Context, lang, question string, before []string) (string, error)
}

// Shelves is what the runbooks are read from, and how far that has come.
type Shelves struct {
	Sources   []Shelf             `json:"sources"`
	Reading   bool                `json:"reading"`           // right now, or about to for the first time
	Looked    int                 `json:"looked,omitempty"`  // files looked at of this reading
	Files     int                 `json:"files,omitempty"`   // and how many there are
	Read      dr.Time             `json:"read_at,omitzero"`  // when they were last read whole; zero: not yet
	Trouble   string              `json:"trouble,omitempty"` // why what is shown is older than the files
	Documents int                 `json:"documents"`
	Passages  int                 `json:"passages"`
	Problems  []knowledge.Problem `json:"problems"`
	Unseen    []knowledge.Problem `json:"unseen,omitempty"`  // what nobody may read; for those who may read everything
	Models    []Model             `json:"models"`            // none: words alone decide
	Without   string              `json:"without,omitempty"` // why there is no model
}

// Shelf is one source.
type Shelf struct {
	Name     string   `json:"name"`
	Dir      string   `json:"-"` // empty: inside the program
	Audience []string `json:"audience"`
	Only     []string `json:"only,omitempty"`
	Commit   string   `json:"commit,omitempty"`
	Trouble  string   `json:"trouble,omitempty"`
}

// Model is an encoder and how many passages it has encoded.
type Model struct {
	Name    string `json:"name"`
	For     string `json:"for"` // en | zh: of which questions
	Done    int    `json:"done"`
	Of      int    `json:"of"`
	Trouble string `json:"trouble,omitempty"`
}

// Library answers from the runbooks, whichever way somebody asks, and decides who may see what.
//
// It owns the rule of audiences, the two lists of what was said of answers, and the little that is
// remembered of a question: for an hour, in memory. It is safe for use by several goroutines.
type Library struct {
	cfg LibraryConfig

	mu     sync.Mutex
	recent map[string]recent // by Told.Asked
	order  []string
	talks  map[string]talk
	known  freshness
}

// NewLibrary makes a library.
func NewLibrary(cfg LibraryConfig) *Library {
	cfg.Console = strings.TrimRight(cfg.Console, "/")
	return &Library{cfg: cfg, recent: map[string]recent{}, talks: map[string]talk{}}
}

// link leads to a passage in the console.
func (l *Library) link(c knowledge.Cited) string {
	return l.cfg.Console + "/#/runbooks/" + url.PathEscape(c.Doc) + "?passage=" + url.QueryEscape(c.Passage)
}

// unread says that nothing was read yet: then nobody knows what the runbooks say, and "not in the runbooks"
// would be untrue.
func (l *Library) unread() error {
	s := l.cfg.State()
	switch {
	case !s.Read.IsZero():
		return nil
	case s.Reading && s.Files > 0:
		return &dr.Error{Kind: dr.Unavailable, ID: "runbooks_being_read", Args: dr.Args{"done": number(s.Looked), "of": number(s.Files)}}
	case s.Reading:
		return &dr.Error{Kind: dr.Unavailable, ID: "runbooks_soon"}
	case s.Trouble != "":
		return &dr.Error{Kind: dr.Unavailable, ID: "runbooks_unread"}
	}
	return nil
}

// Search finds passages, the best first.
func (l *Library) Search(ctx context.Context, q Question, limit int) (knowledge.Found, knowledge.Freshness, error) {
	if err := l.unread(); err != nil {
		return knowledge.Found{}, knowledge.Freshness{}, err
	}
	labels, err := l.Reads(q)
	if err != nil {
		return knowledge.Found{}, knowledge.Freshness{}, err
	}
	if utf8.RuneCountInString(q.Text) > MaxQuestion {
		return knowledge.Found{}, knowledge.Freshness{}, &dr.Error{Kind: dr.Usage, ID: "ask_too_long", Args: dr.Args{"most": number(MaxQuestion)}}
	}
	fresh, err := l.fresh(ctx)
	if err != nil {
		return knowledge.Found{}, fresh, err
	}
	found, err := l.cfg.Index().Search(ctx, knowledge.Query{Text: clean(q.Text), Audience: labels, System: q.System, Limit: limit})
	return found, fresh, err
}

// Cite is a result as it is cited, with its link.
func (l *Library) Cite(fresh knowledge.Freshness, r knowledge.Result) knowledge.Cited {
	c := fresh.Cite(r)
	c.URL = l.link(c)
	return c
}

// Documents lists what somebody may read, with how fresh it is.
func (l *Library) Documents(ctx context.Context, q Question) ([]*knowledge.Document, knowledge.Freshness, error) {
	labels, err := l.Reads(q)
	if err != nil {
		return nil, knowledge.Freshness{}, err
	}
	fresh, err := l.fresh(ctx)
	return l.cfg.Index().Documents(labels), fresh, err
}

// Document is one of them with its passages; what may not be seen is not there.
func (l *Library) Document(ctx context.Context, q Question, path string) (*knowledge.Document, []*knowledge.Passage, knowledge.Freshness, error) {
	labels, err := l.Reads(q)
	if err != nil {
		return nil, nil, knowledge.Freshness{}, err
	}
	d, passages, ok := l.cfg.Index().Document(labels, path)
	if !ok {
		return nil, nil, knowledge.Freshness{}, &dr.Error{Kind: dr.NotFound, ID: "no_such_runbook", Args: dr.Args{"runbook": clipLine(path, 120)}}
	}
	fresh, err := l.fresh(ctx)
	return d, passages, fresh, err
}

// freshness is a reading of what moved and what changed, good for half a minute.
type freshness struct {
	knowledge.Freshness
	until time.Time
}

func (l *Library) fresh(ctx context.Context) (knowledge.Freshness, error) {
	now := l.cfg.Clock.Now()
	l.mu.Lock()
	known := l.known
	l.mu.Unlock()
	if now.Before(known.until) {
		known.Now = now
		return known.Freshness, nil
	}
	f := knowledge.Freshness{Now: now, MaxAge: l.cfg.MaxAge, Changed: map[string]time.Time{}, Drilled: map[string]time.Time{}}
	err := l.cfg.Store.Read(ctx, func(r *store.Reader) error {
		books, err := r.Runbooks(ctx)
		if err != nil {
			return err
		}
		for _, b := range books {
			f.Changed[b.Doc] = b.Changed.Time
		}
		runs, err := r.Runs(ctx, store.Filter{States: []dr.State{dr.Closed, dr.ClosedWithExceptions, dr.AtStandby}})
		for _, run := range runs {
			for _, s := range run.Systems {
				if run.Mode != dr.Rehearsal && s.Restored.After(f.Drilled[s.ID]) {
					f.Drilled[s.ID] = s.Restored.Time
				}
			}
		}
		return err
	})
	if err != nil {
		return f, err
	}
	l.mu.Lock()
	l.known = freshness{Freshness: f, until: now.Add(30 * time.Second)}
	l.mu.Unlock()
	return f, nil
}

// State says what has been read so far. Which files could not be read is for those who may read
// everything: a name can tell something, too.
func (l *Library) State(person string) (Shelves, error) {
	c, err := l.cfg.Catalog()
	if err != nil {
		return Shelves{}, &dr.Error{Kind: dr.Unavailable, ID: "files_unreadable", Err: err}
	}
	s := l.cfg.State()
	p, _ := c.Organisation().Roster.Person(person)
	if !p.Has(dr.Admin) || p.Disabled {
		s.Problems = make([]knowledge.Problem, len(s.Problems))
		return s, nil
	}
	s.Unseen = Unseen(c.Organisation(), l.cfg.Index())
	return s, nil
}

// Sync has the runbooks read again now, and says what came of it.
func (l *Library) Sync(ctx context.Context, person string) (Shelves, error) {
	if l.cfg.Sync != nil {
		l.cfg.Sync(ctx)
	}
	return l.State(person)
}
