// What the board shows, worked out from a run's view: pairs of nodes, stages, the longest path.
import type { Organisation, Run, RunSystem, Step } from "./types";

export type Node = { id: string; site: string; role?: string; kind?: string; peer?: string };
export type Half = { node: string; steps: Step[]; state: string; done: number; part: number; critical: boolean; current?: Step };
export type Pair = { id: string; label: string; role: string; from?: Half; to?: Half };
export type Row = { system: RunSystem; pairs: Pair[]; own: Step[] };
export type Stage = { base: string; label: string; steps: Step[]; state: string; done: number; phase: string; critical: boolean; hold: boolean; noReturn: boolean; took: number };

const settled = new Set(["ok", "skipped", "undone", "not_executed"]);
export const isSettled = (s: string) => settled.has(s);

/** sum tells the state of several steps together: the one that needs looking at wins. */
export function sum(steps: Step[]): string {
  if (!steps.length) return "none";
  const has = (s: string) => steps.some((x) => x.state === s);
  for (const s of ["failed", "unknown", "intent"]) if (has(s)) return s;
  if (steps.every((x) => settled.has(x.state))) return has("undone") ? "undone" : has("ok") ? "ok" : has("skipped") ? "skipped" : "not_executed";
  if (steps.some((x) => settled.has(x.state))) return "part";
  return has("ready") ? "ready" : "blocked";
}

const took = (s: Step) => (s.started_at && s.ended_at ? Math.max(0, Date.parse(s.ended_at) - Date.parse(s.started_at)) : -1);

function grouped(steps: Step[], key: (s: Step) => string | undefined): Map<string, Step[]> {
  const by = new Map<string, Step[]>();
  for (const s of steps) {
    const k = key(s);
    if (!k) continue;
    const list = by.get(k);
    if (list) list.push(s);
    else by.set(k, [s]);
  }
  return by;
}

/** critical is the longest chain by what steps took, or by what they are expected to take. */
export function critical(steps: Step[]): Set<string> {
  const by = new Map(steps.map((s) => [s.id, s]));
  const best = new Map<string, { ms: number; prev?: string }>();
  const cost = (s: Step) => {
    if (s.kind === "notify") return 0;
    const ms = took(s);
    return ms >= 0 ? ms : s.last_ms || s.expect_ms || 0;
  };
  const walk = (s: Step): { ms: number; prev?: string } => {
    const known = best.get(s.id);
    if (known) return known;
    best.set(s.id, { ms: 0 }); // a circle ends here instead of never
    let top: { ms: number; prev?: string } = { ms: 0 };
    for (const need of s.needs ?? []) {
      const n = by.get(need);
      if (!n) continue;
      const w = walk(n);
      if (w.ms > top.ms) top = { ms: w.ms, prev: need };
    }
    const mine = { ms: top.ms + cost(s), prev: top.prev };
    best.set(s.id, mine);
    return mine;
  };
  let end: string | undefined;
  let most = -1;
  for (const s of steps) {
    const w = walk(s);
    if (w.ms > most) [most, end] = [w.ms, s.id];
  }
  const path = new Set<string>();
  for (let at = end; at && !path.has(at); at = best.get(at)?.prev) path.add(at);
  return path;
}

const order = ["dns", "frontdoor", "gateway", "app", "cache", "queue", "db", "batch", "transfer"];
const rank = (role: string) => (order.indexOf(role) + order.length + 1) % (order.length + 1);

// Names in their order, numbers by size; a collator takes a tenth of a second before its first comparison.
function byName(a: string, b: string): number {
  const [x, y] = [a, b].map((n) => /^(.*?)(\d*)$/.exec(n)!);
  return x[1] === y[1] ? Number(x[2]) - Number(y[2]) : x[1] < y[1] ? -1 : 1;
}

