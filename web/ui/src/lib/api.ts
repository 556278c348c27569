// The one way to the server. Every failure becomes an ApiError with the server's own sentence.
import { prefs } from "./prefs.svelte";
import { safe } from "./safe";
import { t } from "./say.svelte";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly hint: string = "",
    readonly id: string = "",
    readonly ref: string = "",
    readonly args: Record<string, string> = {},
  ) {
    super(message);
  }
  get offline() {
    return this.status === 0;
  }
}

type StepUp = (path: string) => Promise<boolean>;
type SignedOut = (why: ApiError) => void;
const hooks: { stepUp?: StepUp; signedOut?: SignedOut } = {};

/** onStepUp names who asks for the second factor when a verb needs it. */
export function onStepUp(ask: StepUp) {
  hooks.stepUp = ask;
}

/** onSignedOut is told when the server no longer knows this browser. */
export function onSignedOut(tell: SignedOut) {
  hooks.signedOut = tell;
}

function withLang(path: string): string {
  return path + (path.includes("?") ? "&" : "?") + "lang=" + prefs.lang;
}

async function once<T>(method: string, path: string, body?: unknown): Promise<T> {
  let res: Response;
  try {
    res = await fetch(withLang(path), {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch {
    throw new ApiError(0, "unavailable", t("offline"), t("offline_hint"), "offline");
  }
  const text = safe(await res.text());
  if (res.ok) return (text ? JSON.parse(text) : undefined) as T;
  let err: { kind?: string; message?: string; hint?: string; id?: string; ref?: string; args?: Record<string, string> } = {};
  try {
    err = JSON.parse(text).error ?? {};
  } catch {
    // something between us and the server answered
  }
  throw new ApiError(res.status, err.kind ?? "unexpected", err.message ?? t("odd_answer", { status: res.status }), err.hint, err.id, err.ref, err.args);
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  try {
    return await once<T>(method, path, body);
  } catch (e) {
    if (e instanceof ApiError && e.id === "step_up_needed" && hooks.stepUp && (await hooks.stepUp(path))) return await once<T>(method, path, body);
    // What a wrong password or a used link is answered with says nothing about who is signed in.
    if (e instanceof ApiError && e.status === 401 && path !== "/api/session" && !path.startsWith("/api/enrolment")) hooks.signedOut?.(e);
    throw e;
  }
}

export const get = <T>(path: string) => call<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);
export const del = <T>(path: string) => call<T>("DELETE", path);
export const seg = encodeURIComponent;
