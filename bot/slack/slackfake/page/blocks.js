// Draws Block Kit and mrkdwn. Everything becomes nodes, never markup, so no text can be more than text.

export function h(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, v] of Object.entries(attrs)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), v);
    else if (v === true) node.setAttribute(key, "");
    else if (v !== false && v !== null && v !== undefined) node.setAttribute(key, v);
  }
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

const emoji = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", rotating_light: "🚨", red_circle: "🔴", large_green_circle: "🟢",
  large_yellow_circle: "🟡", large_blue_circle: "🔵", large_orange_circle: "🟠", white_circle: "⚪", black_circle: "⚫", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", lock: "🔒", unlock: "🔓", key: "🔑", bell: "🔔", eyes: "👀", rocket: "🚀", tada: "🎉", question: "❓",
  information_source: "ℹ️", double_vertical_bar: "⏸️", arrow_forward: "▶️", black_square_for_stop: "⏹️", no_entry: "⛔", memo: "📝",
  page_facing_up: "📄", mag: "🔍", wave: "👋", "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", clock1: "🕐", link: "🔗", book: "📖",
};
const decode = (s) => s.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// Signs of state are drawn here, so that they look the same where no font has them.
const disc = (fill) => `<circle cx="8" cy="8" r="7" fill="${fill}"/>`;
const plate = (fill, inside) => `<rect x="1" y="1" width="14" height="14" rx="3" fill="${fill}"/>${inside}`;
const stroke = (d, colour = "#fff") => `<path d="${d}" fill="none" stroke="${colour}" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>`;
const drawn = {
  "🔴": disc("#dd2e44"), "🟢": disc("#4f9d3a"), "🟡": disc("#f4c430"), "🔵": disc("#3b88c3"), "🟠": disc("#f4900c"), "⚪": disc("#d7dde2"), "⚫": disc("#31373d"),
  "✅": plate("#5d9b3f", stroke("M4.5 8.4 7 11l4.6-6")), "❌": stroke("M3.5 3.5l9 9m0-9l-9 9", "#dd2e44"), "⛔": `${disc("#dd2e44")}<rect x="3.5" y="6.8" width="9" height="2.6" fill="#fff"/>`,
  "⚠": `<path d="M8 1 15.5 14.5H.5z" fill="#ffcc4d"/><path d="M8 5.5v4.2" stroke="#231f20" stroke-width="1.8"/><circle cx="8" cy="12" r="1.1" fill="#231f20"/>`,
  "🚨": `<path d="M3 12V8a5 5 0 0 1 10 0v4z" fill="#dd2e44"/><rect x="1.5" y="12" width="13" height="3" rx="1" fill="#66757f"/>`,
  "⏳": `<path d="M3 1h10L8.8 8 13 15H3l4.2-7z" fill="#ffac33"/>`, "⌛": `<path d="M3 1h10L8.8 8 13 15H3l4.2-7z" fill="#ffac33"/>`,
  "🔒": `<path d="M5 7V5a3 3 0 0 1 6 0v2" fill="none" stroke="#8899a6" stroke-width="1.8"/><rect x="3" y="7" width="10" height="8" rx="1.5" fill="#ffac33"/>`,
  "📄": `<path d="M3 1h7l3 3v11H3z" fill="#e1e8ed" stroke="#8899a6" stroke-width=".8"/><path d="M5 6h6M5 8.5h6M5 11h4" stroke="#8899a6"/>`,
  "⏸": plate("#3b88c3", '<path d="M5 4h2v8H5zM9 4h2v8H9z" fill="#fff"/>'), "▶": plate("#3b88c3", '<path d="M5 4l7 4-7 4z" fill="#fff"/>'),
  "⏹": plate("#3b88c3", '<path d="M5 5h6v6H5z" fill="#fff"/>'), "ℹ": plate("#3b88c3", '<path d="M8 7v5" stroke="#fff" stroke-width="2"/><circle cx="8" cy="4.3" r="1.2" fill="#fff"/>'),
};
const signs = new RegExp(`(${Object.keys(drawn).join("|")})\uFE0F?`, "u");

function sign(char) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [k, v] of Object.entries({ viewBox: "0 0 16 16", class: "sign", role: "img", "aria-label": char })) svg.setAttribute(k, v);
  svg.innerHTML = drawn[char]; // one of the drawings above
  return svg;
}

/** Text with its emoji, as nodes. */
function emojis(s) {
  return s.replace(/:([a-z0-9_+-]+):/g, (all, name) => emoji[name] ?? all).split(signs).map((part) => (drawn[part] ? sign(part) : part));
}

