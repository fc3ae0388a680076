"""Passages made ready for sentences to be held against them.

A passage is a row of places: a sentence, an item of a list, a row of a table, a line of code, each
with those that are read with it. Of a word it is known where it stands, also as another word for
the same or in another form.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from docbot.answers.language import is_foreign
from docbot.answers.quantities import Number, equal
from docbot.answers.sentences import Piece, cut
from docbot.answers.wording import (
    TELLING,
    Clause,
    Token,
    clauses,
    merged,
    runs,
)
from docbot.retrieval.passages import Passage

# What a word of a claim counts for where a passage has it: there itself, as another word for it
# or another form of it, in the lines around, in the headings above, elsewhere in it, or nowhere.
# Chosen by hand; half or twice as much of each moved the figures of `benchmarks.checked` by 2 in 100.
_SAME, _LIKE = 1.0, 0.85
_BESIDE, _ABOVE, _ELSEWHERE, _NOWHERE = 0.8, 0.75, 0.35, -0.4
_NUMBER = 0.8  # weight of a number or value
_IN_QUESTION = 0.6  # of its weight: who repeats the question has not said much yet

_LISTED = 3  # last items of a list that are read with what follows it
_CODE_LINES = 2  # around a line of code that are read with it
_PREFIX = 6  # letters in which two forms of a long word agree
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence, an item, a row or a line of code; `near` are the places read with it."""

    clauses: tuple[Clause, ...]
    terms: frozenset[str]
    forms: frozenset[str]
    meanings: frozenset[int]
    near: tuple[int, ...]
    head: str | None  # the name that an item begins with

    @property
    def numbers(self) -> Iterator[Number]:
        return (number for clause in self.clauses for number in clause.numbers)

    @property
    def doubtful(self) -> bool:
        return any(clause.doubtful for clause in self.clauses)

    def has(self, token: Token) -> bool:
        """Tell whether a word stands here, as it is, in another form or as another word."""
        return (
            token.term in self.terms
            or not token.meanings.isdisjoint(self.meanings)
            or _form(token.term) in self.forms
        )

    def sides(self, axis: int) -> set[int]:
        return {side for clause in self.clauses for side in clause.sides(axis)}


@dataclass(frozen=True, slots=True)
class Default:
    """A clause that states a default, and the place that it stands at."""

    clause: Clause
    index: int


@dataclass(frozen=True, slots=True)
class Match:
    """The best place for a clause: what of it was found there, of how much."""

    ground: "Ground"
    index: int
    got: float
    total: float


