package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

// facts looks at what doctor has to say something about. What cannot be looked at stays out.
func (sh *shell) facts(ctx context.Context, cfg *config.Config) config.Facts {
	f := config.Facts{Version: version(), Now: sh.term.clock.Time(), FileModes: map[string]fs.FileMode{}}
	c, problems, err := sh.load(cfg.Org)
	if err != nil {
		f.Organisation = &config.OrganisationFacts{ID: cfg.Org, Mistakes: 1, Runnable: err}
	} else {
		f.Organisation = organisationFacts(c, problems)
		f.Missing = missingPrograms(c, sh.term.env("PATH"))
	}
	f.State = stateFacts(cfg.StateDir)
	f.Store = sh.storeFacts(ctx, cfg, c)
	f.Server = sh.serverFacts(ctx)
	for _, p := range knowledge.ModelPackages() {
		f.Encoders = append(f.Encoders, config.EncoderFacts{Model: p.Model, Missing: knowledge.CheckModel(cfg.Models(), p)})
	}
	for _, pair := range sh.term.environ {
		name, path, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "SWITCHMAN_") && strings.HasSuffix(name, "_FILE") && path != "" {
			if info, err := os.Stat(path); err == nil {
				f.FileModes[path] = info.Mode()
			}
		}
	}
	return f
}

func organisationFacts(c *catalog.Catalog, problems []catalog.Problem) *config.OrganisationFacts {
	o := c.Organisation()
	n := catalog.Errors(problems)
	f := &config.OrganisationFacts{ID: o.ID, Environment: o.Environment, Mistakes: n, Warnings: len(problems) - n, Runnable: c.Runnable(), Mappings: c.AlertMappings()}
	for _, s := range everySlice(c) {
		for _, st := range s.Steps {
			eachCall(st, func(call dr.Call) { f.Secrets = append(f.Secrets, secretsOf(call)...) })
		}
		if len(o.SwitchmanSites) == 1 && s.From == o.SwitchmanSites[0] {
			f.OnlyHome = s.From
		}
	}
	f.Secrets, f.Recipients = sorted(f.Secrets), recipients(c)
	return f
}

// recipients lists the classes of people that plans want to tell.
func recipients(c *catalog.Catalog) []string {
	var out []string
	for _, s := range everySlice(c) {
		for _, st := range s.Steps {
			if st.Notify != nil {
				out = append(out, st.Notify.To)
			}
		}
	}
	return sorted(out)
}

// everySlice compiles every plan once; one that does not compile is check's business.
func everySlice(c *catalog.Catalog) []*dr.Slice {
	var out []*dr.Slice
	for _, p := range c.Plans() {
		if s, err := c.Compile(catalog.Selection{Plan: p.ID, Mode: dr.Drill}); err == nil {
			out = append(out, s)
		}
	}
	return out
}

func eachCall(st dr.Step, do func(dr.Call)) {
	do(st.Call)
	for _, call := range []*dr.Call{st.Probe, st.Undo, st.UndoProbe, st.Ungraceful.Call} {
		if call != nil {
			do(*call)
		}
	}
}

func secretsOf(call dr.Call) []string {
	var out []string
	keep := func(v any) {
		if text, ok := v.(string); ok {
			if name, ok := strings.CutPrefix(text, "secret:"); ok {
				out = append(out, name)
			}
		}
	}
	for _, v := range call.Params {
		switch v := v.(type) {
		case []string:
			for _, item := range v {
				keep(item)
			}
		case map[string]string:
			for _, item := range v {
				keep(item)
			}
		default:
			keep(v)
		}
	}
	return out
}

// missingPrograms lists commands of plans that are not on the PATH.
func missingPrograms(c *catalog.Catalog, path string) []string {
	var out []string
	for _, s := range everySlice(c) {
		if s.Environment == dr.Sample {
			continue // the demo brings its own
		}
		for _, st := range s.Steps {
			eachCall(st, func(call dr.Call) {
				if argv, ok := call.Params["argv"].([]string); ok && len(argv) > 0 && !onPath(argv[0], path) {
					out = append(out, argv[0])
				}
			})
		}
	}
	return sorted(out)
}

