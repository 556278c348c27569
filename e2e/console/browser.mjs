// A browser for tests: Debian's Chromium, watched. Whatever a page logs as an error, whatever its
// policy blocks, and whatever it fetches from elsewhere is kept and fails the test that looked.
import { chromium } from "playwright-core";

export async function open() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
}

/** person opens a context of their own, as a person with a browser of their own would. */
export async function person(browser, base, id, options = {}) {
  const { lang = "en", theme = "light", width = 1440, height = 900, ...more } = options;
  const context = await browser.newContext({ viewport: { width, height }, locale: lang === "zh" ? "zh-CN" : "en-GB", colorScheme: theme, timezoneId: "Asia/Shanghai", ...more });
  await context.addInitScript((l) => {
    if (window === window.top) localStorage.setItem("lang", localStorage.getItem("lang") ?? l);
  }, lang);
  const page = await context.newPage();
  const wrong = watch(page, base);
  page.setDefaultTimeout(20_000); // a busy machine is no failure
  await page.goto(base + "/#/signin");
  if (id) {
    await page.locator(`[data-person="${id}"]`).click();
    await page.waitForURL(/#\/now/);
  }
  const who = { id, context, page, wrong, go: (hash) => who.page.goto(base + "/" + hash) };
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
  page.on("request", (r) => {
    if (!r.url().startsWith(base) && !r.url().startsWith("data:") && !r.url().startsWith("blob:")) add("fetched from elsewhere: " + r.url());
  });
  return wrong;
}
