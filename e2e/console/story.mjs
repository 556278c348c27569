// The whole story at the sample bank, told by its people: a demo, where being somebody is a click.
import { cast } from "./cast.mjs";
import assert from "node:assert/strict";
import { looks, person, refusals } from "./browser.mjs";
import { approve, enter, issue, request, untilTaken } from "./acts.mjs";
import { demo } from "./server.mjs";
import { Stage } from "./stage.mjs";
import { talk } from "./talk.mjs";

export default async function story(browser) {
  const server = await demo();
  const { base, api, view, reaches } = server;
  const stage = new Stage("story", server);
  const test = stage.test.bind(stage);
  const be = async (id, options) => stage.with(await person(browser, base, id, options));
  const told = {};

  test("a run is rehearsed and requested, and the board shows every node", async () => {
    const lin = (told.lin = await be(cast.lin));
    await lin.go("#/plans/bank-switchover");
    await lin.page.locator('[data-act="rehearse"]').click();
    await lin.page.waitForURL(/#\/run\//);
    await lin.page.locator('[data-state="closed"]').waitFor();
    await looks(lin, "run");
    told.run = await request(lin, "bank-switchover", "<script>alert(1)</script> \u202edrill");
    await reaches(told.run, "awaiting_approval");
    await lin.page.locator('[data-state="awaiting_approval"]').waitFor();
    assert.match(await lin.page.locator("main").innerText(), /“<script>alert\(1\)<\/script> drill”/); // text stays text, and in its order
    const halves = await lin.page.locator(".pairs .half").count();
    assert.ok(halves >= 74, `${halves} halves of nodes on the board`);
  });

  test("an own vote is refused in words and counts for nothing", async () => {
    const { lin, run } = told;
    lin.wrong.expected.push(refusals);
    await lin.go(`#/approve/${run}`);
    await lin.page.locator('[data-verb="approve"]').click();
    await lin.page.locator("dialog [data-yes]").click();
    await lin.page.locator('dialog [role="alert"]').waitFor();
    assert.ok((await lin.page.locator('dialog [role="alert"]').innerText()).length > 20);
    assert.equal((await view(run)).round.have, 0);
    await lin.page.keyboard.press("Escape");
  });

  test("a board that is out of date changes nothing", async () => {
    const { lin, run } = told;
    await lin.go(`#/run/${run}`);
    await lin.page.locator('[data-verb="cancel"]').click();
    await lin.page.locator("dialog [data-yes]").waitFor();
    told.chen = await be(cast.chen);
    await approve(told.chen, run);
    await lin.page.locator("dialog [data-yes]").click();
    await lin.page.locator('dialog [role="alert"]').waitFor();
    const v = await view(run);
    assert.equal(v.state, "awaiting_approval");
    assert.equal(v.round.have, 1);
    await lin.page.keyboard.press("Escape");
    await looks(told.chen, "approve");
  });

  test("the second vote comes from a telephone, in Chinese", async () => {
    const sun = (told.sun = await be(cast.sun, { lang: "zh", width: 390, height: 844, theme: "dark" }));
    await sun.page.getByText("请您审批").waitFor();
    await looks(sun, "now on a telephone");
    await approve(sun, told.run);
    await reaches(told.run, "awaiting_code");
    await looks(sun, "approve on a telephone");
  });

  test("a wrong code costs a try, the right one starts the run", async () => {
    const { lin, run } = told;
    const huang = (told.huang = await be(cast.huang));
    const first = await issue(huang, run);
    await looks(huang, "code");
    const second = await issue({ ...huang, go: async () => huang.page.getByRole("button", { name: "Hide it" }).click() }, run);
    assert.notEqual(first, second);
    await enter(lin, run, first);
    await lin.page.locator('main [role="alert"]').waitFor();
    const v = await view(run);
    assert.equal(v.state, "awaiting_code");
    assert.equal(v.code_tries_left, 4);
    await lin.page.getByText(/4 tries left/).waitFor();
    await lin.page.locator('input[name="code"]').fill(second.toLowerCase());
    await lin.page.locator('[data-verb="start"]').click();
    await lin.page.locator("dialog [data-yes]").click();
    await lin.page.waitForURL(/#\/run\//);
  });

  test("the server is killed in the middle; the page says so and recovers by itself", async () => {
    const { lin, run } = told;
    for (const p of stage.everybody) p.wrong.expected.push(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|status of 50[0-9]|net::ERR/);
    for (let done = 0; done < 15; ) done = (await view(run)).progress.done;
    await lin.page.locator(".board").waitFor();
    await server.kill();
    await lin.page.locator(".cut").waitFor();
    assert.match(await lin.page.locator(".cut").innerText(), /reconnecting since/);
    assert.ok(await lin.page.locator(".board").isVisible()); // what was known stays readable
    await server.start();
    await lin.page.locator(".cut").waitFor({ state: "detached" });
    for (let tries = 0; ; tries++) {
      // A step cut off in the middle may need a person's word; somebody else than the one who started.
      const v = await reaches(run, "at_standby", "paused");
      if (v.state === "at_standby") break;
      assert.ok(tries < 20, "the run stays paused");
      for (const s of v.steps) {
        const as = s.state === "unknown" ? cast.chen : cast.lin;
        const verb = s.state === "unknown" ? "decide" : s.state === "failed" ? "retry" : "";
        if (verb) await api(as, "POST", `/api/runs/${run}/${verb}`, { step: s.id, verdict: "again", reason: "the test killed the server", confirmed: true });
      }
      await api(cast.lin, "POST", `/api/runs/${run}/resume`, { confirmed: true });
      await new Promise((go) => setTimeout(go, 300));
    }
    await lin.page.locator('[data-state="at_standby"]').waitFor();
    for (let tries = 0; ; tries++) { // nothing was missed, and nothing came twice
      const rows = (await api("bai", "GET", `/api/journal?run=${run}&limit=1000`)).rows.length;
      const shown = Number(/(\d+)/.exec(await lin.page.locator(".log button").innerText())[1]);
      if (rows === shown) break;
      assert.ok(tries < 40, `${shown} of ${rows} rows are shown`);
      await new Promise((go) => setTimeout(go, 250));
    }
  });

  test("the line is cut for one browser only; it resumes and misses nothing", async () => {
    const { chen, run } = told;
    chen.wrong.expected.push(/net::ERR/);
    await chen.go(`#/run/${run}`);
    await chen.page.locator(".board").waitFor();
    await chen.context.setOffline(true);
    await chen.page.locator(".cut").waitFor();
    await api("qi", "POST", `/api/runs/${run}/observe`, { text: "seen while the line was down" });
    await chen.context.setOffline(false);
    await chen.page.getByText("seen while the line was down").waitFor({ timeout: 60_000 });
    assert.equal(await chen.page.getByText("seen while the line was down").count(), 1);
  });

  test("a room asked for while the line is down comes by itself when it is up again", async () => {
    const { chen, run } = told;
    await chen.context.setOffline(true);
    await chen.go("#/people");
    await chen.page.getByText("This room could not be loaded").waitFor();
    await chen.context.setOffline(false);
    await chen.page.getByRole("heading", { name: "People" }).first().waitFor();
    await chen.go(`#/run/${run}`);
    await chen.page.locator(".board").waitFor();
  });

  test("two tabs of one browser share one line, and the second goes on when the first is closed", async () => {
    const { chen, run } = told;
    const second = await chen.context.newPage();
    const lines = []; // the second tab's own
    second.on("request", (r) => new URL(r.url()).pathname === "/api/events" && lines.push(r.url()));
    await second.goto(`${base}/#/run/${run}`);
    await second.locator('[data-state="at_standby"]').waitFor();
    await api("qi", "POST", `/api/runs/${run}/observe`, { text: "seen by two tabs" });
    await second.getByText("seen by two tabs").waitFor();
    await chen.page.getByText("seen by two tabs").waitFor();
    assert.deepEqual(lines, []);
    await chen.page.close();
    await api("qi", "POST", `/api/runs/${run}/observe`, { text: "seen by the second alone" });
    await second.getByText("seen by the second alone").waitFor();
    assert.notEqual(lines.length, 0);
    chen.page = second;
  });

  test("a step tells what it did, and its recording plays", async () => {
    const { lin, run } = told;
    const step = (await view(run)).steps.find((s) => s.evidence?.some((e) => e.kind === "recording")).id;
    await lin.go(`#/run/${run}/at/${encodeURIComponent(step)}`);
    await lin.page.getByRole("button", { name: "Play" }).first().click();
    await lin.page.locator(".ap-player, .asciinema-player").first().waitFor();
    await looks(lin, "step");
    await lin.page.keyboard.press("Escape");
  });

  test("the way back, by the same people, closes the run", async () => {
    const { lin, run } = told;
    await lin.go(`#/run/${run}`);
    lin.wrong.expected.push(refusals); // the run may move on between the question and the yes
    const ask = async () => {
      await lin.page.locator('[data-verb="switchback"]').click();
      await lin.page.locator('dialog textarea[name="reason"]').fill("back home");
    };
    await untilTaken(lin, ask, (u) => /#\/run\//.test(u.href) && !u.href.includes(run));
    const back = decodeURIComponent(/#\/run\/([^/?]+)/.exec(lin.page.url())[1]);
    await reaches(back, "awaiting_approval");
    await approve(told.chen, back);
    await approve(told.sun, back);
    await reaches(back, "awaiting_code");
    const code = await issue(told.huang, back);
    await enter(lin, back, code);
    await reaches(back, "closed", "closed_with_exceptions");
    await reaches(run, "closed", "closed_with_exceptions");
  });

  test("the report is read where it is", async () => {
    const qi = (told.qi = await be("qi"));
    await qi.go(`#/report/${told.run}`);
    await qi.page.frameLocator("iframe").locator("h1").first().waitFor();
    const zip = await qi.page.request.get(`${base}/api/runs/${told.run}/report.zip`);
    assert.equal(zip.status(), 200);
    assert.equal((await zip.body()).subarray(0, 2).toString(), "PK");
  });

  talk(stage, told);

  test("every room is fit for everybody: axe, both themes", async () => {
    const rooms = ["#/now", "#/channel", "#/runs", "#/plans", "#/plans/bank-switchover", "#/runbooks", "#/reports", "#/people", "#/signin", `#/run/${told.run}`, `#/approve/${told.run}`, `#/code/${told.run}`];
    for (const theme of ["light", "dark"]) {
      const bai = await be("bai", { theme });
      for (const room of theme === "light" ? rooms : rooms.slice(-4)) { // what is dark are colours, and the same everywhere
        await bai.go(room);
        await bai.page.locator("main h1").first().waitFor();
        await bai.page.waitForFunction(() => !document.querySelector("main")?.innerText.includes("Reading …"));
        await looks(bai, room + " " + theme);
      }
    }
  });

  test("the keyboard alone gets everywhere", async () => {
    const { qi } = told;
    await qi.go("#/now");
    await qi.page.reload();
    await qi.page.locator("main h1").waitFor();
    await qi.page.keyboard.press("Tab");
    assert.ok(await qi.page.evaluate(() => document.activeElement?.classList.contains("skip")));
    await qi.page.keyboard.press("Enter");
    assert.equal(await qi.page.evaluate(() => document.activeElement?.id), "main");
  });

  return stage;
}
