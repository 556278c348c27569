// One stream of what happens, for all tabs of a browser: HTTP/1.1 allows six connections to one
// server, and a seventh tab would hang. The tab that holds the lock reads and tells the others; when
// it closes, the next one goes on. The stream is read with fetch and not with EventSource, because a
// browser's own reconnecting neither says since when it has been at it nor gives up on a line that is
// silent but open.
import { prefs } from "./prefs.svelte";
import { safe } from "./safe";

export type Happening = { id: number; event: string; data: any };
type Listener = (h: Happening) => void;

const silence = 40_000; // the server says something every 15 s

class Live {
  status = $state<"idle" | "connecting" | "open" | "lost">("idle");
  since = $state(0); // when the line was lost
  last = $state(-1); // the newest row seen
  #listeners = new Set<Listener>();
  #resync = new Set<() => void>();
  #stop?: AbortController;
  #wait = 0;
  #tabs?: BroadcastChannel;
  #reading = false;

  /** on hears every happening until the answer is called. */
  on(f: Listener): () => void {
    this.#listeners.add(f);
    return () => this.#listeners.delete(f);
  }

  /** onResync is told after every (re)connection: whatever was read before may be old. */
  onResync(f: () => void): () => void {
    this.#resync.add(f);
    return () => this.#resync.delete(f);
  }

  start() {
    if (this.#stop) return;
    const stop = (this.#stop = new AbortController());
    this.status = "connecting";
    if (!navigator.locks) {
      void this.#forever(stop.signal); // a page without HTTPS, away from loopback
      return;
    }
    this.#tabs = new BroadcastChannel("switchman");
    this.#tabs.onmessage = (m) => this.#hear(m.data);
    this.#tabs.postMessage({ ask: true });
    void navigator.locks.request("switchman", { signal: stop.signal }, () => this.#forever(stop.signal)).catch(() => {}); // given up while waiting
  }

  stop() {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#tabs?.close();
    this.#tabs = undefined;
    this.#reading = false;
    this.status = "idle";
  }

  /** hear takes what the tab that reads has to say. */
  #hear(m: { ask?: boolean; status?: "open" | "lost"; since?: number; news?: Happening }) {
    if (this.#reading) {
      if (m.ask && (this.status === "open" || this.status === "lost")) this.#say({ status: this.status, since: this.since });
      return;
    }
    if (m.status) {
      const again = m.status === "open" && this.status !== "open";
      this.since = m.since ?? Date.now();
      this.status = m.status;
      if (again) this.#resync.forEach((f) => f());
    }
    if (m.news) this.#deliver(m.news);
  }

  #say(m: object) {
    this.#tabs?.postMessage(m);
  }

  async #forever(stop: AbortSignal) {
    this.#reading = true;
    while (!stop.aborted) {
      if (this.status !== "lost") this.status = "connecting";
      const status = await this.#read(stop).catch(() => 0);
      if (stop.aborted) return;
      if (this.status !== "lost") {
        this.since = Date.now();
        this.status = "lost";
        this.#say({ status: "lost", since: this.since });
      }
      if (status === 401) {
        this.#resync.forEach((f) => f()); // whoever asks next finds out and leads to the sign-in
      }
      this.#wait = Math.min(5000, this.#wait ? this.#wait * 1.7 : 400);
      await new Promise<void>((go) => {
        const timer = setTimeout(go, this.#wait * (0.8 + Math.random() * 0.4));
        const now = () => (clearTimeout(timer), go());
        stop.addEventListener("abort", now, { once: true });
        window.addEventListener("online", now, { once: true });
      });
    }
  }

  /** read follows one connection to its end and says how the server answered. */
  async #read(stop: AbortSignal): Promise<number> {
    const line = new AbortController();
    const quit = () => line.abort();
    stop.addEventListener("abort", quit, { once: true });
    // A network that went or came back may have left this line open and dead; silence would tell much later.
    for (const turn of ["offline", "online"]) window.addEventListener(turn, quit);
    let watchdog = setTimeout(quit, silence);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.last >= 0) headers["Last-Event-ID"] = String(this.last);
      const res = await fetch("/api/events?lang=" + prefs.lang, { headers, signal: line.signal, credentials: "same-origin", cache: "no-store" });
      if (!res.ok || !res.body) return res.status;
      this.status = "open";
      this.#wait = 0;
      this.#say({ status: "open" });
      this.#resync.forEach((f) => f());
      const reader = res.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return res.status;
        clearTimeout(watchdog);
        watchdog = setTimeout(quit, silence);
        rest += value;
        const blocks = rest.split("\n\n");
        rest = blocks.pop()!;
        for (const b of blocks) this.#take(b);
      }
    } finally {
      clearTimeout(watchdog);
      stop.removeEventListener("abort", quit);
      for (const turn of ["offline", "online"]) window.removeEventListener(turn, quit);
      line.abort();
    }
  }

  #take(block: string) {
    let id = "";
    let event = "message";
    const data: string[] = [];
    for (const row of block.split("\n")) {
      if (row.startsWith("id:")) id = row.slice(3).trim();
      else if (row.startsWith("event:")) event = row.slice(6).trim();
      else if (row.startsWith("data:")) data.push(row.slice(5).trimStart());
    }
    if (!data.length) return;
    let value: any;
    try {
      value = JSON.parse(safe(data.join("\n")));
    } catch {
      return;
    }
    const news = { id: /^\d+$/.test(id) ? Number(id) : -1, event, data: value };
    this.#say({ news });
    this.#deliver(news);
  }

  #deliver(h: Happening) {
    if (h.id >= 0) {
      if (h.id <= this.last) return; // seen already
      this.last = h.id;
    }
    for (const f of this.#listeners) f(h);
  }
}

export const live = new Live();
