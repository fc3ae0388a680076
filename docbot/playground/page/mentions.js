// Mentions as they are typed (@docbot) and as Discord keeps them (<@123>).

const CODE = /(```[\s\S]*?```|`[^`\n]*`)/;

export function toWire(text, people) {
  const names = people.map((person) => person.name.replace(/[^\w\s]/g, "\\$&"))
    .sort((one, other) => other.length - one.length);
  const typed = new RegExp(`(?<![\\w@])@(${names.join("|")})(?!\\w)`, "gi");
  const known = new Map(people.map((person) => [person.name.toLowerCase(), person.id]));
  return text.split(CODE).map((part, index) =>
    index % 2 ? part : part.replace(typed, (_, name) => `<@${known.get(name.toLowerCase())}>`)).join("");
}

export function fromWire(text, people) {
  const known = new Map(people.map((person) => [person.id, person.name]));
  return text.replace(/<@!?(\d+)>/g, (mention, id) => (known.has(id) ? `@${known.get(id)}` : mention));
}

// The "@na" that is being typed right before the caret, without the "@"; null if there is none.
export function typedMention(area) {
  const before = area.value.slice(0, area.selectionStart);
  return /(?:^|\s)@(\w*)$/.exec(before)?.[1] ?? null;
}
