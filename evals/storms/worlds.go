package storms

import (
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// bank is two sites, four systems, 39 machines at either site, 16 hosts, 6 arrays and one link. All
// systems live at one site, and the other stands by.
func bank() World {
	b := builderOf("tide-bank", "tide.example", []string{"quay", "mole"}, []string{"quay-mole", "quay", "mole"})
	short := func(site string) string { return site[:1] }
	b.node = func(system, role, site string, n int) string {
		return fmt.Sprintf("%s-%s-%s%d", system, role, short(site), n)
	}
	b.host = func(site string, n int) string { return fmt.Sprintf("%s-hv%02d", site, n) }
	b.array = func(site string, n int) string { return fmt.Sprintf("%s-stor%d", site, n) }
	b.alias = func(system, role, site string, n int) []string {
		return []string{fmt.Sprintf("%s%02d.%s.%s.tide.example", role, n, system, site)}
	}
	b.place(8, 3)
	b.add(system{id: "core", name: "Deposits", home: "quay", away: "mole", stream: "db", tiers: []tier{
		{role: "db", count: 1, on: "vm", hosts: []int{1}, array: 1}, {role: "queue", count: 1, on: "vm", hosts: []int{5}, array: 3},
		{role: "cache", count: 2, on: "vm", hosts: []int{5, 6}}, {role: "app", count: 5, on: "vm", hosts: []int{4, 5, 6}, needs: []string{"db", "cache"}},
		{role: "batch", count: 2, on: "vm", hosts: []int{7, 8}, needs: []string{"db"}}}})
	b.add(system{id: "pay", name: "Payments", home: "quay", away: "mole", depends: []string{"core"}, stream: "db", tiers: []tier{
		{role: "db", count: 1, on: "vm", hosts: []int{2}, array: 1}, {role: "queue", count: 1, on: "vm", hosts: []int{7}, array: 3},
		{role: "cache", count: 1, on: "vm", hosts: []int{7}}, {role: "app", count: 4, on: "container", hosts: []int{4, 5, 6, 7}, needs: []string{"db", "queue"}},
		{role: "gateway", count: 2, on: "appliance", needs: []string{"app"}}, {role: "transfer", count: 1, on: "vm", hosts: []int{8}, needs: []string{"queue"}}}})
	b.add(system{id: "loan", name: "Lending", home: "quay", away: "mole", depends: []string{"core"}, stream: "db", tiers: []tier{
		{role: "db", count: 1, on: "vm", hosts: []int{3}, array: 2}, {role: "cache", count: 1, on: "vm", hosts: []int{8}},
		{role: "app", count: 4, on: "container", hosts: []int{6, 7, 8}, needs: []string{"db"}},
		{role: "batch", count: 1, on: "vm", hosts: []int{8}, needs: []string{"db"}}, {role: "file", count: 1, on: "vm", hosts: []int{4}, array: 3}}})
	b.add(system{id: "web", name: "Online banking", home: "quay", away: "mole", depends: []string{"core", "pay", "loan"}, tiers: []tier{
		{role: "dns", count: 1, on: "appliance"}, {role: "lb", count: 2, on: "appliance"}, {role: "gateway", count: 2, on: "appliance", needs: []string{"app"}},
		{role: "app", count: 4, on: "container", hosts: []int{4, 5, 6, 7}, needs: []string{"cache"}}, {role: "cache", count: 1, on: "vm", hosts: []int{4}}}})
	b.w.Plans = bankPlans()
	return *b.w
}

func bankPlans() []Plan {
	guards := []string{"partition", "standby_side_down"}
	planned := append([]string{"replication_broken"}, guards...)
	all := []string{"core", "pay", "loan", "web"}
	out := []Plan{
		{ID: "all-failover", Kind: dr.Failover, Pair: "all-back", Systems: all, For: []catalog.Answer{{Scope: "site", Faults: []string{"down"}, Entity: "quay"}}, Guards: guards},
		{ID: "all-switchover", Kind: dr.Switchover, Pair: "all-back", Systems: all, For: []catalog.Answer{{Scope: "array", Faults: []string{"io_errors", "disk_full"}, Entity: "quay-stor1"}}, Guards: planned},
		{ID: "all-back", Kind: dr.Switchback, Pair: "all-switchover", Systems: all},
	}
	for _, id := range all {
		out = append(out,
			Plan{ID: id + "-failover", Kind: dr.Failover, Pair: id + "-back", Systems: []string{id}, For: []catalog.Answer{{Scope: "system", Faults: []string{"down", "io_errors"}, Entity: id}}, Guards: guards},
			Plan{ID: id + "-switchover", Kind: dr.Switchover, Pair: id + "-back", Systems: []string{id}, For: []catalog.Answer{{Scope: "system", Faults: []string{"bad_change", "certificate"}, Entity: id}}, Guards: planned},
			Plan{ID: id + "-back", Kind: dr.Switchback, Pair: id + "-switchover", Systems: []string{id}})
	}
	web := &out[slices.IndexFunc(out, func(p Plan) bool { return p.ID == "web-switchover" })].For[0]
	web.Faults = append(web.Faults, "overload")
	return sided(out, "quay", "mole")
}

// clinic is small: three systems, few machines, names without any pattern the labels would give away.
func clinic() World {
	b := builderOf("valley-clinic", "klinik.internal", []string{"haus-a", "haus-b"}, []string{"dark-fibre", "haus-a", "haus-b"})
	b.node = func(system, role, site string, n int) string {
		return fmt.Sprintf("v%s%s%s%02d", site[len(site)-1:], map[string]string{"records": "emr", "imaging": "pacs", "booking": "bok"}[system], role[:2], n)
	}
	b.host = func(site string, n int) string { return fmt.Sprintf("esx%s%d", site[len(site)-1:], n) }
	b.array = func(site string, _ int) string { return "netapp-" + site[len(site)-1:] }
	b.place(3, 1)
	b.add(system{id: "records", name: "Patient records", home: "haus-a", away: "haus-b", stream: "db", tiers: []tier{
		{role: "db", count: 1, on: "physical"}, {role: "app", count: 3, on: "vm", hosts: []int{1, 2}, needs: []string{"db"}}, {role: "queue", count: 1, on: "vm", hosts: []int{2}}}})
	b.add(system{id: "imaging", name: "Imaging archive", home: "haus-a", away: "haus-b", depends: []string{"records"}, stream: "array", tiers: []tier{
		{role: "file", count: 1, on: "vm", hosts: []int{3}, array: 1}, {role: "app", count: 2, on: "vm", hosts: []int{1, 3}, array: 1, needs: []string{"file"}}}})
	b.add(system{id: "booking", name: "Appointments", home: "haus-a", away: "haus-b", depends: []string{"records"}, stream: "db", tiers: []tier{
		{role: "db", count: 1, on: "vm", hosts: []int{3}, array: 1}, {role: "web", count: 2, on: "vm", hosts: []int{2, 3}, needs: []string{"db"}}, {role: "lb", count: 1, on: "appliance", needs: []string{"web"}}}})
	down := []string{"down", "io_errors"}
	plans := []Plan{{ID: "move-house", Kind: dr.Failover, Systems: []string{"records", "imaging", "booking"}, For: []catalog.Answer{{Scope: "site", Faults: []string{"down"}}}, Guards: []string{"partition"}}}
	for _, id := range []string{"records", "imaging", "booking"} {
		plans = append(plans, Plan{ID: "rescue-" + id, Kind: dr.Failover, Systems: []string{id}, For: []catalog.Answer{{Scope: "system", Faults: down}}})
	}
	plans[1].For = append(plans[1].For, catalog.Answer{Scope: "node", Faults: []string{"disk_full"}, Entity: "vaemrdb01"})
	plans = append(plans, Plan{ID: "storage-gone", Kind: dr.Failover, Systems: []string{"imaging", "booking"},
		For: []catalog.Answer{{Scope: "array", Faults: down, Entity: "netapp-a"}}, Guards: []string{"partition"}})
	b.w.Plans = sided(plans, "haus-a", "haus-b")
	return *b.w
}

// carrier is three sites and twelve systems. Every site is home to some and stands by for others, so no
// site is "the standby site".
func carrier() World {
	sites := []string{"fra", "ams", "lon"}
	b := builderOf("north-carrier", "nc.example", sites, []string{"fra-ams-1", "fra", "ams", "ams-lon-1", "ams", "lon", "lon-fra-1", "lon", "fra"})
	b.node = func(system, role, site string, n int) string {
		return fmt.Sprintf("p-%s-%s-%s-%02d", site, system, role, n)
	}
	b.host = func(site string, n int) string { return fmt.Sprintf("%s-esx-%02d", site, n) }
	b.array = func(site string, n int) string { return fmt.Sprintf("%s-san-%d", site, n) }
	b.place(9, 2)
	names := []string{"crm", "billing", "orders", "voice", "mail", "portal", "charging", "roaming", "sms", "ident", "assets", "fraud"}
	var plans []Plan
	for i, id := range names {
		home, other, h := sites[i%3], sites[(i+1)%3], i/3*2
		s := system{id: id, name: id, home: home, away: other, stream: []string{"db", "array"}[i%2], tiers: []tier{
			{role: "db", count: 1, on: "vm", hosts: []int{h + 1}, array: 1 + i/3%2}, {role: "app", count: 2 + i%3, on: "container", hosts: []int{h + 2, 9}, needs: []string{"db"}},
			{role: "lb", count: 1, on: "appliance", needs: []string{"app"}}}}
		if i%4 == 1 {
			s.tiers = append(s.tiers, tier{role: "queue", count: 1, on: "vm", hosts: []int{9}, array: 2})
		}
		if i > 2 {
			s.depends = []string{names[i-3]}
		}
		b.add(s)
		if i%3 != 2 {
			plans = append(plans, sided([]Plan{{ID: "fo-" + id, Kind: dr.Failover, Systems: []string{id},
				For: []catalog.Answer{{Scope: "system", Faults: []string{"down", "io_errors"}}}, Guards: []string{"partition", "standby_side_down"}}}, home, other)...)
		}
	}
	for i, site := range sites {
		mine := []string{names[i], names[i+3], names[i+6], names[i+9]}
		plans = append(plans, sided([]Plan{
			{ID: "evacuate-" + site, Kind: dr.Failover, Systems: mine, For: []catalog.Answer{{Scope: "site", Faults: []string{"down"}, Entity: site}}, Guards: []string{"partition"}},
			{ID: "hv-" + site, Kind: dr.Failover, Systems: mine[:1], For: []catalog.Answer{{Scope: "host", Faults: []string{"down", "io_errors"}, Entity: site + "-esx-01"}}, Guards: []string{"partition"}},
			{ID: "san-" + site, Kind: dr.Failover, Systems: []string{mine[0], mine[2]}, For: []catalog.Answer{{Scope: "array", Faults: []string{"down", "io_errors"}, Entity: site + "-san-1"}}, Guards: []string{"partition"}},
		}, site, sites[(i+1)%3])...)
	}
	b.w.Plans = plans
	return *b.w
}

func sided(plans []Plan, from, to string) []Plan {
	for i := range plans {
		plans[i].From, plans[i].To = from, to
		if plans[i].Kind == dr.Switchback {
			plans[i].From, plans[i].To = to, from
		}
	}
	return plans
}
