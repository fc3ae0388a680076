"""The one sanitiser of outgoing text.

Whatever a model, a page or a member wrote comes out with no ping, no link but the allowed ones,
no preview and no mark that Discord acts on. What reads as code in Markdown is written so that
Discord takes exactly the same for code, and is left as it is, since Discord does not act there.
Sanitising again does no harm.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from docbot.answers.markdown import ADDRESS, Block, Fence, Prose, Span, blocks, spans

_BREAK = "\u200b"  # zero-width space: splits a mark for Discord, and no reader sees it
_DEEPEST_LABEL = 4  # links within links, beyond which brackets are plain text

# Neither prose nor code has a use for them, and Discord drops some of them unasked.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufff9-\ufffb]")
# Invisible, or turning the direction of what follows: they hide a ping or an address.
_TRICKS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]"
)
# Joiners have a meaning between letters that join and in emoji, none beside ASCII; the marks of
# emoji form have one after ASCII only in keycaps.
_LONE_JOINERS = re.compile(
    "(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])"
    "|(?<=[\x00-\x7f])[\ufe0e\ufe0f]+(?!\u20e3)"
)
_PING = re.compile(r"(?<=[@\uff20\ufe6b])(?=everyone|here|[!&]?\d)", re.IGNORECASE)
_MARKUP = re.compile(r"(?<=<)(?=[@#/:]|[^\s<>]*:)")  # channels, commands, times, emoji

_DEEP_HEADING = re.compile(r"^([ \t]*(?:>[ \t]?)*)#{4,6}[ \t]+(\S.*)$", re.MULTILINE)
# Discord shows these as they are written: a heading underlined with `=`, and a rule.
_UNDERLINED = re.compile(
    r"^([ \t]*(?:>[ \t]?)*)([^\s>#|][^\n]*)\n[ \t]*(?:>[ \t]?)*={3,}[ \t]*$", re.MULTILINE
)
_RULE = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)*([-*_])(?:[ \t]*\1){2,}[ \t]*(?:\n|\Z)", re.MULTILINE)
_DEFINITION = re.compile(
    r"^ {0,3}\[(?!\^)([^\[\]\n]+)\]:[ \t]+<?([^\s<>`]+)>?(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'"
    r"|\([^()\n]*\)))?[ \t]*(?:\n|\Z)",
    re.MULTILINE,
)
_LOOKS_LIKE_TARGET = re.compile(r"[/.#]")
_TICKS = re.compile(r"`+")
_LITERAL_TICKS = re.compile(r"\\[^0-9A-Za-z\s]|`")
# Discord looks for the end of a link in code too, from any bracket before it, `[1]` included.
_LINK_END = re.compile(r"(?<=\])(?=\(\s*<?[A-Za-z][A-Za-z0-9+.\-]*:)")
_FENCE_END = re.compile("``(?=`)")
_TILDES = re.compile(r"\\[^0-9A-Za-z\s]|~(?=~~)")  # no fence may come of them
# An escape, or bold or italics that begin and end in the same words: none reaches into code.
_KEPT = (
    r"\\[^0-9A-Za-z\s]"
    r"|(?<!\*)\*\*(?=[^\s*])(?:[^*\\\n]|\\[^0-9A-Za-z\s])+\*\*(?!\*)"
    r"|(?<![\w*\\])\*(?=[^\s*])[^*\\\n]*[^\s*\\]\*(?![\w*])"
    r"|(?<![\w\\])_(?=[^\s_])[^_\\\n]*[^\s_\\]_(?!\w)"
)
_PAIRED = frozenset("*_~|")  # bold, italics, underline, strike-through, spoiler
_LIVE = re.compile(f"{_KEPT}|[*_~|]")
_ONE_LEVEL_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_AFTER_ADDRESS = ".,:;!?'\")]}*_~|"
_LINKABLE = re.compile(r"https?://[^\s<>`\\\x00-\x1f]+", re.IGNORECASE)
_MARKDOWN_MARKS = re.compile(r"([\\*_~|`])")
_LINE_START_MARK = re.compile(r"^(?:(\d+)(?=\.)|(?=[#>\-]))")


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text to write; `kind` says whether it is still to be made inert, is code, or a link."""

    kind: Literal["literal", "code", "fence", "link"]
    text: str
    target: str = ""