/** One <…> of mrkdwn. */
function bracket(inner, names) {
  const bar = inner.indexOf("|");
  const [target, label] = bar < 0 ? [inner, ""] : [inner.slice(0, bar), inner.slice(bar + 1)];
  if (target.startsWith("@")) return h("span", { class: "at-name" }, "@" + (names[target.slice(1)] ?? label ?? target.slice(1)));
  if (target.startsWith("#")) return h("span", { class: "at-name" }, "#" + (label || names[target.slice(1)] || target.slice(1)));
  if (target.startsWith("!date^")) {
    const [, at, format] = target.split("^");
    return date(Number(at), format) || label;
  }
  if (target.startsWith("!")) return h("span", { class: "at-all" }, "@" + target.slice(1).split("^")[0]);
  if (/^(https?|mailto):/.test(target)) return h("a", { href: decode(target), rel: "noreferrer noopener", target: "_blank" }, decode(label || target));
  return decode(label || target);
}

function date(at, format = "{date} {time}") {
  const d = new Date(at * 1000), day = d.toLocaleDateString(), time = d.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (Number.isNaN(d.getTime())) return "";
  return decode(format).replace(/\{date[a-z_]*\}/g, day).replace(/\{time_secs\}/g, d.toLocaleTimeString()).replace(/\{(time|ago)\}/g, time);
}

const spans = /```([^]*?)```|`([^`\n]+)`|<([^<>\n]+)>|(?<![\p{L}\p{N}])\*([^*\n]+?)\*(?![\p{L}\p{N}])|(?<![\p{L}\p{N}])_([^_\n]+?)_(?![\p{L}\p{N}])|(?<![\p{L}\p{N}])~([^~\n]+?)~(?![\p{L}\p{N}])/gu;

function line(text, names) {
  const out = [];
  let at = 0;
  for (const m of text.matchAll(spans)) {
    out.push(...emojis(decode(text.slice(at, m.index))));
    at = m.index + m[0].length;
    if (m[1] !== undefined) out.push(h("pre", {}, decode(m[1].replace(/^\n/, ""))));
    else if (m[2] !== undefined) out.push(h("code", {}, decode(m[2])));
    else if (m[3] !== undefined) out.push(bracket(m[3], names));
    else if (m[4] !== undefined) out.push(h("b", {}, line(m[4], names)));
    else if (m[5] !== undefined) out.push(h("i", {}, line(m[5], names)));
    else out.push(h("s", {}, line(m[6], names)));
  }
  out.push(...emojis(decode(text.slice(at))));
  return out;
}

export function mrkdwn(text, names = {}) {
  const out = [];
  let quote = [];
  const flush = () => {
    if (quote.length) out.push(h("blockquote", {}, line(quote.join("\n"), names)));
    quote = [];
  };
  const runs = text.split(/(```[^]*?```)/);
  for (const run of runs) {
    if (run.startsWith("```")) {
      flush();
      out.push(...line(run, names));
      continue;
    }
    const lines = run.split("\n");
    let plain = [];
    for (const l of lines) {
      const m = /^(?:&gt;|>) ?(.*)$/.exec(l);
      if (m) {
        if (plain.length) out.push(...line(plain.join("\n") + "\n", names));
        plain = [];
        quote.push(m[1]);
      } else {
        flush();
        plain.push(l);
      }
    }
    flush();
    out.push(...line(plain.join("\n"), names));
  }
  return out;
}

function text(o, names) {
  if (!o) return "";
  return o.type === "mrkdwn" ? mrkdwn(o.text, names) : emojis(o.text ?? "");
}

function rich(list, names) {
  return (list ?? []).map((e) => {
    switch (e.type) {
      case "rich_text_section": return h("div", { class: "md" }, rich(e.elements, names));
      case "rich_text_preformatted": return h("pre", {}, rich(e.elements, names));
      case "rich_text_quote": return h("blockquote", {}, rich(e.elements, names));
      case "rich_text_list": return h(e.style === "ordered" ? "ol" : "ul", {}, (e.elements ?? []).map((one) => h("li", {}, rich([one], names))));
      case "text": {
        let node = e.text;
        if (e.style?.code) node = h("code", {}, node);
        if (e.style?.bold) node = h("b", {}, node);
        if (e.style?.italic) node = h("i", {}, node);
        return node;
      }
      case "link": return h("a", { href: /^(https?|mailto):/.test(e.url) ? e.url : "#", rel: "noreferrer noopener", target: "_blank" }, e.text || e.url);
      case "user": return h("span", { class: "at-name" }, "@" + (names[e.user_id] ?? e.user_id));
      case "channel": return h("span", { class: "at-name" }, "#" + (names[e.channel_id] ?? e.channel_id));
      case "broadcast": return h("span", { class: "at-all" }, "@" + e.range);
      case "emoji": return emojis(`:${e.name}:`);
      default: return e.text ?? "";
    }
  });
}

