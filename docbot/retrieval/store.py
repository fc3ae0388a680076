"""What every vector store speaks: rows in, hits with the raw scores of both sides out.

A store holds ids and vectors only; text and addresses stay in Postgres. A generation is built
once and never changes. Both scores come out raw, so that fusion stays docbot's own.
"""

import math
import re
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from docbot.errors import PermanentError
from docbot.retrieval.language import ENGLISH

_IDS = 2**32  # sparse ids are u32 in every store
_CHUNKS = 2**63  # chunk and source ids are Postgres's bigint
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True)
class Sparse:
    """A sparse vector: `weights[i]` belongs to `ids[i]`; ids are unique and below 2**32."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One chunk on its way into a store; `dense` is None where no embedding exists.

    Its language is counted on the way, and not kept.
    """

    chunk: int
    source: int
    lexical: Sparse
    dense: Sequence[float] | None
    language: str = ENGLISH


@dataclass(frozen=True, slots=True)
class Hit:
    """`lexical` is BM25 (0 and up), `dense` the cosine (-1 to 1) or None without embeddings."""

    chunk: int
    lexical: float
    dense: float | None


class Index(Protocol):
    """One generation, open for reading; it is freed when its last user lets go of it."""

    async def search(
        self,
        lexical: Sparse,
        dense: Sequence[float] | None,
        sources: Collection[int],
        limit: int,
    ) -> list[Hit]:
        """Return the best `limit` chunks of each side, each with both scores.

        IDF is taken over the chunks of `sources`. The best lexical score comes first; equal
        scores are ordered by chunk id.

        Raises:
            GoneError: the generation was dropped since it was opened.
            TransientError, RefusedError: the store cannot be asked.
        """
        ...

    async def words_of(self, chunks: Collection[int]) -> dict[int, Sparse]:
        """Return the lexical vectors of chunks as they were written, but for their numbers'
        precision and order; chunks that it does not hold are left out.

        Raises:
            GoneError, TransientError, RefusedError: as of a search.
        """
        ...

    async def count(self) -> int: ...


class VectorStore(Protocol):
    """Its methods may cross a network; `build` may also compute for long, in a child process."""

    @property
    def shared(self) -> bool:
        """Whether other machines see the same generations, and lose one that is dropped."""
        ...

    async def build(
        self, name: str, dimensions: int | None, rows: AsyncIterable[Row], *, expected: int = 0
    ) -> int:
        """Build a generation that was not there and return how many rows it holds.

        Rows are written as they come, so that a large index takes no more memory than a small
        one; `expected` is about how many there will be.
        """
        ...

    async def open(self, name: str) -> Index:
        """Open a generation; GoneError when there is none, PermanentError when it is damaged.

        Raises:
            TransientError, RefusedError: the store cannot be asked, so nobody knows.
        """
        ...

    async def names(self) -> list[str]: ...

    async def drop(self, name: str) -> None:
        """Delete a generation; one that is not there is no error."""
        ...

    async def close(self) -> None: ...


def check_name(name: str) -> None:
    """Refuse a name that is no folder or collection of its own.

    Raises:
        PermanentError: with the name and what it may hold.
    """
    if not is_name(name):
        raise PermanentError(
            f"{name!r} cannot name an index: letters, digits, `_` and `-`, at most 100"
        )


async def batches(rows: AsyncIterable[Row], size: int) -> AsyncIterator[list[Row]]:
    """Give rows in lists of at most `size`."""
    batch: list[Row] = []
    async for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def check_batch(batch: Iterable[Row], dimensions: int, seen: set[int]) -> None:
    """Refuse unfit rows and chunks given twice; `seen` grows by the batch."""
    for row in batch:
        check_row(row, dimensions)
        if row.chunk in seen:
            raise PermanentError(f"chunk {row.chunk} was given twice to one index")
        seen.add(row.chunk)


def comparable(
    dense: Sequence[float] | None, dimensions: int, index: str
) -> Sequence[float] | None:
    """Return the question's vector, or None where the index holds nothing to compare it with.

    Raises:
        PermanentError: the index holds vectors of another length.
    """
    if dense is None or dimensions == 0:
        return None
    if len(dense) != dimensions:
        raise PermanentError(
            f"{index} holds vectors of {dimensions} numbers, the question's has {len(dense)}:"
            " after a change of DOCBOT_EMBEDDING_MODEL run `docbot sync`"
        )
    return dense


def chunk_of(point_id: object) -> int:
    """Return the chunk that a point of the store is of.

    Raises:
        PermanentError: the store holds what docbot did not write.
    """
    if not isinstance(point_id, int):
        raise PermanentError(f"the index holds {point_id!r} where a chunk's number belongs")
    return point_id


def check_row(row: Row, dimensions: int) -> None:
    """Refuse a row that a store would take silently and then rank wrongly.

    Args:
        row: about to be written.
        dimensions: the length of the generation's dense vectors; 0 when it has none.

    Raises:
        PermanentError: with the chunk's id and what is wrong with it.
    """
    fault = _fault_of_ids(row) or _fault_of_sparse(row.lexical)
    if fault is None and row.dense is not None:
        fault = _fault_of_dense(row.dense, dimensions)
    if fault is not None:
        raise PermanentError(f"chunk {row.chunk} cannot be indexed: {fault}")


def _fault_of_ids(row: Row) -> str | None:
    if not (0 <= row.chunk < _CHUNKS and 0 <= row.source < _CHUNKS):
        return f"its id or its source's id {row.source} lies outside 0 to 2**63"
    return None


def _fault_of_sparse(vector: Sparse) -> str | None:
    ids, weights = vector.ids, vector.weights
    if len(ids) != len(weights):
        return f"its sparse vector has {len(ids)} ids and {len(weights)} weights"
    if len(set(ids)) != len(ids):
        return "its sparse vector names an id twice"
    if ids and not (min(ids) >= 0 and max(ids) < _IDS):
        return "its sparse vector has an id outside 0 to 2**32"
    if not all(map(math.isfinite, weights)):
        return "its sparse vector has a weight that is not finite"
    return None


def _fault_of_dense(vector: Sequence[float], dimensions: int) -> str | None:
    if len(vector) != dimensions:
        return f"its dense vector has {len(vector)} numbers where {dimensions} belong"
    square = sum(number * number for number in vector)
    if not math.isfinite(square):
        return "its dense vector has a number that is not finite"
    if square == 0:
        return "its dense vector is zero"
    return None
