// Servers of a test's own: a demo of the sample bank, and a bank that is served in earnest.
import { execFile, spawn } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

/** program is one server process on a state directory that outlives it. view(run) reads a run; up is what it answers
 * with yes when it is there. */
async function program(args, env, view, up = "/readyz") {
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
        if (await fetch(base + up).then((r) => r.ok, () => false)) return;
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

/** bank is the files of org/ and its commands: what servers of it are told by their surroundings, and its facts. */
function bank() {
  const home = mkdtempSync(join(tmpdir(), "switchman-bank-"));
  const facts = join(home, "facts");
  mkdirSync(facts);
  mkdirSync(join(home, "bin"));
  writeFileSync(join(home, "bin", "tool"), tool);
  chmodSync(join(home, "bin", "tool"), 0o755);
  cpSync(new URL("org", import.meta.url).pathname, join(home, "org"), { recursive: true });
  return {
    env: { PATH: join(home, "bin") + ":" + process.env.PATH, HOME: facts, SWITCHMAN_ORG: join(home, "org"), SWITCHMAN_ANCHORS: "" },
    fact: (name, text = "") => writeFileSync(join(facts, name), text),
    nofact: (name) => rmSync(join(facts, name), { force: true }),
    end: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** served is one server in earnest, and what its host and people with tokens do there. */
async function served(env, up) {
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
  const server = await program(["serve"], () => env, view, up);
  return Object.assign(server, {
    api,
    view,
    /** enrol makes somebody's one-time link, as the owner of the host does. */
    enrol: async (id) => JSON.parse((await promisify(execFile)(server.name, ["person", "enrol", id, "--state", server.state, "--json"])).stdout).link,
    rows: async (run, kind) => (await api("eve", "GET", `/api/journal?limit=1000${run ? "&run=" + run : ""}`)).rows.filter((r) => !kind || r.kind === kind),
  });
}

/** serve is the bank of org/ in earnest: passwords, second factors, and a listener for telephones. */
export async function serve() {
  const { env, fact, nofact, end } = bank();
  const phone = await free();
  const server = await served({ ...env, SWITCHMAN_PHONE_ADDR: `127.0.0.1:${phone}` });
  const stop = server.end;
  return Object.assign(server, { fact, nofact, phone: `http://127.0.0.1:${phone}`, end: () => stop.call(server).finally(end) });
}

/** sites is a server of that bank at each of its two sites, on one PostgreSQL database: work is taken at east. */
export async function sites(url) {
  const { env, end } = bank();
  const at = (site) => served({ ...env, SWITCHMAN_SITE: site, SWITCHMAN_DATABASE_URL: url, SWITCHMAN_MODEL_DIR: join(env.HOME, "none") }, "/healthz"); // only one of them is ready
  const east = await at("east");
  const west = await at("west");
  const sql = (query) => promisify(execFile)("psql", ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", query, url]);
  return {
    east,
    west,
    async start() {
      await east.start();
      for (const key of ["log.key", "pepper"]) copyFileSync(join(east.state, key), join(west.state, key));
      await west.start();
    },
    /** aged lets time pass for a wish: somebody still has a few seconds to confirm it. */
    aged: (left) =>
      sql(`UPDATE active_site SET ask = jsonb_set(ask::jsonb, '{at}', to_jsonb(to_char(now() AT TIME ZONE 'UTC' - interval '30 min' + interval '${left} s', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))::text`),
    /** faded takes a site's server for gone, most of a minute before it would be. */
    faded: (site, left = 0) => sql(`UPDATE replica SET seen_at = (extract(epoch FROM now() - interval '60 s' + interval '${left} s') * 1000000)::bigint WHERE site = '${site}'`),
    end: () => Promise.all([east.end(), west.end()]).finally(end),
  };
}
