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

async function fetched(method: string, path: string, body?: unknown, accept?: string, stop?: AbortSignal): Promise<Response> {
  try {
    return await fetch(withLang(path), {
      method,
      headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...(accept ? { Accept: accept } : {}) },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: stop,
    });
  } catch (e) {
    if (stop?.aborted) throw e;
    throw new ApiError(0, "unavailable", t("offline"), t("offline_hint"), "offline");
  }
}

type Problem = { kind?: string; message?: string; hint?: string; id?: string; ref?: string; args?: Record<string, string> };

function failed(status: number, err: Problem): ApiError {
  return new ApiError(status, err.kind ?? "unexpected", err.message ?? t("odd_answer", { status }), err.hint, err.id, err.ref, err.args);
}

async function taken<T>(res: Response): Promise<T> {
  const text = safe(await res.text());
  if (res.ok) return (text ? JSON.parse(text) : undefined) as T;
  let err: Problem = {};
  try {
    err = JSON.parse(text).error ?? {};
  } catch {
    // something between us and the server answered
  }
  throw failed(res.status, err);
}

async function once<T>(method: string, path: string, body?: unknown): Promise<T> {
  try {
    return await taken<T>(await fetched(method, path, body));
  } catch (e) {
    throw told(e, path);
  }
}

/** told says where it has to be known that the server no longer knows who asks. */
function told(e: unknown, path: string): unknown {
  // What a wrong password or a used link is answered with says nothing about who is signed in.
  if (e instanceof ApiError && e.status === 401 && path !== "/api/session" && !path.startsWith("/api/enrolment")) hooks.signedOut?.(e);
  return e;
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  try {
    return await once<T>(method, path, body);
  } catch (e) {
    if (e instanceof ApiError && e.id === "step_up_needed" && hooks.stepUp && (await hooks.stepUp(path))) return await once<T>(method, path, body);
    throw e;
  }
}

/** grow asks for an answer that is shown as it grows: each piece is whole and takes the place of the one before. */
export async function grow<T>(method: string, path: string, each: (value: T) => void, stop: AbortSignal, body?: unknown): Promise<void> {
  const res = await fetched(method, path, body, "text/event-stream", stop);
  if (!res.ok || !res.body || !res.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    const whole = taken<T>(res).catch((e) => Promise.reject(told(e, path)));
    return each(await whole);
  }
  const reader = res.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const event = /^event: (.*)$/m.exec(block)?.[1];
      const data = JSON.parse(safe(/^data: (.*)$/m.exec(block)?.[1] ?? "null"));
      if (event === "error") throw failed(500, data);
      each(data);
    }
  }
}

export const get = <T>(path: string) => call<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);
export const del = <T>(path: string) => call<T>("DELETE", path);
export const seg = encodeURIComponent;
