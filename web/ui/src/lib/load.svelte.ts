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

  /** soon reads at most a few times per second, however much happens. */
  soon(wait = 200) {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.read();
    }, wait);
  }

  async read(): Promise<void> {
    if (this.busy) {
      this.#again = true;
      return;
    }
    this.busy = true;
    const turn = this.#turn;
    try {
      const v = await this.#fetch();
      if (turn !== this.#turn) return;
      this.value = v;
      this.problem = null;
    } catch (e) {
      if (turn !== this.#turn) return;
      if (!(e instanceof ApiError)) throw e;
      // What was read stays readable while the line is down; the bar says how old it may be.
      if (!e.offline || this.value === undefined) this.problem = e;
    } finally {
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
