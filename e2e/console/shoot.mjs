// Pictures of every room, to be looked at: 1440 and 390 pixels wide, in both languages. It brings up
// a demo of its own and walks it through the story, so that every room has something to show.
//   SWITCHMAN=bin/switchman node e2e/console/shoot.mjs [OUTDIR] [room,room]
import { mkdirSync } from "node:fs";
import { open, person } from "./browser.mjs";
import { demo } from "./server.mjs";

const [out = "var/screens", only = ""] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const server = await demo();
const { base, api, view, reaches } = server;
const browser = await open();
let complaints = 0;

async function shoot(room, as, hash, more = {}) {
  if (only && !only.split(",").includes(room)) return;
  for (const lang of ["en", "zh"]) {
    for (const width of [1440, 390]) {
      for (const theme of more.themes ?? ["light"]) {
        const p = await person(browser, base, as, { lang, width, height: width === 390 ? 844 : 900, theme });
        if (hash) await p.go(hash);
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
async function vote(run, ...people) {
  for (const who of people) await api(who, "POST", `/api/runs/${run}/approve`, { confirmed: true, nonce: (await view(run)).round.nonce });
}
async function start(run) {
  const { code } = await api("huang", "POST", `/api/runs/${run}/issue_code`, {});
  await api("lin", "POST", `/api/runs/${run}/start`, { code, confirmed: true });
}

try {
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
} finally {
  await browser.close();
  await server.end();
}
console.log(`pictures are in ${out}; browsers complained ${complaints} times`);
process.exit(complaints ? 1 : 0);
