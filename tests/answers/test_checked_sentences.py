"""How well the check tells what passages bear out, over real documentation.

The check was made on `own.jsonl`, written beside it, and `unseen.jsonl`, by another author: their
figures flatter. `fresh.jsonl` is by a third author and was measured once, after the last change of
the check: its figures are those to expect. The aim, 95 of 100 true sentences kept and 95 of 100
others cut, is missed for what is not borne out: words tell no more.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.checked import (
    BORNE_OUT,
    INVENTED,
    KINDS,
    NOT_BORNE_OUT,
    SENTENCES,
    cases,
    missing,
    rates,
    unpacked,
    verdicts,
)

# What was measured, as shares judged rightly; a change that makes one worse has to say why.
LEAST: Mapping[str, Mapping[str, float]] = {
    "own": {BORNE_OUT: 0.98, NOT_BORNE_OUT: 0.37, INVENTED: 1.0},  # 95 of 95, 32 of 83, 40 of 40
    "unseen": {BORNE_OUT: 0.97, NOT_BORNE_OUT: 0.33, INVENTED: 1.0},  # 89 of 90, 19 of 55, 55 of 55
    "fresh": {BORNE_OUT: 0.97, NOT_BORNE_OUT: 0.30, INVENTED: 0.95},  # 79 of 80, 13 of 40, 38 of 40
}


@pytest.fixture(scope="module")
def corpora() -> Iterator[Path]:
    lacking = missing()
    if lacking is not None:
        pytest.skip(lacking)
    with unpacked() as root:
        yield root


@pytest.mark.parametrize("name", LEAST)
def test_each_sentence_has_a_kind_and_a_citation(name: str) -> None:
    given = cases(SENTENCES / f"{name}.jsonl")
    assert len(given) >= 150
    assert len({case.id for case in given}) == len(given)
    assert {case.kind for case in given} == set(KINDS)
    assert all("[1]" in case.sentence for case in given)


@pytest.mark.check
@pytest.mark.parametrize("name", LEAST)
def test_what_is_borne_out_stays_and_the_rest_is_cut(name: str, corpora: Path) -> None:
    found = rates(verdicts(corpora, cases(SENTENCES / f"{name}.jsonl")))
    shares = {kind: right / of for kind, (right, of) in found.items()}
    assert all(shares[kind] >= least for kind, least in LEAST[name].items()), shares
