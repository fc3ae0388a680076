"""Whether the passages that a sentence cites bear it out, told from their words.

A sentence is cut into clauses, and each is held against the places of its passages. Its words must
stand together there, its numbers and values as well; what it denies must be denied there, and
what it calls a default must be called one. It is a check of words, not of meaning: who puts the
words of a passage into another relation can pass it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from docbot.answers.ground import Default, Ground, Match, Place
from docbot.answers.language import is_foreign
from docbot.answers.quantities import equal
from docbot.answers.wording import (
    TELLING,
    Clause,
    Token,
    claims,
    merged,
    runs,
)

# Share of a sentence's words. Chosen on `tests/answers/sentences/own.jsonl`, where 93 % of what is
# borne out is kept and 84 % of what is not is cut. That does not carry over: of sentences by
# another author it kept 46 % and cut 53 %.
BORNE_OUT = 0.7
_SPLIT = 0.96  # a sentence put together from several places proves a little less
_BARE = 3  # words of a clause that says no more than "Default: false"
_OFF = frozenset({"false", "none", "null", "undefined", "0"})
_DEFAULT = "default"
_DEFAULT_SHARE = 0.6  # of a claim's words that stand with the default that it names


@dataclass(frozen=True, slots=True)
class Finding:
    """How a sentence stands to its passages; `fault` says what speaks against it, if anything."""

    score: float
    fault: str | None


def judged(
    sentence: str, grounds: Sequence[Ground], asked: frozenset[str], least: float = BORNE_OUT
) -> Finding:
    """Hold a sentence against the passages that it cites.

    Args:
        sentence: Markdown, its citations taken out.
        grounds: one for each address that it cites, at least one.
        asked: the terms of the question.
        least: the share of its words that must be there.
    """
    parts = claims(sentence)
    everything = [clause for part in parts for clause in part]
    if not everything:
        return Finding(1.0, None)
    if is_foreign(sentence) and not any(ground.is_foreign for ground in grounds):
        return _of_numbers(merged(everything), grounds)
    whole = _held([everything], grounds, asked, least)
    if len(parts) == 1:
        return whole
    split = _held(parts, grounds, asked, least / _SPLIT)
    split = Finding(split.score * _SPLIT, split.fault)
    return max(whole, split, key=lambda each: (each.fault is None, each.score))


def _of_numbers(clause: Clause, grounds: Sequence[Ground]) -> Finding:
    """Hold a sentence to its numbers alone: its words are not those of the passages' language."""
    for number in clause.numbers:
        if not any(ground.has_number(number) for ground in grounds):
            return Finding(0.0, f"{number.text} is not there")
    return Finding(1.0, None)


def _held(
    parts: Sequence[Sequence[Clause]],
    grounds: Sequence[Ground],
    asked: frozenset[str],
    least: float,
) -> Finding:
    got = total = 0.0
    fault: str | None = None
    said = frozenset(side for part in parts for clause in part for side in clause.all_sides)
    for part in parts:
        clause = merged(part)
        best = max((ground.best(clause, asked) for ground in grounds), key=lambda each: each.got)
        got += best.got
        total += best.total
        fault = fault or _fault(part, clause, best, said)
    score = got / total if total else 1.0
    return Finding(score, fault or (None if score >= least else "its words are not there"))


def _fault(
    part: Sequence[Clause], whole: Clause, match: Match, said: frozenset[tuple[int, int]]
) -> str | None:
    """Say what at its best place speaks against a part of a sentence."""
    for number in whole.numbers:
        if not match.ground.states(number, whole, match.index):
            return f"{number.text} is not there"
    for run in runs(part):
        if not _is_default(merged(run), match.ground):
            return "it is not the default there"
    window = match.ground.window(match.index)
    for clause in part:
        fault = (
            _not_denied(clause, window)
            or _denied(clause, window[0])
            or _turned(clause, window, said)
            or _of_another(clause, match.ground, window)
            or _of_others(clause, window)
        )
        if fault is not None:
            return fault
    return None


