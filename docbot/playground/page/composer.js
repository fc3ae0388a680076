// Where a person writes: replies, mentions, and commands with their options.

import { byId, element, toast } from "./dom.js";
import { typedMention } from "./mentions.js";
import { suggestAt } from "./suggest.js";

const INTEGER = 4, BOOLEAN = 5, USER = 6, CHANNEL = 7, ROLE = 8, MENTIONABLE = 9, NUMBER = 10;
const TYPING_MS = 8000; // as often as Discord's client tells that somebody types
const AUTOCOMPLETE_MS = 200;

// `forum` knows who and what there is and does what is asked: see page.js.
export function makeComposer(forum) {
  const area = byId("reply-text");
  const replyForm = byId("reply-form");
  const commandForm = byId("command");
  const replying = byId("replying");
  let target = null;
  let typedAt = 0;

  const suggestions = suggestAt(area, async () => {
    if (area.value.startsWith("/")) return commandSuggestions(area.value.slice(1));
    const typed = typedMention(area);
    return typed === null ? [] : mentionSuggestions(typed);
  });

  async function commandSuggestions(typed) {
    const { chat, others } = await forum.commands();
    const fits = ({ name }) => name.startsWith(typed.trimEnd());
    return [
      ...chat.filter(fits).map((command) => ({
        label: `/${command.name}`,
        detail: command.options.map(({ name, required }) => (required ? name : `[${name}]`)).join(" "),
        hint: command.description,
        choose: () => openCommand(command),
      })),
      ...others.filter(fits).map((command) => ({
        label: `/${command.name}`,
        hint: `${command.description} – as ${forum.owner.name} (${forum.owner.title})`,
        choose: () => {
          area.value = "";
          fit();
          forum.sendTo(forum.owner, command);
        },
      })),
    ];
  }

  function mentionSuggestions(typed) {
    const wanted = typed.toLowerCase();
    return forum.mentionable.filter(({ name }) => name.toLowerCase().startsWith(wanted))
      .sort((one, other) => Number(other.hint === "bot") - Number(one.hint === "bot"))
      .map(({ name, hint }) => ({
        label: `@${name}`,
        hint,
        choose: () => {
          const end = area.selectionStart;
          area.setRangeText(`@${name} `, end - typed.length - 1, end, "end");
          area.focus();
        },
      }));
  }

  function fit() {
    area.style.height = "auto";
    // While it is hidden there is nothing to measure.
    if (area.scrollHeight) area.style.height = `${Math.min(area.scrollHeight + 2, 240)}px`;
  }

  function replyTo(message) {
    target = message;
    replying.hidden = !message;
    if (!message) return;
    replying.replaceChildren(
      element("span", {}, "Replying to ", element("strong", {}, message.author.name)),
      element("button", { type: "button", class: "link", onclick: () => { replyTo(null); area.focus(); } }, "Cancel"));
    area.focus();
  }

  async function send() {
    const text = area.value.trim();
    if (!text) return;
    if (text.startsWith("/") && (await openTyped(text.slice(1)))) return;
    try {
      await forum.send(text, target);
      area.value = "";
      typedAt = 0;
      fit();
      replyTo(null);
    } catch (error) {
      toast(error.message);
    }
  }

  // "/search retries" opens the form of /search with its first text filled in.
  async function openTyped(text) {
    const { chat } = await forum.commands().catch(() => ({ chat: [] }));
    const command = chat.find(({ name }) => text === name || text.startsWith(`${name} `));
    if (command) openCommand(command, text.slice(command.name.length).trim());
    return Boolean(command);
  }

  function openCommand(command, text = "") {
    area.value = "";
    fit();
    const inputs = new Map();
    const values = () => filledIn(command, inputs);
    const fields = command.options.map((option) => optionField(option, inputs, forum, (typed) =>
      forum.autocomplete(command.name, option.name, typed, values())));
    const run = element("button", { type: "submit", class: "button primary" }, "Run");
    commandForm.replaceChildren(
      element("div", { class: "command-head" },
        element("strong", {}, `/${command.name}`), element("span", { class: "quiet" }, command.description)),
      element("div", { class: "command-fields" }, fields),
      element("div", { class: "actions" },
        element("button", { type: "button", class: "button", onclick: closeCommand }, "Cancel"), run));
    commandForm.onsubmit = async (event) => {
      event.preventDefault();
      run.disabled = true;
      try {
        await forum.runCommand(command.name, values());
        closeCommand();
      } catch (error) {
        toast(error.message);
        run.disabled = false;
      }
    };
    commandForm.hidden = false;
    replyForm.hidden = true;
    const [first] = inputs.values();
    if (first && text) first.value = text;
    (first ?? run).focus();
  }

  function closeCommand() {
    commandForm.hidden = true;
    commandForm.replaceChildren();
    replyForm.hidden = false;
    area.focus();
  }

  commandForm.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeCommand();
  });
  area.addEventListener("input", () => {
    fit();
    if (area.value.startsWith("/") || Date.now() - typedAt < TYPING_MS) return;
    typedAt = Date.now();
    forum.typing();
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && target) replyTo(null);
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  replyForm.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  byId("mention-bot").addEventListener("click", () => {
    const mention = `@${forum.bot.name} `;
    if (!area.value.includes(mention.trim())) area.value = mention + area.value;
    area.focus();
    fit();
  });
  byId("open-commands").addEventListener("click", () => {
    area.value = "/";
    area.focus();
    suggestions.refresh();
  });

  return {
    replyTo,
    reset() {
      area.value = "";
      fit();
      replyTo(null);
      commandForm.hidden = true;
      replyForm.hidden = false;
    },
  };
}