def sanitise(text: str, allowed: Collection[str]) -> str:
    """Make a text safe to send: no pings, no links outside `allowed`, no previews.

    Args:
        text: Markdown from anyone.
        allowed: the addresses that may become links, exactly as they may be written; what is
            not http or https is never one. A link elsewhere keeps its text alone, a bare address
            elsewhere stands between code marks.
    """
    permitted = {_comparable(address): address for address in allowed if is_linkable(address)}
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    found = [part for block in blocks(text) for part in _prepared(block)]
    definitions = _definitions(found)
    read = [_read(block, definitions, permitted) for block in found]
    guarded = _reach_into_code(piece for pieces in read for piece in pieces)
    return "\n".join(_written(pieces, permitted, guarded=guarded) for pieces in read if pieces)


def plain(text: str) -> str:
    """Make a page's title or a name fit for a line of text: no mark in it does anything."""
    text = " ".join(_without_tricks(_CONTROLS.sub(" ", text)).split())
    text = _LINE_START_MARK.sub(r"\1\\", _MARKDOWN_MARKS.sub(r"\\\1", text))
    text = ADDRESS.sub(lambda match: _broken(match[0]), text)
    return _inert(text).replace("](", f"]{_BREAK}(")


def masked_link(label: str, address: str) -> str:
    """Write a link with plain text as its label, and without a preview.

    Raises:
        ValueError: the address cannot be a link (see `is_linkable`).
    """
    if not is_linkable(address):
        raise ValueError(f"{address!r} is no http address that Discord links")
    return f"[{_balanced(plain(label))}](<{_in_parentheses(address)}>)"


def is_linkable(address: str) -> bool:
    """Tell whether an address is http or https and free of what would end a link early."""
    return _LINKABLE.fullmatch(address) is not None


def inline_code(text: str) -> str:
    """Write text between code marks, as Markdown and Discord both read them."""
    text = _LINK_END.sub(_BREAK, text.replace("\n", " "))
    runs = {len(run) for run in _TICKS.findall(text)}
    if not runs:
        return f"`{text}`"
    if 2 not in runs:
        return f"`` {text} ``"
    if 1 not in runs:
        return f"` {text} `"
    return f"`{text.replace('`', chr(0x2CB))}`"  # no mark is left that could hold it


def _prepared(block: Block) -> list[Block]:
    """Take hidden characters, and headings that Discord has not, out of prose before it is read."""
    if isinstance(block, Fence):
        return [block]
    shown = blocks(_without_tricks(block.text))  # what was hidden may be a fence
    return [
        Prose(_as_discord_shows(part.text)) if isinstance(part, Prose) else part for part in shown
    ]


def _as_discord_shows(prose: str) -> str:
    return _DEEP_HEADING.sub(_bold, _UNDERLINED.sub(_bold, _RULE.sub("", prose)))


def _without_tricks(text: str) -> str:
    return _LONE_JOINERS.sub("", _TRICKS.sub("", text))


def _bold(heading: re.Match[str]) -> str:
    words = heading[2].rstrip().rstrip("#").rstrip() or heading[2]
    return f"{heading[1]}{words}" if "**" in words else f"{heading[1]}**{words}**"


def _definitions(found: Iterable[Block]) -> dict[str, str]:
    return {
        match[1].strip().lower(): match[2]
        for block in found
        if isinstance(block, Prose)
        for match in _DEFINITION.finditer(block.text)
        if _LOOKS_LIKE_TARGET.search(match[2])
    }


def _without_definition(match: re.Match[str]) -> str:
    return "" if _LOOKS_LIKE_TARGET.search(match[2]) else match[0]


