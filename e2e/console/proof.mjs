// Proving who one is: enrolment, signing in, sessions and the second proof, on a server that means it; and
// the listener for telephones, where nothing but votes and codes is served.
import assert from "node:assert/strict";
import { done, enrolled, issue, prove, request, signIn, verb } from "./acts.mjs";
import { alert, fits, looks, plain, refusals, visitor } from "./browser.mjs";
import { serve, until } from "./server.mjs";
import { hard, nasty } from "./hard.mjs";
import { Stage } from "./stage.mjs";
import { Authenticator } from "./totp.mjs";

const stranger = /Failed to load resource: the server responded with a status of 401/; // a page asks who it is first

export default async function proof(browser) {
  const server = await serve();
  const { base, api, view, reaches, rows, enrol } = server;
  const stage = new Stage("proof", server);
  const test = stage.test.bind(stage);
  const told = {};

  async function come(id, at, hash, options) {
    const who = stage.with(await visitor(browser, at, id, hash, options));
    who.wrong.expected.push(stranger, refusals);
    return who;
  }
  /** newcomer is enrolled by the link the host made for them. */
  const newcomer = async (id, options) => enrolled(await come(id, base, new URL(await enrol(id)).hash, options), `${id} walks the long way home`);
  const credentials = async (what, state) => (await rows("", "credential")).filter((r) => r.data.what === what && r.data.state === state);

  test("a link from the host makes a password and a second factor", async () => {
    const link = (told.link = new URL(await enrol("bob")));
    assert.equal(link.origin, base);
    const bob = (told.bob = await come("bob", base, link.hash));
    const { page } = bob;
    const enter = async (one, two) => {
      await page.locator('input[name="password"]').fill(one);
      await page.locator('input[name="again"]').fill(two);
    };
    await page.locator('input[name="password"]').waitFor();
    await looks(bob, "enrolment, the password");
    await enter("correct horse", "correct house");
    assert.match(await alert(bob), /differ/);
    assert.ok(await page.locator("form button.main").isDisabled());
    await enter("password1234", "password1234");
    await page.locator("form button.main").click();
    assert.match(await alert(bob), /guessed first/);
    bob.password = "bob walks the long way home";
    await enter(bob.password, bob.password);
    await page.locator("form button.main").click();
    const secret = (await page.locator("[data-secret]").innerText()).replaceAll(" ", "");
    const uri = new URL(await page.locator('a[href^="otpauth:"]').getAttribute("href"));
    assert.equal(uri.searchParams.get("secret"), secret);
    assert.ok(await page.locator("img.qr").evaluate((i) => i.complete && i.naturalWidth > 0), "the QR code is drawn");
    await looks(bob, "enrolment, the second factor");
    bob.phone = new Authenticator(secret);
    await page.locator('input[name="totp"]').fill(bob.phone.wrong());
    await page.locator("form button.main").click();
    assert.match(await alert(bob), /does not fit this secret/);
    assert.equal((await credentials("password", "made")).length, 0);
    await page.locator('input[name="totp"]').fill(await bob.phone.code());
    await page.locator("form button.main").click();
    await page.waitForURL(/#\/now/);
    await page.getByRole("heading", { name: "Bob <b>Berg</b>" }).waitFor(); // a name is a text
    assert.deepEqual((await credentials("password", "made")).map((r) => r.data.person), ["bob"]);
  });

  test("a link that was used says so", async () => {
    const late = await come("late", base, told.link.hash);
    await late.page.locator('input[name="password"]').fill("somebody else came late");
    await late.page.locator('input[name="again"]').fill("somebody else came late");
    await late.page.locator("form button.main").click();
    assert.match(await alert(late), /was used, or is older than a day[\s\S]*person enrol/);
    assert.equal((await credentials("password", "made")).length, 1);
  });

  test("a wrong password and a wrong number are refused in the same words; the right ones sign in", async () => {
    const { bob } = told;
    const second = (told.second = await come("bob", base, "", {}));
    await second.page.locator('input[name="person"]').waitFor();
    assert.equal(await second.page.locator('main [role="alert"]').count(), 0); // a stranger has not done anything wrong yet
    await looks(second, "sign-in");
    await signIn(second, "bob", "not bob's password", bob.phone.wrong());
    const one = await alert(second);
    assert.match(one, /do not belong together/);
    await signIn(second, "bob", bob.password, bob.phone.wrong());
    await second.page.locator('main [role="alert"]').waitFor();
    assert.equal(await alert(second), one);
    assert.equal((await credentials("session", "made")).length, 1);
    await signIn(second, "bob", bob.password, await bob.phone.code());
    await second.page.getByRole("heading", { name: "Bob <b>Berg</b>" }).waitFor();
    assert.equal((await credentials("session", "made")).length, 2);
  });

  test("sessions are listed, and one ended elsewhere says so where it was", async () => {
    const { bob, second } = told;
    await second.page.getByTitle("Who you are here").click();
    await second.page.locator("li", { hasText: "This browser" }).waitFor();
    assert.equal(await second.page.locator("main li").count(), 2);
    await looks(second, "sessions");
    await second.page.locator("main li button.danger").click();
    await second.page.locator("dialog [data-yes]").click();
    await done(second);
    await until("one session is left", async () => (await second.page.locator("main li").count()) === 1);
    await bob.page.locator('input[name="person"]').waitFor(); // nobody touched that browser
    assert.match(await alert(bob), /no longer signed in[\s\S]*Runs go on/);
    assert.deepEqual((await credentials("session", "revoked")).map((r) => r.data.person), ["bob"]);
    told.bob = Object.assign(second, { phone: bob.phone, password: bob.password });
  });

  test("everybody else is enrolled, each in a browser of their own", async () => {
    const ids = ["ann", "cat", "dan", "fay"];
    for (const who of await Promise.all(ids.map((id) => newcomer(id)))) told[who.id] = who;
    assert.equal((await credentials("password", "made")).length, 5);
  });

  test("a vote in an emergency is asked for three words and a second proof, which holds for this run", async () => {
    const { bob } = told;
    const run = (told.run = await request(told.ann, "move", nasty, "emergency"));
    await reaches(run, "awaiting_approval");
    await told.ann.page.locator('[data-state="awaiting_approval"]').waitFor();
    assert.ok((await told.ann.page.locator("main").innerText()).includes('<script>window.ran=1</script><img src=x onerror="window.ran=1">'));
    await bob.go(`#/approve/${run}`);
    await bob.page.locator(".words b").nth(2).waitFor();
    const words = async () => (await bob.page.locator(".words b").evaluateAll((all) => all.map((b) => b.firstChild.textContent))).join(" ");
    const vote = async (text) => {
      await bob.page.locator('input[name="words"]').fill(text);
      await bob.page.locator('[data-verb="approve"]').click();
    };
    assert.match(await bob.page.getByRole("note").innerText(), /^TEST/); // nobody takes it for production
    await verb(bob, "deny", { reason: nasty });
    await bob.page.locator('dialog input[name="totp"]').waitFor();
    await bob.page.locator("dialog:has(input[name=totp])").getByRole("button", { name: "Not now" }).click();
    assert.match(await alert(bob, "dialog"), /prove once more/);
    assert.equal(await bob.page.locator("dialog textarea").inputValue(), nasty); // what was typed is not lost
    await bob.page.locator("dialog").getByRole("button", { name: "Not now" }).click();
    await vote(await words());
    await bob.page.locator('dialog input[name="totp"]').waitFor();
    await looks(bob, "the second proof");
    await prove(bob, bob.phone.wrong());
    assert.match(await alert(bob, "dialog"), /wrong, or it was used before/);
    await bob.page.locator("dialog").getByRole("button", { name: "Not now" }).click();
    assert.match(await alert(bob), /prove once more/);
    assert.equal((await view(run)).round.have, 0);
    await vote("three wrong words");
    await prove(bob, await bob.phone.code());
    await bob.page.locator('main [role="alert"]').filter({ hasText: /words/ }).waitFor();
    assert.equal((await view(run)).round.have, 0);
    await vote(await words()); // no second question: it holds
    await bob.page.locator('[data-verb="withdraw"]').waitFor();
    assert.equal((await view(run)).round.have, 1);
    const me = await bob.page.evaluate(() => fetch("/api/me").then((r) => r.json()));
    assert.equal(me.session.step_up_run, run);
    const left = Date.parse(me.session.step_up_until) - Date.now();
    assert.ok(left > 200_000 && left <= 301_000, `the second proof holds for ${left} ms`);
    await plain(bob);
    await plain(told.ann);
  });

  test("on the telephones' listener one votes, and no other room is there", async () => {
    const { cat } = told;
    const small = await come("cat", server.phone, "#/now", { width: 390 });
    await signIn(small, "cat", cat.password, await cat.phone.code());
    await small.page.locator(`a[href="#/approve/${told.run}"]`).waitFor();
    await looks(small, "telephone");
    for (const room of ["channel", "plans", "runs", "reports", "people", "sessions", `run/${told.run}`, `report/${told.run}`]) {
      await small.go("#/" + room);
      await small.page.locator(`a[href="#/approve/${told.run}"]`).waitFor();
      assert.equal(await small.page.locator("nav li").count(), 0);
    }
    for (const path of ["/api/plans", "/api/now", "/api/channel", "/api/journal", "/api/sessions", "/api/register", "/metrics", "/readyz", `/api/runs/${told.run}/report.html`, `/api/runs/${told.run}/steps/x`]) {
      assert.equal(await small.page.evaluate((p) => fetch(p).then((r) => r.status), path), 404, path);
    }
    assert.equal(await small.page.evaluate((p) => fetch(p, { method: "POST" }).then((r) => r.status), `/api/runs/${told.run}/cancel`), 404);
    await small.page.locator(`a[href="#/approve/${told.run}"]`).click();
    const words = (await view(told.run)).words.map((w) => w.word).join(" ");
    await small.page.locator('input[name="words"]').fill(words.toUpperCase());
    await small.page.locator('[data-verb="approve"]').click();
    await prove(small, await cat.phone.code());
    await reaches(told.run, "awaiting_code");
    assert.equal((await rows(told.run, "vote")).at(-1).surface, "console");
    await small.page.locator('[data-verb="withdraw"]').waitFor();
    await fits(small);
    await looks(small, "approve on a telephone");
    await plain(small);
  });

  test("a code is issued after a second proof, and starts the run from a telephone", async () => {
    const { run } = told;
    const { dan, fay } = told;
    await dan.go(`#/code/${run}`);
    await dan.page.locator('[data-verb="issue_code"]').click();
    await dan.page.locator("dialog [data-yes]").click();
    await prove(dan, await dan.phone.code());
    const code = (await dan.page.locator("[data-code]").textContent()).trim();
    await dan.page.getByRole("button", { name: "Hide it" }).click();
    const again = await issue(dan, run); // no second question
    assert.notEqual(again, code);
    const small = await come("fay", server.phone, `#/code/${run}`, { width: 390 });
    await signIn(small, "fay", fay.password, await fay.phone.code());
    const type = async (text) => {
      await small.page.locator('input[name="code"]').fill(text);
      await small.page.locator('[data-verb="start"]').click();
      await small.page.locator("dialog [data-yes]").click();
    };
    server.fact("core-db-w.slow", "30");
    server.fact("core-db-w.blind");
    await type(code);
    await prove(small, await fay.phone.code());
    assert.ok((await alert(small)).length > 20);
    assert.equal((await view(run)).code_tries_left, 4);
    await looks(small, "code on a telephone");
    await type(again.toLowerCase());
    const v = await reaches(run, "paused");
    assert.equal(v.pause, "outcome_unknown");
    assert.deepEqual((await rows(run, "run.started")).map((r) => r.actor), ["fay"]);
    assert.equal((await rows(run, "code.issued")).length, 2);
    assert.equal((await rows(run, "code.tried")).length, 1);
    await small.page.getByText("Nothing waits for you.").waitFor();
  });

  hard(stage, told);

  test("signed out is signed out, and a cookie nobody made or that has ended leads to the sign-in", async () => {
    const { dan } = told;
    const kept = (await dan.context.cookies()).find((c) => c.name === "switchman_session");
    assert.ok(kept.httpOnly && kept.sameSite === "Strict");
    await dan.go("#/sessions");
    await dan.page.locator('[data-act="signout"]').click();
    await dan.page.locator('input[name="person"]').waitFor();
    assert.equal(await dan.page.locator('main [role="alert"]').count(), 0); // they wanted it so
    assert.deepEqual((await dan.context.cookies()).filter((c) => c.name === "switchman_session"), []);
    for (const value of [kept.value, kept.value.slice(0, -2) + "AA", "sws_<script>", "x".repeat(3000)]) {
      await dan.context.addCookies([{ ...kept, value }]);
      await dan.go("#/people");
      await dan.page.reload();
      await dan.page.locator('input[name="person"]').waitFor();
      assert.match(await alert(dan), /no longer signed in/);
      assert.equal(await dan.page.evaluate(() => fetch("/api/people").then((r) => r.status)), 401);
    }
  });

  return stage;
}
