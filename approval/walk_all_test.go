//go:build !race

package approval

// What visits everything is pure, has one goroutine or shares nothing, and takes ten times as long with the race
// detector: it runs without it.

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// walk visits every reachable state, breadth first, and ends at the first finding.
func (s *scenario) walk(ctx context) (out walked) {
	first := s.start()
	seen := map[world]struct{}{first: {}}
	queue, trail := []world{first}, []step{{from: -1}}
	for i := 0; i < len(queue); i++ {
		if i > 100_000 {
			out.found = &finding{what: "the world is too large to walk"}
			break
		}
		w := queue[i]
		out.depth = trail[i].depth
		c := s.newCase(&w)
		for _, m := range s.moves {
			next, bad, moved := s.try(ctx, c, w, m)
			out.acts++
			if bad != "" {
				out.states = len(queue)
				out.found = &finding{what: bad, trail: append(path(trail, i), m.name)}
				return out
			}
			if !moved {
				continue
			}
			if _, known := seen[next]; !known {
				seen[next] = struct{}{}
				queue, trail = append(queue, next), append(trail, step{i, m.name, trail[i].depth + 1})
			}
		}
	}
	out.states = len(queue)
	return out
}

func path(trail []step, i int) (names []string) {
	for ; trail[i].from >= 0; i = trail[i].from {
		names = append(names, trail[i].move)
	}
	slices.Reverse(names)
	return names
}

// TestWalk visits every state of every scenario under all guards, and under each layer alone.
func TestWalk(t *testing.T) {
	type job struct {
		ctx context
		s   *scenario
		out walked
	}
	var jobs []*job
	var wg sync.WaitGroup
	for _, ctx := range contexts() {
		for _, s := range scenarios(ctx.name == "all") {
			j := &job{ctx: ctx, s: s}
			jobs = append(jobs, j)
			wg.Go(func() { j.out = j.s.walk(j.ctx) })
		}
	}
	wg.Wait()
	states, acts := 0, 0
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, j := range jobs {
		fmt.Fprintf(table, "guards %s\t%s\t%d states\t%d acts\tdepth %d\n", j.ctx.name, j.s.name, j.out.states, j.out.acts, j.out.depth)
		if j.out.found != nil {
			t.Errorf("guards %s, %s: %s\n  %s", j.ctx.name, j.s.name, j.out.found.what, strings.Join(j.out.found.trail, "\n  "))
		}
		if j.ctx.name == "all" {
			states, acts = states+j.out.states, acts+j.out.acts
		}
	}
	if testing.Verbose() {
		fmt.Fprintf(table, "under all guards\t\t%d states\t%d acts\n", states, acts)
		table.Flush()
	}
	if states < 50_000 {
		t.Errorf("only %d states were walked under all guards", states)
	}
}

// TestMutants leaves out one guard at a time, with the other layers off, and wants the walk to notice.
func TestMutants(t *testing.T) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	killed := 0
	for _, ctx := range contexts()[1:] {
		for i, g := range ctx.guards {
			if g.Layer != ctx.name {
				continue
			}
			mutant := ctx
			mutant.starts = !aboutTries(g.Name)
			mutant.guards = slices.Delete(slices.Clone(ctx.guards), i, i+1)
			by, out := kill(mutant, g)
			if out.found == nil {
				t.Errorf("nothing goes wrong without %s in layer %s", g.Name, g.Layer)
				continue
			}
			killed++
			if testing.Verbose() {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d states\n", g.Layer, g.Name, by, out.found.what, out.states)
			}
		}
	}
	if testing.Verbose() {
		fmt.Fprintf(table, "\t%d mutants killed\n", killed)
		table.Flush()
	}
	if killed < 30 {
		t.Errorf("only %d mutants were killed", killed)
	}
}

// aboutTries: without these nothing starts wrongly, but a slip or a code typed too early would be
// counted as a guess, or a guess would not be.
func aboutTries(guard string) bool {
	return slices.Contains([]string{"I21_quorum", "C9_codes_typed", "C8_code_well_formed", "C8_code_matches"}, guard)
}

// kill walks the worlds until one goes wrong, beginning with the one the guard is known to matter in.
func kill(mutant context, g Guard) (string, walked) {
	list := scenarios(false)
	known := noticedIn(g)
	slices.SortStableFunc(list, func(a, b *scenario) int {
		return btoi(a.name != known) - btoi(b.name != known)
	})
	for _, s := range list {
		if out := s.walk(mutant); out.found != nil {
			return s.name, out
		}
	}
	return "", walked{}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// noticedIn saves time: a world in which the lack of a guard shows early.
func noticedIn(g Guard) string {
	for world, names := range map[string]string{
		"roster": "click/I10_roster click/I10_person click/I26_clock click/I1_frozen_plan issue/I10_roster issue/I10_person " +
			"issue/I26_clock issue/I1_frozen_plan issue/I23_waiting issue/C6_quorum_first start/I11_vote_eligible " +
			"start/I10_roster start/I10_person start/I26_clock start/I1_frozen_plan ",
		"seats": "click/I20_verb click/I7_requester_vote click/I13_issuer_vote click/I11_eligible click/I9_one_account " +
			"click/I14_own_vote click/I15_deny_reason click/I15_deny_meant issue/I13_requester_issues " +
			"issue/I13_voter_issues start/I7_vote_requester start/I13_vote_issuer start/I9_one_human start/I9_one_seat " +
			"start/I23_state start/I15_no_deny start/I13_issuer_submits start/I13_issuer_requested " +
			"start/I11_issuer_eligible ",
		"states": "click/I23_waiting click/I15_round_open click/I22_override_when issue/I15_round_open ",
		"rounds": "click/I5_round_shown click/I3_plan_unchanged issue/I3_plan_unchanged issue/C5_locked start/I3_vote_digest " +
			"start/I5_round_shown start/I3_plan_unchanged start/C2_code_bound ",
		"time": "click/I16_round_live click/I11_duty issue/I11_duty start/I16_vote_valid start/I13_requester_submits " +
			"start/I11_duty start/I21_quorum ",
		"emergency": "click/I2_eligible_in_plan click/I6_words issue/I2_issuer_in_plan start/I2_vote_in_plan ",
		"checks": "click/I22_override_who click/I22_override_needed click/I22_override_reason start/I15_round_open " +
			"start/I22_facts_fresh start/I22_checks start/I22_freeze start/I22_window start/C6_code_after_quorum ",
		"two codes": "issue/I13_issuer_role start/C9_codes_typed start/C8_code_well_formed start/C10_code_unrevoked " +
			"start/C9_two_issuers ",
	} {
		if strings.Contains(names+" ", g.Layer+"/"+g.Name+" ") {
			return world
		}
	}
	return ""
}