function half(node: string, steps: Step[], path: Set<string>): Half {
  const done = steps.filter((s) => settled.has(s.state)).length;
  const current = steps.find((s) => s.state === "failed" || s.state === "unknown") ?? steps.find((s) => s.state === "intent") ?? steps.find((s) => s.state === "ready") ?? steps.find((s) => s.state === "blocked") ?? steps.at(-1);
  return { node, steps, state: sum(steps), done, part: steps.length ? done / steps.length : 0, critical: steps.some((s) => path.has(s.id)), current };
}

/** rows puts every node of every system beside its peer at the other site. */
export function rows(run: Run, org: Organisation | undefined, path: Set<string>): Row[] {
  const steps = run.steps ?? [];
  const byNode = grouped(steps, (s) => s.node);
  const bySystem = grouped(steps, (s) => s.system);
  return (run.systems ?? []).map((system) => {
    const known = org?.systems?.find((s) => s.id === system.id)?.nodes;
    const own = bySystem.get(system.id) ?? [];
    const nodes: Node[] = known ?? [...new Set(own.filter((s) => s.node).map((s) => s.node))].map((id) => guess(id, run));
    const pairs = new Map<string, Pair>();
    for (const n of nodes) {
      const id = key(n, nodes);
      const side = n.site === (system.from ?? run.from) ? "from" : "to";
      const role = n.role ?? "";
      const pair = pairs.get(id) ?? { id, label: label(n, system.id), role };
      pair[side] = half(n.id, byNode.get(n.id) ?? [], path);
      pairs.set(id, pair);
    }
    return { system, pairs: [...pairs.values()].sort((a, b) => rank(a.role) - rank(b.role) || byName(a.label, b.label)), own: own.filter((s) => !s.node) };
  });
}

// Two nodes that name each other are one pair; without peers the names tell.
function key(n: Node, all: Node[]): string {
  const peer = n.peer ?? all.find((o) => o.peer === n.id)?.id;
  return peer && all.some((o) => o.id === peer) ? [n.id, peer].sort().join("|") : n.id.replace(/[a-z](\d+)$/, "#$1");
}

function guess(id: string, run: Run): Node {
  const m = /-([a-z]+)-([a-z])\d+$/.exec(id);
  return { id, role: m?.[1], site: m && run.to.startsWith(m[2]) ? run.to : run.from };
}

function label(n: Node, system: string): string {
  return n.id.replace(system + "-", "").replace(/-[a-z](\d+)$/, " $1").replaceAll("-", " ");
}

/** stages are the steps of one kind together, in the plan's order: the stations of the line. */
export function stages(steps: Step[], path: Set<string>): Stage[] {
  return [...grouped(steps, (s) => s.base || s.id)].map(([base, list]) => {
    let [begun, ended] = ["", ""]; // moments as the server writes them sort as text
    for (const s of list) {
      if (s.started_at && (!begun || s.started_at < begun)) begun = s.started_at;
      if (s.ended_at && s.ended_at > ended) ended = s.ended_at;
    }
    return {
      base,
      label: list.length === 1 ? list[0].title : capital(base.replaceAll("-", " ")),
      steps: list,
      state: sum(list),
      done: list.filter((s) => settled.has(s.state)).length,
      phase: list[0].phase ?? "run",
      critical: list.some((s) => path.has(s.id)),
      hold: list.some((s) => s.hold),
      noReturn: list.some((s) => s.no_return),
      took: begun && ended ? Date.parse(ended) - Date.parse(begun) : 0,
    };
  });
}

const capital = (s: string) => s.charAt(0).toUpperCase() + s.slice(1);

/** clockOf is the moment a recovery time counts from. */
export function clockOf(run: Run): string | undefined {
  const c = run.clocks as Record<string, string | null | undefined>;
  const from = (run as Run & { rto_from?: string }).rto_from ?? "requested";
  return c[from + "_at"] ?? c.requested_at ?? undefined;
}

export const started = (state: string) => !["draft", "preflight", "awaiting_approval", "awaiting_code", "denied", "expired", "cancelled"].includes(state);
export const ended = (state: string) => ["closed", "closed_with_exceptions", "denied", "expired", "cancelled", "failed", "rolled_back"].includes(state);
