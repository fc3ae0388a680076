// The server in a browser: its channels and posts, one of them, and what a person does there.
//
// The server tells the whole state when asked, and through the feed every change since. What the
// feed says while an answer is awaited is kept and applied after it, so nothing is overtaken.

import { acting, call, follow } from "./api.js";
import { makeComposer } from "./composer.js";
import { askForTags, askForText, confirm, showModal } from "./dialogs.js";
import { byId, element, isBefore, menu, refreshAges, tagElement, timeElement, toast } from "./dom.js";
import { fromWire, toWire } from "./mentions.js";
import { dots, editForm, messageElement } from "./message.js";

const TYPING_MS = 10_000; // how long Discord shows it unless it is said again
const TOGETHER_MS = 5 * 60_000; // messages of one person within this time share one heading
const NEAR_PX = 120; // so close to the end, new messages scroll into view
const DISMISSED = "dismissed";
const FORUM = "forum", DIRECT = "direct"; // kinds of channels

let state = null;
const threads = new Map();
const channels = new Map();
const unread = new Set(); // channels that were written in while another place was shown
let open = null; // the post or channel that is shown: { id, messages: Map }
let atEnd = true; // the newest message is in view, and new ones shall be
let atBottom = true; // and nothing lies below
let typing = new Map(); // user id: when that was said
let commands = null; // of the place that is shown
let waiting = 0; // answers awaited
let held = []; // what the feed said meanwhile
const dismissed = new Set(JSON.parse(sessionStorage.getItem(DISMISSED) ?? "[]"));

const person = (id) => state.people.find((one) => one.id === id);
const addressOf = (id) =>
  threads.has(id) ? `#/post/${id}` : channels.get(id).kind === FORUM ? "#/" : `#/channel/${id}`;

// Whom and what "@" can name, as it is typed and as Discord keeps it.
const mentionable = () => [
  ...state.roles.filter(({ suggested }) => suggested)
    .map(({ id, name }) => ({ name, wire: `<@&${id}>`, hint: "role" })),
  ...state.people.map(({ id, name, bot, title }) => ({ name, wire: `<@${id}>`, hint: bot ? "bot" : title })),
];

// What messages and the composer know and can do

const forum = {
  get me() { return state.me; },
  get may() { return state.may; },
  get people() { return state.people; },
  get roles() { return state.roles; },
  get channels() { return [...channels.values()].filter(({ kind }) => kind !== DIRECT); },
  get mentionable() { return mentionable(); },
  get bot() { return person(state.bot.id); },
  get owner() { return state.people.find(({ title }) => title === "administrator"); },
  get messageCommands() { return commands?.message ?? []; },
  names: {
    user: (id) => person(id)?.name,
    role: (id) => state.roles.find((one) => one.id === id)?.name,
    place: (id) => {
      if (!threads.has(id) && !channels.has(id)) return undefined;
      return { name: threads.get(id)?.title ?? channels.get(id).name, href: addressOf(id) };
    },
  },
  // Whether somebody was pinged by a message: by name or by a role.
  isForMe: ({ pinged }) =>
    pinged.some((id) => id === state.me || state.roles.some((role) => role.id === id && role.mine)),
  async commands() {
    commands = await call("GET", `places/${open.id}/commands`);
    return commands;
  },
  // Says who may use a command, and leads to where one becomes that person.
  sendTo({ name, title }, command) {
    toast(`/${command.name} is for the ${title}: choose ${name} under “Acting as”, then type / again.`, "note");
    byId("acting").focus();
  },
  async send(text, target) {
    await call("POST", `places/${open.id}/messages`, {
      text: toWire(text, mentionable()),
      reply_to: target?.id,
    });
    toEnd();
  },
  typing() {
    call("POST", `places/${open.id}/typing`).catch(() => {}); // nobody misses it
  },
  async runCommand(name, options) {
    showForm(await call("POST", `places/${open.id}/slash`, { name, options }));
  },
  async autocomplete(name, option, typed, options) {
    const others = Object.fromEntries(Object.entries(options).filter(([key]) => key !== option));
    const body = { name, option, typed, options: others };
    return (await call("POST", `places/${open.id}/autocomplete`, body)).choices;
  },
  async press(message, customId, values, pressed) {
    if (pressed.ariaBusy === "true") return;
    pressed.ariaBusy = "true"; // a disabled button would lose the focus
    await attempt(async () =>
      showForm(await call("POST", `messages/${message.id}/press`, { custom_id: customId, values })));
    pressed.ariaBusy = null;
  },
  runMenu(message, name) {
    return attempt(async () => showForm(await call("POST", `messages/${message.id}/menu`, { name })));
  },
  replyTo: (message) => composer.replyTo(message),
  dismiss(message) {
    dismissed.add(message.id);
    sessionStorage.setItem(DISMISSED, JSON.stringify([...dismissed]));
    removeMessage(message.id);
  },
  edit: (message) => editMessage(message),
  deleteMessage(message) {
    confirm("Delete this message?", "It disappears for everybody.", "Delete", () =>
      call("DELETE", `messages/${message.id}`));
  },
};

