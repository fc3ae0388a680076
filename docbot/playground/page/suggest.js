// A list of suggestions at an input, worked by keys or pointer.

import { element } from "./dom.js";

let lists = 0;

// `find` gives what to suggest for the input as it is now: a list (or a promise of one) of
// { label, detail, hint, choose }. Call this before other listeners for keys: it takes those it uses.
export function suggestAt(input, find) {
  const id = `suggestions-${(lists += 1)}`;
  const box = element("ul", { id, class: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
  const holder = element("div", { class: "suggestions-holder" });
  input.before(holder);
  holder.append(box, input);
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", id);
  // A textarea stays one; a field of one line becomes a combobox, which says whether it is open.
  const isCombobox = input.tagName === "INPUT";
  if (isCombobox) input.setAttribute("role", "combobox");
  const tellExpanded = () => { if (isCombobox) input.setAttribute("aria-expanded", String(!box.hidden)); };
  tellExpanded();

  let shown = [];
  let current = 0;
  let asked = 0;

  function close() {
    asked += 1;
    shown = [];
    box.hidden = true;
    tellExpanded();
    input.removeAttribute("aria-activedescendant");
  }

  function draw() {
    box.replaceChildren(...shown.map(({ label, detail, hint }, index) =>
      element("li", {
        id: `${id}-${index}`,
        role: "option",
        "aria-selected": String(index === current),
        onpointerdown: (event) => { event.preventDefault(); choose(index); },
      },
      element("span", {}, element("strong", {}, label), detail ? ` ${detail}` : null),
      hint ? element("span", { class: "quiet" }, hint) : null)));
    box.hidden = shown.length === 0;
    tellExpanded();
    if (shown.length === 0) return;
    input.setAttribute("aria-activedescendant", `${id}-${current}`);
    box.children[current].scrollIntoView({ block: "nearest" });
  }

  function choose(index) {
    const chosen = shown[index];
    close();
    chosen.choose();
  }

  async function refresh() {
    const mine = (asked += 1);
    const found = await Promise.resolve(find()).catch(() => []);
    if (mine !== asked) return;
    shown = found;
    current = 0;
    if (shown.length) draw();
    else close();
  }

  input.addEventListener("input", refresh);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (box.hidden || event.isComposing) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      current = (current + steps[event.key] + shown.length) % shown.length;
      draw();
    } else if (event.key === "Enter" || event.key === "Tab") {
      choose(current);
    } else if (event.key === "Escape") {
      close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  return { refresh, close };
}
