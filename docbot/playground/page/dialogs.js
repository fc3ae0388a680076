// Dialogs: a question, a small form, or a modal of the bot.

import { element, tagElement } from "./dom.js";
import { render } from "./markdown.js";

const ROW = 1, SELECT = 3, TEXT_INPUT = 4, TEXT = 10, LABEL = 18;
const PARAGRAPH = 2;

// Shows a form until it is sent or left. `send(form)` may fail with an Error, whose words are shown.
function open(title, parts, action, send, { danger = false } = {}) {
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  const submit = element("button", { class: `button ${danger ? "danger" : "primary"}`, type: "submit" }, action);
  const cancel = element("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = element("form", { method: "dialog" },
    element("h2", {}, title), parts, problem, element("div", { class: "actions" }, cancel, submit));
  const dialog = element("dialog", { "aria-label": title, onclose: () => dialog.remove() }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await send(form);
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      submit.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

export function confirm(title, text, action, send) {
  open(title, element("p", {}, text), action, send, { danger: true });
}

export function askForText(title, label, value, action, send) {
  const input = element("input", { required: true, maxlength: 100, value, autocomplete: "off" });
  open(title, element("label", {}, label, input), action, () => send(input.value.trim()));
}

// Lets a person choose among tags, each { name, chosen, fixed }; `send` gets the names of those chosen.
export function askForTags(title, tags, send) {
  const set = element("fieldset", { class: "tags" }, element("legend", {}, "Up to five"), tags.map(tagElement));
  open(title, set, "Save", () => send([...set.querySelectorAll("input:checked")].map(({ value }) => value)));
}

// Shows a modal as the bot described it; `send` gets what was filled in, by custom id.
export function showModal(modal, names, send) {
  const fields = new Map();
  const parts = modal.components.map((part) => modalPart(part, fields, names));
  open(modal.title, parts, "Submit", () =>
    send(Object.fromEntries([...fields].map(([id, read]) => [id, read()]))));
}

function modalPart(part, fields, names, label = {}) {
  switch (part.type) {
    case ROW:
      return element("div", {}, part.components.map((inner) => modalPart(inner, fields, names)));
    case LABEL:
      return modalPart(part.component, fields, names, part);
    case TEXT:
      return element("div", {}, render(part.content, names));
    case TEXT_INPUT:
      return labelled(part, label, textInput(part, fields));
    case SELECT:
      return labelled(part, label, selectInput(part, fields));
    default:
      return element("p", { class: "quiet" }, "(This page cannot show a part of this form.)");
  }
}

function labelled(part, label, input) {
  return element("label", {}, label.label ?? part.label ?? part.placeholder ?? "",
    part.required === false ? element("span", { class: "quiet" }, " (optional)") : null,
    label.description ? element("span", { class: "quiet note" }, label.description) : null,
    input);
}

function textInput(part, fields) {
  const input = element(part.style === PARAGRAPH ? "textarea" : "input", {
    required: part.required !== false,
    minlength: part.min_length,
    maxlength: part.max_length ?? 4000,
    placeholder: part.placeholder,
    rows: part.style !== PARAGRAPH ? null : part.value ? 14 : 4,
    autocomplete: "off",
  });
  input.value = part.value ?? "";
  input.setSelectionRange(0, 0); // a long text is read from its beginning
  fields.set(part.custom_id, () => input.value);
  return input;
}

function selectInput(part, fields) {
  const several = (part.max_values ?? 1) > 1;
  const select = element("select", { multiple: several, required: part.required !== false },
    several ? null : element("option", { value: "" }, part.placeholder ?? "Choose…"),
    part.options.map((option) =>
      element("option", { value: option.value, selected: option.default ?? false }, option.label)));
  fields.set(part.custom_id, () => [...select.selectedOptions].map((one) => one.value).filter(Boolean));
  return select;
}
