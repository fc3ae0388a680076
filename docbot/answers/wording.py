"""What a sentence says, in parts that can be looked for: words, numbers and denials by clause.

Words are index terms, so that all forms of one are the same; what is code is told from prose.
English is known best: of other languages only words, names and numbers are told apart.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from docbot.answers import lexicon
from docbot.answers.markdown import Span, spans
from docbot.answers.quantities import LITERALS, NUMBER, WORDS, Number, number
from docbot.retrieval.lexical import terms

_GENERIC, _NAME = 0.35, 1.6  # weights; of other words 0.7 to 1.3, by their length
TELLING = 0.5  # the least weight of a word that says something of its own
_LEAST_CLAUSE = 1.5  # weight; less says too little to be looked for alone
# Characters of code within a line; more without a sign in it come of a mark that was forgotten.
_LONGEST_CODE = 50
_PREFIX = 6  # letters in which two forms of a long word agree
_SCOPE = 4  # words that a negation reaches

_TOKEN = re.compile(
    NUMBER + r"|(?P<word>[^\W\d]\w*(?:[-_.'’/@]+\w+)*)|(?P<stop>[.,;:!?()—–|]|\s-\s)"
)
_NEGATORS = frozenset(
    {"not", "never", "no", "cannot", "without", "nor", "neither", "none", "nothing", "nobody"}
)
# They deny as well, but what they deny cannot be told from the words that follow.
_DENYING = re.compile(
    r"(?:instead|rather|unless|except|only|but|regardless|despite|however|although|though"
    r"|otherwise|skip|ignor|exclud|omit|prevent|avoid|disabl|lack|missing|deny|denied|undefined"
    r"|restrict|block|refus|reject|forbid|prohibit|disallow|hidden|lose|lost|unlike|contrast"
    r"|opposite|unsupported|unable|impossible|rarely|seldom|independent|discard|clear)\w*$"
)
# What is denied under a condition, or beside something else, a passage may put the other way round.
_CONDITION = re.compile(
    r"\b(?:otherwise|unless|or else|instead|rather|and not|regardless)\b", re.IGNORECASE
)
_ONLY = frozenset({"only", "solely", "exclusively"})
_CONJUNCTIONS = """
    and so but because since whereas while which or otherwise yet unless if although though when
"""
_BREAKS = frozenset(_CONJUNCTIONS.split())
_SCOPE_ENDS = _BREAKS | {"that"}
_ENDS = frozenset({";", "|"})
_STOPS = frozenset({",", ";", ":", "—", "–", "(", ")", "|"})
# Of the words that a search leaves out, those that can make a claim false.
_KEPT_STOP_WORDS = """
    off before after more below above under over same all until while during own other only once
    most few again one both each any
"""
_KEPT = frozenset(_KEPT_STOP_WORDS.split())
_MARKED = re.compile(r"[`\[<]|:/|www\.|mailto:|\.[a-z]{2,}[:/]", re.IGNORECASE)
_SIGNS = re.compile(r"[=(){}<>/_$]")
_NAME_SHAPE = re.compile(r"\w[_./@]\w|[a-z][A-Z]|^[A-Z][A-Z0-9]+$|\d")
_INTERJECTION = re.compile(r"(?:yes|no|nope|right|correct)\b[,.:;!—– ]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a claim: its index term, and how it is to be found again."""

    term: str
    weight: float
    is_name: bool
    negated: bool
    meanings: frozenset[int]
    sides: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """`negative`: it denies something; `doubtful`: it may; `conditional`: only if something else is.

    `exclusive`: it holds of one thing only. `begins`: what comes before it says something else, as before an "and".
    """

    tokens: tuple[Token, ...]
    numbers: tuple[Number, ...]
    negative: bool
    doubtful: bool
    conditional: bool = False
    exclusive: bool = False
    begins: bool = False

    @property
    def telling(self) -> list[Token]:
        """Its words, each once; the parts of names are looked for with the whole."""
        return list({token.term: token for token in self.tokens if token.weight}.values())

    @property
    def all_sides(self) -> frozenset[tuple[int, int]]:
        return frozenset(side for token in self.tokens for side in token.sides)

    def sides(self, axis: int) -> set[int]:
        return {side for token in self.tokens for on, side in token.sides if on == axis}

    def signs(self, term: str) -> set[bool]:
        """Tell where it has a term whether it is denied."""
        return {token.negated for token in self.tokens if token.term == term}

    def has_term(self, term: str) -> bool:
        return any(token.term == term for token in self.tokens)

    def says(self, token: Token) -> bool:
        """Tell whether it has a word, in another form or as another word for the same."""
        return any(
            other.term == token.term
            or not other.meanings.isdisjoint(token.meanings)
            or (len(token.term) >= _PREFIX and other.term[:_PREFIX] == token.term[:_PREFIX])
            for other in self.tokens
        )

    @property
    def mass(self) -> float:
        return sum(token.weight for token in self.tokens if token.weight >= TELLING)


class _Part(NamedTuple):
    kind: Literal["word", "number", "not", "doubt", "only", "break", "begin"]
    tokens: tuple[Token, ...] = ()
    number: Number | None = None


def claims(sentence: str) -> list[list[Clause]]:
    """Cut a sentence into what may come from different places of a passage, clauses each."""
    text = sentence.strip()
    spoken = _INTERJECTION.match(text)
    return grouped(clauses(text[spoken.end() :] if spoken else text))


