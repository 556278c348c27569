package web

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// naming says what people call what the journal knows by its id, and in which zone they read a clock. The
// zero naming leaves ids and moments as they are written.
type naming struct {
	zone  *time.Location
	names map[string]string                  // "person/ada" → "Ada"
	step  func(run string) map[string]string // the titles of a run's steps
}

// of is a name, or a list of names with commas.
func (n naming) of(class, ids string) string {
	list := strings.Split(ids, ", ")
	for i, id := range list {
		list[i] = cmp.Or(n.names[class+"/"+id], id)
	}
	return strings.Join(list, ", ")
}

func (n naming) moment(at dr.Time) string {
	if n.zone == nil || at.IsZero() {
		return at.String()
	}
	return at.In(n.zone).Format("2006-01-02 15:04")
}

// holes are what stands in a sentence under a name that always means the same.
func holes() map[string]string {
	return map[string]string{"actor": "person", "issuer": "person", "issuers": "person", "voters": "person", "person": "person", "owner": "person",
		"by": "person", "site": "site", "system": "system", "systems": "system", "plan": "plan"}
}

// ends is what "from" and "to" are in rows of a kind.
func ends(kind dr.RowKind) string {
	switch kind {
	case dr.RowRequested, dr.RowPlacement, dr.RowSite:
		return "site"
	case dr.RowCommand, dr.RowNotice:
		return "person"
	}
	return ""
}

// name puts names into a row's arguments.
func (n naming) name(row dr.Row, args dr.Args) {
	classes := holes()
	if class := ends(row.Kind); class != "" {
		classes["from"], classes["to"] = class, class
	}
	for hole, class := range classes {
		if args[hole] != "" {
			args[hole] = n.of(class, args[hole])
		}
	}
	if id := args["step"]; id != "" && n.step != nil {
		args["step"] = cmp.Or(n.step(row.Run)[id], id)
	}
}

// wordOr is the sentence for a word of ours; a word without one stays.
func wordOr(lang, id, word string) string {
	if locale.Has(id) {
		return locale.Say(lang, id, nil)
	}
	return word
}

// callings keep the naming of the files as they are, and the steps of runs that were read of late.
type callings struct {
	mu     sync.Mutex
	digest string
	naming naming
	steps  map[string]map[string]string // by run
}

const stepsKept = 16 // runs whose steps are remembered by title

// naming is what the files as they are now call things.
func (s *Server) naming() naming {
	files, err := s.cfg.Catalog()
	if err != nil {
		return naming{} // ids, while the files are unreadable
	}
	s.callings.mu.Lock()
	defer s.callings.mu.Unlock()
	if s.callings.digest != files.Digest() {
		s.callings.digest, s.callings.naming = files.Digest(), namesOf(files)
		s.callings.naming.step = s.stepTitles
	}
	return s.callings.naming
}

func namesOf(files *catalog.Catalog) naming {
	org := files.Organisation()
	n := naming{zone: zoneOf(org.TimeZone), names: map[string]string{}}
	for _, p := range org.Roster.People {
		n.names["person/"+p.ID] = p.Name
	}
	for _, x := range org.Sites {
		n.names["site/"+x.ID] = x.Name
	}
	for _, x := range org.Systems {
		n.names["system/"+x.ID] = x.Name
	}
	for _, p := range files.Plans() {
		n.names["plan/"+p.ID] = p.Title
	}
	return n
}

// stepTitles are what the frozen plan of a run calls its steps. A run whose plan cannot be read has ids.
func (s *Server) stepTitles(run string) map[string]string {
	s.callings.mu.Lock()
	titles, ok := s.callings.steps[run]
	s.callings.mu.Unlock()
	if ok {
		return titles
	}
	_, slice, err := s.frozen(context.Background(), run)
	if err != nil {
		return nil // and asked again with the next row
	}
	titles = map[string]string{}
	twins := map[string]int{}
	for _, st := range slice.Steps {
		twins[st.Title]++
	}
	for _, st := range slice.Steps {
		if titles[st.ID] = cmp.Or(st.Title, st.ID); twins[st.Title] > 1 && st.Node != "" {
			titles[st.ID] += " (" + st.Node + ")"
		}
	}
	s.callings.mu.Lock()
	defer s.callings.mu.Unlock()
	if s.callings.steps == nil || len(s.callings.steps) >= stepsKept {
		s.callings.steps = map[string]map[string]string{}
	}
	s.callings.steps[run] = titles
	return titles
}
