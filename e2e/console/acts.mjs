// What a person does in the console, as often as a story wants it.
import { Authenticator } from "./totp.mjs";

export async function request(who, plan, reason, mode = "drill") {
  await who.go(`#/plans/${plan}`);
  await who.page.locator('[data-act="request"]').click();
  await who.page.locator(`dialog input[name="mode"][value="${mode}"]`).check();
  await who.page.locator("dialog textarea").fill(reason);
  await who.page.locator("dialog [data-yes]").click();
  await who.page.waitForURL(/#\/run\//);
  return decodeURIComponent(/#\/run\/([^/?]+)/.exec(who.page.url())[1]);
}
export async function approve(who, run) {
  await who.go(`#/approve/${run}`);
  await who.page.locator('[data-verb="approve"]').first().click();
  await who.page.locator("dialog [data-yes]").click();
  await who.page.locator('[data-verb="withdraw"]').waitFor();
}
export async function issue(who, run) {
  await who.go(`#/code/${run}`);
  await who.page.locator('[data-verb="issue_code"]').click();
  await who.page.locator("dialog [data-yes]").click();
  return (await who.page.locator("[data-code]").textContent()).trim();
}
export async function enter(who, run, code) {
  await who.go(`#/code/${run}`);
  await who.page.locator('input[name="code"]').fill(code);
  await who.page.locator('[data-verb="start"]').click();
  await who.page.locator("dialog [data-yes]").click();
}

/** enrolled opens somebody's one-time link and goes its whole way: afterwards they are signed in. */
export async function enrolled(who, password) {
  await who.page.locator('input[name="password"]').fill(password);
  await who.page.locator('input[name="again"]').fill(password);
  await who.page.locator("form button.main").click();
  const phone = new Authenticator(await who.page.locator("[data-secret]").innerText());
  await who.page.locator('input[name="totp"]').fill(await phone.code());
  await who.page.locator("form button.main").click();
  await who.page.waitForURL(/#\/now/);
  return Object.assign(who, { phone, password });
}

/** signIn fills the sign-in in; what comes of it is for the caller to see. */
export async function signIn(who, id, password, number) {
  await who.page.locator('input[name="person"]').fill(id);
  await who.page.locator('input[name="password"]').fill(password);
  await who.page.locator('input[name="totp"]').fill(number);
  await who.page.locator("form button.main").click();
}

/** prove answers the question for the second factor that lies on top of everything. */
export async function prove(who, number) {
  await who.page.locator('dialog input[name="totp"]').fill(number);
  await who.page.locator("dialog:has(input[name=totp]) [data-yes]").click();
}

/** verb presses one of the buttons for what somebody may do and fills its question in. */
export async function verb(who, name, answers = {}) {
  await who.page.locator(`[data-verb="${name}"]`).click();
  for (const [field, value] of Object.entries(answers)) {
    const it = who.page.locator(`dialog [name="${field}"]`).last();
    if ((await it.evaluate((e) => e.tagName)) === "SELECT") await it.selectOption(value);
    else await it.fill(value);
  }
  await who.page.locator("dialog [data-yes]").last().click();
}

/**
 * untilTaken asks and says yes as often as the run moved on meanwhile, which a person reads and does again; ask opens the
 * question and fills it in, and leads to the page that is looked for.
 */
export async function untilTaken(who, ask, there) {
  for (let tries = 0; ; tries++) {
    await ask();
    await who.page.locator("dialog [data-yes]").click();
    const alert = who.page.locator('dialog [role="alert"]');
    const came = await Promise.race([who.page.waitForURL(there).then(() => true), alert.waitFor().then(() => false, () => new Promise(() => {}))]);
    if (came) return;
    const why = await alert.innerText();
    if (tries === 3 || !/changed since you looked/.test(why)) throw new Error(why);
    await who.page.keyboard.press("Escape");
  }
}

/** done waits until the question has gone, which it does when it was answered with yes. */
export const done = (who) => who.page.locator("dialog").first().waitFor({ state: "detached" });
