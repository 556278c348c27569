// What a situation is in words and colours, for every room that shows one.
import { org } from "./org.svelte";
import { has, say, t, term } from "./say.svelte";
import type { Situation } from "./types";

export const over = (s: Situation) => s.state === "closed" || s.state === "merged";

/** advised says whether there is a plan to press for. */
export const advised = (s: Situation) => s.state === "open" && !s.answer && !!s.advice.plan && (s.advice.verdict === "recommend" || s.advice.verdict === "possible");

/** entity is a thing of the organisation by the name people use. */
export function entity(e: { scope: string; id: string } | undefined): string {
  if (!e?.id) return say("situation_something");
  if (e.scope === "site") return org.site(e.id);
  if (e.scope === "system") return org.system(e.id);
  const id = "situation_of_" + e.scope;
  return say(has(id) ? id : "situation_of_other", { id: e.id });
}

/** broken says what is wrong with what; of what is over, what was. */
export const broken = (s: Situation) => say((s.state === "closed" || s.state === "quiet" ? "situation_was_" : "situation_fault_") + s.fault, { what: entity(s.entity) });

/** settled says whether the advice is not about a plan: what it is about is over, or follows from what was done. */
export const settled = (s: Situation) => !over(s) && /^alert_advice_(over|fading|unprotected)/.test(s.advice.headline?.id ?? "");

/** mood colours a situation: bad, warn, ok or nothing. */
export function mood(s: Situation): "bad" | "warn" | "ok" | "" {
  if (s.state === "closed") return "ok";
  if (s.state === "merged" || s.state === "quiet") return "";
  return s.advice.verdict === "recommend" && !s.answer ? "bad" : "warn";
}

/** counsel answers "which plan?". */
export function counsel(s: Situation): string {
  if (s.state === "closed") return t("sit_over");
  if (s.state === "merged") return t("sit_merged");
  if (s.answer === "not_this") return t("sit_withdrawn");
  if (settled(s)) return s.words.headline;
  if (s.run && advised(s)) return t("sit_running", { state: term("state", s.run.state) });
  if (s.advice.verdict === "recommend") return t("sit_recommend");
  return s.advice.verdict === "possible" ? t("sit_possible") : t("sit_no_plan");
}

/** probe is what a probe is called: its title, or its id where it has none. */
export function probe(name: string): string {
  const [system, id] = name.split("/", 2);
  return org.want()?.systems.find((s) => s.id === system)?.probes.find((p) => p.id === id)?.title ?? name;
}

/** asking leads to a plan's request with what is known filled in. */
export function asking(s: Situation, mode: "rehearsal" | "emergency"): string {
  return `#/plans/${encodeURIComponent(s.advice.plan ?? "")}?ask=${mode}&situation=${encodeURIComponent(s.id)}`;
}