def grouped(parts: Sequence[Clause]) -> list[list[Clause]]:
    """Put clauses that say too little alone with the one before."""
    found: list[list[Clause]] = []
    for clause in parts:
        if found and min(clause.mass, sum(each.mass for each in found[-1])) < _LEAST_CLAUSE:
            found[-1].append(clause)
        else:
            found.append([clause])
    return found


def runs(parts: Sequence[Clause]) -> list[list[Clause]]:
    """Put clauses together that only a comma, a colon or a bracket parts."""
    found: list[list[Clause]] = []
    for clause in parts:
        if found and not clause.begins:
            found[-1].append(clause)
        else:
            found.append([clause])
    return found


def clauses(text: str) -> list[Clause]:
    """Cut a text at its punctuation and conjunctions."""
    parts: list[list[_Part]] = [[]]
    begins: list[bool] = [True]
    for part in _Reader(readable(text)).parts():
        if part.kind not in {"break", "begin"}:
            parts[-1].append(part)
        elif parts[-1]:
            parts.append([])
            begins.append(part.kind == "begin")
        else:
            begins[-1] = begins[-1] or part.kind == "begin"
    conditional = _CONDITION.search(text) is not None
    return [
        _clause(part, conditional=conditional, begins=first)
        for part, first in zip(parts, begins, strict=True)
        if part
    ]


def readable(text: str) -> str:
    """Leave of links their labels, and of images and addresses nothing."""
    out: list[str] = []
    position = 0
    for span in _spans(text):
        out.append(text[position : span.start])
        position = span.end
        if span.kind == "code":
            out.append(text[span.start : span.end])
        elif span.kind == "link":
            out.append(readable(span.text))
    return "".join([*out, text[position:]])


def _spans(text: str) -> list[Span]:
    """Find code and links; most lines hold none, and to read them takes long."""
    return spans(text) if _MARKED.search(text) else []


def _clause(parts: Sequence[_Part], *, conditional: bool, begins: bool) -> Clause:
    return Clause(
        tuple(token for part in parts for token in part.tokens),
        tuple(part.number for part in parts if part.number is not None),
        any(part.kind == "not" for part in parts),
        any(part.kind in {"not", "doubt"} for part in parts),
        conditional,
        any(part.kind == "only" for part in parts),
        begins,
    )


def merged(clauses: Sequence[Clause]) -> Clause:
    return Clause(
        tuple(token for clause in clauses for token in clause.tokens),
        tuple(number for clause in clauses for number in clause.numbers),
        any(clause.negative for clause in clauses),
        any(clause.doubtful for clause in clauses),
        any(clause.conditional for clause in clauses),
        any(clause.exclusive for clause in clauses),
    )


class _Reader:
    """Reads a text word by word, and keeps how far a negation reaches."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._code = [
            range(span.start, span.end)
            for span in _spans(text)
            if span.kind == "code" and (len(span.text) <= _LONGEST_CODE or _SIGNS.search(span.text))
        ]
        self._reach = 0  # words that the last negation still denies

    def parts(self) -> Iterator[_Part]:
        for match in _TOKEN.finditer(self._text):
            in_code = any(match.start() in code for code in self._code)
            if match["number"]:
                yield _Part("number", number=number(match["number"], match["unit"] or ""))
            elif match["word"]:
                yield from self._code_word(match[0]) if in_code else self._word(match[0])
            elif not in_code and match[0].strip() in {*_STOPS, "-"}:
                self._reach = 0
                yield _Part("begin" if match[0] in _ENDS else "break")

    def _word(self, word: str) -> Iterator[_Part]:
        low = word.lower().replace("’", "'")
        if low in _NEGATORS or low.endswith("n't"):
            self._reach = _SCOPE
            yield _Part("not")
            return
        if low in _SCOPE_ENDS:
            self._reach = 0
        if low in _BREAKS:
            yield _Part("begin")
        if low in _ONLY:
            yield _Part("only")
        if _DENYING.match(low):
            yield _Part("doubt")
        if low in WORDS:
            yield _Part("number", number=number(WORDS[low]))
        yield from self._told(word, in_code=False)

    def _code_word(self, word: str) -> Iterator[_Part]:
        low = word.lower()
        if low in LITERALS:
            yield _Part("number", number=Number(low))
        else:
            yield from self._told(word, in_code=True)

    def _told(self, word: str, *, in_code: bool) -> Iterator[_Part]:
        found = _tokens(word, in_code=in_code, negated=self._reach > 0)
        if found:
            self._reach = max(0, self._reach - 1)
            yield _Part("word", found)


@lru_cache(maxsize=50_000)
def _terms(word: str) -> tuple[str, ...]:
    low = word.lower()
    found = (lexicon.base(term) for term in terms(word))
    return tuple(dict.fromkeys(found)) or ((low,) if low in _KEPT else ())


@lru_cache(maxsize=50_000)
def _tokens(word: str, *, in_code: bool, negated: bool) -> tuple[Token, ...]:
    """Give the word's token; of a name those of its parts follow, which weigh nothing."""
    found = _terms(word)
    if not found:
        return ()
    whole, *parts = found
    is_shaped = _NAME_SHAPE.search(word) is not None
    if is_shaped:
        weight = _NAME
    elif whole in lexicon.generic():
        weight = _GENERIC
    else:
        weight = 0.7 + 0.06 * min(len(whole), 10)
    sides = () if is_shaped else lexicon.opposite().get(whole, ())
    same = lexicon.same()
    return (
        Token(whole, weight, in_code or is_shaped, negated, same.get(whole, frozenset()), sides),
        *(Token(part, 0.0, False, negated, same.get(part, frozenset()), ()) for part in parts),
    )
