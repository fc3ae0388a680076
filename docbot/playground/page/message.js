// One message with its components, and what can be done with it.

import { textOf } from "./api.js";
import { element, menu, timeElement, toast } from "./dom.js";
import { codeBlock, plainText, render } from "./markdown.js";

const ROW = 1, BUTTON = 2, SELECT = 3, SECTION = 9, TEXT = 10, SEPARATOR = 14, CONTAINER = 17;
const STYLES = { 1: "primary", 2: "", 3: "success", 4: "danger" };
const LINK = 5;
const TONES = 6; // colours of avatars in the style sheet

// `forum` knows names and rights and does what is asked: see page.js.
export function messageElement(message, forum) {
  const { author } = message;
  const isForMe = forum.isForMe(message);
  const kinds = [message.ephemeral && "ephemeral", isForMe && "for-me"].filter(Boolean);
  const article = element(
    "article",
    { class: ["message", ...kinds].join(" "), "data-id": message.id, "data-author": author.id },
    avatar(author),
    element("header", {},
      element("span", { class: "author" }, author.name),
      author.bot ? element("span", { class: "badge" }, "BOT") : null,
      timeElement(message.created_at),
      message.edited ? element("span", { class: "quiet" }, "edited") : null,
      isForMe ? element("span", { class: "quiet" }, "mentions you") : null),
    element("div", { class: "content" },
      context(message, forum), body(message, forum), message.ephemeral ? ephemeralNote(message, forum) : null),
    message.ephemeral ? null : tools(message, forum),
  );
  article.dataset.time = message.created_at;
  return article;
}

function avatar({ id, name, bot }) {
  const tone = bot ? "bot" : Number(BigInt(id) % BigInt(TONES));
  return element("span", { class: `avatar tone-${tone}`, "aria-hidden": "true" }, name.slice(0, 1).toUpperCase());
}

function context(message, forum) {
  if (message.reply_to) {
    const { author, text } = message.reply_to;
    const words = author ? [element("strong", {}, author), ` ${plainText(text, forum.names)}`] : ["a deleted message"];
    return element("p", { class: "context" }, "Reply to ", words);
  }
  const { command } = message;
  return command ? element("p", { class: "context" }, element("strong", {}, command.of), ` used ${command.name}`) : null;
}

function body(message, forum) {
  if (message.loading) return element("p", { class: "thinking" }, "thinking", dots());
  return element("div", { class: "body" },
    element("div", { class: "prose" }, render(message.text, forum.names)),
    message.embeds.map((embed) => embedElement(embed, forum)),
    message.files.map(fileElement),
    componentElements(message.components, message, forum));
}

export function dots() {
  return element("span", { class: "dots", "aria-hidden": "true" }, element("i"), element("i"), element("i"));
}

function embedElement(embed, forum) {
  const parts = [embed.title && `**${embed.title}**`, embed.description,
    ...(embed.fields ?? []).map((field) => `**${field.name}**\n${field.value}`),
    embed.footer && `-# ${embed.footer.text}`];
  return element("div", { class: "embed prose" }, parts.filter(Boolean).map((part) => render(part, forum.names)));
}

function fileElement({ name, path, bytes, is_image: isImage, is_text: isText }) {
  if (isImage) return element("img", { class: "attachment", src: path, alt: name });
  const size = bytes < 1024 ? `${bytes} bytes` : `${Math.round(bytes / 1024)} KB`;
  return element("div", { class: "file" },
    element("a", { href: path, download: name }, name),
    element("span", { class: "quiet" }, size),
    isText ? opener(name, path) : null);
}

// A button that shows the text of a file below, and hides it again.
function opener(name, path) {
  const place = element("div", { class: "file-text prose", hidden: true });
  const button = element("button", { type: "button", class: "link", "aria-expanded": "false" }, "Show");
  button.addEventListener("click", async () => {
    try {
      if (!place.firstChild) place.append(codeBlock(await textOf(path), name));
    } catch (error) {
      toast(error.message);
      return;
    }
    place.hidden = !place.hidden;
    button.textContent = place.hidden ? "Show" : "Hide";
    button.ariaExpanded = String(!place.hidden);
  });
  return [button, place];
}

// Components

function componentElements(components, message, forum) {
  return components.map((component) => componentElement(component, message, forum));
}

function componentElement(component, message, forum) {
  const inside = () => componentElements(component.components ?? [], message, forum);
  switch (component.type) {
    case ROW:
      return element("div", { class: "row" }, inside());
    case BUTTON:
      return buttonElement(component, message, forum);
    case SELECT:
      return selectElement(component, message, forum);
    case TEXT:
      return element("div", { class: "prose" }, render(component.content, forum.names));
    case SEPARATOR:
      return element("hr");
    case SECTION:
      return element("div", { class: "section" }, element("div", {}, inside()),
        componentElement(component.accessory, message, forum));
    case CONTAINER:
      return element("div", { class: "embed" }, inside());
    default:
      return element("p", { class: "quiet" }, "(This page cannot show a part of this message.)");
  }
}

function buttonElement(component, message, forum) {
  const label = [component.emoji?.name, component.label].filter(Boolean).join(" ");
  if (component.style === LINK) {
    return element("a", { class: "button", href: component.url, target: "_blank", rel: "noopener noreferrer" }, label);
  }
  const button = element("button", {
    type: "button",
    class: `button ${STYLES[component.style] ?? ""}`,
    disabled: component.disabled ?? false,
    onclick: () => forum.press(message, component.custom_id, undefined, button),
  }, label);
  return button;
}

function selectElement(component, message, forum) {
  const several = component.max_values > 1;
  const name = component.placeholder ?? "Choose…";
  const select = element("select", { "aria-label": name, multiple: several, disabled: component.disabled ?? false },
    several ? null : element("option", { value: "", selected: true, disabled: true }, name),
    component.options.map((option) => element("option", { value: option.value }, option.label)));
  const send = () =>
    forum.press(message, component.custom_id, [...select.selectedOptions].map((one) => one.value), select);
  if (!several) select.addEventListener("change", send);
  const choose = element("button", { type: "button", class: "button", onclick: send }, "Choose");
  return element("div", { class: "row" }, select, several ? choose : null);
}

// Around the message

function ephemeralNote(message, forum) {
  return element("p", { class: "only-you" }, "Only you can see this. ",
    element("button", { type: "button", class: "link", onclick: () => forum.dismiss(message) }, "Dismiss"));
}

function tools(message, forum) {
  if (message.loading) return null;
  const own = message.author.id === forum.me;
  const items = [{ label: "Copy text", action: () => navigator.clipboard.writeText(message.text) }];
  if (own) items.push({ label: "Edit", action: () => forum.edit(message) });
  for (const name of forum.messageCommands) {
    items.push({ label: name, action: () => forum.runMenu(message, name) });
  }
  if (own || forum.may.manage_messages) {
    items.push({ label: "Delete", danger: true, action: () => forum.deleteMessage(message) });
  }
  return element("div", { class: "tools" },
    element("button", { type: "button", class: "tool", onclick: () => forum.replyTo(message) }, "Reply"),
    menu(`More for the message of ${message.author.name}`, items));
}

// The form that takes the place of a message's text while its author edits it.
export function editForm(text, save, leave) {
  const area = element("textarea", { rows: 3, maxlength: 2000, "aria-label": "Edit the message" });
  area.value = text;
  const form = element("form", { class: "edit" }, area,
    element("div", { class: "actions" },
      element("button", { type: "button", class: "button", onclick: leave }, "Cancel"),
      element("button", { type: "submit", class: "button primary" }, "Save")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(area.value);
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  return { form, area };
}
