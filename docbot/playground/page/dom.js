// Builds elements. Text only ever becomes text: nothing here or elsewhere parses HTML.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export const byId = (id) => document.getElementById(id);

// Ids are snowflakes: longer is later, and of one length they order as texts do.
export const isBefore = (one, other) =>
  one.length === other.length ? one < other : one.length < other.length;

// [seconds below which it holds, seconds of the unit, its name]
const DAY = 86_400;
const SPANS = [
  [60, 60, null], [3600, 60, "min"], [DAY, 3600, "h"], [60 * DAY, DAY, "d"],
  [730 * DAY, 30 * DAY, "months"], [Infinity, 365 * DAY, "years"],
];

export function age(milliseconds) {
  const seconds = Math.max(0, (Date.now() - milliseconds) / 1000);
  const [, size, unit] = SPANS.find(([below]) => seconds < below);
  return unit ? `${Math.floor(seconds / size)} ${unit} ago` : "just now";
}

function clockTime(milliseconds) {
  const date = new Date(milliseconds);
  const today = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return today ? time : `${date.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
}

export function timeElement(milliseconds, { relative = false } = {}) {
  const date = new Date(milliseconds);
  return element(
    "time",
    { datetime: date.toISOString(), title: date.toLocaleString(), "data-age": relative },
    relative ? age(milliseconds) : clockTime(milliseconds),
  );
}

export function refreshAges() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    time.textContent = age(Date.parse(time.dateTime));
  }
}

export function toast(text, kind = "warning") {
  const shown = element("p", { class: `toast ${kind}` }, text);
  byId("toasts").append(shown);
  setTimeout(() => shown.remove(), 6000);
}

// A tag that can be chosen; `fixed` ones cannot be changed.
export function tagElement({ name, chosen, fixed }) {
  return element("label", { class: "tag" },
    element("input", { type: "checkbox", name: "tag", value: name, checked: chosen, disabled: fixed }), name);
}

// A small menu behind a "⋯"; `items` are { label, action, danger }.
export function menu(label, items) {
  const list = element(
    "div",
    { class: "menu-items" },
    items.map(({ label: name, action, danger }) =>
      element("button", { type: "button", class: danger ? "danger" : null, onclick: () => { close(); action(); } }, name),
    ),
  );
  const details = element("details", { class: "menu" }, element("summary", { "aria-label": label, title: label }, "⋯"), list);
  const close = () => { details.open = false; };
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    close();
    details.firstChild.focus();
  });
  return details;
}

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.menu[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

export function copyButton(text) {
  const button = element("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}
