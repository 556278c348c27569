// Times and amounts as people read them.
import { clock } from "./clock.svelte";
import { prefs } from "./prefs.svelte";
import { t } from "./say.svelte";

/** span writes a duration with its two largest units; below a minute with tenths. */
export function span(ms: number | undefined | null): string {
  if (ms === undefined || ms === null || ms < 0) return "–";
  if (ms < 1000) return t("ms", { n: Math.round(ms) });
  const s = ms / 1000;
  if (s < 60) return t("s", { n: s < 10 ? s.toFixed(1) : Math.round(s) });
  const m = Math.floor(s / 60);
  if (m < 60 && s % 60 < 1) return t("m", { m });
  if (m < 60) return t("m_s", { m, s: Math.floor(s % 60) });
  const h = Math.floor(m / 60);
  if (h < 48) return t("h_m", { h, m: m % 60 });
  return t("d_h", { d: Math.floor(h / 24), h: h % 24 });
}

/** countdown writes the time left as m:ss, or how far it is overdrawn. */
export function countdown(ms: number): string {
  const s = Math.floor(Math.abs(ms) / 1000);
  const h = Math.floor(s / 3600);
  const mm = Math.floor((s % 3600) / 60);
  const ss = String(s % 60).padStart(2, "0");
  return (ms < 0 ? "+" : "") + (h ? `${h}:${String(mm).padStart(2, "0")}:${ss}` : `${mm}:${ss}`);
}

const known = new Map<string, Intl.DateTimeFormat>();
function fmt(opts: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = prefs.lang + clock.zone + JSON.stringify(opts);
  let f = known.get(key);
  if (!f) known.set(key, (f = made(opts)));
  return f;
}

function made(opts: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const lang = prefs.lang === "zh" ? "zh-CN" : "en-GB";
  try {
    return new Intl.DateTimeFormat(lang, { ...opts, timeZone: clock.zone || undefined });
  } catch {
    return new Intl.DateTimeFormat(lang, { ...opts, timeZone: "UTC" }); // a zone this browser does not know; the server takes UTC too
  }
}

export function clockTime(at: string | undefined | null): string {
  return at ? fmt({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(new Date(at)) : "–";
}

export function dateTime(at: string | undefined | null): string {
  return at ? fmt({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(at)) : "–";
}

/** ago says how long a moment is past, roughly. */
export function ago(at: string | undefined | null, now: number): string {
  if (!at) return "–";
  const ms = now - Date.parse(at);
  if (ms < 45_000) return t("just_now");
  const m = Math.round(ms / 60_000);
  if (m < 60) return t("minutes_ago", { n: m });
  const h = Math.round(m / 60);
  if (h < 36) return t("hours_ago", { n: h });
  return t("days_ago", { n: Math.round(h / 24) });
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1_000_000) return `${(n / 1000).toFixed(n < 10_000 ? 1 : 0)} kB`;
  return `${(n / 1_000_000).toFixed(1)} MB`;
}
