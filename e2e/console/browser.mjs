// A browser for tests: Debian's Chromium, watched. Whatever a page logs as an error, whatever its
// policy blocks, and whatever it fetches from elsewhere is kept and fails the test that looked.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function open() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
}

/** visitor opens a context of its own, as somebody with a browser of their own would, at a place. */
export async function visitor(browser, base, id, hash, options = {}) {
  const { lang = "en", theme = "light", width = 1440, height = width < 600 ? 844 : 900, ...more } = options;
  const context = await browser.newContext({ viewport: { width, height }, locale: lang === "zh" ? "zh-CN" : "en-GB", colorScheme: theme, timezoneId: "Asia/Shanghai", ...more });
  await context.addInitScript((l) => {
    if (window === window.top) localStorage.setItem("lang", localStorage.getItem("lang") ?? l);
  }, lang);
  const page = await context.newPage();
  const wrong = watch(page, base);
  page.setDefaultTimeout(20_000); // a busy machine is no failure
  await page.goto(base + "/" + hash);
  const who = { id, context, page, wrong, base, go: (to) => who.page.goto(base + "/" + to) };
  return who;
}

/** person is a visitor of a demo who is somebody of its roster. */
export async function person(browser, base, id, options = {}) {
  const who = await visitor(browser, base, id, "#/signin", options);
  if (id) {
    await who.page.locator(`[data-person="${id}"]`).click();
    await who.page.waitForURL(/#\/now/);
  }
  return who;
}

/** watch collects what must never happen. expected names console errors a test provokes itself. */
export function watch(page, base) {
  const wrong = [];
  wrong.expected = [];
  const add = (text) => {
    if (!wrong.expected.some((e) => e.test(text))) wrong.push(text);
  };
  page.on("console", (m) => m.type() === "error" && add(`console: ${m.text()} ${m.location().url}`));
  page.on("pageerror", (e) => add("page error: " + e.stack));
  page.on("dialog", (d) => (add("a dialog opened: " + d.message()), d.dismiss()));
  page.on("request", (r) => {
    if (!r.url().startsWith(base) && !r.url().startsWith("data:") && !r.url().startsWith("blob:")) add("fetched from elsewhere: " + r.url());
  });
  return wrong;
}

/** refusals are answers a page is given on purpose; Chromium calls each of them an error. */
export const refusals = /Failed to load resource: the server responded with a status of (400|403|404|409|422)/;

/** looks fails for whatever axe finds serious in what is on the screen. */
export async function looks(who, room) {
  await who.page.evaluate(axe);
  const found = await who.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
  const serious = found.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(serious.map((v) => `${room}: ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? "")).join(" | ")}`), []);
}

/** fits fails if anything sticks out at a page's side, and names what does. */
export async function fits(who) {
  const wide = await who.page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    return [`${document.documentElement.scrollWidth} of ${innerWidth}`, ...[...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > innerWidth).slice(0, 4).map((e) => e.outerHTML.slice(0, 200))];
  });
  assert.deepEqual(wide, []);
}

/** alert is the sentence a page, or the dialog on top of it, refuses with. */
export async function alert(who, within = "main") {
  const it = who.page.locator(`${within} [role="alert"]`).last();
  await it.waitFor();
  return (await it.innerText()).trim();
}

/** plain fails if a page took part of a text for markup, or ran it, or shows marks nobody sees. */
export async function plain(who) {
  assert.deepEqual((await who.page.locator("body").innerText()).split("\n").filter((line) => /[\u200b-\u200f\u202a-\u202e\u2066-\u2069]/.test(line)), []);
  assert.equal(await who.page.evaluate(() => window.ran ?? document.querySelectorAll("main script, main img[src=x], main b b, dialog script, dialog img[src=x]").length), 0);
}