function picture(url, alt, names) {
  const local = url && (url.startsWith("data:") || url.startsWith(location.origin));
  return local ? h("img", { src: url, alt }) : h("div", { class: "no-image", role: "img", "aria-label": alt }, alt, url ? h("small", { class: "desc" }, url) : null);
}

/** Draws blocks. act(element, block, value) is called when somebody works one; held(block, action) is what an input holds. */
export function blocks(list, ctx) {
  return h("div", { class: "blocks" }, (list ?? []).map((b) => block(b, ctx)));
}

function block(b, ctx) {
  const { names } = ctx;
  switch (b.type) {
    case "header": return h("div", { class: "b-header" }, text(b.text, names));
    case "divider": return h("hr", { class: "b-divider" });
    case "section":
      return h("div", { class: "b-section" },
        h("div", {}, b.text ? h("div", { class: "md" }, text(b.text, names)) : null,
          b.fields ? h("div", { class: "fields" }, b.fields.map((f) => h("div", { class: "md" }, text(f, names)))) : null),
        b.accessory ? h("div", {}, element(b.accessory, b, ctx)) : null);
    case "actions": return h("div", { class: "b-actions" }, b.elements.map((e) => element(e, b, ctx)));
    case "context": return h("div", { class: "b-context" }, b.elements.map((e) => (e.type === "image" ? picture(e.image_url, e.alt_text) : h("span", { class: "md" }, text(e, names)))));
    case "image": return h("figure", { class: "b-image" }, b.title ? h("div", { class: "t" }, text(b.title, names)) : null,
      picture(b.image_url ?? b.slack_file?.url ?? (b.slack_file?.id ? `${location.origin}/files/${b.slack_file.id}/image` : ""), b.alt_text));
    case "markdown": return h("div", { class: "md" }, mrkdwn(b.text.replace(/\*\*(.+?)\*\*/g, "*$1*").replace(/^#+ (.*)$/gm, "*$1*").replace(/\[([^\]]+)\]\(([^)]+)\)/g, "<$2|$1>"), names));
    case "rich_text": return h("div", {}, rich(b.elements, names));
    case "table": return h("table", { class: "b-table" }, b.rows.map((r) => h("tr", {}, r.map((c) => h("td", {}, c.type === "rich_text" ? rich(c.elements, names) : String(c.text ?? c.value ?? ""))))));
    case "plan": return h("div", {}, h("b", {}, b.title ?? ""), (b.tasks ?? []).map((t) => block({ ...t, type: "task_card" }, ctx)));
    case "task_card": return h("div", { class: "b-task" }, emojis(({ pending: "⚪ ", in_progress: "⏳ ", complete: "✅ ", error: "❌ " })[b.status] ?? ""), b.title);
    case "input": return field(b, ctx);
    default: return h("div", { class: "b-other" }, `${b.type} (not drawn here)`);
  }
}

const groups = (e) => (e.option_groups ? e.option_groups : [{ options: e.options ?? [] }]);
const isMenu = /^(static|external|users|conversations|channels)_select$/;
const isMenus = /^multi_/;

/** One interactive element. */
function element(e, b, ctx, inForm = false) {
  const { names } = ctx;
  const send = (value, from) => ctx.act(e, b, value, from);
  if (e.type === "image") return picture(e.image_url, e.alt_text);
  if (e.type === "button" || e.type === "workflow_button") {
    return h("button", { type: "button", class: `btn ${e.style ?? ""}`, "aria-label": e.accessibility_label, onclick: (ev) => send(e.value, ev.currentTarget) }, text(e.text, names), e.url ? " ↗" : "");
  }
  const now = ctx.held?.(b.block_id, e.action_id);
  if (e.type === "overflow") {
    return h("select", { "aria-label": "More", onchange: (ev) => { if (ev.target.value) send(ev.target.value, ev.target); ev.target.selectedIndex = 0; } },
      h("option", { value: "" }, "⋯"), e.options.map((o) => h("option", { value: o.value }, decode(o.text.text))));
  }
  if (isMenu.test(e.type) || isMenus.test(e.type)) {
    const many = isMenus.test(e.type);
    const chosen = [].concat(now?.selected_option?.value ?? now?.selected_options?.map((o) => o.value) ?? now?.selected_user ?? now?.selected_users ?? now?.selected_channel ?? now?.selected_conversation ?? []);
    const list = /users/.test(e.type) ? ctx.people : /channels|conversations/.test(e.type) ? ctx.rooms : null;
    const opts = list ? [{ options: list.map((p) => ({ value: p.id, text: { text: p.name } })) }] : groups(e);
    const draw = (o) => h("option", { value: o.value, selected: chosen.includes(o.value) }, decode(o.text.text) + (o.description ? ` – ${decode(o.description.text)}` : ""));
    return h("select", { multiple: many, "aria-label": e.placeholder?.text ?? "Choose", "data-action": e.action_id,
      onchange: (ev) => send(many ? [...ev.target.selectedOptions].map((o) => o.value) : ev.target.value, ev.target) },
      many ? null : h("option", { value: "", selected: !chosen.length, hidden: !inForm }, e.placeholder?.text ?? "Choose…"),
      opts.map((g) => (g.label ? h("optgroup", { label: g.label.text }, g.options.map(draw)) : g.options.map(draw))));
  }
  if (e.type === "checkboxes" || e.type === "radio_buttons") {
    const chosen = [].concat(now?.selected_option?.value ?? now?.selected_options?.map((o) => o.value) ?? []);
    const kind = e.type === "checkboxes" ? "checkbox" : "radio";
    return h("div", { "data-action": e.action_id, "data-kind": kind }, e.options.map((o) => h("label", { class: "choice" },
      h("input", { type: kind, name: `${b.block_id}/${e.action_id}`, value: o.value, checked: chosen.includes(o.value),
        onchange: (ev) => send(kind === "radio" ? o.value : [...ev.target.closest("[data-action]").querySelectorAll(":checked")].map((c) => c.value), ev.target) }),
      h("span", {}, text(o.text, names), o.description ? h("span", { class: "desc" }, text(o.description, names)) : null))));
  }
  const kinds = { datepicker: "date", timepicker: "time", number_input: "text", email_text_input: "email", url_text_input: "url", datetimepicker: "text" };
  const value = now?.value ?? now?.selected_date ?? now?.selected_time ?? now?.selected_date_time ?? "";
  const attrs = { "data-action": e.action_id, placeholder: e.placeholder?.text, "aria-label": e.placeholder?.text ?? b.label?.text, onchange: (ev) => send(ev.target.value, ev.target) };
  if (e.type === "plain_text_input" && e.multiline) {
    const area = h("textarea", attrs);
    area.value = value;
    return area;
  }
  if (e.type === "plain_text_input" || kinds[e.type]) return h("input", { ...attrs, type: kinds[e.type] ?? "text", value, autocomplete: "off" });
  return h("div", { class: "b-other" }, `${e.type} (not drawn here)`);
}

function field(b, ctx) {
  const wrong = ctx.errors?.[b.block_id];
  return h("div", { class: wrong ? "field bad" : "field", "data-block": b.block_id },
    h("div", { class: "lab" }, text(b.label, ctx.names), b.optional ? h("span", { class: "opt" }, " (optional)") : null),
    element(b.element, b, ctx, true),
    b.hint ? h("div", { class: "hint" }, text(b.hint, ctx.names)) : null,
    wrong ? h("div", { class: "wrong", role: "alert" }, wrong) : null);
}

/** What stands in the inputs of a drawn form, by block and action. */
export function filled(root) {
  const values = {};
  for (const f of root.querySelectorAll("[data-block]")) {
    const e = f.querySelector("[data-action]");
    if (!e) continue;
    let v;
    if (e.dataset.kind === "checkbox") v = [...e.querySelectorAll(":checked")].map((c) => c.value);
    else if (e.dataset.kind === "radio") v = e.querySelector(":checked")?.value ?? "";
    else if (e.tagName === "SELECT" && e.multiple) v = [...e.selectedOptions].map((o) => o.value);
    else v = e.value;
    if (v === "" && e.tagName !== "TEXTAREA" && !(e.tagName === "INPUT" && ["text", "email", "url"].includes(e.type))) continue;
    values[f.dataset.block] = { [e.dataset.action]: v };
  }
  return values;
}
