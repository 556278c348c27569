// Servers of a test's own: a demo of the sample bank, and a bank that is served in earnest.
import { execFile, spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const soon = (ms = 50) => new Promise((go) => setTimeout(go, ms));

/** until asks again and again, for at most a minute, and answers the first thing that is true. */
export async function until(what, f) {
  for (const end = Date.now() + 60_000; Date.now() < end; await soon()) {
    const got = await f();
    if (got) return got;
  }
  throw new Error("it never came true that " + what);
}

function free() {
  return new Promise((ok) => {
    const s = createServer().listen(0, "127.0.0.1", () => {
      const { port } = s.address();
      s.close(() => ok(port));
    });
  });
}

/** program is one server process on a state directory that outlives it. view(run) reads a run. */
async function program(args, env, view) {
  const state = mkdtempSync(join(tmpdir(), "switchman-console-"));
  const port = await free();
  const base = `http://127.0.0.1:${port}`;
  const name = process.env.SWITCHMAN ?? "bin/switchman";
  let child;
  return {
    base,
    state,
    name,
    async start() {
      let log = "";
      child = spawn(name, [...args, "--state", state, "--addr", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "pipe"], detached: true, env: { ...process.env, ...env(state) } });
      for (const out of [child.stdout, child.stderr]) out.on("data", (d) => (log += d));
      for (const end = Date.now() + 30_000; Date.now() < end; await soon()) {
        if (await fetch(base + "/readyz").then((r) => r.ok, () => false)) return;
        if (child.exitCode !== null) break;
      }
      throw new Error("the server does not come up:\n" + log);
    },
    /** kill takes the power away: the server and its sites end at once. */
    kill() {
      return new Promise((ok) => {
        child.once("exit", ok);
        process.kill(-child.pid, "SIGKILL");
      });
    },
    async end() {
      if (child && child.exitCode === null && child.signalCode === null) await this.kill();
      rmSync(state, { recursive: true, force: true });
    },
    /** reaches waits until a run is in one of the states. */
    reaches: (run, ...states) =>
      until(`run ${run} is ${states.join(" or ")}`, async () => {
        const v = await view(run);
        return states.includes(v.state) && v;
      }),
  };
}

/** demo is the sample bank, where api acts as anybody. */
export async function demo() {
  const api = async (as, method, path, body) => {
    const res = await fetch(server.base + path, { method, headers: { "X-Switchman-As": as, ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
    return res.json();
  };
  const view = (run) => api("bai", "GET", "/api/runs/" + run);
  const server = Object.assign(await program(["demo"], (state) => ({ SWITCHMAN_MODEL_DIR: join(state, "none") }), view), { api, view });
  return server;
}

// tool stands in for a bank's own commands. Facts are files, one per node and key; a node that is broken
// fails, one that is slow takes that long, and of one that is blind nobody can tell.
const tool = `#!/bin/sh
facts=\${HOME:?where facts are}
case "$1" in
set)
	[ ! -e "$facts/$2.slow" ] || sleep "$(cat "$facts/$2.slow")"
	[ ! -e "$facts/$2.broken" ] || { cat "$facts/$2.broken"; exit 3; }
	echo "$SWITCHMAN_STEP_TOKEN" >>"$facts/$2.$3"
	echo "$2 is $3 now"
	;;
unset) rm -f "$facts/$2.$3" ;;
is | not)
	[ ! -e "$facts/$2.blind" ] || exit 7
	there=not
	[ ! -e "$facts/$2.$3" ] || there=is
	[ "$there" = "$1" ]
	;;
esac
`;

/** serve is the bank of org/ in earnest: passwords, second factors, and a listener for telephones. */
export async function serve() {
  const home = mkdtempSync(join(tmpdir(), "switchman-bank-"));
  const facts = join(home, "facts");
  mkdirSync(facts);
  mkdirSync(join(home, "bin"));
  writeFileSync(join(home, "bin", "tool"), tool);
  chmodSync(join(home, "bin", "tool"), 0o755);
  cpSync(new URL("org", import.meta.url).pathname, join(home, "org"), { recursive: true });
  const phone = await free();
  const tokens = {};
  /** host speaks to the server as whoever owns its socket does. */
  const host = (method, path, body) =>
    new Promise((ok, no) => {
      const r = request({ socketPath: join(server.state, "switchman.sock"), method, path, headers: { Host: "localhost", "Content-Type": "application/json" } }, (res) => {
        let text = "";
        res.on("data", (d) => (text += d)).on("end", () => ok(text && JSON.parse(text)));
      });
      r.on("error", no).end(body && JSON.stringify(body));
    });
  /** api acts as somebody with a personal token, as a script of theirs would. */
  const api = async (as, method, path, body) => {
    tokens[as] ??= (await host("POST", "/api/tokens", { person: as })).token;
    const res = await fetch(server.base + path, { method, headers: { Authorization: "Bearer " + tokens[as], ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
    const answer = await res.json();
    if (!res.ok) throw new Error(`${as} ${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const view = (run) => api("eve", "GET", "/api/runs/" + run);
  const env = () => ({ PATH: join(home, "bin") + ":" + process.env.PATH, HOME: facts, SWITCHMAN_ORG: join(home, "org"), SWITCHMAN_PHONE_ADDR: `127.0.0.1:${phone}`, SWITCHMAN_ANCHORS: "" });
  const server = await program(["serve"], env, view);
  const end = server.end;
  return Object.assign(server, {
    api,
    view,
    phone: `http://127.0.0.1:${phone}`,
    fact: (name, text = "") => writeFileSync(join(facts, name), text),
    nofact: (name) => rmSync(join(facts, name), { force: true }),
    /** enrol makes somebody's one-time link, as the owner of the host does. */
    enrol: async (id) => JSON.parse((await promisify(execFile)(server.name, ["person", "enrol", id, "--state", server.state, "--json"])).stdout).link,
    rows: async (run, kind) => (await api("eve", "GET", `/api/journal?limit=1000${run ? "&run=" + run : ""}`)).rows.filter((r) => !kind || r.kind === kind),
    async end() {
      await end.call(server);
      rmSync(home, { recursive: true, force: true });
    },
  });
}
