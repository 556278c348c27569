// A stage: tests played in order by the same people, since each goes on where the one before it ended.
export class Stage {
  tests = [];
  everybody = [];
  failed = 0;

  constructor(name, server) {
    this.name = name;
    this.server = server;
  }

  test(name, f) {
    this.tests.push([name, f]);
  }

  /** with keeps somebody's browser, which is asked at the end whether it had anything to complain about. */
  with(who) {
    this.everybody.push(who);
    return who;
  }

  async play() {
    const begun = Date.now();
    const told = (at) => `${((Date.now() - at) / 1000).toFixed(1)} s`;
    try {
      await this.server.start();
      for (const [name, f] of [...this.tests, ["nobody's browser had anything to complain about", () => this.#complaints()]]) {
        const at = Date.now();
        try {
          await f();
          console.log(`ok    ${told(at)}  ${this.name}: ${name}`);
        } catch (e) {
          this.failed++;
          console.log(`FAIL  ${told(at)}  ${this.name}: ${name}\n${e.stack}`);
          await this.#dialogs();
          await this.#pictures();
          if (!process.env.GO_ON && !/axe|keyboard|complain|report/.test(name)) break; // the story hangs together
        }
      }
    } finally {
      await Promise.all(this.everybody.map((p) => p.context.close().catch(() => {})));
      await this.server.end();
    }
    console.log(`${this.name}: ${this.tests.length + 1} tests, ${this.failed} failed, ${told(begun)}`);
    return this.failed;
  }

  #complaints() {
    const all = this.everybody.flatMap((p) => p.wrong.map((w) => `${p.id}: ${w}`));
    if (all.length) throw new Error(all.join("\n"));
  }

  /** what somebody was being asked then, or told in answer, mostly says why nothing went on. */
  async #dialogs() {
    for (const p of this.everybody) {
      const all = await p.page.locator("dialog").allInnerTexts().catch(() => []);
      for (const text of all) console.log(`${p.id} reads: ${text.replace(/\s+/g, " ")}`);
    }
  }

  async #pictures() {
    const shots = process.env.SHOTS;
    if (shots) for (const [i, p] of this.everybody.entries()) await p.page.screenshot({ path: `${shots}/fail-${this.name}-${this.failed}-${i}-${p.id}.png` }).catch(() => {});
  }
}
