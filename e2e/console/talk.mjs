// What is typed: commands, answers with buttons and forms, the examiner's challenge and the three words of a
// surprise drill. It is told at the demo, by the people of story.mjs.
import { cast } from "./cast.mjs";
import assert from "node:assert/strict";
import { done, request, verb } from "./acts.mjs";
import { alert, plain } from "./browser.mjs";
import { nasty } from "./hard.mjs";
import { until } from "./server.mjs";

export function talk(stage, told) {
  const { api, view, reaches } = stage.server;
  const test = stage.test.bind(stage);
  const open = async () => (await api("bai", "GET", "/api/runs?open=true")).runs;
  const card = (who, text) => who.page.locator("article", { hasText: text }).last();
  async function say(who, line) {
    await who.page.locator("#say").fill(line);
    await who.page.keyboard.press("Enter");
  }

  test("a command is completed as it is typed, and a slip of the finger is answered with the nearest", async () => {
    const { lin } = told;
    const before = (await open()).length;
    await lin.go("#/channel");
    await lin.page.locator("#say").pressSequentially("/dr pla");
    await lin.page.getByRole("option").first().waitFor();
    assert.deepEqual(await lin.page.getByRole("option").locator("b").allInnerTexts().then((all) => all.map((x) => x.split(" ")[1])), ["plans"]);
    await lin.page.keyboard.press("Tab");
    assert.equal(await lin.page.locator("#say").inputValue(), "/dr plans ");
    await lin.page.keyboard.press("Enter");
    await lin.page.locator("article td", { hasText: "bank-switchover" }).first().waitFor();
    await say(lin, "/dr sttus");
    const answer = card(lin, "sttus");
    await answer.waitFor();
    await until("what was typed and its answer are shown once", async () => (await lin.page.locator(".said", { hasText: "sttus" }).count()) === 1 && (await lin.page.locator("article", { hasText: "sttus" }).count()) === 1);
    assert.match(await answer.innerText(), /status/);
    await answer.locator("button.cmd", { hasText: "/dr status" }).click();
    assert.equal(await lin.page.locator("#say").inputValue(), "/dr status");
    assert.equal((await open()).length, before); // words alone did nothing
  });

  test("a button of a card asks in a form, and what is typed into it stays text", async () => {
    const { lin, chen } = told;
    await chen.go("#/channel");
    await say(lin, "/dr plans identity-switchover");
    await card(lin, "identity-switchback").locator('[data-action="drill"]').click();
    await lin.page.locator("dialog textarea").fill(nasty);
    await lin.page.locator("dialog [data-yes]").click();
    await done(lin);
    const run = (told.typed = await until("a run was asked for", async () => (await open()).find((r) => r.plan === "identity-switchover")?.id));
    const v = await reaches(run, "awaiting_approval");
    assert.equal(v.mode, "drill");
    assert.ok(v.reason.startsWith("<script>window.ran=1</script>"));
    assert.doesNotMatch(v.reason, /[\u202e\u200b]/); // what turns the reading direction round is made visible or left out
    await say(chen, `/dr status ${run}`);
    const board = card(chen, run);
    await board.getByText("<script>window.ran=1</script>").first().waitFor();
    await say(lin, `/dr ask ${nasty}`);
    await card(lin, /Not in the runbooks|From the runbook/).waitFor();
    await plain(lin);
    await plain(chen);
  });

  test("a question is answered from a runbook, the passage is opened from the answer, and its owner is told", async () => {
    const { lin } = told;
    await lin.go("#/runbooks");
    await until("the runbooks have been read", async () => (await lin.page.locator("main ul.list li").count()) > 20);
    await lin.page.locator('input[name="question"]').fill("the standby falls behind: how far is it?");
    await lin.page.keyboard.press("Enter");
    const answer = lin.page.locator("section.answer");
    await answer.locator('[data-judge="outdated"]').click();
    await answer.locator("textarea").fill("the view has a new name");
    await answer.locator("form button.main").click();
    await answer.getByRole("status").waitFor();
    await answer.locator("ol a").first().click();
    await lin.page.locator("article.doc .in").first().waitFor(); // the passage is marked
    await plain(lin);
    await lin.go("#/runbooks");
    await lin.page.locator("main", { hasText: "the view has a new name" }).waitFor();
    const hidden = (await api(cast.chen, "GET", "/api/runbooks")).runbooks.find((r) => !r.audience.includes("internal") && !r.audience.includes("public") && !r.audience.includes("role:operator"));
    assert.ok(hidden, "the commander has a runbook that an operator has not");
    await lin.go(`#/runbooks/${encodeURIComponent(hidden.doc)}`);
    assert.match(await alert(lin), /no runbook/);
    await lin.go("#/channel");
  });

  test("a vote is cast by a button in a card, after a question", async () => {
    const { chen, typed: run } = told;
    await say(chen, `/dr status ${run}`);
    await until("the newest board has a button", async () => (await card(chen, run).locator('[data-action="approve"]').count()) > 0);
    await chen.page.locator('[data-action="approve"]').last().click();
    assert.equal((await view(run)).round.have, 0);
    await chen.page.locator("dialog [data-yes]").click();
    await done(chen);
    await until("the vote counts", async () => (await view(run)).round.have === 1);
    assert.deepEqual((await view(run)).round.votes.map((x) => [x.person, x.via]), [[cast.chen, "console"]]);
    await say(told.lin, `/dr cancel ${run} it was for show`);
    await reaches(run, "cancelled");
  });

  test("a surprise drill waits for the examiner's word, and its votes for three words of the plan", async () => {
    const { lin, qi, chen } = told;
    const run = await request(lin, "identity-switchover", "the examiner is here", "surprise_drill");
    await reaches(run, "awaiting_approval");
    await qi.go(`#/run/${run}`);
    await verb(qi, "order", { text: "heron" });
    await done(qi);
    await until("the order opened a second round", async () => ((v) => v.challenge === "heron" && v.round.number === 2 && v.state === "awaiting_approval")(await view(run)));
    await chen.go(`#/approve/${run}`);
    await chen.page.locator("main .note", { hasText: "heron" }).waitFor();
    const words = async () => (await chen.page.locator(".words b").evaluateAll((all) => all.map((b) => b.firstChild.textContent))).join(" ");
    await until("the words are those of the second round", async () => (await words()) === (await view(run)).words.map((w) => w.word).join(" "));
    const vote = async (text) => {
      await chen.page.locator('input[name="words"]').fill(text);
      await chen.page.locator('[data-verb="approve"]').click();
    };
    await vote("three wrong words");
    assert.match(await alert(chen), /words/);
    assert.equal((await view(run)).round.have, 0);
    await vote(await words());
    await chen.page.locator('[data-verb="withdraw"]').waitFor();
    assert.equal((await view(run)).round.have, 1);
    await api(cast.lin, "POST", `/api/runs/${run}/cancel`, { confirmed: true, reason: "seen enough" });
    await reaches(run, "cancelled");
  });
}
