// The server's clock as the page sees it. Countdowns use it, so that a phone with a wrong clock
// does not count down to the wrong moment.
class Clock {
  now = $state(Date.now());
  /** zone is the organisation's: every moment on the page is told in it, as cards and reports tell theirs. */
  zone = $state("");
  #ahead = 0;

  constructor() {
    setInterval(() => (this.now = Date.now() + this.#ahead), 500);
  }

  /** heard learns from a moment the server just gave. */
  heard(moment: string | undefined | null) {
    if (!moment) return;
    this.#ahead = Date.parse(moment) - Date.now();
    this.now = Date.now() + this.#ahead;
  }
}

export const clock = new Clock();
