// Pictures of every room, to be looked at: 1440 and 390 pixels wide, in both languages. It brings up
// a demo of its own and walks it through the story, so that every room has something to show; a server
// that asks for passwords, for the rooms in which somebody proves who they are; and two sites' servers on an empty
// PostgreSQL database. `make screenshots` brings one; by hand:
//   SWITCHMAN=bin/switchman POSTGRES=postgres://… node e2e/console/shoot.mjs [OUTDIR] [room,room]
import { mkdirSync } from "node:fs";
import { enrolled, signIn } from "./acts.mjs";
import { open, person, visitor } from "./browser.mjs";
import { cast } from "./cast.mjs";
import { demo, serve, sites } from "./server.mjs";

const [out = "var/screens", only = ""] = process.argv.slice(2);
const database = process.env.POSTGRES;
if (!database) {
  console.error("Two sites' servers share a database: name an empty one of PostgreSQL in POSTGRES=postgres://…, or use `make screenshots`, which brings one.");
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const server = await demo();
const { base, view, reaches } = server;
const onDuty = (id) => cast[id] ?? id; // whoever plays them at this hour
const api = (as, ...what) => server.api(onDuty(as), ...what);
const browser = await open();
let complaints = 0;

/** each opens what one room looks like in every language, width and theme that is wanted, and takes it. */
async function each(room, more, enter) {
  if (only && !only.split(",").includes(room)) return;
  for (const lang of ["en", "zh"]) {
    for (const width of more.widths ?? [1440, 390]) {
      for (const theme of more.themes ?? ["light"]) {
        const p = await enter({ lang, width, theme });
        await p.page.locator("main h1, main form, dialog h2").first().waitFor();
        await more.before?.(p.page);
        await p.page.waitForTimeout(800); // lamps and frames settle
        await p.page.screenshot({ path: `${out}/console-${room}-${lang}-${width}${theme === "dark" ? "-dark" : ""}.png`, fullPage: !more.screen });
        for (const w of p.wrong) console.log(`${room} ${lang} ${width}: ${w}`), complaints++;
        await p.context.close();
      }
    }
  }
}
const shoot = (room, as, hash, more = {}) =>
  each(room, more, async (options) => {
    const p = await person(browser, base, onDuty(as), options);
    if (hash) await p.go(hash);
    return p;
  });
async function vote(run, ...people) {
  for (const who of people) await api(who, "POST", `/api/runs/${run}/approve`, { confirmed: true, nonce: (await view(run)).round.nonce });
}
async function start(run) {
  const { code } = await api("huang", "POST", `/api/runs/${run}/issue_code`, {});
  await api("lin", "POST", `/api/runs/${run}/start`, { code, confirmed: true });
}

const come = (at, hash, options) => visitor(browser, at, "", hash, options).then((p) => (p.wrong.expected.push(/status of (401|403)/), p));
const link = async (at, id) => new URL(await at.enrol(id)).hash;
const newcomer = async (at, id) => enrolled(await come(at.base, await link(at, id), {}), `${id} walks the long way home`);
/** kept is what the browser of somebody who was enrolled at a server keeps. */
const kept = async (at, id) => ({ cookies: await (await newcomer(at, id)).context.cookies(), origins: [] });

/** proofs are the rooms a demo does not need. */
async function proofs() {
  const bank = await serve();
  try {
    await bank.start();
    await each("password", {}, (o) => come(bank.base, "#/signin", o));
    await each("refused", {}, async (o) => {
      const p = await come(bank.base, "#/signin", o);
      await signIn(p, "gil", "not the password", "000000");
      await p.page.locator('main [role="alert"]').waitFor();
      return p;
    });
    const gil = await link(bank, "gil"); // a link lasts until it has been gone all the way
    await each("enrol", {}, (o) => come(bank.base, gil, o));
    await each("enrol-number", {}, async (o) => {
      const p = await come(bank.base, gil, o);
      for (const field of ["password", "again"]) await p.page.locator(`input[name="${field}"]`).fill("gil walks the long way home");
      await p.page.locator("form button.main").click();
      await p.page.locator("[data-secret]").waitFor();
      return p;
    });
    const as = {};
    for (const id of ["bob", "dan"]) as[id] = await kept(bank, id);
    const { id: run } = await bank.api("ann", "POST", "/api/runs", { plan: "move", mode: "emergency", reason: "East answers no more since 02:40, the utility confirms the outage" });
    await bank.reaches(run, "awaiting_approval");
    const signedIn = (who, at, hash) => (o) => come(at, hash, { ...o, storageState: as[who] });
    await each("stepup", { screen: true, before: async (page) => {
      await page.locator('input[name="words"]').fill("three words typed");
      await page.locator('[data-verb="approve"]').click();
      await page.locator('dialog input[name="totp"]').waitFor();
    } }, signedIn("bob", bank.base, `#/approve/${run}`));
    await each("sessions", {}, signedIn("bob", bank.base, "#/sessions"));
    await each("phone", { screen: true }, signedIn("bob", bank.phone, "#/now"));
    await each("phone-elsewhere", { screen: true, widths: [390] }, signedIn("bob", bank.phone, "#/plans"));
    await each("phone-approve", {}, signedIn("bob", bank.phone, `#/approve/${run}`));
    const v = await bank.view(run);
    for (const who of ["bob", "cat"]) await bank.api(who, "POST", `/api/runs/${run}/approve`, { words: v.words.map((w) => w.word).join(" "), nonce: v.round.nonce, confirmed: true });
    await each("phone-code", { screen: true }, signedIn("dan", bank.phone, `#/code/${run}`));
    await each("phone-enter", { screen: true }, signedIn("bob", bank.phone, `#/code/${run}`));
  } finally {
    await bank.end();
  }
}

/** ourSites is a person's page while Switchman's own work is taken to its other site. */
async function ourSites() {
  const both = await sites(database);
  const { east, west } = both;
  try {
    await both.start();
    const as = {};
    for (const id of ["ann", "bob"]) as[id] = await kept(west, id);
    const at = (who) => (o) => come(west.base, "#/now", { ...o, storageState: as[who] });
    const shown = (page) => page.locator(".sites .server").first().waitFor();
    await each("sites", { before: shown }, at("ann"));
    await east.kill();
    await both.faded("east");
    await each("sites-lost", { themes: ["light", "dark"], before: shown }, at("ann"));
    await each("sites-ask", { screen: true, before: (page) => page.locator(".sites button").click() }, at("ann"));
    await west.api("ann", "POST", "/api/site", { site: "west", reason: "East lost its power at 03:10, db-2 was promoted" });
    await each("sites-own-wish", { screen: true, before: (page) => page.locator(".wish").waitFor() }, at("ann"));
    await each("sites-wish", { screen: true, before: (page) => page.locator(".wish button").waitFor() }, at("bob"));
    await each("sites-confirm", { screen: true, before: (page) => page.locator(".wish button").click() }, at("bob"));
    await west.api("bob", "POST", "/api/site", { site: "west", confirm: true });
    await each("sites-taken", { before: shown }, at("ann"));
  } finally {
    await both.end();
  }
}

/** story is the demo's rooms, and a walk through it. */
async function story() {
  await server.start();
  await shoot("signin", "", "");
  const { id: rehearsal } = await api("lin", "POST", "/api/runs", { plan: "bank-switchover", mode: "rehearsal", reason: "before the drill" });
  await reaches(rehearsal, "closed");
  const { id: run } = await api("lin", "POST", "/api/runs", { plan: "bank-switchover", mode: "drill", reason: "Quarterly drill, agreed with the business on Monday" });
  await reaches(run, "awaiting_approval");
  await vote(run, "chen");
  await shoot("now", "sun", "#/now");
  await shoot("approve", "sun", `#/approve/${run}`);
  await shoot("plans", "lin", "#/plans");
  await shoot("plan", "lin", "#/plans/bank-switchover");
  await shoot("request", "lin", "#/plans/bank-switchover", { screen: true, before: (page) => page.locator('[data-act="request"]').click() });
  await shoot("runbooks", "lin", "#/runbooks");
  await shoot("answer", "lin", "#/runbooks?q=" + encodeURIComponent("the standby falls behind: how far is it?"), { before: (page) => page.locator("section.answer").waitFor() });
  const { results: [passage] } = await api("lin", "GET", "/api/search?query=replication%20lag");
  await shoot("runbook", "lin", `#/runbooks/${encodeURIComponent(passage.doc)}?passage=${passage.passage}`, { screen: true, before: (page) => page.locator("article.doc .in").first().waitFor() });
  await shoot("people", "bai", "#/people");
  await shoot("channel", "lin", "#/channel", {
    screen: true,
    before: async (page) => {
      for (const line of ["/dr status", "/dr plans"]) {
        await page.locator("#say").fill(line);
        await page.locator(".box button.main").click();
        await page.waitForTimeout(500);
      }
    },
  });
  await vote(run, "sun");
  await shoot("enter", "lin", `#/code/${run}`);
  await shoot("code", "huang", `#/code/${run}`, {
    before: async (page) => {
      await page.locator('[data-verb="issue_code"]').click();
      await page.locator("dialog [data-yes]").click();
      await page.locator("[data-code]").waitFor();
    },
  });
  await start(run);
  while ((await view(run)).progress.done < 40); // in the middle of it
  await api("lin", "POST", `/api/runs/${run}/pause`, {});
  await reaches(run, "paused", "at_standby");
  await shoot("run", "lin", `#/run/${run}`, { themes: ["light", "dark"] });
  await shoot("runs", "chen", "#/runs");
  await shoot("confirm", "lin", `#/run/${run}`, { screen: true, before: (page) => page.locator('[data-verb="abort"]').click() });
  await api("lin", "POST", `/api/runs/${run}/resume`, {});
  const done = await reaches(run, "at_standby");
  const step = done.steps.find((s) => s.evidence?.some((e) => e.kind === "recording")).id;
  await shoot("step", "lin", `#/run/${run}/at/${encodeURIComponent(step)}`, { screen: true, before: (page) => page.getByRole("button", { name: /^(Play|播放)$/ }).first().click() });
  await new Promise((go) => setTimeout(go, 2500)); // the plan keeps the systems there a little
  const back = await api("lin", "POST", `/api/runs/${run}/switchback`, { reason: "back home" });
  const home = back.id === run ? back.child : back.id;
  await reaches(home, "awaiting_approval");
  await vote(home, "chen", "sun");
  await start(home);
  await reaches(home, "closed", "closed_with_exceptions");
  await shoot("reports", "qi", "#/reports");
  await shoot("report", "qi", `#/report/${run}`, { screen: true, before: (page) => page.frameLocator("iframe").locator("h1").first().waitFor() });
  await shoot("done", "lin", `#/run/${run}`);
}

try {
  const rooms = only.split(",");
  if (!rooms.every((r) => r.startsWith("sites"))) {
    await story();
    await proofs();
  }
  await ourSites();
} finally {
  await browser.close();
  await server.end();
}
console.log(`pictures are in ${out}; browsers complained ${complaints} times`);
process.exit(complaints ? 1 : 0);