def _not_denied(clause: Clause, window: Sequence[Place]) -> str | None:
    """What is denied must be denied there."""
    place = window[0]
    token = next((each for each in clause.telling if each.negated), None)
    if token is None or clause.conditional or not (token.weight >= TELLING or token.sides):
        return None
    if not place.has(token):
        return None
    around = [each for each in place.clauses if each.has_term(token.term)]
    around = around or [each for one in window for each in one.clauses]
    if any(each.doubtful for each in around):
        return None
    return f"{token.term} is not denied there"


def _denied(clause: Clause, place: Place) -> str | None:
    """What is not denied must not be denied there."""
    if clause.doubtful:
        return None
    for token in clause.telling:
        if token.weight >= TELLING or token.sides:
            signs = {sign for each in place.clauses for sign in each.signs(token.term)}
            if signs == {True}:
                return f"{token.term} is denied there"
    return None


def _turned(
    clause: Clause, window: Sequence[Place], said: frozenset[tuple[int, int]]
) -> str | None:
    """A word that stands where the passage has its opposite."""
    here = _nearest(clause.telling, window[0])
    if clause.negative or here is None or here.negative:
        return None
    for token in clause.telling:
        for axis, side in token.sides:
            there = here.sides(axis) or window[0].sides(axis)
            around = {each for place in window for each in place.sides(axis)}
            if -side in there and side not in around and (axis, -side) not in said:
                return f"the opposite of {token.term} is there"
    return None


def _of_another(clause: Clause, ground: Ground, window: Sequence[Place]) -> str | None:
    """An item of a list speaks of the name that heads it."""
    head = window[0].head
    names = [token for token in clause.telling if token.is_name]
    if head is None or not names or clause.has_term(head):
        return None
    if any(token.term in place.terms for token in names for place in window):
        return None
    return f"it is said of {head} there" if any(map(ground.heads, names)) else None


def _of_others(clause: Clause, window: Sequence[Place]) -> str | None:
    """What holds of one thing only must be limited there too."""
    if not clause.exclusive or any(each.doubtful for each in window):
        return None
    return "it is not said of that alone"


def _is_default(clause: Clause, ground: Ground) -> bool:
    """What is called a default must be called so, with its value, in one clause of a passage."""
    return not clause.has_term(_DEFAULT) or any(
        _is_stated(clause, stated, ground) for stated in ground.defaults
    )


def _is_stated(clause: Clause, stated: Default, ground: Ground) -> bool:
    there = stated.clause
    values = [each for each in clause.telling if each.is_name or each.sides]
    if not all(
        there.says(token) or (token.is_name and not token.sides and ground.holds_above(token))
        for token in values
    ):
        return False
    if not all(any(equal(one, other) for other in there.numbers) for one in clause.numbers):
        return False
    if _is_off(there) and not clause.numbers and not clause.doubtful:
        return False
    if not (clause.negative or there.negative) and _oppose(clause, there):
        return False
    around = ground.window(stated.index)[1:]
    words = [token for token in clause.telling if token.weight >= TELLING]
    found = sum(
        token.weight
        for token in words
        if there.says(token)
        or ground.holds_above(token)
        or any(place.has(token) for place in around)
    )
    return found >= _DEFAULT_SHARE * sum(token.weight for token in words)


def _is_off(stated: Clause) -> bool:
    """Tell a bare "Default: false", by which nothing is done unless it is set."""
    return (
        bool(stated.numbers)
        and all(each.text in _OFF for each in stated.numbers)
        and len(stated.tokens) <= _BARE
    )


def _oppose(one: Clause, other: Clause) -> bool:
    mine = one.all_sides
    return any(
        (axis, -side) in other.all_sides and (axis, -side) not in mine for axis, side in mine
    )


def _nearest(tokens: Sequence[Token], place: Place) -> Clause | None:
    """Find the clause of a place that shares most with these words."""

    def shared(clause: Clause) -> float:
        terms = {token.term for token in clause.tokens}
        meanings = {meaning for token in clause.tokens for meaning in token.meanings}
        return sum(
            token.weight for token in tokens if token.term in terms or token.meanings & meanings
        )

    return max(place.clauses, key=shared, default=None)
