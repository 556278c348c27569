// Pictures of the conversation in Slack, as the demo's own workspace shows it. It brings up a demo, walks it
// through the story by clicks in the page alone (the code is issued in the console), and takes what people
// see on the way. The channel is English, and each person is spoken to in their own language.
//   SWITCHMAN=bin/switchman node e2e/console/slack.mjs [OUTDIR]
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "./browser.mjs";
import { until } from "./server.mjs";

const [out = "var/screens/slack"] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const people = { lin: "U0HB10041", zhao: "U0HB10042", chen: "U0HB10057", wu: "U0HB10058", sun: "U0HB20011", ma: "U0HB20012", he: "U0HB10044", gao: "U0HB10043",
  luo: "U0HB10059", liang: "U0HB10060", song: "U0HB20013", tang: "U0HB20014" };
// Whoever is on duty by the clock of the bank: who asks in English and in Chinese, who approves, who issues.
const hour = Number(new Date().toLocaleTimeString("en-GB", { timeZone: "Asia/Shanghai", hour: "2-digit" }).slice(0, 2));
const day = hour >= 8 && hour < 20;
const cast = day ? { asks: "zhao", zh: "lin", ops: "wu", opsZh: "chen", business: "ma", issuer: "xu" } : { asks: "he", zh: "gao", ops: "liang", opsZh: "luo", business: "tang", issuer: "feng" };

