// What a demo's steps never do: an outcome nobody knows, command handed over, a failing check overridden, a
// lost site forced, a round that runs out. It goes on where proof.mjs ended, with the same people.
import assert from "node:assert/strict";
import { done, verb } from "./acts.mjs";
import { alert, looks, plain } from "./browser.mjs";
import { until } from "./server.mjs";

export const nasty = '<script>window.ran=1</script><img src=x onerror="window.ran=1"> \u202eevil\u202c z\u200bero';

export function hard(stage, told) {
  const { api, view, reaches, rows, fact, nofact } = stage.server;
  const test = stage.test.bind(stage);
  const step = async (run, id) => (await view(run)).steps.find((s) => s.id === id);
  /** refusal is why the server refuses what a page does not even offer. */
  const refusal = (who, run, name, args) =>
    who.page.evaluate(
      ([path, body]) => fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }).then(async (r) => (await r.json()).error?.id),
      [`/api/runs/${run}/${name}`, { confirmed: true, ...args }],
    );
  /** agreed carries a run past its votes and its code, by people who are not the subject. */
  async function agreed(run) {
    const v = await view(run);
    const words = v.words.map((w) => w.word).join(" ");
    for (const who of ["bob", "cat"]) await api(who, "POST", `/api/runs/${run}/approve`, { words, nonce: v.round.nonce, confirmed: true });
    const { code } = await api("dan", "POST", `/api/runs/${run}/issue_code`, { confirmed: true });
    return api("ann", "POST", `/api/runs/${run}/start`, { code, confirmed: true });
  }

  test("command of a run is handed over and accepted", async () => {
    const { ann, fay, run } = told;
    const before = (await view(run)).commander;
    const [from, to] = before === "ann" ? [ann, fay] : [fay, ann];
    await from.go(`#/run/${run}`);
    await verb(from, "handover", { to: to.id });
    await done(from);
    assert.equal((await view(run)).commander, before); // until the other has said yes
    await to.go("#/now");
    await to.page.getByText("Command is handed to you").waitFor();
    await to.go(`#/run/${run}`);
    await verb(to, "accept");
    await done(to);
    assert.equal((await view(run)).commander, to.id);
    assert.equal((await rows(run, "command")).length, 2);
    await from.page.getByText(`commander: ${to.id === "ann" ? "Ann Abel" : "Fay Fuchs"}`).waitFor();
  });

  test("a step nobody knows about is decided by the form, and not by who started", async () => {
    const { bob, fay, run } = told;
    const id = "promote@core-db-w";
    await fay.go(`#/run/${run}/at/${id}`);
    await fay.page.getByText("Nobody knows yet").waitFor();
    assert.equal(await fay.page.locator('[data-verb="decide"]').count(), 0);
    assert.equal(await refusal(fay, run, "decide", { step: id, verdict: "done", reason: "I believe so" }), "decide_by_starter");
    assert.equal((await step(run, id)).state, "unknown");
    await fay.page.keyboard.press("Escape");
    await bob.go(`#/run/${run}/at/${id}`);
    await bob.page.getByText("Nobody knows yet").waitFor();
    await looks(bob, "an unknown step");
    nofact("core-db-w.slow");
    nofact("core-db-w.blind");
    await verb(bob, "decide", { verdict: "again", reason: nasty });
    await reaches(run, "at_standby");
    assert.equal((await step(run, id)).attempt, 2);
    const decided = (await rows(run, "step.state")).filter((r) => r.data.step === id);
    assert.deepEqual(decided.map((r) => r.actor), ["bob"]);
    await bob.page.keyboard.press("Escape");
    await plain(bob);
  });

  test("a failing check is overridden with a reason, and the votes begin anew", async () => {
    const { ann } = told;
    fact("core.broken");
    await ann.go(`#/run/${told.run}`);
    await verb(ann, "switchback", { reason: "the day is over" });
    await ann.page.waitForURL((u) => /#\/run\//.test(u.href) && !u.href.includes(told.run));
    const run = (told.back = decodeURIComponent(/#\/run\/([^/?]+)/.exec(ann.page.url())[1]));
    const v = await reaches(run, "awaiting_approval");
    const vote = { words: v.words.map((w) => w.word).join(" "), nonce: v.round.nonce };
    assert.equal(await refusal(told.bob, run, "approve", vote), "step_up_needed"); // his second proof held for the run before
    await api("cat", "POST", `/api/runs/${run}/approve`, { ...vote, confirmed: true });
    assert.equal((await view(run)).round.have, 1);
    await ann.page.locator(".have", { hasText: "1/" }).waitFor(); // or the board would be out of date
    await verb(ann, "override", { check: "probe:core-ok", reason: "the probe is wrong, core is fine" });
    await done(ann);
    const after = await until("the second round is open", async () => ((x) => x.state === "awaiting_approval" && x.round.number === 2 && x)(await view(run)));
    assert.equal(after.round.have, 0);
    assert.deepEqual((await rows(run, "override")).map((r) => [r.actor, r.data.check]), [["ann", "probe:core-ok"]]);
    await ann.go(`#/approve/${run}`);
    await ann.page.getByText("the probe is wrong, core is fine").waitFor();
  });

  test("a lost machine is forced by two people, and what it said is shown as text", async () => {
    const { ann, bob, back: run } = told;
    const id = "stop@cards-app-w";
    fact("cards-app-w.broken", nasty);
    await agreed(run);
    nofact("core.broken");
    await reaches(run, "paused");
    await ann.go(`#/run/${run}/at/${id}`);
    await ann.page.locator("dialog").getByText("<script>window.ran=1</script>").first().waitFor();
    await plain(ann);
    await ann.page.keyboard.press("Escape");
    await verb(ann, "force", { reason: "west is gone" });
    await done(ann);
    assert.equal((await rows(run, "run.forced")).length, 0); // one person is not enough
    await bob.go("#/now");
    await bob.page.locator(`a[href="#/run/${run}"]`).first().click();
    await verb(bob, "force", { reason: "I see it too" });
    await done(bob);
    await reaches(run, "closed", "closed_with_exceptions");
    assert.equal((await rows(run, "run.forced")).length, 1);
    assert.equal((await step(run, id)).state, "skipped");
    nofact("cards-app-w.broken");
  });

  test("a round that has run out says so, and the vote changes nothing", async () => {
    const { bob } = told;
    const { id: run } = await api("ann", "POST", "/api/runs", { plan: "move", mode: "drill", reason: "in a hurry" });
    await reaches(run, "awaiting_approval");
    await bob.go(`#/approve/${run}`);
    await bob.page.locator('[data-verb="approve"]').click();
    await bob.page.locator("dialog [data-yes]").waitFor();
    await reaches(run, "expired");
    await bob.page.locator("dialog [data-yes]").click();
    assert.match(await alert(bob, "dialog"), /.{20}/);
    const v = await view(run);
    assert.equal(v.state, "expired");
    assert.equal((await rows(run, "vote")).length, 0);
    await bob.page.keyboard.press("Escape");
    await bob.page.locator('[data-state="expired"]').waitFor();
  });
}