const composer = makeComposer(forum);

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    toast(error.message);
  }
}

function showForm({ form }) {
  if (!form) return;
  showModal(form, forum.names, async (values) => {
    showForm(await call("POST", `forms/${form.id}`, { values }));
  });
}

// The lists of channels and posts

function drawChannels() {
  const shown = [...channels.values()].filter(({ kind }) => kind !== FORUM);
  redraw(byId("channels"), shown.map((channel) =>
    element("li", {},
      element("a", { href: addressOf(channel.id), "aria-current": channel.id === open?.id ? "page" : null },
        titleOf(channel), unread.has(channel.id) ? element("span", { class: "chip" }, "new") : null))));
}

// Who is at a link of the list stays there.
function redraw(list, items) {
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  list.replaceChildren(...items);
  if (focused) list.querySelector(`[href="${focused}"]`)?.focus();
}

const titleOf = (channel) => (channel.kind === DIRECT ? `@ ${forum.bot.name}` : `# ${channel.name}`);

function drawPosts() {
  const newest = [...threads.values()].sort((one, other) => (isBefore(one.id, other.id) ? 1 : -1));
  redraw(byId("posts"), newest.map(postItem));
  byId("no-posts").hidden = newest.length > 0;
}

function postItem(thread) {
  const replies = `${thread.replies} ${thread.replies === 1 ? "reply" : "replies"}`;
  return element("li", {},
    element("a", { href: `#/post/${thread.id}`, "aria-current": thread.id === open?.id ? "page" : null },
      element("span", { class: "title" }, thread.title),
      element("span", { class: "facts" },
        `${person(thread.author_id)?.name ?? "somebody"} · `,
        timeElement(thread.created_at, { relative: true }),
        ` · ${replies} `, chips(thread))));
}

function chips(thread) {
  const words = [...thread.tags, ...(thread.archived ? ["archived"] : []), ...(thread.locked ? ["locked"] : [])];
  return words.map((word) => element("span", { class: "chip" }, word));
}

// One post or channel

function drawHead(id) {
  if (threads.has(id)) drawPostHead(threads.get(id));
  else drawChannelHead(channels.get(id));
}

function drawChannelHead(channel) {
  delete byId("post").dataset.drawn;
  byId("post-title").textContent = titleOf(channel);
  byId("post-facts").replaceChildren(channel.kind === DIRECT
    ? `Direct messages: only you and ${forum.bot.name} see them` : channel.topic);
  byId("post-menu").replaceChildren();
  byId("reply-form").inert = false;
  byId("reply-text").placeholder = "Write, or type / for commands";
}

