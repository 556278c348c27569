package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// replicaView is a server of the store as people see it.
type replicaView struct {
	ID      string   `json:"id"`
	Site    string   `json:"site,omitempty"`
	Version string   `json:"version"`
	Started dr.Time  `json:"started_at"`
	Seen    dr.Time  `json:"seen_at"`
	Here    bool     `json:"here,omitempty"` // the one that answers
	Leases  []string `json:"leases"`         // what it alone does now
}

// activeSite is where work is taken, and what may be done about it by who asks.
type activeSite struct {
	Site  string       `json:"site,omitempty"` // empty: at every one
	Epoch int64        `json:"epoch"`
	Works bool         `json:"works"`          // the server that answers takes work
	Here  string       `json:"here,omitempty"` // its own site
	Open  []string     `json:"open"`           // other sites with a server
	May   []string     `json:"may"`            // take | confirm
	Ask   *siteAskView `json:"ask,omitempty"`
}

type siteAskView struct {
	Site    string  `json:"site"`
	Person  string  `json:"person"`
	Name    string  `json:"name"`
	Reason  string  `json:"reason"`
	At      dr.Time `json:"at"` // names it: who confirms sends it back
	Expires dr.Time `json:"expires_at"`
}

// listReplicas answers which servers there are, and what each does.
func (s *Server) listReplicas(w http.ResponseWriter, r *http.Request, c caller) error {
	var all []store.Replica
	var leases []store.Lease
	err := s.cfg.Store.Read(r.Context(), func(rd *store.Reader) (err error) {
		if all, err = rd.Replicas(r.Context()); err != nil {
			return err
		}
		leases, err = rd.Leases(r.Context())
		return err
	})
	if err != nil {
		return err
	}
	out := []replicaView{}
	for _, x := range all {
		v := replicaView{ID: x.ID, Site: x.Site, Version: x.Version, Started: x.Started, Seen: x.Seen, Here: x.ID == s.cfg.Instance, Leases: []string{}}
		for _, l := range leases {
			if l.Holder == x.ID {
				v.Leases = append(v.Leases, l.Name)
			}
		}
		out = append(out, v)
	}
	active, err := s.siteView(r, c)
	if err == nil {
		answer(w, http.StatusOK, map[string]any{"replicas": out, "active_site": active})
	}
	return err
}

func (s *Server) siteView(r *http.Request, c caller) (out activeSite, err error) {
	v, err := s.cfg.Engine.Site(r.Context(), c.actor)
	if err != nil {
		return out, err
	}
	out = activeSite{Site: v.Site, Epoch: v.Epoch, Works: s.cfg.Store.Here(v.ActiveSite), Here: v.Here, Open: append([]string{}, v.Open...), May: []string{}}
	if v.MayAsk {
		out.May = append(out.May, "take")
	}
	if v.MayConfirm {
		out.May = append(out.May, "confirm")
	}
	if v.Ask.Site != "" {
		out.Ask = &siteAskView{v.Ask.Site, v.Ask.Person, s.nameOf(v.Ask.Person), v.Ask.Reason, v.Ask.At, v.Expires}
	}
	return out, nil
}

// nameOf is what people call somebody.
func (s *Server) nameOf(person string) string {
	if files, err := s.files(); err == nil {
		if p, ok := files.Organisation().Roster.Person(person); ok {
			return p.Name
		}
	}
	return person
}

// takeSite is one of two people's yes to taking work at another site.
func (s *Server) takeSite(w http.ResponseWriter, r *http.Request, c caller) error {
	var ask struct {
		Site    string  `json:"site"`
		Confirm bool    `json:"confirm"`
		Reason  string  `json:"reason"`
		Asked   dr.Time `json:"asked_at"`
	}
	if err := read(w, r, &ask); err != nil {
		return err
	}
	if err := s.provenFor(r.Context(), c, credentialsRun); err != nil {
		return err
	}
	_, err := s.cfg.Engine.TakeSite(r.Context(), c.actor, fsm.SiteAct{Site: ask.Site, Confirm: ask.Confirm, Reason: ask.Reason, Asked: ask.Asked})
	var no *dr.Error
	if errors.As(err, &no) && no.Kind == dr.Refused {
		return s.refuseAtEdge(r, c.actor.Person, "site", no)
	}
	if err != nil {
		return err
	}
	now, err := s.siteView(r, c)
	if err == nil {
		answer(w, http.StatusOK, now)
	}
	return err
}

// siteWords is the sentence of a row about the active site.
func siteWords(row dr.Row) (string, dr.Args) {
	id, args := wordsOf(row, "row_site_asked", func(d dr.SiteData) dr.Args {
		return dr.Args{"event": d.Event, "site": d.Site, "from": d.From, "epoch": strconv.FormatInt(d.Epoch, 10), "by": d.By, "reason": d.Reason}
	})
	switch args["event"] {
	case "first":
		id = "row_site_first"
	case "taken":
		id = "row_site_taken"
	}
	return id, args
}
