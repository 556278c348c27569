package web

import (
	"net/http"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type nodeView struct {
	ID   string `json:"id"`
	Site string `json:"site"`
	Role string `json:"role"`
	Kind string `json:"kind,omitempty"`
	Peer string `json:"peer,omitempty"`

	Host  string `json:"host,omitempty"`
	Array string `json:"array,omitempty"`
}

type linkView struct {
	ID      string   `json:"id"`
	Between []string `json:"between"`
}

type probeView struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Proves string `json:"proves"`
	Site   string `json:"site,omitempty"`
}

type systemView struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Tier      string     `json:"tier,omitempty"`
	Home      string     `json:"home"`
	DependsOn []string   `json:"depends_on,omitempty"`
	RTO       dr.Millis  `json:"rto_ms"`
	RPO       dr.Millis  `json:"rpo_ms"`
	Limit     dr.Millis  `json:"limit_ms"`
	Nodes     []nodeView `json:"nodes"`

	Probes []probeView `json:"probes"`
}

// organisationView is the organisation as its files say, without addresses and ways to reach people.
type organisationView struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Environment dr.Environment    `json:"environment"`
	TimeZone    string            `json:"time_zone"`
	Languages   []string          `json:"languages"`
	Sites       []named           `json:"sites"`
	Links       []linkView        `json:"links"`
	Systems     []systemView      `json:"systems"`
	Teams       []named           `json:"teams"`
	Duty        []string          `json:"duty"`
	Version     string            `json:"version,omitempty"`
	Policy      string            `json:"policy_version,omitempty"`
	Digest      string            `json:"digest"`
	Runnable    bool              `json:"runnable"`
	Problems    []catalog.Problem `json:"problems"`
}

func (s *Server) organisation(w http.ResponseWriter, _ *http.Request, _ caller) error {
	c, err := s.files()
	if err != nil {
		return err
	}
	org := c.Organisation()
	out := organisationView{ID: org.ID, Name: org.Name, Environment: org.Environment, TimeZone: org.TimeZone, Languages: append([]string{}, org.Languages...),
		Sites: []named{}, Links: []linkView{}, Systems: []systemView{}, Teams: []named{}, Duty: []string{}, Version: org.Roster.Version, Policy: org.Policy.Version,
		Digest: c.Digest(), Runnable: c.Runnable() == nil, Problems: []catalog.Problem{}}
	for _, site := range org.Sites {
		out.Sites = append(out.Sites, named{site.ID, site.Name})
	}
	for _, l := range org.Links {
		out.Links = append(out.Links, linkView{l.ID, append([]string{}, l.Between...)})
	}
	for _, team := range org.Roster.Teams {
		out.Teams = append(out.Teams, named{team.ID, team.Name})
	}
	for _, sys := range org.Systems {
		view := systemView{ID: sys.ID, Name: sys.Name, Tier: sys.Tier, Home: sys.Home, DependsOn: sys.DependsOn, RTO: sys.RTO, RPO: sys.RPO, Limit: sys.Limit, Nodes: []nodeView{}, Probes: []probeView{}}
		for _, p := range sys.Probes {
			view.Probes = append(view.Probes, probeView{p.ID, p.Title, p.Proves, p.Site})
		}
		for _, n := range sys.Nodes {
			view.Nodes = append(view.Nodes, nodeView{n.ID, n.Site, n.Role, n.Kind, n.Peer, n.Host, n.Array})
		}
		out.Systems = append(out.Systems, view)
	}
	for _, p := range s.roster(c) {
		if p.OnDuty {
			out.Duty = append(out.Duty, p.ID)
		}
	}
	if s.cfg.Problems != nil {
		out.Problems = append(out.Problems, s.cfg.Problems()...)
	}
	answer(w, http.StatusOK, out)
	return nil
}

// registerEntry is one run on one system, with its end.
type registerEntry struct {
	System    string       `json:"system"`
	Run       string       `json:"run"`
	Plan      string       `json:"plan"`
	Kind      dr.Kind      `json:"kind,omitempty"`
	Mode      dr.Mode      `json:"mode"`
	Direction dr.Direction `json:"direction"`
	State     dr.State     `json:"state"`
	Verdict   string       `json:"verdict,omitempty"`
	Requested dr.Time      `json:"requested_at"`
	Ended     dr.Time      `json:"ended_at,omitzero"`
}

// register lists every run on every system, newest first, the failed and denied ones too.
func (s *Server) register(w http.ResponseWriter, r *http.Request, _ caller) error {
	system := r.URL.Query().Get("system")
	out := []registerEntry{}
	err := s.cfg.Store.Read(r.Context(), func(rd *store.Reader) error {
		out = []registerEntry{}
		runs, err := rd.Runs(r.Context(), store.Filter{System: system, Limit: 1000})
		for _, run := range runs {
			for _, sys := range run.Systems {
				if system != "" && sys.ID != system {
					continue
				}
				e := registerEntry{System: sys.ID, Run: run.ID, Plan: run.Plan, Kind: run.Kind, Mode: run.Mode, Direction: run.Direction, State: run.State, Requested: run.Clocks.Requested}
				if run.State.Ended() {
					e.Verdict, e.Ended = run.Verdict, run.Clocks.Ended
				}
				out = append(out, e)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"entries": out})
	return nil
}
