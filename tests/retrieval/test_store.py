import math
from dataclasses import replace

import pytest

from docbot.errors import PermanentError
from docbot.retrieval.store import Row, Sparse, check_row

FIT = Row(chunk=7, source=1, lexical=Sparse((1, 2), (0.5, 0.25)), dense=[0.6, 0.8])


def test_a_fit_row_passes() -> None:
    check_row(FIT, 2)
    check_row(replace(FIT, dense=None), 2)
    check_row(replace(FIT, lexical=Sparse((), ())), 2)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (replace(FIT, chunk=-1), "its id"),
        (replace(FIT, chunk=2**63), "its id"),
        (replace(FIT, source=-1), "its source's id -1"),
        (replace(FIT, lexical=Sparse((1,), (0.5, 0.25))), "1 ids and 2 weights"),
        (replace(FIT, lexical=Sparse((1, 1), (0.5, 0.25))), "an id twice"),
        (replace(FIT, lexical=Sparse((2**32,), (0.5,))), "outside"),
        (replace(FIT, lexical=Sparse((-1,), (0.5,))), "outside"),
        (replace(FIT, lexical=Sparse((1,), (math.nan,))), "weight that is not finite"),
        (replace(FIT, dense=[1.0]), "1 numbers where 2 belong"),
        (replace(FIT, dense=[math.nan, 1.0]), "not finite"),
        (replace(FIT, dense=[math.inf, 1.0]), "not finite"),
        (replace(FIT, dense=[0.0, 0.0]), "is zero"),
    ],
)
def test_a_row_that_a_store_would_take_silently_is_refused(row: Row, said: str) -> None:
    with pytest.raises(PermanentError, match=rf"chunk {row.chunk} .*{said}"):
        check_row(row, 2)


def test_a_dense_vector_is_refused_where_the_generation_has_none() -> None:
    with pytest.raises(PermanentError, match="2 numbers where 0 belong"):
        check_row(FIT, 0)