function drawPostHead(thread) {
  const drawn = JSON.stringify([thread.title, thread.archived, thread.locked, thread.tags, state.me]);
  if (byId("post").dataset.drawn === thread.id + drawn) return; // an open menu stays open
  byId("post").dataset.drawn = thread.id + drawn;
  byId("post-title").textContent = thread.title;
  byId("post-facts").replaceChildren(
    `${person(thread.author_id)?.name ?? "somebody"} · `,
    timeElement(thread.created_at, { relative: true }), " ", ...chips(thread));
  const items = postItems(thread);
  byId("post-menu").replaceChildren(...(items.length ? [menu("More for this post", items)] : []));
  const shut = thread.locked && !state.may.manage_threads;
  byId("reply-form").inert = shut;
  byId("reply-text").placeholder = shut ? "This post is locked"
    : thread.archived ? "This post is archived; a reply wakes it up" : "Reply, or type / for commands";
}

function postItems(thread) {
  const staff = state.may.manage_threads;
  const own = thread.author_id === state.me && !thread.locked;
  if (!staff && !own) return [];
  const change = (changes) => () => attempt(() => call("PATCH", `threads/${thread.id}`, changes));
  const items = [];
  if (!thread.archived) {
    items.push({
      label: "Rename",
      action: () => askForText("Rename the post", "Title", thread.title, "Rename", (title) =>
        call("PATCH", `threads/${thread.id}`, { title })),
    });
    if (state.forum.tags.length) items.push({ label: "Tags", action: () => askForTagsOf(thread) });
  }
  items.push({
    label: thread.archived ? "Reopen" : "Archive",
    action: change({ archived: !thread.archived }),
  });
  if (!staff) return items;
  return [
    ...items,
    { label: thread.locked ? "Unlock" : "Lock", action: change({ locked: !thread.locked }) },
    {
      label: "Delete post",
      danger: true,
      action: () => confirm("Delete this post?", "Its replies go with it.", "Delete", () =>
        call("DELETE", `threads/${thread.id}`)),
    },
  ];
}

// Who may not apply a tag may not take it away either.
function askForTagsOf(thread) {
  const tags = state.forum.tags.map(({ name, moderated }) =>
    ({ name, chosen: thread.tags.includes(name), fixed: moderated && !state.may.manage_threads }));
  askForTags("Tags of the post", tags.filter(({ chosen, fixed }) => chosen || !fixed), (chosen) =>
    call("PATCH", `threads/${thread.id}`, { tags: chosen }));
}

function drawMessages() {
  const list = byId("messages");
  list.setAttribute("aria-busy", "true"); // only what comes later is read out
  const shown = [...open.messages.values()].filter((message) => !dismissed.has(message.id));
  list.replaceChildren(...shown.map((message) => messageElement(message, forum)));
  group();
  toEnd();
  list.removeAttribute("aria-busy");
}

const elementOf = (id) => byId("messages").querySelector(`[data-id="${CSS.escape(id)}"]`);

function putMessage(message) {
  if (message.place_id !== open?.id || dismissed.has(message.id)) return;
  typing.delete(message.author.id);
  drawTyping();
  open.messages.set(message.id, message);
  const list = byId("messages");
  const old = elementOf(message.id);
  if (old?.querySelector(".edit")) return; // it is being edited here; saving draws it
  const made = messageElement(message, forum);
  const later = [...list.children].find((each) => isBefore(message.id, each.dataset.id));
  if (old) replaceKeepingFocus(old, made);
  else list.insertBefore(made, later ?? null);
  group();
  if (atEnd) toEnd();
}

// Who pressed a button that its message's change replaced stays there.
function replaceKeepingFocus(old, made) {
  const controls = (within) => [...within.querySelectorAll("button, select, summary")];
  const at = controls(old).indexOf(document.activeElement);
  old.replaceWith(made);
  if (at < 0) return;
  const now = controls(made);
  (now[at]?.disabled ? now[at - 1] ?? now[at + 1] : now[at])?.focus({ preventScroll: true });
}

function removeMessage(id) {
  open?.messages.delete(id);
  elementOf(id)?.remove();
  group();
}

// Messages of one person that came soon after each other share one heading.
function group() {
  let before = null;
  for (const article of byId("messages").children) {
    const together = before !== null
      && before.dataset.author === article.dataset.author
      && article.dataset.time - before.dataset.time < TOGETHER_MS
      && !article.querySelector(".context")
      && before.matches(".ephemeral") === article.matches(".ephemeral");
    article.classList.toggle("continued", together);
    before = article;
  }
}

