// How fast the console is, measured in a real browser and not judged by a test: machines differ. It tells what
// docs/performance.md promises, and what it found.
//   make bench-console, or: SWITCHMAN=bin/switchman node e2e/console/speed.mjs [ROUNDS]
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "./browser.mjs";
import { demo, until } from "./server.mjs";

const rounds = Number(process.argv[2] ?? 5);
const paintAtMost = 1000; // ms
const taskAtMost = 50; // ms
const events = 5000;
const stages = 33; // on each of 78 nodes: 2,574 steps, each with an intent and an outcome
const home = mkdtempSync(join(tmpdir(), "switchman-speed-"));

const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const range = (list, digits = 0) => `${middle(list).toFixed(digits)} (${Math.min(...list).toFixed(digits)}–${Math.max(...list).toFixed(digits)})`;
const verdict = (list, most) => (middle(list) <= most ? "kept" : "MISSED");

/** signedIn is a page in a fresh browser profile, with nothing cached, of somebody who is signed in. */
async function signedIn(browser, base, person) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
  const answer = await context.request.post(base + "/api/session", { headers: { Origin: base }, data: { person } });
  if (!answer.ok()) throw new Error("signing in: " + (await answer.text()));
  return context.newPage();
}

/** painted is the moment the frame after the board's last node was shown, counted from the start of navigation. */
async function painted(browser, base, run, halves) {
  const page = await signedIn(browser, base, "lin");
  await page.waitForTimeout(2000); // the browser has drawn its own window, which costs more than the page
  await page.addInitScript((n) => {
    const watch = new MutationObserver(() => {
      if (document.querySelectorAll(".board .half").length < n) return;
      watch.disconnect();
      requestAnimationFrame(() => setTimeout(() => (window.painted = performance.now()))); // a task after the frame
    });
    watch.observe(document, { childList: true, subtree: true });
  }, halves);
  await page.goto(`${base}/#/run/${run}`);
  const at = await page.waitForFunction(() => window.painted).then((h) => h.jsonValue());
  await page.context().close();
  return at;
}

async function firstPaint(browser) {
  const server = await demo();
  try {
    await server.start();
    const { id } = await server.api("lin", "POST", "/api/runs", { plan: "bank-switchover", mode: "drill", reason: "measuring" });
    await server.reaches(id, "awaiting_approval");
    const took = [];
    for (let i = 0; i < rounds; i++) took.push(await painted(browser, server.base, id, 78));
    return took;
  } finally {
    await server.end();
  }
}

/** newsroom is a server without sites, with a plan of thousands of steps that only wait. */
async function newsroom(dir) {
  const child = spawn(process.env.SWITCHMAN ?? "bin/switchman", ["bench", "newsroom", dir, "--stages", String(stages)], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = new Promise((ok) => child.once("exit", ok));
  const hello = await new Promise((ok, no) => {
    let text = "";
    child.stdout.on("data", (d) => {
      text += d;
      if (text.trimEnd().endsWith("}")) ok(JSON.parse(text));
    });
    gone.then(() => no(new Error("the server ended at once")));
  });
  return { base: "http://" + hello.addr, end: () => (child.kill("SIGTERM"), gone) };
}

/** watched carries a run out under the eyes of a page on it, and answers the page's tasks. */
async function watched(browser, dir) {
  const { base, end } = await newsroom(dir);
  const api = async (as, method, path, body) => {
    const res = await fetch(base + path, { method, headers: { "X-Switchman-As": as, ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
    const answer = await res.json();
    if (!res.ok) throw new Error(`${as} ${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const reaches = (id, state) => until(`${id} is ${state}`, async () => ((v) => v.state === state && v)(await api("ann", "GET", "/api/runs/" + id)));
  try {
    const { id } = await api("ann", "POST", "/api/runs", { plan: "wide", mode: "drill", reason: "measuring" });
    const { round } = await reaches(id, "awaiting_approval");
    for (const who of ["bob", "cat"]) await api(who, "POST", `/api/runs/${id}/approve`, { nonce: round.nonce, confirmed: true });
    const { code } = await api("dan", "POST", `/api/runs/${id}/issue_code`, { confirmed: true });
    const page = await signedIn(browser, base, "eve");
    await page.goto(`${base}/#/run/${id}`);
    await page.locator(".board .half").first().waitFor();
    await page.waitForTimeout(1000); // the page has come to rest
    await page.evaluate(() => {
      window.long = [];
      new PerformanceObserver((list) => list.getEntries().forEach((e) => window.long.push(e.duration))).observe({ type: "longtask" });
    });
    const trace = join(dir, "trace.json");
    await browser.startTracing(page, { path: trace, categories: ["toplevel", "devtools.timeline"] });
    const begun = Date.now();
    await api("ann", "POST", `/api/runs/${id}/start`, { code, confirmed: true });
    await page.locator('[data-state="at_standby"]').waitFor({ timeout: 120_000 });
    const took = Date.now() - begun;
    const { rows } = await api("ann", "GET", `/api/journal?run=${id}&limit=1`).then(async () => ({ rows: await count(api, id) }));
    await until("every row is on the page", () => page.evaluate((n) => document.querySelector(".log button")?.textContent.includes(String(n)), rows));
    await page.waitForTimeout(500);
    await browser.stopTracing();
    const long = await page.evaluate(() => window.long);
    await page.context().close();
    return { rows, took, long, tasks: tasks(JSON.parse(readFileSync(trace, "utf8")).traceEvents) };
  } finally {
    await end();
  }
}

async function count(api, id) {
  let n = 0;
  for (let from = 0; from !== undefined; ) {
    const page = await api("ann", "GET", `/api/journal?run=${id}&limit=1000&from=${from}`);
    n += page.rows.length;
    from = page.next;
  }
  return n;
}

/** tasks are those of the page's main thread, in ms: by the clock, and of processor time. */
function tasks(trace) {
  const pages = trace.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => `${e.pid}/${e.tid}`);
  const all = trace.filter((e) => e.ph === "X" && /RunTask/.test(e.name) && pages.includes(`${e.pid}/${e.tid}`));
  return { wall: Math.max(...all.map((e) => e.dur ?? 0)) / 1000, cpu: Math.max(...all.map((e) => e.tdur ?? 0)) / 1000, n: all.length };
}

const browser = await open();
try {
  const took = await firstPaint(browser);
  console.log(`first paint of a run with 39 nodes      ${range(took)} ms, at most ${paintAtMost}: ${verdict(took, paintAtMost)}`);
  const seen = [];
  for (let i = 0; i < Math.ceil(rounds / 2); i++) seen.push(await watched(browser, join(home, String(i))));
  const longest = seen.map((s) => Math.max(0, s.tasks.wall, ...s.long));
  console.log(`longest task while ${range(seen.map((s) => s.rows))} rows come   ${range(longest)} ms, at most ${taskAtMost}: ${verdict(longest, taskAtMost)}`);
  console.log(`  of processor time                     ${range(seen.map((s) => s.tasks.cpu))} ms`);
  console.log(`  tasks longer than ${taskAtMost} ms               ${range(seen.map((s) => s.long.length))}`);
  console.log(`  from the start to the last row        ${range(seen.map((s) => s.took / 1000), 1)} s`);
  if (seen.some((s) => s.rows < events)) throw new Error("too few rows: " + seen.map((s) => s.rows));
} finally {
  await browser.close();
  rmSync(home, { recursive: true, force: true });
}