def _read(
    block: Block, definitions: Mapping[str, str], permitted: Mapping[str, str]
) -> list[_Piece]:
    """Read a block's pieces; none, where nothing of it is to be written."""
    if isinstance(block, Fence):
        return _fence(block)
    text = _DEFINITION.sub(_without_definition, block.text)
    if not text.strip():
        return [] if block.text.strip() else [_Piece("literal", block.text)]
    return _merged(_pieces(text, definitions, permitted, 0))


def _fence(fence: Fence) -> list[_Piece]:
    """Write a fence as Discord reads one: three backticks, at the start of the line.

    Discord knows no tildes and no longer fences, ends at the first three backticks, and takes
    an empty fence for the start of the next one.
    """
    lines = fence.code
    if not any(line.strip() for line in lines):
        return []
    body = _LINK_END.sub(_BREAK, _FENCE_END.sub(f"``{_BREAK}", "\n".join(lines)))
    bullet = f"{fence.bullet.rstrip()}\n" if fence.bullet[:1].isdigit() else ""
    return [_Piece("fence", f"{bullet}```{fence.language}\n{body}\n```")]


def _reach_into_code(pieces: Iterable[_Piece]) -> bool:
    """Tell whether a paired mark in the words could end in code or in an address.

    Discord pairs them without regard to code: in `**` + "`a**b`" the bold ends in the code,
    which then is none, and neither is what stands between the backticks that follow. That harms
    where some code holds an address or a mention; then every mark is escaped that has not its
    partner beside it in the same words.
    """
    held: set[str] = set()
    in_code: set[str] = set()
    harmful = False
    for piece in pieces:
        if piece.kind == "literal":
            found = ADDRESS.findall(piece.text)
            held.update(*found)
            harmful = harmful or bool(found)
        elif piece.kind == "link":
            held.update(piece.target)
        else:
            in_code.update(piece.text)
            harmful = harmful or _acts(piece.text)
    return bool(_PAIRED & (held | in_code if harmful else held))


def _acts(text: str) -> bool:
    return ADDRESS.search(text) is not None or _inert(text) != text


def _pieces(
    text: str, definitions: Mapping[str, str], permitted: Mapping[str, str], depth: int
) -> Iterator[_Piece]:
    position = 0
    for span in spans(text, definitions):
        if span.kind == "address":
            continue  # looked for once links elsewhere have become text, which may join into one
        yield _Piece("literal", _escaped_ticks(text[position : span.start]))
        yield from _span(span, definitions, permitted, depth)
        position = span.end
    yield _Piece("literal", _escaped_ticks(text[position:]))


def _span(
    span: Span, definitions: Mapping[str, str], permitted: Mapping[str, str], depth: int
) -> Iterator[_Piece]:
    if span.kind == "code":
        yield _Piece("code", _without_padding(span.text))
        return
    address = permitted.get(_comparable(span.target)) if span.kind != "image" else None
    if span.kind == "autolink":
        yield _Piece("link", "", address) if address else _Piece("code", span.target)
    elif depth >= _DEEPEST_LABEL:
        yield _Piece("literal", _escaped_ticks(re.sub(r"[\[\]]", "", span.text)))
    elif address is None:
        yield from _pieces(span.text, definitions, permitted, depth + 1)
    else:
        inside = _merged(_pieces(span.text, definitions, permitted, depth + 1))
        yield _Piece("link", _label(inside), address)


def _label(pieces: Iterable[_Piece]) -> str:
    """Write a link's label; nothing, where it holds an address and would hide the true one."""
    words = []
    for piece in pieces:
        if piece.kind == "code" and not re.search(r"[\[\]]", piece.text):
            words.append(inline_code(piece.text))
        else:
            words.append(_inert(_escaped_ticks(piece.text)))
    label = " ".join("".join(words).split())
    return "" if ADDRESS.search(label) else _balanced(label)


