// The console in a real browser against real servers. Run by `go test ./e2e/console`, which builds the
// program and names it in SWITCHMAN, and an empty PostgreSQL database in POSTGRES; by hand, with the stages to play:
//   SWITCHMAN=bin/switchman POSTGRES=postgres://… node e2e/console/play.mjs [story] [proof] [breakage] [sites]
import breakage from "./breakage.mjs";
import { open } from "./browser.mjs";
import proof from "./proof.mjs";
import sites from "./sites.mjs";
import story from "./story.mjs";

const stages = { story, proof, breakage, sites };
const wanted = process.argv.slice(2);
const played = Object.entries(stages).filter(([name]) => !wanted.length || wanted.includes(name));
if (played.some(([name]) => name === "sites") && !process.env.POSTGRES) {
  console.error("The stage sites has two servers on one database: name an empty one of PostgreSQL in POSTGRES=postgres://…, or play other stages (go test ./e2e/console brings one).");
  process.exit(2);
}
const browser = await open();
let failed = 0;
try {
  // Stages share nothing but the browser, and each waits a lot: they are played at the same time.
  for (const n of await Promise.all(played.map(async ([, stage]) => (await stage(browser)).play()))) failed += n;
} finally {
  await browser.close();
}
process.exit(failed ? 1 : 0);
