// The page of the workspace: be somebody, look, click. It knows nothing that /_person does not tell.
import { blocks, filled, h, mrkdwn } from "./blocks.js";

const $ = (id) => document.getElementById(id);
const state = { me: "", room: "", thread: "", space: null, errors: {}, viewKey: "", homeKey: "", read: {}, drawn: new Map(), drafts: new Map() };

async function get(path) {
  const r = await fetch(path);
  return r.json();
}
async function post(path, body) {
  const r = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return r.json();
}

const sentences = {
  dispatch_failed: "the app is not connected",
  operation_timeout: "the app did not answer within three seconds",
  slack_is_down: "this workspace is out of order just now",
  not_in_channel: "you are not in this channel",
  account_inactive: "this account is deactivated",
  not_a_person: "bots do not click",
  invalid_command: "people of other workspaces cannot use this app's commands",
  invalid_response: "the app's answer made no sense, and Slack says “We had some trouble connecting”",
};
const why = (code) => `${sentences[code] ?? code} (${code})`;

function oops(text) {
  $("oops").textContent = text;
  $("oops").hidden = !text;
}

// --- what is where -----------------------------------------------------------------------------------

function go(room, thread = "") {
  location.hash = `#${state.me}/${room}${thread ? "/" + thread : ""}`;
}

function where() {
  const [me, room, thread] = location.hash.slice(1).split("/");
  if (me) state.me = me;
  state.room = room || state.room;
  state.thread = thread ?? "";
}

async function look() {
  where();
  const space = (state.space = await get(`/_page/workspace?user=${state.me}`));
  state.me ||= (space.people.find((p) => !p.flags.length && p.locale?.slice(0, 2) === navigator.language.slice(0, 2)) ?? { id: space.me }).id;
  if (state.room !== "home" && !space.channels.some((c) => c.id === state.room)) state.room = space.channels[0]?.id ?? "home";
  rail();
  const [said, shown] = await Promise.all([
    state.room === "home" ? { messages: [] } : get(`/_person/messages?user=${state.me}&channel=${state.room}`),
    get(`/_person/views?user=${state.me}`)]);
  if (state.room === "home") home(shown.home);
  else feed(said.messages ?? []);
  modal(shown.views ?? []);
}

function rail() {
  const s = state.space;
  document.title = s.team;
  $("team").textContent = s.team;
  const people = s.people.map((p) => h("option", { value: p.id, selected: p.id === state.me }, [p.name, p.title, ...p.flags].filter(Boolean).join(" · ")));
  $("role").textContent = s.people.find((p) => p.id === state.me)?.title ?? "";
  if (document.activeElement !== $("me")) $("me").replaceChildren(...people);
  const row = (id, label, unread) => h("li", {}, h("button", { "aria-current": String(id === state.room), onclick: () => { document.body.classList.remove("menu"); go(id); } },
    label, unread > 0 && id !== state.room ? h("span", { class: "new" }, String(unread)) : null));
  for (const c of s.channels) if (!(c.id in state.read) || c.id === state.room) state.read[c.id] = c.count;
  const mark = (c) => (c.kind === "im" ? "" : c.kind === "group" ? "◆ " : "# ");
  $("rooms").replaceChildren(...s.channels.filter((c) => c.kind !== "im").map((c) => row(c.id, `${mark(c)}${c.name}${c.shared ? " (shared)" : ""}`, c.count - state.read[c.id])));
  $("apps").replaceChildren(row("home", `${s.app.name} · Home`, 0), ...s.channels.filter((c) => c.kind === "im").map((c) => row(c.id, `${s.app.name} · Messages`, c.count - state.read[c.id])));
  $("line").textContent = s.sockets ? `The app is connected (${s.sockets} ${s.sockets === 1 ? "socket" : "sockets"}).` : "The app is not connected.";
  const c = s.channels.find((one) => one.id === state.room);
  $("name").textContent = state.room === "home" ? s.app.name : c ? (c.kind === "im" ? s.app.name : mark(c) + c.name) : "";
  $("topic").textContent = c ? [c.topic, c.shared ? "shared with another workspace" : "", c.pending ? "another workspace is invited" : "", c.archived ? "archived" : "", c.member ? "" : "you are only looking in"].filter(Boolean).join(" · ") : "Home";
  $("compose").hidden = state.room === "home";
  $("text").placeholder = `Message ${$("name").textContent}, or a command such as /dr help`;
}

// --- messages ----------------------------------------------------------------------------------------