const state = mkdtempSync(join(tmpdir(), "switchman-slack-"));
const child = spawn(process.env.SWITCHMAN ?? "bin/switchman", ["demo", "--slack", "--json", "--state", state], { stdio: ["ignore", "pipe", "inherit"], detached: true });
const hello = JSON.parse(await new Promise((ok) => child.stdout.once("data", (d) => ok(String(d)))));
const console_ = "http://" + hello.addr, room = hello.slack_channel;
const api = async (as, method, path, body) => {
  const res = await fetch(console_ + path, { method, headers: { "X-Switchman-As": as, ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
  return res.json();
};
const reaches = (run, ...states) => until(`run ${run} is ${states.join(" or ")}`, async () => states.includes((await api(cast.asks, "GET", `/api/runs/${run}`)).state));
const soon = (ms) => new Promise((go) => setTimeout(go, ms));
const browser = await open();

/** be opens the page as somebody; a phone is 390 wide. */
async function be(who, place = room, { phone = false, lang = "en" } = {}) {
  const context = await browser.newContext({ viewport: phone ? { width: 390, height: 844 } : { width: 1100, height: 1040 }, timezoneId: "Asia/Shanghai", locale: lang === "zh" ? "zh-CN" : "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(`${hello.slack}#${people[who]}/${place}`);
  await page.locator("#feed > *").first().waitFor();
  const button = (label) => page.locator("#feed button.btn", { hasText: label }).last();
  return {
    page,
    say: async (text) => (await page.locator("#text").fill(text), page.locator("#compose button").click()),
    press: (label) => button(label).click(),
    yes: () => page.locator("#confirm footer .btn").last().click(),
    send: () => page.locator("#modal footer .primary").click(),
    close: async () => (await page.locator("#modal[open] header button").click(), page.locator("#modal[open]").waitFor({ state: "detached" }).catch(() => {})),
    dialog: () => page.locator("#modal[open]").waitFor(),
    sees: (text) => page.locator("#feed, #modal").getByText(text).last().waitFor(),
    shoot: async (name) => (await soon(900), page.screenshot({ path: `${out}/${name}.png` })),
    leave: () => context.close(),
  };
}

async function approve(label, ...who) {
  for (const one of who) {
    const p = await be(one);
    await p.press(label);
    await p.yes();
    await soon(800);
    await p.leave();
  }
}

/** start enters the code that the issuer has in the console. */
async function start(run, picture) {
  await reaches(run, "awaiting_code");
  const { code } = await api(cast.issuer, "POST", `/api/runs/${run}/issue_code`, {});
  const p = await be(cast.asks);
  await p.press("Start");
  await p.dialog();
  await p.page.locator("#modal input").fill("DRC-0000-0000-0000-0");
  await p.send();
  await p.page.locator("#modal .wrong").waitFor();
  if (picture) await p.shoot(picture);
  await p.page.locator("#modal input").fill(code);
  await p.send();
  await p.page.locator("#modal .primary").waitFor({ state: "detached" });
  await p.page.locator("#modal footer .btn").first().click();
  return p;
}

try {
  let p = await be(cast.zh, room, { lang: "zh" });
  await p.say("/dr request");
  await p.dialog();
  await p.page.locator("#modal select").first().selectOption({ index: 3 });
  await p.shoot("1-request-zh");
  await p.close();
  await p.leave();

  p = await be(cast.asks);
  await p.say("/dr request bank-switchover drill Quarterly drill, agreed with the business on Monday");
  const run = await until("a run is there", async () => {
    const all = await api(cast.asks, "GET", "/api/runs");
    return (all.runs ?? all)[0]?.id;
  });
  await reaches(run, "awaiting_approval");
  await p.leave();
  await approve("Approve", cast.ops);
  await soon(3500);
  p = await be(cast.ops);
  await p.shoot("2-votes-en");
  await p.leave();
  p = await be(cast.zh, room, { lang: "zh" });
  await p.press("Approve");
  await p.yes();
  await p.page.locator(".msg.only").last().waitFor();
  await p.shoot("3-refused-zh");
  await p.leave();
  await approve("Approve", cast.business);
  p = await start(run, "4-code-en");
  await p.page.getByText(/▰ ?[▱ ]*[1-9]\d*\/\d+ steps/).first().waitFor();
  await p.page.screenshot({ path: `${out}/5-board-en.png` });
  await p.leave();
  await reaches(run, "at_standby");
  await soon(4000);
  p = await be(cast.zh, room, { phone: true, lang: "zh" });
  await p.say("/dr status " + run);
  await soon(1500);
  await p.shoot("7-standby-zh-390");
  await p.leave();
  p = await be(cast.asks);
  await p.press("Switch back");
  await p.dialog();
  await p.page.locator("#modal textarea, #modal input").first().fill("back home");
  await p.send();
  await soon(1500);
  await p.close();
  await p.leave();
  const home = await until("the way home is asked for", async () => (await api(cast.asks, "GET", `/api/runs/${run}`)).child);
  await reaches(home, "awaiting_approval");
  await soon(1500);
  await approve("Approve", cast.opsZh, cast.business);
  p = await start(home);
  while ((await api(cast.asks, "GET", `/api/runs/${home}`)).progress.done < 30);
  await api(cast.asks, "POST", `/api/runs/${home}/pause`, {});
  await reaches(home, "paused");
  await soon(4000);
  await p.shoot("6-paused-en");
  await p.press("Resume");
  await p.page.locator("#confirm[open]").waitFor({ timeout: 1500 }).then(p.yes, () => {});
  await reaches(home, "closed", "closed_with_exceptions");
  await soon(6000);
  await p.page.locator(".replies").last().click();
  await soon(800);
  await p.shoot("8-report-en");
  await p.leave();
  p = await be(cast.asks, "home");
  await p.shoot("9-home-en");
  await p.leave();
  p = await be(cast.zh, room, { lang: "zh" });
  await p.say("@switchman 如何提升备库为主库？");
  await p.page.locator(".msg", { hasText: "如何提升备库为主库" }).locator(".replies").click();
  await p.page.locator("#answers .msg").nth(1).locator(".btn").first().waitFor();
  await soon(1500);
  await p.shoot("10-ask-zh");
  await p.leave();
} finally {
  await browser.close();
  try {
    process.kill(child.pid, "SIGINT");
    await new Promise((ok) => child.once("exit", ok));
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}
console.log(`pictures are in ${out}`);
