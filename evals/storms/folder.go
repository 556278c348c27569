package storms

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// Folder is the world as an organisation's files, as package catalog reads them.
func (w *World) Folder() (fs.FS, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	write := func(name, text string) error {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		return err
	}
	all := write("organisation.yaml", w.organisation())
	for _, s := range w.Org.Systems {
		all = errors.Join(all, write("systems/"+s.ID+".yaml", systemFile(s)))
	}
	for _, p := range w.Plans {
		all = errors.Join(all, write("plans/"+p.ID+".yaml", p.file()))
	}
	if all = errors.Join(all, z.Close()); all != nil {
		return nil, fmt.Errorf("writing the world %s: %w", w.Name, all)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		return nil, fmt.Errorf("reading the world %s: %w", w.Name, err)
	}
	return r, nil
}

// load reads the world the way an organisation of files is read.
func (w *World) load() (*catalog.Catalog, error) {
	folder, err := w.Folder()
	if err != nil {
		return nil, err
	}
	manual := dr.ActionSpec{Name: "manual", Kind: dr.ManualStep, Classes: []dr.Class{dr.Read, dr.Idempotent, dr.Once}}
	c, problems := catalog.Load(folder, []dr.ActionSpec{manual}, "storms", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	for _, p := range problems {
		if p.Severity == catalog.Error {
			return nil, fmt.Errorf("reading the world %s: %s:%d: %s", w.Name, p.File, p.Line, p.Text)
		}
	}
	return c, nil
}

// flow is a value in YAML's flow style, which JSON is a part of.
func flow(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, lists and maps of them only
	}
	return string(raw)
}

func (w *World) organisation() string {
	var b strings.Builder
	fmt.Fprintf(&b, "organisation: {id: %s}\nsites:\n", w.Org.ID)
	for _, s := range w.Org.Sites {
		fmt.Fprintf(&b, "  - {id: %s}\n", s.ID)
	}
	b.WriteString("links:\n")
	for _, l := range w.Org.Links {
		fmt.Fprintf(&b, "  - {id: %s, between: %s}\n", l.ID, flow(l.Between))
	}
	b.WriteString("hosts:\n")
	for _, h := range w.Org.Hosts {
		fmt.Fprintf(&b, "  - {id: %s, site: %s}\n", h.ID, h.Site)
	}
	b.WriteString("arrays:\n")
	for _, a := range w.Org.Arrays {
		fmt.Fprintf(&b, "  - {id: %s, site: %s}\n", a.ID, a.Site)
	}
	return b.String()
}

func systemFile(s dr.System) string {
	var b strings.Builder
	fmt.Fprintf(&b, "system: %s\nname: %s\nrto: 10m\nrpo: 5s\nhome: %s\n", s.ID, s.Name, s.Home)
	if len(s.DependsOn) > 0 {
		fmt.Fprintf(&b, "depends_on: %s\n", flow(s.DependsOn))
	}
	for i, p := range s.Protections {
		if i == 0 {
			b.WriteString("protections:\n")
		}
		fmt.Fprintf(&b, "  - {id: %s, kind: %s, from: %s, to: %s, rpo: 5s}\n", p.ID, p.Kind, p.From, p.To)
	}
	b.WriteString("nodes:\n")
	for _, n := range s.Nodes {
		fields := map[string]any{"id": n.ID, "site": n.Site, "role": n.Role, "kind": n.Kind, "address": n.Address}
		for name, value := range map[string]string{"host": n.Host, "array": n.Array, "peer": n.Peer} {
			if value != "" {
				fields[name] = value
			}
		}
		if len(n.Aliases) > 0 {
			fields["aliases"] = n.Aliases
		}
		if len(n.DependsOn) > 0 {
			fields["depends_on"] = n.DependsOn
		}
		fmt.Fprintf(&b, "  - %s\n", flow(fields))
	}
	return b.String()
}

func (p Plan) file() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plan: %s\ntitle: %s\nkind: %s\nsystems: %s\nbetween: %s\n", p.ID, p.ID, p.Kind, flow(p.Systems), flow([]string{p.From, p.To}))
	if p.Pair != "" {
		fmt.Fprintf(&b, "pair: %s\n", p.Pair)
	}
	for i, a := range p.For {
		if i == 0 {
			b.WriteString("for:\n")
		}
		fields := map[string]any{"scope": a.Scope, "faults": a.Faults}
		if a.Entity != "" {
			fields["entity"] = a.Entity
		}
		fmt.Fprintf(&b, "  - %s\n", flow(fields))
	}
	for i, g := range p.Guards {
		if i == 0 {
			b.WriteString("guards:\n")
		}
		fmt.Fprintf(&b, "  - {never: %s}\n", g)
	}
	b.WriteString("steps: [{id: declare, title: Declare, action: manual, class: read}]\n")
	return b.String()
}

// stale is the world as its files describe it when nobody has kept them up for a while: of a share of
// the machines the host, the array or what they depend on is another one, or they are not listed at all.
func (w *World) stale(share float64, draw *rand.Rand) World {
	out := *w
	out.Org.Systems = slices.Clone(w.Org.Systems)
	for i := range out.Org.Systems {
		s := &out.Org.Systems[i]
		s.Nodes = slices.Clone(s.Nodes)
		for j := range s.Nodes {
			if draw.Float64() < share {
				out.misplace(s, j, draw)
			}
		}
		kept := slices.DeleteFunc(s.Nodes, func(n dr.Node) bool { return n.ID == "" })
		for j := range kept {
			if !slices.ContainsFunc(kept, func(n dr.Node) bool { return n.ID == kept[j].Peer }) {
				kept[j].Peer = ""
			}
			kept[j].DependsOn = slices.DeleteFunc(slices.Clone(kept[j].DependsOn), func(id string) bool {
				return !slices.ContainsFunc(kept, func(n dr.Node) bool { return n.ID == id })
			})
		}
		s.Nodes = kept
	}
	return out
}

// misplace makes one entry wrong. What a protection copies is always listed: check would not let it pass.
func (w *World) misplace(s *dr.System, j int, draw *rand.Rand) {
	n := &s.Nodes[j]
	protected := slices.ContainsFunc(s.Protections, func(p dr.Protection) bool { return p.From == n.ID || p.To == n.ID })
	switch k := draw.IntN(4); {
	case k == 0 && !protected && n.Role == "app":
		n.ID = ""
	case k == 1 && len(n.DependsOn) > 0:
		n.DependsOn = nil
	case k == 2 && n.Array != "":
		n.Array = ""
	case n.Host != "":
		var others []string
		for _, h := range w.Org.Hosts {
			if h.Site == n.Site && h.ID != n.Host {
				others = append(others, h.ID)
			}
		}
		n.Host = others[draw.IntN(len(others))]
	case len(n.DependsOn) > 0:
		n.DependsOn = nil
	}
}
