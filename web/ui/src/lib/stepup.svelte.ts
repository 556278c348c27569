// The second factor in the middle of something: ask, prove, go on.
import { post } from "./api";
import { asking } from "./ask.svelte";
import { t } from "./say.svelte";

export async function stepUp(path: string): Promise<boolean> {
  const run = /^\/api\/runs\/([^/]+)\//.exec(path)?.[1];
  const done = await asking.ask({
    title: t("stepup_title"),
    text: [t(run ? "stepup_text" : "stepup_text_any")],
    fields: [{ name: "totp", label: t("totp"), required: true, mono: true, digits: true, placeholder: "000000" }],
    yes: t("stepup_yes"),
    run: (v) => post("/api/step-up", run ? { totp: v.totp.replace(/\s/g, ""), run: decodeURIComponent(run) } : { totp: v.totp.replace(/\s/g, "") }),
  });
  return done !== null;
}
