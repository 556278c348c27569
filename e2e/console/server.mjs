// A demo server of its own for a test or for pictures.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

function free() {
  return new Promise((ok) => {
    const s = createServer().listen(0, "127.0.0.1", () => {
      const { port } = s.address();
      s.close(() => ok(port));
    });
  });
}

export async function demo(program = process.env.SWITCHMAN ?? "bin/switchman") {
  const state = mkdtempSync(join(tmpdir(), "switchman-console-"));
  const port = await free();
  const base = `http://127.0.0.1:${port}`;
  let child;
  const api = async (as, method, path, body) => {
    const res = await fetch(base + path, { method, headers: { "X-Switchman-As": as, ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
    return res.json();
  };
  const view = (run) => api("bai", "GET", "/api/runs/" + run);
  const server = {
    base,
    api,
    view,
    async start() {
      let log = "";
      child = spawn(program, ["demo", "--state", state, "--addr", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "pipe"], detached: true });
      for (const out of [child.stdout, child.stderr]) out.on("data", (d) => (log += d));
      for (const until = Date.now() + 30_000; Date.now() < until; ) {
        if (await fetch(base + "/readyz").then((r) => r.ok, () => false)) return;
        if (child.exitCode !== null) break;
        await new Promise((go) => setTimeout(go, 100));
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
      if (child && child.exitCode === null && child.signalCode === null) await server.kill();
      rmSync(state, { recursive: true, force: true });
    },
    /** reaches waits until a run is in one of the states. */
    async reaches(run, ...states) {
      for (const until = Date.now() + 60_000; ; ) {
        const v = await view(run);
        if (states.includes(v.state)) return v;
        if (Date.now() > until) throw new Error(`run ${run} is ${v.state}, not ${states}`);
        await new Promise((go) => setTimeout(go, 100));
      }
    },
  };
  return server;
}
