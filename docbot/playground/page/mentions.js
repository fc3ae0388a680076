// Mentions as they are typed (@docbot) and as Discord keeps them (<@123>).

const CODE = /(```[\s\S]*?```|`[^`\n]*`)/;

// `known` are { name, wire }: people and roles; of one name the last counts.
export function toWire(text, known) {
  const names = known.map(({ name }) => name.replace(/[^\w\s]/g, "\\$&"))
    .sort((one, other) => other.length - one.length);
  const typed = new RegExp(`(?<![\\w@])@(${names.join("|")})(?!\\w)`, "gi");
  const wires = new Map(known.map(({ name, wire }) => [name.toLowerCase(), wire]));
  return text.split(CODE).map((part, index) =>
    index % 2 ? part : part.replace(typed, (_, name) => wires.get(name.toLowerCase()))).join("");
}

export function fromWire(text, known) {
  const names = new Map(known.map(({ name, wire }) => [wire, name]));
  return text.replace(/<@([!&]?)(\d+)>/g, (mention, mark, id) => {
    const name = names.get(`<@${mark.replace("!", "")}${id}>`);
    return name === undefined ? mention : `@${name}`;
  });
}

// The "@na" that is being typed right before the caret, without the "@"; null if there is none.
export function typedMention(area) {
  const before = area.value.slice(0, area.selectionStart);
  return /(?:^|\s)@(\w*)$/.exec(before)?.[1] ?? null;
}