// Options of a command

function filledIn(command, inputs) {
  const filled = {};
  for (const option of command.options) {
    const input = inputs.get(option.name);
    const value = input.dataset.value ?? input.value;
    if (value === "") continue;
    filled[option.name] = optionValue(option.type, value);
  }
  return filled;
}

function optionValue(type, value) {
  if (type === BOOLEAN) return value === "true";
  return type === INTEGER || type === NUMBER ? Number(value) : value;
}

function optionField(option, inputs, forum, complete) {
  const choices = choicesOf(option, forum);
  const input = choices ? selectOf(choices, option.required) : inputOf(option);
  inputs.set(option.name, input);
  const label = element("label", {},
    element("span", {}, option.name, element("span", { class: "quiet" }, option.required ? " required" : " optional")),
    input,
    element("span", { class: "quiet note" }, option.description));
  if (!choices && option.autocomplete) completeAt(input, complete);
  return label;
}

function choicesOf(option, { people, roles, channels }) {
  const named = (prefix, things) => things.map(({ id, name }) => ({ name: prefix + name, value: id }));
  switch (option.type) {
    case BOOLEAN:
      return [{ name: "yes", value: "true" }, { name: "no", value: "false" }];
    case USER:
      return named("@", people);
    case ROLE:
      return named("@", roles);
    case MENTIONABLE:
      return [...named("@", people), ...named("@", roles)];
    case CHANNEL:
      return named("#", channels);
    default:
      return option.choices ?? null;
  }
}

function selectOf(choices, required) {
  return element("select", { required: required ?? false },
    element("option", { value: "" }, required ? "Choose…" : "–"),
    choices.map(({ name, value }) => element("option", { value: String(value) }, name)));
}

function inputOf(option) {
  const isNumber = option.type === INTEGER || option.type === NUMBER;
  return element("input", {
    type: isNumber && !option.autocomplete ? "number" : "text",
    step: option.type === NUMBER ? "any" : null,
    min: option.min_value,
    max: option.max_value,
    minlength: option.min_length,
    maxlength: option.max_length,
    required: option.required ?? false,
    autocomplete: "off",
  });
}

// Lets the bot suggest values; what is chosen is sent by its value, not by its name.
function completeAt(input, complete) {
  let asked = 0;
  const suggestions = suggestAt(input, async () => {
    const mine = (asked += 1);
    await new Promise((resolve) => { setTimeout(resolve, AUTOCOMPLETE_MS); });
    if (mine !== asked) return [];
    const choices = await complete(input.value);
    return choices.map(({ name, value }) => ({
      label: name,
      choose: () => {
        input.value = name;
        input.dataset.value = String(value);
      },
    }));
  });
  input.addEventListener("focus", suggestions.refresh);
  input.addEventListener("input", () => { delete input.dataset.value; });
}
