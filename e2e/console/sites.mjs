// Switchman's own servers at two sites on one PostgreSQL: the other site takes work, as two people want it, each at
// the console of another site. Then the first site is gone.
import assert from "node:assert/strict";
import { done, enrolled, prove } from "./acts.mjs";
import { alert, fits, looks, plain, refusals, visitor } from "./browser.mjs";
import { nasty } from "./hard.mjs";
import { sites as servers, until } from "./server.mjs";
import { Stage } from "./stage.mjs";

const stranger = /Failed to load resource: the server responded with a status of 401/; // a page asks who it is first

/** site is the card of one of Switchman's sites. */
const site = (who, name) => who.page.locator(".sites > li", { has: who.page.locator(".name", { hasText: name }) });

/** wants asks that a site take work; what comes of it is for the caller to see. */
async function wants(who, name, reason) {
  await site(who, name).locator("button").click();
  await who.page.locator('dialog textarea[name="reason"]').fill(reason);
  await who.page.locator("dialog [data-yes]").click();
}

export default async function sites(browser) {
  const server = await servers(process.env.POSTGRES);
  const { east, west } = server;
  const stage = new Stage("sites", server);
  const test = stage.test.bind(stage);
  const told = {};

  async function come(id, at, hash, options) {
    const who = stage.with(await visitor(browser, at.base, id, hash, options));
    who.wrong.expected.push(stranger, refusals);
    return who;
  }
  const newcomer = async (id, at, options) => {
    const who = await enrolled(await come(id, at, new URL(await at.enrol(id)).hash, options), `${id} walks the long way home`);
    await who.page.evaluate(() => (window.kept = true)); // a page that was loaded again has forgotten it
    return who;
  };
  /** refusal is why a server refuses what a page does not even offer, and its sentence. */
  const refusal = (who, body) =>
    who.page.evaluate((b) => fetch("/api/site", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(b) }).then(async (r) => [r.status, (await r.json()).error]), body);
  const moves = async () => (await west.rows("", "site")).filter((r) => r.data.event !== "first");
  const sees = (who, name, sign) => site(who, name).locator(".tag", { hasText: sign }).waitFor();
  const wish = (who) => who.page.locator(".wish");

  test("the consoles of both sites show both, with their servers", async () => {
    const ids = [["ann", east, {}], ["bob", west, { lang: "zh", width: 390, theme: "dark" }], ["eve", west, {}]];
    for (const who of await Promise.all(ids.map((one) => newcomer(...one)))) told[who.id] = who;
    const { ann, bob, eve } = told;
    for (const [who, works, shows, here] of [[ann, "takes work", "shows only", "East"], [bob, "受理操作", "仅可查看", "West"]]) {
      await sees(who, "East", works);
      await sees(who, "West", shows);
      for (const name of ["East", "West"]) {
        await until(`${who.id} sees a server at ${name}`, async () => (await site(who, name).locator(".server").count()) === 1);
        assert.equal(await site(who, name).locator(".server .here").count(), name === here ? 1 : 0);
      }
    }
    assert.equal(await ann.page.locator(".sites button").count(), 1);
    assert.equal(await bob.page.locator(".sites button").count(), 0); // he is no commander
    assert.equal(await eve.page.locator(".sites button").count(), 0);
    await fits(bob);
    await looks(ann, "two sites");
    await looks(bob, "two sites on a telephone");
  });

  test("a wish that nobody confirms in time loses its button by itself, also under an open question", async () => {
    const { ann, bob } = told;
    await wants(ann, "West", "too early");
    await prove(ann, ann.phone.wrong());
    assert.match(await alert(ann, "dialog"), /wrong, or it was used before/);
    await prove(ann, await ann.phone.code());
    await done(ann);
    await wish(bob).getByText("too early").waitFor();
    await wish(bob).locator("button").click();
    await bob.page.locator("dialog [data-yes]").waitFor();
    await server.aged(4);
    await refusal(ann, { site: "west", confirm: true }); // something happens, and pages read again how things stand
    await wish(bob).waitFor({ state: "detached" });
    await bob.page.locator("dialog [data-yes]").click();
    await prove(bob, await bob.phone.code());
    assert.match(await alert(bob, "dialog"), /最近半小时内没有人申请由.*受理操作/);
    await bob.page.keyboard.press("Escape");
    await wish(ann).waitFor({ state: "detached" });
    assert.deepEqual((await moves()).map((r) => r.data.event), ["asked"]);
  });

  test("who asks is offered no yes of their own, and is refused one in words", async () => {
    const { ann } = told;
    await wants(ann, "West", `${nasty}\nEast lost its power`);
    await done(ann); // the second proof still holds
    await wish(ann).getByText("You want West to take work instead of East").waitFor();
    assert.equal(await wish(ann).locator("button").count(), 0);
    assert.equal(await ann.page.locator(".sites button").count(), 0); // nor twice
    const [status, error] = await refusal(ann, { site: "west", confirm: true });
    assert.deepEqual([status, error.id], [403, "site_same_person"]);
    assert.match(error.message, /Ann Abel has asked for this, so somebody else has to confirm/);
    await looks(ann, "an own wish");
    await plain(ann);
  });

  test("an enemy without a role gets no button, and is refused in words, whatever they send", async () => {
    const { eve } = told;
    await wish(eve).getByText("East lost its power").waitFor();
    assert.equal(await eve.page.locator(".wish button, .sites button").count(), 0);
    assert.equal((await refusal(eve, { site: "west", confirm: true }))[1].id, "step_up_needed");
    await until("eve has proven who she is", async () => {
      const code = await eve.phone.code();
      return eve.page.evaluate((totp) => fetch("/api/step-up", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ totp, run: "credentials" }) }).then((r) => r.ok), code);
    });
    for (const [body, id, words] of [
      [{ site: "west", confirm: true }, "site_role_confirm", /Eve Eich may not confirm this: it takes a commander, a code issuer or an approver/],
      [{ site: "west", reason: "I like the sea" }, "site_role_ask", /Eve Eich has not the role commander/],
    ]) {
      const [status, error] = await refusal(eve, body);
      assert.deepEqual([status, error.id], [403, id]);
      assert.match(error.message, words);
    }
    await assert.rejects(west.api("eve", "POST", "/api/site", { site: "west", confirm: true }), /site_role_confirm/); // nor by a script
    assert.deepEqual((await moves()).map((r) => r.actor), ["ann", "ann"]);
  });

  test("the second person reads the wish on a telephone at the other site, in Chinese, and confirms it", async () => {
    const { ann, bob } = told;
    await wish(bob).getByText("Ann Abel申请由West代替East受理操作").waitFor();
    await wish(bob).getByText("East lost its power").waitFor();
    assert.equal(await bob.page.getByText("没有等待您处理的事项").count(), 0);
    await looks(bob, "a wish on a telephone");
    await wish(bob).locator("button").click();
    const box = bob.page.locator("dialog");
    await box.getByText("请先确认East的旧数据库已经关闭").waitFor();
    await box.getByText("East lost its power").waitFor();
    await fits(bob);
    await looks(bob, "the question on a telephone");
    await plain(bob);
    await box.locator("[data-yes]").click();
    await done(bob);
    for (const [who, works, shows] of [[ann, "takes work", "shows only"], [bob, "受理操作", "仅可查看"]]) {
      await sees(who, "West", works);
      await sees(who, "East", shows);
      await wish(who).waitFor({ state: "detached" });
      assert.ok(await who.page.evaluate(() => window.kept), `${who.id}'s page was not loaded again`);
    }
    const { actor, surface, data } = (await moves()).at(-1);
    assert.deepEqual([actor, surface, data.event, data.site, data.from, data.by], ["bob", "console", "taken", "west", "east", "ann"]);
  });

  test("the first site is killed: the other's console works, and says that nobody is there", async () => {
    const { ann, bob } = told;
    await ann.page.close();
    await east.kill();
    const { id: run } = await west.api("ann", "POST", "/api/runs", { plan: "move", mode: "rehearsal", reason: "East is gone" });
    await west.reaches(run, "closed");
    await bob.go("#/runs");
    await bob.page.locator(`a[href="#/run/${run}"]`).first().waitFor();
    await bob.go("#/now");
    await sees(bob, "West", "受理操作");
    const again = stage.with(await visitor(browser, west.base, "ann", "#/now", { storageState: await ann.context.storageState() })); // who signed in at East is known here
    again.wrong.expected.push(refusals);
    await site(again, "East").locator("button").waitFor(); // for a minute it may be there
    await server.faded("east", 3);
    await bob.page.getByText("其他站点没有可受理操作的服务器。").waitFor({ timeout: 60_000 });
    await again.page.getByText("No other site has a server that could take work.").waitFor();
    assert.equal(await again.page.locator(".sites button").count(), 0);
    const [, error] = await refusal(again, { site: "east", reason: "back home" });
    assert.equal(error.id, "site_not_there");
    assert.match(error.message, /No server at east was seen within the last minute/i);
    assert.ok(await bob.page.evaluate(() => window.kept), "bob's page was not loaded again");
    await looks(bob, "one site is left, on a telephone");
  });

  return stage;
}