class Ground:
    """The passages of one address."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        above = {" ".join([each.title, *each.heading_path]) for each in passages}
        self._above = _place(_Text(" . ".join(sorted(above))))
        self.is_foreign = is_foreign(" ".join(each.text for each in passages))
        texts: list[_Text] = []
        for passage in passages:
            texts.extend(_texts(passage.text, len(texts)))
        self._places = [_place(each) for each in texts or [_Text("")]]
        self.defaults = list(self._defaults())
        self._by_term: dict[str, set[int]] = {}
        self._by_form: dict[str, set[int]] = {}
        self._by_meaning: dict[int, set[int]] = {}
        self._read_by: list[list[int]] = [[] for _ in self._places]
        for index, place in enumerate(self._places):
            self._note(index, place)
        self._numbered = [i for i, place in enumerate(self._places) if any(place.numbers)]
        self._found: dict[Token, dict[int, float]] = {}

    def best(self, clause: Clause, asked: frozenset[str]) -> Match:
        """Find the place that says most of a clause; `asked` are the terms of the question."""
        base = total = 0.0
        gains: dict[int, float] = {}
        for token in clause.telling:
            weight, least = self._weight(token, asked), self._least(token, asked)
            total += weight
            base += weight * least
            for index, value in self._values(token).items():
                gains[index] = gains.get(index, 0.0) + weight * max(0.0, value - least)
        for number in clause.numbers:
            for index in self._with(number):
                gains[index] = gains.get(index, 0.0) + _NUMBER
        index = max(gains, key=lambda each: (gains[each], -each), default=0)
        total += _NUMBER * len(clause.numbers)
        return Match(self, index, base + gains.get(index, 0.0), total)

    def window(self, index: int) -> list[Place]:
        """Give a place and those that are read with it."""
        return [self._places[each] for each in (index, *self._places[index].near)]

    def states(self, number: Number, clause: Clause, index: int) -> bool:
        """Tell whether a number stands at a place, or where else much of the clause does."""
        places = set(self._with(number))
        total = sum(token.weight for token in clause.telling)
        return index in places or any(
            sum(token.weight * self._value(token, each) for token in clause.telling)
            >= _ELSEWHERE * total
            for each in places
        )

    def has_number(self, number: Number) -> bool:
        return any(True for _ in self._with(number))

    def heads(self, token: Token) -> bool:
        """Tell whether an item of a list begins with a name."""
        return any(place.head == token.term for place in self._places)

    def holds_above(self, token: Token) -> bool:
        """Tell whether a word stands in the title or a heading."""
        return self._above.has(token)

    def _note(self, index: int, place: Place) -> None:
        for term in place.terms:
            self._by_term.setdefault(term, set()).add(index)
        for form in place.forms:
            self._by_form.setdefault(form, set()).add(index)
        for meaning in place.meanings:
            self._by_meaning.setdefault(meaning, set()).add(index)
        for near in place.near:
            self._read_by[near].append(index)

    def _defaults(self) -> Iterator[Default]:
        for index, place in enumerate(self._places):
            if _DEFAULT in place.terms:
                for run in map(merged, runs(place.clauses)):
                    if run.has_term(_DEFAULT):
                        yield Default(run, index)

    def _values(self, token: Token) -> dict[int, float]:
        """Give by place what a word counts for there, also by what is read with it."""
        known = self._found.get(token)
        if known is not None:
            return known
        direct = dict.fromkeys(self._by_form.get(_form(token.term), ()), _LIKE)
        for meaning in token.meanings:
            direct.update(dict.fromkeys(self._by_meaning.get(meaning, ()), _LIKE))
        direct.update(dict.fromkeys(self._by_term.get(token.term, ()), _SAME))
        values = dict(direct)
        for index, value in direct.items():
            for reader in self._read_by[index]:
                values[reader] = max(values.get(reader, 0.0), _BESIDE * value)
        self._found[token] = values
        return values

    def _value(self, token: Token, index: int) -> float:
        return max(self._values(token).get(index, 0.0), _ABOVE * self.holds_above(token))

    def _weight(self, token: Token, asked: frozenset[str]) -> float:
        """What only the question names is the person's own, and nothing that a passage could say."""
        if token.term not in asked:
            return token.weight
        known = self._values(token) or self.holds_above(token)
        return token.weight * _IN_QUESTION if known or not token.is_name else 0.0

    def _least(self, token: Token, asked: frozenset[str]) -> float:
        """Give what a word counts for at a place that has it neither itself nor beside it."""
        if self.holds_above(token):
            return _ABOVE
        if self._values(token):
            return 0.0 if token.is_name else _ELSEWHERE
        return 0.0 if token.weight < TELLING or token.term in asked else _NOWHERE

    def _with(self, number: Number) -> Iterator[int]:
        """Give the places that have a number, or are read with one that has."""
        for index in self._numbered:
            if any(equal(number, other) for other in self._places[index].numbers):
                yield index
                yield from self._read_by[index]


@dataclass(slots=True)
class _Text:
    """The text of a place to be, and the numbers of those read with it."""

    text: str
    near: list[int] = field(default_factory=list)
    is_item: bool = False


def _texts(passage: str, first: int) -> list[_Text]:
    """Cut a passage into the texts of its places, which are numbered from `first`."""
    texts: list[_Text] = []
    lead: list[int] = []  # the line that leads to what is read now
    listed: list[int] = []
    last: Piece | None = None
    for piece in cut(passage):
        index = first + len(texts)
        if piece.kind == "fence":
            texts.extend(_code(piece.text, index, lead))
            last = piece
            continue
        stands_apart = piece.is_item or piece.kind == "row"
        if last is not None and last.element == piece.element:
            beside = [index - 1]
        else:
            beside = [] if stands_apart else [*lead, *listed]
        for each in beside:
            texts[each - first].near.append(index)
        texts.append(_Text(piece.text, beside, piece.is_item))
        if stands_apart:
            texts[-1].near += lead
            listed = [*listed, index][-_LISTED:]
        else:
            lead, listed = [index], []
        last = piece
    return texts


def _code(fence: str, first: int, lead: Sequence[int]) -> Iterator[_Text]:
    """Give the lines of a block of code, each read with those around it."""
    lines = [line for line in fence.split("\n")[1:] if line.strip(" `~>")]
    for place, line in enumerate(lines):
        around = range(max(0, place - _CODE_LINES), min(len(lines), place + _CODE_LINES + 1))
        yield _Text(line, [*(first + each for each in around if each != place), *lead])


def _place(text: _Text) -> Place:
    parts = tuple(clauses(text.text))
    tokens = [token for part in parts for token in part.tokens]
    terms = frozenset(token.term for token in tokens)
    return Place(
        parts,
        terms,
        frozenset(form for form in map(_form, terms) if form),
        frozenset(meaning for token in tokens for meaning in token.meanings),
        tuple(text.near),
        tokens[0].term if text.is_item and tokens and tokens[0].is_name else None,
    )


def _form(term: str) -> str:
    """Give what all forms of a long word have in common; nothing for a short one."""
    return term[:_PREFIX] if len(term) >= _PREFIX else ""
