"""The check of a model's reply: what the passages bear out stays, the rest is cut with its reason.

Each sentence with a claim carries a citation, or stands right before one that does in the same
paragraph or item; a line that leads to a list or to code may be carried by what follows, and the
items of a list by the line that leads to it. What claims nothing ("Yes.", "Do this:"), and what
says that the documentation is silent, needs none. A sentence goes when its passages do not bear
it out, or when it has a name that no passage and not the question has; code goes when it has such
a name of the documented project, and else gets a line of warning.

Promise: what is told of a reply while it is written is how the whole begins.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from docbot import texts
from docbot.answers.citations import check, without_numbers
from docbot.answers.claims import fault, says_something
from docbot.answers.code_names import CodeNames, unknown_in
from docbot.answers.filler import is_filler, without_opening
from docbot.answers.ground import Ground
from docbot.answers.markdown import Fence, blocks
from docbot.answers.names import Vocabulary
from docbot.answers.sentences import Piece, cut, joined
from docbot.answers.split import split
from docbot.retrieval.passages import Passage
from docbot.text import shortened, storable

_SHOWN = 160  # characters of what was cut
_MOST_CUT = 50  # entries kept of what was cut
_MOST_WARNED = 4  # names in a warning
_HEADER_ROWS = 2  # of a table: the names of its columns, and the rule below
_AGAIN = "it was said before"
_LEAST_KEPT = 0.5  # share of the claims; what is left of fewer says something else

# A sentence of the rules: one says which part the passages do not cover.
_SILENCE = re.compile(
    r"\b(?:documentation|docs?|passages?|pages?|sources?)\b[^.]{0,40}\b(?:do(?:es)?|did|is|are)"
    r"(?:n[o'’]t| not)\s+(?:\w+\s)?(?:say|mention|cover|describe|explain|state|specify|tell|show"
    r"|address|contain|include|discuss|mentioned|covered|described)\b",
    re.IGNORECASE,
)
_REQUEST_LINE = re.compile(r"\s*-{2,}\s*(?:passage|question|end)\b.*", re.IGNORECASE | re.DOTALL)
_OWN_SOURCES = re.compile(
    r"\W*(?:sources?|references?|citations?|further reading)\W*", re.IGNORECASE
)
_ENDED = re.compile(r"[.!?…:。！？][\"')\]*_`”’»」』）]*\s*$|[\]】]\s*$")  # noqa: RUF001
_BODY = re.compile(r"\n[^\n]*[^\s`~>]")  # of a block of code
_RULE_ROW = re.compile(r"[\s|:>-]+")
# What ties a sentence to the one before it, and says nothing where that one is gone.
_TIE = re.compile(
    r"(?:however|but|also|additionally|moreover|furthermore|in addition|besides|therefore|thus|hence"
    r"|similarly|likewise|nevertheless|consequently|as a result)\b,?\s+(?=\S)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CheckedReply:
    """What is left of a reply: `[k]` in it cites the passage number `cited[k - 1]` of those given.

    `cut` names what went and why; `kept` and `claimed` count the sentences and blocks of code with
    a claim that stayed, and all there were.
    """

    text: str
    cited: tuple[int, ...]
    cut: tuple[str, ...]
    kept: int
    claimed: int
    is_shortened: bool = False

    @property
    def says_enough(self) -> bool:
        return bool(self.cited) and self.kept >= _LEAST_KEPT * self.claimed


@dataclass(frozen=True, slots=True)
class _Read:
    """A piece without its citations; `cited` are numbers of passages."""

    piece: Piece
    words: str
    cited: tuple[int, ...]
    claims: bool
    invented: tuple[str, ...] = ()

    @property
    def leads(self) -> bool:
        return self.piece.kind == "sentence" and self.words.rstrip(" *_`\"').").endswith(
            (":", "：")
        )


class Checker:
    """Checks replies that were written from these passages to this question.

    `said` is what the person wrote before: its names are known too.
    """

    def __init__(self, passages: Sequence[Passage], question: str, said: str = "") -> None:
        self._passages = passages
        self._asked = f"{question}\n{said}"
        described = [
            "\n".join([each.title, *each.heading_path, each.text, each.url]) for each in passages
        ]
        self._names = Vocabulary([*described, question, said])
        self._grounds: dict[str, Ground] = {}
        self._judged: dict[tuple[str, tuple[int, ...]], str | None] = {}
        self._reads: dict[Piece, _Read] = {}

    def checked(
        self,
        text: str,
        *,
        most: int,
        is_broken_off: bool = False,
        is_whole: bool = True,
    ) -> CheckedReply:
        """Check a reply, or, while it is written, as much of it as cannot change any more.

        Args:
            text: Markdown as the model wrote it.
            most: characters that are kept; what is beyond goes from a sentence on.
            is_broken_off: the last sentence may lack its end, and is left out then.
            is_whole: nothing more will come.
        """
        pieces = cut(text)
        if pieces and is_broken_off and (pieces[-1].kind != "fence" or not is_whole):
            pieces = pieces[:-1] if not is_whole or not _ENDED.search(pieces[-1].text) else pieces
        reads = [self._read(piece) for piece in pieces]
        reasons = self._reasons(reads)
        _cut_duplicates(reads, reasons)
        _cut_what_hangs(reads, reasons)
        written = [self._written(reads, place, reasons) for place in range(len(reads))]
        kept = [place for place in range(len(reads)) if reasons[place] is None]
        fitting = _fitting(written, kept, most)
        is_shortened = len(fitting) < len(kept)
        if not is_whole:
            fitting = _settled(reads, fitting)
        final = check(_closed(joined(written, frozenset(fitting)), most), self._passages)
        of_claims = [
            place for place, read in enumerate(reads) if read.claims and reasons[place] != _AGAIN
        ]
        return CheckedReply(
            final.text,
            final.cited,
            (*self._invented(reads), *_told(reads, reasons)),
            sum(reasons[place] is None for place in of_claims),
            len(of_claims),
            is_shortened,
        )

    def _invented(self, reads: Sequence[_Read]) -> list[str]:
        """Give the citations of passages that were not given, each once."""
        return list(dict.fromkeys(cut for read in reads for cut in read.invented))

    def _read(self, piece: Piece) -> _Read:
        known = self._reads.get(piece)
        if known is None:
            known = self._reads[piece] = self._newly_read(piece)
        return known

    def _newly_read(self, piece: Piece) -> _Read:
        if piece.kind == "fence":
            return _Read(piece, piece.text, (), claims=_BODY.search(piece.text) is not None)
        found = check(piece.text, self._passages)
        words = without_numbers(piece.text)
        if piece.kind == "heading" or (piece.kind == "row" and _RULE_ROW.fullmatch(words)):
            return _Read(piece, words, found.cited, claims=False, invented=found.cut)
        is_free = _SILENCE.search(words) or _REQUEST_LINE.fullmatch(words) or is_filler(words)
        says = bool(found.cited) or (not is_free and says_something(words, self._asked))
        return _Read(piece, words, found.cited, claims=says, invented=found.cut)

    def _reasons(self, reads: Sequence[_Read]) -> list[str | None]:
        """Say of each piece why it goes; None: it stays."""
        reasons: list[str | None] = [None] * len(reads)
        carried = [place for place, read in enumerate(reads) if read.claims and not read.cited]
        for place, read in enumerate(reads):
            if read.piece.kind == "fence" or place not in carried:
                reasons[place] = self._reason(read, read.cited)
        for place in carried:
            if reads[place].piece.kind != "fence":
                reasons[place] = self._reason_if_carried(reads, place, reasons)
        return reasons

    def _reason_if_carried(
        self, reads: Sequence[_Read], place: int, reasons: Sequence[str | None]
    ) -> str | None:
        carriers = [each for each in _carriers(reads, place) if reasons[each] is None]
        found: str | None = "it cites nothing"
        for carrier in carriers:
            found = self._reason(reads[place], reads[carrier].cited)
            if found is None:
                return None
        return found

    def _reason(self, read: _Read, cited: tuple[int, ...]) -> str | None:
        key = (read.piece.text, cited)
        if key not in self._judged:
            self._judged[key] = self._newly_judged(read, cited)
        return self._judged[key]

    def _newly_judged(self, read: _Read, cited: tuple[int, ...]) -> str | None:
        if read.piece.kind == "fence":
            unknown = list(self._code_names(read.piece).invented) if read.claims else []
        else:
            unknown = self._names.unknown(read.words)
        formal = _fault_of_form(read)
        if formal is not None:
            return formal
        if unknown:
            return f"{', '.join(unknown)} stands in no passage"
        if not read.claims or read.piece.kind == "fence":
            return None
        grounds = [self._ground(number) for number in cited]
        found = fault(read.words, grounds, self._asked)
        return found and f"not borne out: {found}"

    def _ground(self, number: int) -> Ground:
        """Give all that was given of the address of a passage: they share a citation."""
        address = self._passages[number - 1].url
        if address not in self._grounds:
            self._grounds[address] = Ground([one for one in self._passages if one.url == address])
        return self._grounds[address]

    def _code_names(self, piece: Piece) -> CodeNames:
        fence = next(block for block in blocks(piece.text) if isinstance(block, Fence))
        return unknown_in(fence, self._names)

    def _written(self, reads: Sequence[_Read], place: int, reasons: Sequence[str | None]) -> Piece:
        """Give a piece as it is written: untied from one that went, code with its warning."""
        piece = reads[place].piece
        if piece.kind == "fence" and reasons[place] is None:
            unfamiliar = self._code_names(piece).unfamiliar
            if unfamiliar:
                names = ", ".join(f"`{name}`" for name in unfamiliar[:_MOST_WARNED])
                return replace(piece, text=f"{piece.text}\n{texts.unfamiliar(names)}")
        if piece.kind == "sentence" and not piece.is_item and None not in reasons[:place]:
            piece = replace(piece, text=without_opening(piece.text))
        before = reads[place - 1] if place else None
        if before is None or reasons[place - 1] is None or before.piece.element != piece.element:
            return piece
        untied = _TIE.sub("", piece.text, count=1) if _TIE.match(piece.text) else piece.text
        return replace(
            piece, text=f"{untied[:1].upper()}{untied[1:]}" if untied != piece.text else untied
        )


def _fault_of_form(read: _Read) -> str | None:
    """Say of a piece that is no part of an answer why; None of any other."""
    if read.piece.kind == "fence":
        return None if read.claims else "it says nothing"
    if not read.words.strip() or _REQUEST_LINE.fullmatch(read.words):
        return "it says nothing"
    if _OWN_SOURCES.fullmatch(read.words):
        return "a list of sources of its own"
    if read.piece.kind == "sentence" and not read.cited and is_filler(read.words):
        return "it tells nobody anything"
    if read.invented and not read.claims:
        return "it cites what was not given"
    return None


def _carriers(reads: Sequence[_Read], place: int) -> list[int]:
    """Give the cited pieces that may vouch for one that cites nothing, nearest first."""
    read = reads[place]
    found: list[int] = []
    following = place + 1
    if following < len(reads) and reads[following].piece.element == read.piece.element:
        found.append(following)
    if read.leads:
        found.append(next((each for each in range(following, len(reads)) if reads[each].cited), -1))
    if read.piece.is_item or read.piece.kind == "row":
        found.append(_lead_of(reads, place))
    if read.piece.kind == "row":
        found.extend(_around_table(reads, place))
    return [each for each in found if each >= 0 and reads[each].cited]


def _lead_of(reads: Sequence[_Read], place: int) -> int:
    """Find the line that leads to a list or table; -1 if there is none."""
    for each in range(place - 1, -1, -1):
        read = reads[each]
        if not (read.piece.is_item or read.piece.kind in {"row", "fence"}):
            return each if read.leads else -1
    return -1


def _around_table(reads: Sequence[_Read], place: int) -> Iterable[int]:
    """Give the rows of the same table, and what follows on it."""
    first = last = place
    while first and reads[first - 1].piece.kind == "row":
        first -= 1
    while last + 1 < len(reads) and reads[last].piece.kind == "row":
        last += 1
    return range(first, last + 1)


def _cut_duplicates(reads: Sequence[_Read], reasons: list[str | None]) -> None:
    """Keep what is said again and again once: a model that has lost its thread repeats itself."""
    said: set[str] = set()
    for place, read in enumerate(reads):
        if reasons[place] is not None or not read.claims:
            continue
        words = " ".join(read.words.split())
        if words in said:
            reasons[place] = _AGAIN
        said.add(words)


def _cut_what_hangs(reads: Sequence[_Read], reasons: list[str | None]) -> None:
    """Cut code whose lead went, and leads and headings that lead to nothing any more."""
    for place in range(1, len(reads)):
        lead = reads[place - 1]
        if reads[place].piece.kind == "fence" and lead.leads and reasons[place - 1] is not None:
            reasons[place] = reasons[place] or "what leads to it was cut"
    for place in reversed(range(len(reads))):
        if reasons[place] is None and _hangs(reads, place, reasons):
            reasons[place] = "it leads to nothing"


def _hangs(reads: Sequence[_Read], place: int, reasons: Sequence[str | None]) -> bool:
    read, rest = reads[place], range(place + 1, len(reads))
    if read.piece.kind == "heading":
        up_to = next((each for each in rest if reads[each].piece.kind == "heading"), len(reads))
        return all(reasons[each] is not None for each in range(place + 1, up_to))
    if read.piece.kind == "row" and not read.cited:
        table = [each for each in _around_table(reads, place) if reads[each].piece.kind == "row"]
        return all(reasons[each] is not None for each in table[_HEADER_ROWS:])
    if not read.leads or not rest:
        return read.leads and bool(read.claims is False or not read.cited)
    listed = reads[place + 1].piece
    if not (listed.is_item or listed.kind == "row"):
        return reasons[place + 1] is not None
    for each in rest:
        if not (reads[each].piece.is_item or reads[each].piece.kind in {"row", "fence"}):
            break
        if reasons[each] is None:
            return False
    return True


def _fitting(written: Sequence[Piece], kept: Sequence[int], most: int) -> list[int]:
    """Give the first of these pieces that fit, at least one."""
    fitting: list[int] = []
    for place in kept:
        most -= len(written[place].before) + len(written[place].marker) + len(written[place].text)
        if most < 0 and fitting:
            break
        fitting.append(place)
    return fitting


def _closed(text: str, most: int) -> str:
    """Cut what is too long without any sentence in it, and close a block of code left open."""
    return "".join(split(text, most)[:1])


def _settled(reads: Sequence[_Read], kept: Sequence[int]) -> list[int]:
    """Give of a reply that goes on what cannot change: all up to the last piece that stands alone."""
    alone = [
        place
        for place in kept
        if (reads[place].cited or reads[place].piece.kind == "fence")
        and not reads[place].leads
        and reads[place].piece.kind != "row"
    ]
    last = alone[-1] if alone else -1
    return [place for place in kept if place <= last]


def _told(reads: Sequence[_Read], reasons: Sequence[str | None]) -> list[str]:
    """Say what was cut and why, as it is stored."""
    told: list[str] = []
    again = 0
    for read, reason in zip(reads, reasons, strict=True):
        if reason == _AGAIN:
            again += 1
        elif reason is not None and read.words.strip():
            told.append(f"{shortened(storable(read.words), _SHOWN)} ({storable(reason)})")
    left = len(told) - _MOST_CUT
    told = told[:_MOST_CUT]
    if left > 0:
        told.append(f"{left} more sentences")
    if again:
        told.append(f"{again} sentences that were said before")
    return told