const hues = [205, 160, 25, 280, 340, 95, 230, 10];
function face(m) {
  const hue = hues[[...m.user].reduce((n, c) => n + c.charCodeAt(0), 0) % hues.length];
  return h("div", { class: "face", "aria-hidden": "true", style: `background: ${m.app ? "#3b4754" : `hsl(${hue} 45% 42%)`}` }, (m.name || "?").slice(0, 1));
}
const clock = (ts) => new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function message(m, inThread) {
  const press = async (e, b, value, from) => {
    if (e.confirm && !(await confirmed(e.confirm))) return;
    if (e.url) window.open(e.url, "_blank", "noopener");
    from.setAttribute("aria-busy", "true");
    oops("");
    const option = /select|overflow|radio|checkbox/.test(e.type);
    const act = await post("/_person/click", { user: state.me, channel: state.room, ts: m.ts, action_id: e.action_id, block_id: b.block_id, ...(option ? { option: value } : { value }) });
    from.removeAttribute("aria-busy");
    if (act.error) oops(`${e.text?.text ?? e.action_id}: ${why(act.error)}`);
  };
  const body = m.blocks ? blocks(m.blocks, context(press)) : h("div", { class: "said" }, mrkdwn(m.text, state.space.names));
  return h("article", { class: m.ephemeral ? "msg only" : "msg", "data-ts": m.ts }, face(m), h("div", { class: "body" },
    m.ephemeral ? h("div", { class: "only-note" }, "Only visible to you") : null,
    m.pinned ? h("div", { class: "only-note" }, "Pinned") : null,
    h("span", { class: "who" }, m.name || m.user), m.app ? h("span", { class: "app-tag" }, "APP") : null, h("time", { class: "at" }, clock(m.ts)),
    m.edited ? h("span", { class: "edited" }, "(edited)") : null,
    body,
    (m.files ?? []).map((f) => h("div", { class: "file" }, h("a", { href: f.url_private, target: "_blank" }, f.title), h("small", {}, `${f.pretty_type} · ${f.size} bytes`),
      f.mimetype.startsWith("image/") ? h("img", { src: new URL(f.url_private).pathname, alt: f.title }) : null)),
    (m.reactions ?? []).map((r) => h("span", { class: "react" }, mrkdwn(`:${r.name}:`), ` ${r.count}`)),
    m.reply_count && !inThread ? h("button", { class: "replies", onclick: () => go(state.room, m.ts) }, `${m.reply_count} ${m.reply_count === 1 ? "reply" : "replies"}`) : null));
}

function context(act, more = {}) {
  return { names: state.space.names, people: state.space.people, rooms: state.space.channels, act, ...more };
}

/** Fills a list, keeping the nodes of messages that did not change. */
function list(root, messages, inThread) {
  const low = root.scrollHeight - root.scrollTop - root.clientHeight < 60 || root.dataset.of !== state.room + state.thread;
  root.dataset.of = state.room + state.thread;
  const nodes = [];
  let day = "";
  for (const m of messages) {
    const d = new Date(Number(m.ts) * 1000).toLocaleDateString("en", { weekday: "long", month: "long", day: "numeric" });
    if (d !== day && !inThread) nodes.push(h("div", { class: "day" }, h("span", {}, d)));
    day = d;
    const key = `${inThread} ${state.me} ${JSON.stringify(m)}`;
    const id = `${inThread} ${state.room} ${m.ts}`;
    if (state.drawn.get(id)?.key !== key) state.drawn.set(id, { key, node: message(m, inThread) });
    nodes.push(state.drawn.get(id).node);
  }
  if (nodes.length === 0) nodes.push(h("p", { class: "empty" }, "Nothing has been said here yet."));
  root.replaceChildren(...nodes);
  if (low) root.scrollTop = root.scrollHeight;
}

function feed(messages) {
  list($("feed"), messages.filter((m) => !m.thread_ts || m.subtype === "thread_broadcast" || m.ephemeral), false);
  $("thread").hidden = !state.thread;
  if (state.thread) list($("answers"), messages.filter((m) => m.ts === state.thread || m.thread_ts === state.thread), true);
}

function home(view) {
  $("thread").hidden = true;
  const key = `${state.me} ${view?.hash}`;
  if (state.homeKey === key && $("feed").dataset.of === "home") return;
  state.homeKey = key;
  $("feed").dataset.of = "home";
  $("feed").replaceChildren(view ? h("div", { class: "home" }, blocks(view.blocks, context(pressIn(view), { held: held(view) }))) : h("p", { class: "empty" }, "The app has published no Home tab for you yet."));
}

// --- forms -------------------------------------------------------------------------------------------

const held = (view) => (block, action) => view.values?.[block]?.[action];

function pressIn(view) {
  return async (e, b, value, from) => {
    if (e.confirm && !(await confirmed(e.confirm))) return;
    const option = /select|overflow|radio|checkbox/.test(e.type);
    from?.setAttribute("aria-busy", "true");
    const act = await post("/_person/click", { user: state.me, view_id: view.id, action_id: e.action_id, block_id: b.block_id, ...(option ? { option: value } : { value }) });
    from?.removeAttribute("aria-busy");
    if (act.error) oops(`${why(act.error)}`);
  };
}