// Where the end of the messages is in view; of a last one that is taller than the view, its beginning.
function endOf(list) {
  const bottom = list.scrollHeight - list.clientHeight;
  const last = list.lastElementChild;
  return last ? Math.min(bottom, last.offsetTop - list.offsetTop) : bottom;
}

function toEnd() {
  const list = byId("messages");
  list.scrollTop = endOf(list);
}

byId("messages").addEventListener("scroll", ({ target: list }) => {
  atEnd = list.scrollTop > endOf(list) - NEAR_PX;
  atBottom = list.scrollHeight - list.scrollTop - list.clientHeight < 2;
});
// The composer grows and shrinks.
new ResizeObserver(([{ target: list }]) => { if (atBottom) list.scrollTop = list.scrollHeight; })
  .observe(byId("messages"));

function editMessage(message) {
  const leave = () => elementOf(message.id)?.replaceWith(messageElement(open.messages.get(message.id), forum));
  const save = (text) => attempt(async () => {
    await call("PATCH", `messages/${message.id}`, { text: toWire(text.trim(), mentionable()) });
    leave();
    group();
  });
  const { form, area } = editForm(fromWire(message.text, mentionable()), save, () => { leave(); group(); });
  elementOf(message.id).querySelector(".body").replaceWith(form);
  area.focus();
}

function drawTyping() {
  const now = Date.now();
  typing = new Map([...typing].filter(([, since]) => now - since < TYPING_MS));
  const names = [...typing.keys()].filter((id) => id !== state.me).map((id) => person(id)?.name ?? "somebody");
  const words = names.length === 0 ? [] : [`${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing`, dots()];
  const line = byId("typing");
  if (line.dataset.names === names.join()) return;
  line.dataset.names = names.join();
  line.replaceChildren(...words);
}

// Where we are

// The id of the post or channel that the address names, null for none.
const named = () => /^#\/(?:post|channel)\/(\d+)$/.exec(location.hash)?.[1] ?? null;

const isThere = (id) => threads.has(id) || (channels.has(id) && channels.get(id).kind !== FORUM);

function draw() {
  const id = named();
  document.body.dataset.view = id ? "post" : location.hash === "#/new" ? "ask" : "list";
  const known = isThere(id);
  byId("post").hidden = !known;
  byId("gone").hidden = id === null || known;
  byId("ask").hidden = id !== null;
  drawChannels();
  drawPosts();
  if (known) drawHead(id);
  document.title = known ? `${byId("post-title").textContent} – docbot playground` : "docbot playground";
}

async function go() {
  const id = named();
  const moved = id !== (open?.id ?? null);
  if (moved) {
    open = id === null ? null : { id, messages: new Map() };
    unread.delete(id);
    typing.clear();
    composer.reset();
    byId("messages").replaceChildren();
  }
  draw();
  drawTyping();
  // At once: what is loaded may take a while, and must not take the focus from who writes by then.
  const title = id === null ? byId("ask-title") : byId("post-title");
  if (document.body.dataset.view !== "list") title.focus({ preventScroll: true });
  if (moved && isThere(id)) await attempt(loadPlace);
}

// State and changes

async function loadPlace() {
  const { id } = open;
  const asked = acting.id;
  const answers = Promise.all([call("GET", `places/${id}`), call("GET", `places/${id}/commands`)]);
  await awaited(answers, ([{ messages, ...place }, offered]) => {
    if (open?.id !== id || acting.id !== asked) return;
    commands = offered;
    keep(place);
    open.messages = new Map(messages.map((message) => [message.id, message]));
    draw();
    drawMessages();
  });
}

async function load() {
  await awaited(call("GET", "state"), (told) => {
    if (acting.id && acting.id !== told.me) return; // somebody else was chosen meanwhile
    state = told;
    acting.id = state.me;
    threads.clear();
    channels.clear();
    for (const thread of state.threads) keep({ thread });
    for (const channel of state.channels) keep({ channel });
    drawPeople();
    drawStatus();
    byId("forum-name").textContent = `# ${state.forum.name}`;
    drawTags();
    draw();
  });
  if (open && isThere(open.id)) await loadPlace();
}

