"""A passage cut into what can be quoted of it: sentences, list items, code and tables.

Each unit says what must stand before it to be understood, and what it is worth against a plain
statement. What no reader misses is no unit or never quoted: admonition markers, footnotes,
images, lines about versions, pointers to other pages. Pure functions, linear in their text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from docbot.answers.citations import without_numbers
from docbot.answers.markdown import Fence, Prose, Span, blocks, spans
from docbot.answers.tables import table_length

Kind = Literal["sentence", "item", "code", "table"]

_ASIDE = 0.8  # of an admonition, against the text around it
_WEAK = 0.5  # of a question, a remark on the page itself, a story of earlier versions
_STRONG = 1.2  # of a definition or an instruction
_LEAST_WORDS = 4  # a shorter sentence says nothing alone
_LEAST_ITEM_WORDS = 2  # its lead-in says the rest
_LEAST_CHARACTERS = 8  # where words are not told apart by spaces

_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+(?P<name>.*?)[ \t#]*$")
_BOLD_LINE = re.compile(r"\*\*(?P<name>[^*\n]{1,120}?):?\*\*:?")
_BOLD_CODE = re.compile(r"\*\*([^*\n]*`[^*\n]*)\*\*")  # code within bold is shown badly
_QUOTED = re.compile(r"[ \t]*(?:>[ \t]?)+")
_ITEM = re.compile(r"(?P<indent>[ \t]*)(?P<bullet>[-*+]|\d{1,9}[.)])[ \t]+(?P<text>\S.*)")
_SKIPPED_LINE = re.compile(
    r"[ \t]*(?:\[\^?[^\]\n]+\]:|:::|\.\. |</?[A-Za-z][^>\n]*>[ \t]*$|[-*_=][-*_= \t]*$|!!! |\?\?\? )"
)
_INDENTED_CODE = re.compile(r"(?: {4}|\t)")

_SENTENCE_END = re.compile(
    r"(?:[.!?…][\"'”’)\]*_]*(?=\s+[\"'“‘(\[*_`<]*[^\Wa-z_])|[。！？][”」』）]*)\s*"
)
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|cf|approx|incl|resp|No|Fig|Eq|Mr|Ms|Dr|Prof|St|ca|[A-Z])|\.\.)\.$"
)
_LEADS_IN = re.compile(r"[:：][*_)\"”]*$")

_MARKS = "[\\s\"'“‘(*_]*"
# A sentence that begins so says something only behind the one before it.
_LEANING = re.compile(
    rf"""{_MARKS}(?:
      (?:this|that|these|those|its|they|their|such|both|same|however|but|also|and|or|so|yet|then
        |thus|hence|therefore|additionally|moreover|furthermore|similarly|likewise|otherwise
        |instead|conversely|consequently|accordingly|alternatively|meanwhile|nevertheless|besides
        |again|finally|next|afterwards?|second(?:ly)?|third(?:ly)?|lastly|here|he|she|example
        |nonetheless|subsequently)\b
    | it(?:['’]s)?\b(?!\s(?:is\s)?(?:not\s)?(?:possible|recommended|important|necessary|best|better
        |common|good|advised|advisable|required)\b)
    | the\s(?:same|above|latter|former|following|previous|other|first|second|third|resulting)\b
    | for\s(?:example|instance|this|that|these)\b
    | in\s(?:this\scase|that|these|those|such|addition|contrast|other\swords|both|either|turn|fact)\b
    | as\s(?:a\sresult|such|mentioned|noted|shown|above|you\scan\ssee|before|an\sexample)\b
    | (?:if|when|once|while|since|after|because\sof|due\sto|with|by|unlike|to|from|of|on)
        \s(?:so|not|this|that|these|it|they|doing\s(?:so|this)|do\s(?:so|this|that|it))\b
    | note\sthat\s(?:this|it|these|they|the\sabove)\b
    | on\sthe\sother\shand\b|at\sthis\spoint\b|(?:once|now\sthat)\swe\b
    | [^,]{{0,40}}\b(?:this|that|these|those|it|them|doing\sso),
    | .{{0,60}}\b(?:them|these|those)\b
    | (?:you|we|it|they)\s(?:can|may|could|might|should|must)\salso\b|another\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_POINTER = re.compile(
    rf"""{_MARKS}(?:
      (?:new|added|changed|deprecated|removed)\s(?:in|since)\s(?:version\s)?v?\d
    | click\b|see\b|learn\s(?:more|about|how)\b|read\s(?:more|about|the)\b|find\sout\b
    | (?:to|if\syou(?:['’]d)?\s(?:want|wish|like|need)\sto)\s(?:learn|read|know|see)\s(?:more|about)
    | (?:you\scan\s)?(?:also\s)?(?:read|learn|find)\smore\b|(?:more|further)\s(?:info|details)
    | for\s(?:more|further|additional|full|a\s(?:full|complete|list|detailed|more))\b
    | for\s(?:the\s)?(?:full\s|complete\s)?(?:details|documentation|list)\b
    | (?:please\s)?(?:refer\sto|consult|check\sout|have\sa\slook|take\sa\slook|visit)\b
    | please\s(?:see|read|check)\b|details\s(?:can|are|on)\b
    | (?:previous|next|back|up|home)\s*(?:$|[:←→»«]|page\b|chapter\b|to\stop)
    | table\sof\scontents|on\sthis\spage|in\sthis\sarticle|edit\s(?:this|on)\b|last\supdated
    | source\scode\b.{{0,4}}:|copyright|©|view\s(?:source|on)\b|open\sin\b|skip\sto\b
    | download\s(?:this|the)\s(?:notebook|source|example)
    )
    | .*\bfor\s(?:more|further)\s(?:details|info|information|examples|options)\W*$
    | .*\b(?:click|see|look)\s(?:here|this\slink|below|above)\b
    | .*\b(?:described|explained|discussed|covered)\s(?:in\sdetail\s)?(?:in|here|below|later)\b.{{0,60}}$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OF_THE_PAGE = re.compile(
    rf"{_MARKS}(?:in\sthis\s|this\s(?:section|page|guide|tutorial|document|chapter|example|notebook"
    r"|article|doc)\b|we\s|we['’]ll|let['’]?s\b|let\sus\b|as\sof\s|previously|prior\sto|historically"
    r"|before\s(?:version\s)?v?\d|in\s(?:the\spast|earlier|older|previous)\b|imagine\b|suppose\b"
    r"|congrat|welcome|thank|now\b)",
    re.IGNORECASE,
)
_CHANGE = re.compile(r"\bPR #\d|\(#\d+\)|\bby @\w")  # an entry of release notes
_ELSEWHERE = re.compile(
    r"\b(?:above|below|earlier|the\s(?:previous|next|following|last))\b", re.IGNORECASE
)
_INSTRUCTION = re.compile(
    rf"{_MARKS}(?:you\s(?:can|could|must|should|need|have\sto|may)\b|to\s\w+|if\syou\b|in\sorder\sto\b"
    r"|use\b|set\b|run\b|add\b|install\b|configure\b|create\b|make\ssure\b|ensure\b|pass\b|call\b"
    r"|define\b|specify\b|enable\b|disable\b|declare\b|import\b|change\b|check\b|start\b|avoid\b"
    r"|do\snot\b|don['’]t\b|never\b|always\b|put\b|replace\b|provide\b|consider\b)",
    re.IGNORECASE,
)
_DEFINITION = re.compile(
    rf"{_MARKS}(?:(?:an?|the)\s)?[\w`.\-*]+(?:\s[\w`.\-*]+){{0,4}}?\s(?:is|are)\s(?:an?|the|used|not|only)\b"
    rf"|{_MARKS}`[^`\n]+`\s(?:lets|allows|sets|makes|controls|takes|accepts|returns|runs|tells|specifies)\b",
    re.IGNORECASE,
)
_MAY_HOLD_SPANS = re.compile(r"[`\[<]|[\w.:]/|www|:[\w/]")
_LOG_LINE = re.compile(
    r"\s*(?:\[?\d{4}-\d\d-\d\d|\[?\d\d:\d\d:\d\d|(?:\[?(?:INFO|WARNING|ERROR|DEBUG)\b)|\(\w+ pid=\d+"
    r"|[+|]?[-=+|]{8,}|[├└│|]|\w+ \| )"
)
_OUTPUT_LANGUAGES = frozenset(
    {"text", "output", "log", "logs", "none", "ansi", "plaintext", "txt", "mermaid"}
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece to quote or to leave; a sentence of its own is never cut.

    Args:
        kind: what it is.
        text: Markdown in one line for a sentence or an item (its bullet with it); of code the
            lines inside its fence, of a table its lines.
        heading: the innermost heading within the passage above it, empty for the passage's own.
        paragraph: number of the paragraph or list that it stands in.
        worth: 0 where it is never quoted for itself, 1 for a plain statement.
        needs: place of the unit that must stand before it.
        quotable: False for what is never quoted.
        language: of code.
        depth: of an item within its list.
    """

    kind: Kind
    text: str
    heading: str
    paragraph: int
    worth: float = 1.0
    needs: int | None = None
    quotable: bool = True
    language: str = ""
    depth: int = 0


@dataclass(slots=True)
class _Piece:
    """A paragraph, an item, code or a table as it stands in the text."""

    kind: Kind
    lines: list[str]
    heading: str
    aside: bool = False
    bullet: str = ""
    indent: int = 0
    language: str = ""
    follows: bool = False  # the item of the same list before it
    is_label: bool = False  # a line in bold, such as the name of a tab


def units(text: str) -> list[Unit]:
    """Cut the Markdown of a passage into its units, in order."""
    found: list[Unit] = []
    parents: list[tuple[int, int]] = []  # indentation and place of the items that are open
    steps: dict[tuple[int, int | None], int] = {}  # the last step by what all of them need
    lead_in: int | None = None
    paragraph = 0
    for piece in _pieces(without_numbers(text)):
        paragraph += not piece.follows
        if piece.kind == "item":
            if not piece.follows:
                parents, steps, lead_in = [], {}, _lead_in(found, piece.heading)
            while parents and parents[-1][0] >= piece.indent:
                parents.pop()
            needs = parents[-1][1] if parents else lead_in
            step = steps.get((len(parents), needs))
            is_step = piece.bullet[0].isdigit()
            needed = step if is_step and step is not None else needs
            is_of_the_page = lead_in is not None and bool(_OF_THE_PAGE.match(found[lead_in].text))
            item = _item(piece, paragraph, needed, len(parents), is_of_the_page=is_of_the_page)
            steps[len(parents), needs] = len(found)
            parents.append((piece.indent, len(found)))
            found.append(item)
        elif piece.kind == "sentence":
            _add_sentences(found, piece, paragraph)
        else:
            is_behind_code = bool(found) and found[-1].kind == "code" and found[-1].language != ""
            is_output = is_behind_code and not piece.language
            found.append(
                _code(piece, paragraph, _lead_in(found, piece.heading), is_output=is_output)
            )
    return found


def sentences(paragraph: str) -> list[str]:
    """Cut prose of one line into sentences; code and links are whole."""
    # An address may take the full stop behind it, and never holds a blank.
    whole = [(span.start, span.end) for span in _spans(paragraph) if span.kind != "address"]
    found: list[str] = []
    start = 0
    inside = iter([*whole, (len(paragraph), len(paragraph))])
    begin, end = next(inside)
    for match in _SENTENCE_END.finditer(paragraph):
        while end <= match.start():
            begin, end = next(inside, (len(paragraph) + 1, len(paragraph) + 1))
        if begin < match.start() + 1 <= end or _ABBREVIATED.search(
            paragraph, max(start, match.start() - 8), match.start() + 1
        ):
            continue
        found.append(paragraph[start : match.end()].strip())
        start = match.end()
    found.append(paragraph[start:].strip())
    return [sentence for sentence in found if sentence]


def _pieces(text: str) -> Iterator[_Piece]:
    reader = _Reader()
    for block in blocks(text):
        if isinstance(block, Fence):
            reader.fence(block)
        else:
            reader.prose(block)
    yield from reader.done()


class _Reader:
    """Reads lines into pieces: what each line is depends on those before it."""

    def __init__(self) -> None:
        self._found: list[_Piece] = []
        self._open: _Piece | None = None
        self._heading = ""
        self._in_list = False
        self._skips_remark = False  # "See also" and its links

    def fence(self, fence: Fence) -> None:
        self._end()
        strip = (
            _QUOTED
            if fence.quoted
            else re.compile(re.escape(fence.prefix))
            if fence.prefix
            else None
        )
        lines = [
            strip.sub("", line, count=1) if strip and strip.match(line) else line
            for line in fence.lines
        ]
        if any(line.strip() for line in lines):
            language = re.match(r"[A-Za-z0-9_+\-.#]*", fence.info)
            piece = _Piece("code", lines, self._heading, aside=fence.quoted)
            piece.language = language[0] if language else ""
            self._found.append(piece)
        self._in_list = self._in_list and bool(fence.prefix)

    def prose(self, block: Prose) -> None:
        lines = block.text.split("\n")
        position = 0
        while position < len(lines):
            taken = table_length(lines, position)
            if taken:
                self._end()
                self._found.append(
                    _Piece("table", lines[position : position + taken], self._heading)
                )
                self._in_list = False
            else:
                self._line(lines[position])
            position += taken or 1
        self._end()

    def done(self) -> list[_Piece]:
        self._end()
        return self._found

    def _end(self) -> None:
        if self._open is not None:
            self._close(self._open)
            self._open = None

    def _close(self, piece: _Piece) -> None:
        name = (
            _BOLD_LINE.fullmatch(" ".join(piece.lines).strip())
            if piece.kind == "sentence"
            else None
        )
        if name is not None and piece.aside:
            self._skips_remark = name["name"].lower().startswith("see also")
        else:
            piece.is_label = name is not None
            self._found.append(piece)

    def _line(self, line: str) -> None:
        marks = _QUOTED.match(line)
        aside = marks is not None and ">" in marks[0]
        inside = line[marks.end() :] if marks and aside else line
        if not aside:
            self._skips_remark = False
        heading = _HEADING.match(inside)
        if heading or not inside.strip() or _SKIPPED_LINE.match(inside):
            self._end()
            if heading:
                self._heading, self._in_list = _plain(heading["name"]), False
            return
        item = _ITEM.match(inside)
        if self._skips_remark:
            return
        if item:
            self._end()
            indent = len(item["indent"].expandtabs(4))
            self._open = _Piece(
                "item", [item["text"]], self._heading, aside, item["bullet"], indent
            )
            self._open.follows = self._in_list
            self._in_list = True
        elif self._open is not None and self._open.aside == aside:
            self._open.lines.append(inside)
        else:
            self._paragraph(inside, aside=aside)

    def _paragraph(self, line: str, *, aside: bool) -> None:
        self._end()
        is_within = self._in_list and line[:1] in " \t"
        if not is_within and _INDENTED_CODE.match(line):
            return
        self._in_list = is_within
        self._open = _Piece("sentence", [line], self._heading, aside)


def _lead_in(found: Sequence[Unit], heading: str) -> int | None:
    """Give the place of the sentence right before that announces what comes."""
    if found and found[-1].kind == "sentence" and found[-1].heading == heading:
        before = found[-1]
        if _LEADS_IN.search(before.text):
            return len(found) - 1
    return None


def _item(
    piece: _Piece, paragraph: int, needs: int | None, depth: int, *, is_of_the_page: bool
) -> Unit:
    text = _BOLD_CODE.sub(r"\1", _plain(" ".join(line.strip() for line in piece.lines)))
    worth = _worth(text, aside=piece.aside) * (_WEAK if is_of_the_page else 1.0)
    return Unit(
        "item",
        f"{piece.bullet} {text}",
        piece.heading,
        paragraph,
        worth=0.0 if _LEADS_IN.search(text) else worth,
        needs=needs,
        quotable=_says_something(text, " ".join(piece.lines), _LEAST_ITEM_WORDS),
        depth=depth,
    )


def _add_sentences(found: list[Unit], piece: _Piece, paragraph: int) -> None:
    raw = " ".join(line.strip() for line in piece.lines)
    text = _BOLD_CODE.sub(r"\1", _plain(raw))
    is_link = not _words_outside_links(raw)
    for sentence in sentences(text):
        leads_in = _LEADS_IN.search(sentence) is not None
        unit = Unit(
            "sentence",
            sentence,
            piece.heading,
            paragraph,
            worth=0.0 if leads_in else _worth(sentence, aside=piece.aside),
            quotable=not (is_link or piece.is_label)
            and _is_whole(sentence)
            and not _POINTER.match(sentence)
            and (leads_in or _is_long_enough(sentence, _LEAST_WORDS)),
        )
        if _LEANING.match(sentence) and not _OF_THE_PAGE.match(sentence):
            unit = _leaning(unit, found)
        found.append(unit)


def _leaning(unit: Unit, found: Sequence[Unit]) -> Unit:
    """Tie a sentence to the one before it; under a heading it speaks of what that names."""
    if not found or found[-1].heading != unit.heading:
        return unit
    if found[-1].kind != "sentence":
        return replace(unit, quotable=False)
    return replace(unit, needs=len(found) - 1)


def _code(piece: _Piece, paragraph: int, needs: int | None, *, is_output: bool) -> Unit:
    lines = [line.rstrip() for line in piece.lines]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    worth = _ASIDE if piece.aside else 1.0
    if piece.kind == "code":
        logged = sum(_LOG_LINE.match(line) is not None for line in lines)
        if is_output or logged > len(lines) / 3 or piece.language.lower() in _OUTPUT_LANGUAGES:
            worth *= _WEAK * _WEAK
    text = "\n".join(lines)
    return Unit(piece.kind, text, piece.heading, paragraph, worth, needs, language=piece.language)


def _worth(sentence: str, *, aside: bool) -> float:
    worth = _ASIDE if aside or sentence.startswith("(") else 1.0
    is_question = sentence.rstrip("*_\"'”)").endswith("?")
    if (
        is_question
        or _OF_THE_PAGE.match(sentence)
        or _ELSEWHERE.search(sentence)
        or _CHANGE.search(sentence)
    ):
        return worth * _WEAK
    if _INSTRUCTION.match(sentence) or _DEFINITION.match(sentence):
        return worth * _STRONG
    return worth


def _says_something(text: str, raw: str, least_words: int) -> bool:
    return (
        bool(_words_outside_links(raw))
        and _is_whole(text)
        and not _POINTER.match(text)
        and _is_long_enough(text, least_words)
    )


def _is_long_enough(text: str, least_words: int) -> bool:
    words = sum(any(map(str.isalnum, word)) for word in text.split())
    return words >= least_words or (
        not text.isascii() and len(text) >= _LEAST_CHARACTERS and words > 0
    )


def _is_whole(text: str) -> bool:
    """Tell whether nothing in it reaches into what stands beside it: a fence, a lone mark."""
    read = blocks(text)
    if len(read) != 1 or not isinstance(read[0], Prose):
        return False
    outside = "".join(_outside(text))
    return "`" not in outside.replace("\\`", "") and outside.count("**") % 2 == 0


def _words_outside_links(text: str) -> list[str]:
    """List the words that no link holds: navigation has none."""
    outside = "".join(_outside(text, ("link", "image", "autolink", "address")))
    return [word for word in outside.split() if any(map(str.isalnum, word))]


def _outside(
    text: str, kinds: Sequence[str] = ("code", "link", "image", "autolink", "address")
) -> Iterator[str]:
    position = 0
    for span in _spans(text):
        if span.kind in kinds:
            yield text[position : span.start]
            position = span.end
    yield text[position:]


def _spans(text: str) -> list[Span]:
    """Find code, links and addresses; most sentences hold none, and reading them takes long."""
    return spans(text) if _MAY_HOLD_SPANS.search(text) else []


def _plain(text: str, depth: int = 3) -> str:
    """Write links as their words and leave images out: only the pages cited are linked."""
    if "[" not in text:
        return " ".join(text.split())
    parts: list[str] = []
    position = 0
    for span in spans(text):
        parts.append(text[position : span.start])
        position = span.end
        if span.kind == "link" and depth:
            parts.append(_plain(span.text, depth - 1))
        elif span.kind != "image":
            parts.append(text[span.start : span.end])
    parts.append(text[position:])
    return " ".join("".join(parts).split())