def _merged(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Join neighbouring literals, so that what they make together is seen."""
    given = (piece for piece in pieces if piece.text or piece.target)
    merged: list[_Piece] = []
    for is_literal, group in groupby(given, key=lambda piece: piece.kind == "literal"):
        if is_literal:
            merged.append(_Piece("literal", "".join(piece.text for piece in group)))
        else:
            merged.extend(group)
    return merged


def _written(pieces: Iterable[_Piece], permitted: Mapping[str, str], *, guarded: bool) -> str:
    writer = _Writer(permitted, guarded=guarded)
    for piece in pieces:
        writer.write(piece)
    return writer.text()


class _Writer:
    """Puts inert words, code and links one after the other, so that none changes its neighbour."""

    def __init__(self, permitted: Mapping[str, str], *, guarded: bool) -> None:
        self._permitted = permitted
        self._guarded = guarded
        self._parts: list[str] = [""]

    def text(self) -> str:
        return "".join(self._parts)

    def write(self, piece: _Piece) -> None:
        match piece.kind:
            case "literal":
                self._literal(piece.text)
            case "fence":
                self._parts.append(piece.text)
            case "code":
                self._mark(inline_code(piece.text))
            case "link":
                self._mark(_link(piece.text, piece.target))

    def _literal(self, text: str) -> None:
        position = 0
        for match in ADDRESS.finditer(text):
            self._words(text[position : match.start()])
            written, address = _bare(match[0], self._permitted)
            self._mark(f"<{address}>" if address else inline_code(written))
            position = match.start() + len(written)
        self._words(text[position:])

    def _words(self, text: str) -> None:
        if self._guarded:
            text = _LIVE.sub(_escaped, text)
        text = _inert(_TILDES.sub(_escaped, text)).replace("](", f"]{_BREAK}(")
        if self._parts[-1].endswith("]") and text.startswith("("):
            text = _BREAK + text
        if text:
            self._parts.append(text)

    def _mark(self, mark: str) -> None:
        """Add code or a link; a backslash or a backtick before it must not become part of it."""
        before = self._parts[-1]
        joint = ""
        if (len(before) - len(before.rstrip("\\"))) % 2:
            joint = "\\"
        elif mark[0] == "[" and before[-1:] == "!":
            joint = _BREAK
        elif mark[0] == "`" and before[-1:] == "`":
            joint = " "
        self._parts.append(joint + mark)


def _link(label: str, address: str) -> str:
    return f"[{label}](<{_in_parentheses(address)}>)" if label else f"<{address}>"


def _bare(written: str, permitted: Mapping[str, str]) -> tuple[str, str | None]:
    """Tell how much of a bare address is the address, and which allowed one it is."""
    shortest = written.rstrip(_AFTER_ADDRESS) or written
    # A bracket or a dot may be the address's own last character.
    for end in range(min(len(written), len(shortest) + 2), len(shortest) - 1, -1):
        address = permitted.get(_comparable(written[:end]))
        if address is not None:
            return written[:end], address
    return shortest, None


def _inert(text: str) -> str:
    return _MARKUP.sub(_BREAK, _PING.sub(_BREAK, text))


def _broken(address: str) -> str:
    return address.replace(":", f":{_BREAK}").replace("www.", f"www{_BREAK}.")


def _escaped_ticks(text: str) -> str:
    return _LITERAL_TICKS.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    """Put a backslash before a lone mark; a pair with a backslash already is none."""
    return f"\\{match[0]}" if len(match[0]) == 1 else match[0]


def _balanced(label: str) -> str:
    """Keep the brackets of `list[int]`; others would end the link's label early."""
    if re.search(r"[\[\]]", _ONE_LEVEL_BRACKETS.sub("", label)):
        return label.replace("[", "(").replace("]", ")")
    return label


def _in_parentheses(address: str) -> str:
    """Encode parentheses that Discord would take for the link's end."""
    if re.search(r"[()]", re.sub(r"\([^()]*\)", "", address)):
        return address.replace("(", "%28").replace(")", "%29")
    return address


def _comparable(address: str) -> str:
    return address.replace("%28", "(").replace("%29", ")")


def _without_padding(code: str) -> str:
    code = code.replace("\n", " ")
    if code.startswith(" ") and code.endswith(" ") and code.strip():
        return code[1:-1]
    return code
