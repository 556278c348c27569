// The console in a real browser against real servers. Run by `go test ./e2e/console`, which builds the
// program and names it in SWITCHMAN; by hand, with the stages to play:
//   SWITCHMAN=bin/switchman node e2e/console/play.mjs [story] [proof] [breakage]
import breakage from "./breakage.mjs";
import { open } from "./browser.mjs";
import proof from "./proof.mjs";
import story from "./story.mjs";

const stages = { story, proof, breakage };
const wanted = process.argv.slice(2);
const browser = await open();
let failed = 0;
try {
  // Stages share nothing but the browser, and each waits a lot: they are played at the same time.
  const played = Object.entries(stages).filter(([name]) => !wanted.length || wanted.includes(name));
  for (const n of await Promise.all(played.map(async ([, stage]) => (await stage(browser)).play()))) failed += n;
} finally {
  await browser.close();
}
process.exit(failed ? 1 : 0);