function keep({ thread, channel }) {
  if (thread) threads.set(thread.id, thread);
  else channels.set(channel.id, channel);
}

async function awaited(answer, apply) {
  waiting += 1;
  try {
    apply(await answer);
  } finally {
    waiting -= 1;
    if (waiting === 0) {
      const missed = held;
      held = [];
      missed.forEach(hear);
    }
  }
}

function hear(event) {
  if (waiting > 0 || state === null) {
    held.push(event);
    return;
  }
  switch (event.type) {
    case "place":
      keep(event);
      if ((event.thread ?? event.channel).id === open?.id) draw();
      else if (event.thread) drawPosts();
      else drawChannels();
      break;
    case "thread_deleted":
      threads.delete(event.id);
      draw();
      break;
    case "message":
      putMessage(event.message);
      if (event.is_new) tellOf(event.message);
      break;
    case "message_deleted":
      if (event.place_id === open?.id) removeMessage(event.id);
      break;
    case "typing":
      if (event.place_id !== open?.id) break;
      typing.set(event.user_id, Date.now());
      drawTyping();
      break;
    case "bot":
      state.bot.online = event.online;
      drawStatus();
      if (event.online && open) attempt(forum.commands); // it registers them before it connects
      break;
    case "server":
      attempt(load);
      break;
  }
}

// Says what is not on the screen: the list marks its channel, and a direct message is announced.
function tellOf(message) {
  if (message.place_id === open?.id || threads.has(message.place_id) || message.author.id === state.me) return;
  unread.add(message.place_id);
  if (message.is_direct) toast(`${message.author.name} sent you a direct message. It is in the list of channels.`, "note");
}

function drawStatus(broken = false) {
  const status = byId("status");
  status.dataset.state = broken ? "down" : state.bot.online ? "up" : "waiting";
  status.replaceChildren(element("span", {}, ...(broken ? ["reconnecting…"]
    : state.bot.online ? [element("span", { class: "name" }, `${forum.bot.name} is `), "online"]
      : [`waiting for ${forum.bot.name}…`])));
}

function drawPeople() {
  byId("acting").replaceChildren(...state.people.filter((one) => !one.bot)
    .map(({ id, name, title }) =>
      element("option", { value: id, selected: id === state.me }, title ? `${name} (${title})` : name)));
}

function drawTags() {
  const set = byId("ask-tags");
  const chosen = new Set([...set.querySelectorAll("input:checked")].map((input) => input.value));
  const offered = state.forum.tags.filter(({ moderated }) => !moderated || state.may.manage_threads);
  set.hidden = offered.length === 0;
  set.replaceChildren(set.firstElementChild,
    ...offered.map(({ name }) => tagElement({ name, chosen: chosen.has(name) })));
}

// A new post

const askForm = byId("ask-form");
askForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(askForm);
  await attempt(async () => {
    const { id } = await call("POST", "threads", {
      title: data.get("title").trim(),
      text: toWire(data.get("text").trim(), mentionable()),
      tags: data.getAll("tag"),
    });
    askForm.reset();
    if (!threads.has(id)) await load();
    location.hash = `#/post/${id}`;
  });
});

// Its address names no post, so the browser must not go there.
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
byId("acting").addEventListener("change", (event) => {
  acting.id = event.target.value;
  held = []; // what another person saw
  unread.clear();
  composer.reset();
  feed.restart();
});
window.addEventListener("hashchange", go);
setInterval(refreshAges, 30_000);
setInterval(() => { if (state) drawTyping(); }, 1000);

const feed = follow({
  async onopen() {
    const first = state === null;
    await attempt(async () => {
      await load();
      if (first) await go();
    });
  },
  onevent: hear,
  async ondown() {
    if (state) drawStatus(true);
    const refused = await call("GET", "state").catch((error) => error.status === 400);
    if (refused === true) acting.id = ""; // of another playground, on the same port
  },
});