function modal(views) {
  const box = $("modal"), view = views.at(-1);
  if (!view) {
    if (box.open) box.close();
    state.viewKey = "";
    return;
  }
  const key = `${state.me} ${view.id} ${view.hash} ${JSON.stringify(state.errors[view.id] ?? null)}`;
  if (key === state.viewKey && box.open) return;
  const typed = box.open && box.dataset.view === view.id ? filled(box) : {};
  state.viewKey = key;
  box.dataset.view = view.id;
  const errors = state.errors[view.id]?.errors, trouble = state.errors[view.id]?.error;
  const shut = () => post("/_person/close", { user: state.me, view_id: view.id });
  const keep = (block, action) => (typed[block]?.[action] !== undefined && typeof typed[block][action] === "string" ? { ...held(view)(block, action), value: typed[block][action] } : held(view)(block, action));
  const send = async (ev) => {
    ev.preventDefault();
    ev.submitter?.setAttribute("aria-busy", "true");
    const act = await post("/_person/submit", { user: state.me, view_id: view.id, values: filled(box) });
    ev.submitter?.removeAttribute("aria-busy");
    state.errors[view.id] = act.errors || (act.error && act.error !== "invalid_input") ? { errors: act.errors, error: act.error === "invalid_input" ? "" : act.error } : undefined;
    schedule();
  };
  box.replaceChildren(
    h("header", {}, h("span", {}, view.title, views.length > 1 ? h("span", { class: "deeper" }, `  ${views.length} of 3`) : null), h("button", { "aria-label": "Close", onclick: shut }, "✕")),
    h("form", { onsubmit: send, novalidate: true, style: "display: contents" },
      h("div", { class: "in" }, blocks(view.blocks, context(pressIn(view), { held: keep, errors })), trouble ? h("p", { class: "wrong field", role: "alert" }, `We had some trouble connecting. ${why(trouble)}`) : null),
      h("footer", {}, h("button", { type: "button", class: "btn", onclick: shut }, view.close || (view.submit ? "Cancel" : "Close")), view.submit ? h("button", { class: "btn primary" }, view.submit) : null)));
  if (!box.open) {
    box.showModal();
    box.querySelector(".in input, .in textarea, .in select")?.focus();
  }
}
$("modal").addEventListener("cancel", (ev) => {
  ev.preventDefault();
  post("/_person/close", { user: state.me, view_id: $("modal").dataset.view });
});

function confirmed(c) {
  const box = $("confirm");
  return new Promise((done) => {
    const end = (yes) => () => { box.close(); done(yes); };
    const say = (o) => (o?.type === "mrkdwn" ? mrkdwn(o.text, state.space.names) : o?.text ?? "");
    box.oncancel = () => done(false);
    box.replaceChildren(h("header", {}, h("span", {}, say(c.title))), h("div", { class: "in md" }, say(c.text)),
      h("footer", {}, h("button", { class: "btn", onclick: end(false) }, say(c.deny) || "Cancel"), h("button", { class: c.style === "danger" ? "btn danger full" : "btn primary", onclick: end(true) }, say(c.confirm) || "Yes")));
    box.showModal();
  });
}

// --- talking -----------------------------------------------------------------------------------------

async function say(text, thread) {
  oops("");
  const slash = /^(\/\S+)\s*([^]*)$/.exec(text);
  if (slash) {
    const act = await post("/_person/slash", { user: state.me, channel: state.room, command: slash[1], text: slash[2] });
    if (act.error) oops(`${slash[1]} failed: ${why(act.error)}`);
    return;
  }
  const act = await post("/_person/say", { user: state.me, channel: state.room, text, thread_ts: thread });
  if (act.error) oops(`⚠ not sent: ${why(act.error)}`);
}

for (const [formId, inputId] of [["compose", "text"], ["answer", "atext"]]) {
  $(formId).addEventListener("submit", (ev) => {
    ev.preventDefault();
    const text = $(inputId).value.trim();
    $(inputId).value = "";
    if (text) say(text, formId === "answer" ? state.thread : undefined);
  });
}
$("me").addEventListener("change", (ev) => {
  state.me = ev.target.value;
  ev.target.blur();
  go(state.room);
});
$("menu").addEventListener("click", () => document.body.classList.toggle("menu"));
$("main").addEventListener("click", (ev) => { if (ev.target !== $("menu")) document.body.classList.remove("menu"); });
$("unthread").addEventListener("click", () => go(state.room));

// --- live --------------------------------------------------------------------------------------------

let due = 0, busy = false;
async function run() {
  due = 0;
  if (busy) return schedule();
  busy = true;
  try {
    await look();
  } catch {
    $("line").textContent = "This workspace does not answer.";
  }
  busy = false;
}
function schedule() {
  due ||= setTimeout(run, 30);
}
let wasHome = "";
function moved() {
  where();
  const now = state.room === "home" ? state.me : "";
  if (now && now !== wasHome) post("/_person/home", { user: now });
  wasHome = now;
  schedule();
}
addEventListener("hashchange", moved);
new EventSource("/_page/live").onmessage = schedule;
moved();