func onPath(program, path string) bool {
	if strings.Contains(program, "/") {
		return runnable(program)
	}
	return slices.ContainsFunc(filepath.SplitList(path), func(dir string) bool { return runnable(filepath.Join(dir, program)) })
}

func runnable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func sorted(in []string) []string {
	slices.Sort(in)
	return slices.Compact(in)
}

func stateFacts(dir string) *config.StateFacts {
	f := &config.StateFacts{}
	info, err := os.Stat(dir)
	if err != nil {
		return f
	}
	f.Exists, f.Mode = true, info.Mode()
	const mayWrite = 2 // W_OK of access(2)
	f.Writable = syscall.Access(dir, mayWrite) == nil
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) == nil {
		f.FreeBytes = int64(st.Bavail) * st.Bsize
	}
	for name, there := range map[string]*bool{"pepper": &f.PepperKey, "log.key": &f.LogKey} {
		_, err := os.Stat(filepath.Join(dir, name))
		*there = err == nil
	}
	return f
}

func (sh *shell) storeFacts(ctx context.Context, cfg *config.Config, c *catalog.Catalog) *config.StoreFacts {
	f := &config.StoreFacts{}
	if cfg.DatabaseURL.Empty() {
		if _, err := os.Stat(filepath.Join(cfg.StateDir, "state.db")); err != nil {
			return nil
		}
	}
	f.Err = sh.offline(ctx, func(st *store.Store, _ *fsm.Engine) error {
		d, err := st.Durability(ctx)
		if f.Lacks = d.Lacks; err != nil {
			return err
		}
		return st.Read(ctx, func(r *store.Reader) error {
			if err := replicaFacts(ctx, r, f); err != nil {
				return err
			}
			head, err := r.Head(ctx)
			if err != nil {
				return err
			}
			f.Rows = head.Size
			runs, err := r.Runs(ctx, store.Filter{})
			for _, run := range runs {
				if !run.State.Ended() {
					f.ActiveRuns++
				}
			}
			tokens, tokErr := r.Tokens(ctx, "")
			f.Approvers, f.Enrolled = enrolled(c, tokens)
			return errors.Join(err, tokErr)
		})
	})
	return f
}

// replicaFacts are the servers of the store, and what each does.
func replicaFacts(ctx context.Context, r *store.Reader, f *config.StoreFacts) error {
	active, err := r.ActiveSite(ctx)
	if err != nil {
		return err
	}
	leases, err := r.Leases(ctx)
	if err != nil {
		return err
	}
	all, err := r.Replicas(ctx)
	f.ActiveSite, f.Replicas = active.Site, nil
	for _, x := range all {
		one := config.ReplicaFacts{ID: x.ID, Site: x.Site, Version: x.Version}
		for _, l := range leases {
			if l.Holder == x.ID {
				one.Leases = append(one.Leases, l.Name)
			}
		}
		f.Replicas = append(f.Replicas, one)
	}
	return err
}

// enrolled counts approvers, and those of them who hold a credential.
func enrolled(c *catalog.Catalog, tokens []store.Token) (approvers, with int) {
	if c == nil {
		return 0, 0
	}
	for _, p := range c.Organisation().Roster.People {
		if !p.Has(dr.Approver) || p.Disabled {
			continue
		}
		approvers++
		if slices.ContainsFunc(tokens, func(t store.Token) bool { return t.Person == p.ID && t.Revoked.IsZero() }) {
			with++
		}
	}
	return approvers, with
}

func (sh *shell) serverFacts(ctx context.Context) *config.ServerFacts {
	var ready struct {
		Ready   bool   `json:"ready"`
		Version string `json:"version"`
	}
	ctx, cancel := context.WithTimeout(ctx, completionWait)
	defer cancel()
	err := sh.call(ctx, "GET", "/readyz", nil, &ready)
	return &config.ServerFacts{Err: err, Ready: ready.Ready, Version: ready.Version}
}
