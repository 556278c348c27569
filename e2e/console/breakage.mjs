// Something breaks at the sample bank, for real, and somebody who has never seen it is led from the button
// that broke it to the request of the plan that fits.
import assert from "node:assert/strict";
import { looks, person } from "./browser.mjs";
import { demo } from "./server.mjs";
import { Stage } from "./stage.mjs";

export default async function breakage(browser) {
  const server = await demo();
  const { base } = server;
  const stage = new Stage("breakage", server);
  const test = stage.test.bind(stage);
  const told = {};

  test("a site is killed by a button, and its situation names the plan that fits", async () => {
    const lin = (told.lin = stage.with(await person(browser, base, "lin")));
    await lin.page.locator('[data-act="stage"]').click();
    await looks(lin, "stage");
    await lin.page.locator('[data-stage="kill-site"]').click();
    await lin.page.waitForURL(/#\/situations/);
    await lin.page.locator("article.line.bad a.button").first().click({ timeout: 60_000 });
    await lin.page.locator('[data-act="request"]').waitFor();
    assert.match(await lin.page.locator("main h1").innerText(), /Harbor East/);
    assert.ok((await lin.page.locator(".dots i.bad").count()) >= 39);
    await looks(lin, "situation");
  });

  test("its button leads to a request with everything filled in", async () => {
    const { lin } = told;
    const id = new URL(lin.page.url()).hash.split("/")[2];
    await lin.page.locator('[data-act="request"]').click();
    const form = lin.page.locator("dialog form");
    await form.waitFor();
    assert.ok(await form.locator('input[name="mode"][value="emergency"]').isChecked());
    assert.match(await form.locator('textarea[name="reason"]').inputValue(), new RegExp(id));
    assert.equal(await form.locator('input[type="checkbox"]:checked').count(), 4);
    await looks(lin, "request");
  });

  test("mended, it ends", async () => {
    const { lin } = told;
    await lin.go("#/situations");
    await lin.page.locator('[data-act="stage"]').click();
    await lin.page.locator('[data-stage="kill-site"]').click();
    await lin.page.keyboard.press("Escape");
    await lin.page.locator("article.line.ok").first().waitFor({ timeout: 60_000 });
  });
  return stage;
}
