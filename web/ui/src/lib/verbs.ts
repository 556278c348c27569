// What every verb of a run asks before it is used, and what it will do, in words. Which verbs there
// are is the server's to say: run.verbs.
import { post, seg } from "./api";
import { asking, toasts, type Field } from "./ask.svelte";
import { me } from "./me.svelte";
import { org } from "./org.svelte";
import { go } from "./route.svelte";
import { comma, t, term, verbName } from "./say.svelte";
import type { Args, Run, Step } from "./types";

export const stepVerbs = ["continue", "retry", "skip", "done", "decide"];
export const inRooms: Record<string, string> = { approve: "approve", deny: "approve", withdraw: "approve", issue_code: "code", start: "code" };
const dangerous = new Set(["abort", "rollback", "force", "close", "deny", "skip", "cancel"]);
const needReason = new Set(["abort", "rollback", "force", "close", "skip", "decide", "switchback", "override"]);
const mayReason = new Set(["deny", "withdraw", "pause", "cancel", "retry"]);
const texts = new Set(["order", "observe", "sign_off", "finding"]);

export const isDanger = (verb: string) => dangerous.has(verb);

/** stepsDone counts a run's steps; what was left out is not hidden among what was done. */
export function stepsDone({ done, total, skipped }: Run["progress"]): string {
  return t("steps_done", { done, total }) + (skipped ? t("steps_skipped", { n: skipped }) : "");
}

const list = (names: string[]) => names.join(comma());

/** consequence says what will be so after the verb: which systems, where. */
export function consequence(verb: string, run: Run, step?: Step): string {
  const from = org.site(run.from);
  const to = org.site(run.to);
  const moving = (run.systems ?? []).filter((s) => s.state !== "verified");
  const systems = list((moving.length ? moving : (run.systems ?? [])).map((s) => s.name ?? s.id));
  return t("do_" + verb, { systems, from, to, step: step?.title ?? "", node: step?.node || step?.system || "", plan: run.title, requester: me.name(run.requester), flying: run.progress.in_flight });
}

function fields(verb: string, run: Run): Field[] {
  const out: Field[] = [];
  if (verb === "handover") {
    const may = me.people.filter((p) => p.roles.includes("commander") && !p.disabled && p.id !== me.person);
    out.push({ name: "to", label: t("f_to"), kind: "select", required: true, options: may.map((p) => ({ value: p.id, label: p.name + (p.on_duty ? " · " + t("on_duty") : "") })) });
  }
  if (verb === "decide") out.push({ name: "verdict", label: t("f_verdict"), kind: "select", required: true, options: ["done", "failed", "again"].map((v) => ({ value: v, label: t("verdict_" + v) })) });
  if (verb === "override") {
    const failing = (run.checks ?? []).filter((c) => !c.ok);
    out.push({ name: "check", label: t("f_check"), kind: "select", required: true, options: failing.map((c) => ({ value: c.id, label: `${c.id}: ${c.text}` })) });
  }
  if (verb === "force") out.push({ name: "systems", label: t("f_systems"), kind: "checks", options: (run.systems ?? []).map((s) => ({ value: s.id, label: s.name ?? s.id })), value: (run.systems ?? []).map((s) => s.id).join(",") });
  if (texts.has(verb)) out.push({ name: "text", label: t("f_text_" + verb), kind: verb === "order" ? "text" : "area", required: true });
  if (verb === "finding") out.push({ name: "owner", label: t("f_owner"), kind: "select", options: me.people.map((p) => ({ value: p.id, label: p.name })) }, { name: "due", label: t("f_due"), kind: "date" });
  if (needReason.has(verb)) out.push({ name: "reason", label: t("f_reason"), kind: "area", required: true, hint: t("f_reason_hint") });
  else if (mayReason.has(verb)) out.push({ name: "reason", label: t("f_reason_maybe"), kind: "area" });
  return out;
}

/** use asks what has to be asked and then uses the verb; what comes back is the run as it is then. */
export async function use(verb: string, run: Run, step?: Step): Promise<Run | null> {
  let after: Run | null = null;
  const answer = await asking.ask({
    title: t("do_title", { verb: verbName(verb), run: run.id }),
    text: [consequence(verb, run, step)],
    fields: fields(verb, run),
    yes: verbName(verb),
    danger: dangerous.has(verb),
    run: async (v) => {
      const args: Args = { confirmed: true, version: run.version };
      if (verb !== "order" && texts.has(verb)) delete args.version; // words about a run stay true when it moves on
      for (const k of ["reason", "to", "verdict", "check", "text", "owner", "due"] as const) if (v[k]) (args as Record<string, unknown>)[k] = v[k];
      if (verb === "force" && v.systems) args.systems = v.systems.split(",");
      if (step) {
        args.step = step.id;
        if (verb === "decide") args.attempt = step.attempt;
      }
      after = await act(verb, run.id, args);
    },
  });
  if (!answer || !after) return null;
  const now = after as Run;
  toasts.say(t("did", { verb: term("verb", verb) }));
  if (verb === "switchback") go("run", now.id !== run.id ? now.id : (now.child ?? run.id));
  return now;
}

export const act = <T = Run>(verb: string, run: string, args: Args): Promise<T> => post<T>(`/api/runs/${seg(run)}/${verb}`, args);
