"""Rows of a made-up index, and by hand what a search of them must find."""

import math
import random
from collections.abc import AsyncIterator, Iterable, Sequence

from docbot.retrieval.store import Index, Row, Sparse, VectorStore

DIMENSIONS = 8


def some_rows(count: int, *, dimensions: int = DIMENSIONS, seed: int = 1) -> list[Row]:
    chance = random.Random(seed)
    return [
        Row(
            chunk=chunk,
            source=chunk % 3,
            lexical=Sparse(
                ids := tuple(sorted(chance.sample(range(40), 6))),
                tuple(chance.uniform(0.1, 3.0) for _ in ids),
            ),
            dense=[chance.gauss(0, 1) for _ in range(dimensions)] if dimensions else None,
        )
        for chunk in range(1, count + 1)
    ]


async def streamed(rows: Iterable[Row]) -> AsyncIterator[Row]:
    """Give rows one by one, as they come from Postgres."""
    for row in rows:
        yield row


def bm25(rows: Sequence[Row], query: Sparse, sources: Sequence[int]) -> dict[int, float]:
    """By hand: IDF over the rows of the sources asked, ln(1 + (N - n + 1/2) / (n + 1/2))."""
    asked = [row for row in rows if row.source in sources]
    scores = dict.fromkeys((row.chunk for row in asked), 0.0)
    for term, weight in zip(query.ids, query.weights, strict=True):
        holders = sum(term in row.lexical.ids for row in asked)
        idf = math.log(1 + (len(asked) - holders + 0.5) / (holders + 0.5))
        for row in asked:
            own = dict(zip(row.lexical.ids, row.lexical.weights, strict=True))
            scores[row.chunk] += weight * idf * own.get(term, 0.0)
    return scores


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    product = sum(one * other for one, other in zip(left, right, strict=True))
    return product / math.hypot(*left) / math.hypot(*right)


def best(scores: dict[int, float], limit: int) -> set[int]:
    return set(sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[:limit])


QUERY = Sparse((3, 11, 25), (1.0, 1.7, 0.3))
MEANING = [1.0, -0.5, 0.2, 0.0, 0.3, 0.9, -1.0, 0.1]


async def opened(store: VectorStore, rows: Sequence[Row], dimensions: int = DIMENSIONS) -> Index:
    assert await store.build("g1", dimensions, streamed(rows)) == len(rows)
    return await store.open("g1")
