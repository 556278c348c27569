// Something read from the server and read again when the world moves.
import { ApiError } from "./api";
import { live, type Happening } from "./live.svelte";

export class Loaded<T> {
  value = $state.raw<T | undefined>();
  problem = $state.raw<ApiError | null>(null);
  busy = $state(false);
  #fetch: () => Promise<T>;
  #again = false;
  #timer?: ReturnType<typeof setTimeout>;
  #turn = 0;
  #read = 0; // when the last answer was there
  #took = 0; // and how long it took
  #off: (() => void)[] = [];

  constructor(fetch: () => Promise<T>) {
    this.#fetch = fetch;
  }

  /** follow reads now, after reconnecting, and after every happening that matters. */
  follow(matters: (h: Happening) => boolean = () => false): this {
    void this.read();
    this.#off.push(live.onResync(() => this.soon(0)));
    this.#off.push(live.on((h) => matters(h) && this.soon()));
    return this;
  }

  close() {
    this.#off.forEach((f) => f());
    clearTimeout(this.#timer);
    this.#turn++;
  }

  /** soon reads a moment after something happened: a few times a second while things keep happening, and less
   * often the longer an answer takes, so that many open pages do not keep a busy server busy with themselves. */
  soon(wait = 200) {
    if (this.#timer) return;
    const rest = this.#read + Math.min(5000, 8 * this.#took) - performance.now();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.read();
    }, wait && Math.max(wait, rest));
  }

  async read(): Promise<void> {
    if (this.busy) {
      this.#again = true;
      return;
    }
    this.busy = true;
    const turn = this.#turn;
    const begun = performance.now();
    try {
      const v = await this.#fetch();
      await new Promise((go) => setTimeout(go)); // to take a large answer in is one task, to show it another
      if (turn !== this.#turn) return;
      this.value = v;
      this.problem = null;
    } catch (e) {
      if (turn !== this.#turn) return;
      if (!(e instanceof ApiError)) throw e;
      // What was read stays readable while the line is down; the bar says how old it may be.
      if (!e.offline || this.value === undefined) this.problem = e;
    } finally {
      this.#read = performance.now();
      this.#took = this.#read - begun;
      this.busy = false;
      if (this.#again) {
        this.#again = false;
        this.soon();
      }
    }
  }

  set(v: T) {
    this.value = v;
    this.problem = null;
  }
}
