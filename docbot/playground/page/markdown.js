// Discord's Markdown as elements. What a member wrote becomes text nodes, never HTML.

import { copyButton, element, timeElement } from "./dom.js";

const FENCE = /^( *)(`{3,})([\w+#.-]*) *$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)]) +(\S.*)$/;
const HEADING = /^(#{1,3}) +(\S.*)$/;
const SUBTEXT = /^-# +(\S.*)$/;
const DEEPEST = 8; // of quotes and lists within each other; beyond, text stays text

// `names` tells what mentions are called: user(id), role(id), place(id) give a text or nothing.
export function render(text, names) {
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks(text.replace(/\r\n?/g, "\n").split("\n"), names, 0));
  return fragment;
}

// The same in words alone, on one line.
export function plainText(text, names) {
  const fragment = render(text, names);
  for (const caption of fragment.querySelectorAll("figcaption")) caption.remove();
  const pieces = [...fragment.childNodes].map((node) => node.textContent);
  return pieces.join(" ").replace(/\s+/g, " ").trim();
}

function blocks(lines, names, depth) {
  const nodes = [];
  let plain = [];
  const flush = () => {
    nodes.push(...paragraphs(plain, names));
    plain = [];
  };
  let at = 0;
  while (at < lines.length) {
    const found = depth < DEEPEST && (fence(lines, at) ?? quote(lines, at, names, depth)
      ?? list(lines, at, names, depth) ?? heading(lines, at, names));
    if (found) {
      flush();
      nodes.push(found.node);
      at = found.next;
    } else {
      plain.push(lines[at]);
      at += 1;
    }
  }
  flush();
  return nodes;
}

function paragraphs(lines, names) {
  return lines.join("\n").split(/\n\s*\n/)
    .map((text) => text.replace(/^\n+|\s+$/g, ""))
    .filter((text) => text)
    .map((text) => element("p", {}, inline(text, names)));
}

// Blocks. Each takes what begins at a line and says which line comes after it.

function fence(lines, at) {
  const opening = FENCE.exec(lines[at]);
  const end = opening ? closingOf(lines, at, opening[2]) : -1;
  if (end < 0) return null;
  const [, indent, marks, language] = opening;
  const last = lines[end].slice(0, lines[end].indexOf(marks));
  const body = [...lines.slice(at + 1, end), ...(last.trim() ? [last] : [])];
  const code = body.map((line) => line.slice(Math.min(indent.length, line.search(/\S|$/))));
  return { node: codeBlock(code.join("\n"), language), next: end + 1 };
}

function closingOf(lines, at, marks) {
  return lines.findIndex((line, index) => index > at && line.includes(marks));
}

export function codeBlock(code, language) {
  return element(
    "figure",
    { class: "code" },
    element("figcaption", {}, element("span", {}, language || "code"), copyButton(code)),
    element("pre", { tabindex: 0 }, element("code", {}, code)),
  );
}

function quote(lines, at, names, depth) {
  if (!/^>(>>)? |^>$/.test(lines[at])) return null;
  let next = at;
  let inner;
  if (lines[at].startsWith(">>> ")) {
    inner = [lines[at].slice(4), ...lines.slice(at + 1)];
    next = lines.length;
  } else {
    while (next < lines.length && /^>( |$)/.test(lines[next])) next += 1;
    inner = lines.slice(at, next).map((line) => line.slice(2));
  }
  return { node: element("blockquote", {}, blocks(inner, names, depth + 1)), next };
}

function list(lines, at, names, depth) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = /\d/.test(first[2]);
  const items = [];
  let next = at;
  for (;;) {
    const found = next < lines.length ? ITEM.exec(lines[next]) : null;
    if (!found || found[1].length > first[1].length || /\d/.test(found[2]) !== ordered) break;
    const item = itemAt(lines, next, found);
    items.push(element("li", {}, blocks(item.lines, names, depth + 1)));
    next = item.next;
    const after = lines.slice(next).findIndex((line) => line.trim());
    if (after > 0 && ITEM.test(lines[next + after])) next += after;
  }
  const start = ordered && parseInt(first[2], 10) !== 1 ? parseInt(first[2], 10) : null;
  return { node: element(ordered ? "ol" : "ul", { start }, items), next };
}

function itemAt(lines, at, [, indent, marker, text]) {
  const inside = indent.length + marker.length + 1;
  const dedent = (line) => line.slice(Math.min(inside, line.search(/\S|$/)));
  const taken = [text];
  let next = at + 1;
  while (next < lines.length && lines[next].search(/\S/) > indent.length) {
    const opening = FENCE.exec(lines[next]);
    const end = opening ? closingOf(lines, next, opening[2]) : -1;
    const last = Math.max(next, end);
    taken.push(...lines.slice(next, last + 1).map(dedent));
    next = last + 1;
  }
  return { lines: taken, next };
}

function heading(lines, at, names) {
  const found = HEADING.exec(lines[at]);
  if (found) {
    // The page itself has h1 and h2.
    const level = found[1].length + 2;
    return { node: element(`h${level}`, {}, inline(found[2], names)), next: at + 1 };
  }
  const small = SUBTEXT.exec(lines[at]);
  return small ? { node: element("p", { class: "subtext" }, inline(small[1], names)), next: at + 1 } : null;
}

// Within a line

const LINK = /^\[((?:\\.|[^[\]\\]|\[[^\]]*\])+)\]\(\s*(?:<([^<>\s]*)>|([^\s()]*(?:\([^\s()]*\)[^\s()]*)*))(?:\s+"[^"]*")?\s*\)/;

const BARE_LINK = /^https?:\/\/(?:[^\s<()]|\([^\s<()]*\))*(?:[^\s<().,:;!?"'\]*_~|]|\([^\s<()]*\))/;

// [pattern, what it makes, not within a word]; tried in order, so the longer mark comes first.
const MARKS = [
  [/^\\([^\w\s])/, (found) => found[1]],
  [/^```(?:([\w+#.-]+)\n)?\n*([\s\S]+?)\n*```/, (found) => codeBlock(found[2], found[1])],
  [/^(`+)([\s\S]*?[^`])\1(?!`)/, (found) => element("code", {}, found[2].replace(/^ (?=.*` $|`)(.*) $/, "$1"))],
  [/^\*\*([\s\S]+?)\*\*(?!\*)/, (found, inner) => element("strong", {}, inner(found[1]))],
  [/^__([\s\S]+?)__(?!_)/, (found, inner) => element("u", {}, inner(found[1]))],
  [/^~~([\s\S]+?)~~(?!~)/, (found, inner) => element("s", {}, inner(found[1]))],
  [/^\|\|([\s\S]+?)\|\|/, (found, inner) => spoiler(inner(found[1]))],
  [/^\*(?![\s*])((?:\\.|\*\*[^*]+\*\*|[^*\\])+?)(?<!\s)\*(?!\*)/, (found, inner) => element("em", {}, inner(found[1]))],
  [/^_(?![\s_])((?:\\.|__[^_]+__|[^_\\])+?)_(?!\w)/, (found, inner) => element("em", {}, inner(found[1])), true],
  [LINK, (found, inner) => link(found[2] ?? found[3], inner(found[1]))],
  [/^<(https?:\/\/[^<>\s]+)>/, (found) => link(found[1], [found[1]])],
  [BARE_LINK, (found) => link(found[0], [found[0]]), true],
  [/^<@!?(\d+)>/, (found, _, names) => mention(`@${names.user(found[1]) ?? "unknown"}`)],
  [/^<@&(\d+)>/, (found, _, names) => mention(`@${names.role(found[1]) ?? "deleted-role"}`)],
  [/^<#(\d+)>/, (found, _, names) => place(found[1], names)],
  [/^<t:(-?\d{1,12})(?::([tTdDfFR]))?>/, (found) => timeElement(found[1] * 1000, { relative: found[2] === "R" })],
];
const SPECIAL = /[\\`*_~|[<]|https?:/g;

function inline(text, names, depth = 0) {
  if (depth > DEEPEST) return [text];
  const nodes = [];
  let plain = 0; // where the text begins that is not in `nodes` yet
  SPECIAL.lastIndex = 0;
  for (let special = SPECIAL.exec(text); special; special = SPECIAL.exec(text)) {
    const at = special.index;
    const [made, length] = marked(text, at, names, depth);
    if (made !== null) {
      nodes.push(text.slice(plain, at), made);
      plain = at + length;
    }
    SPECIAL.lastIndex = made === null ? at + 1 : plain;
  }
  return [...nodes, text.slice(plain)].filter((node) => node !== "");
}

// What the mark at a place makes, and how much text it takes; [null] where there is none.
function marked(text, at, names, depth) {
  const rest = text.slice(at);
  const inWord = at > 0 && /\w/.test(text[at - 1]);
  for (const [pattern, make, notInWord] of MARKS) {
    const found = notInWord && inWord ? null : pattern.exec(rest);
    const made = found && make(found, (inner) => inline(inner, names, depth + 1), names);
    if (made) return [made, found[0].length];
  }
  return [null, 0];
}

function link(href, children) {
  let target;
  try {
    target = new URL(href);
  } catch {
    return null;
  }
  if (!["http:", "https:", "mailto:"].includes(target.protocol)) return null;
  return element("a", { href: target.href, target: "_blank", rel: "noopener noreferrer" }, children);
}

function mention(text) {
  return element("span", { class: "mention" }, text);
}

function place(id, names) {
  const found = names.place(id);
  if (found === undefined) return mention("#unknown");
  return element("a", { class: "mention", href: found.href }, `#${found.name}`);
}

function spoiler(children) {
  const shown = element("button", { type: "button", class: "spoiler", "aria-label": "Spoiler, press to show" }, children);
  shown.addEventListener("click", () => {
    shown.replaceWith(element("span", { class: "spoiler shown" }, ...shown.childNodes));
  });
  return shown;
}
