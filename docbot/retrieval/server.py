"""The vector store on a Qdrant server: each generation a collection of this installation.

Promises: only collections named `docbot_<installation>_...` are touched, so that several docbots
may share a server; a search is exact and unquantised; all errors are docbot's. A collection is
whole only when it holds as many points as Postgres says: its builder may have been killed.
"""

import logging
import secrets
from collections.abc import AsyncIterable, Collection, Sequence
from dataclasses import dataclass

from qdrant_client import models

from docbot.errors import DocbotError, GoneError, PermanentError
from docbot.retrieval.qdrant import QdrantServer
from docbot.retrieval.store import (
    Hit,
    Index,
    Row,
    Sparse,
    batches,
    check_batch,
    check_name,
    chunk_of,
    comparable,
)

log = logging.getLogger(__name__)

_DENSE = "dense"
_LEXICAL = "lexical"
_SOURCE = "source"

# 100 rows of 4,096 numbers are some 9 MB of JSON; a server takes 32 MB unless set otherwise.
_BATCH = 100
_TIES = 32  # asked for beyond the limit: chunks of equal score at the cut are settled by id


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What a collection holds; `dimensions` is the length of its dense vectors, 0 without any."""

    points: int
    dimensions: int


class ServerIndex:
    """One collection, open for reading; a search raises GoneError once it was dropped."""

    def __init__(self, server: QdrantServer, collection: str, dimensions: int) -> None:
        self._server = server
        self._collection = collection
        self._dimensions = dimensions

    async def count(self) -> int:
        return await _count(self._server, self._collection)

    async def search(
        self,
        lexical: Sparse,
        dense: Sequence[float] | None,
        sources: Collection[int],
        limit: int,
    ) -> list[Hit]:
        if not sources or limit <= 0:
            return []
        dense = comparable(dense, self._dimensions, f"collection {self._collection}")
        by_words, by_meaning = await self._both_sides(lexical, dense, sources, limit)
        hits = [
            Hit(chunk, by_words.get(chunk, 0.0), by_meaning.get(chunk))
            for chunk in by_words.keys() | by_meaning.keys()
        ]
        return sorted(hits, key=lambda hit: (-hit.lexical, hit.chunk))

    async def words_of(self, chunks: Collection[int]) -> dict[int, Sparse]:
        if not chunks:
            return {}
        points = await self._server.read(
            f"the words of chunks of {self._collection}",
            lambda client: client.retrieve(
                self._collection, list(chunks), with_payload=False, with_vectors=[_LEXICAL]
            ),
        )
        return {chunk_of(point.id): _words_of(point) for point in points}

    async def _both_sides(
        self,
        lexical: Sparse,
        dense: Sequence[float] | None,
        sources: Collection[int],
        limit: int,
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Return the scores of each side by chunk: its best, then those of the other's best."""
        asked = _asked(sources)
        words = [_by_words(lexical, asked)] if lexical.ids else []
        meaning = [_by_meaning(dense, asked)] if dense is not None else []
        found = await self._query([_best(query, limit) for query in (*words, *meaning)])
        by_words = _first(found[0], limit) if words else {}
        by_meaning = _first(found[-1], limit) if meaning else {}
        if words and meaning:
            scored, judged = await self._query(
                [
                    _only(words[0], by_meaning.keys() - by_words),
                    _only(meaning[0], by_words.keys() - by_meaning),
                ]
            )
            by_words |= scored
            by_meaning |= judged
        return by_words, by_meaning

    async def _query(self, queries: Sequence[models.QueryRequest | None]) -> list[dict[int, float]]:
        """Ask all in one call; a query that is None has no result."""
        asked = [query for query in queries if query is not None]
        if not asked:
            return [{} for _ in queries]
        responses = iter(
            await self._server.read(
                f"a search of {self._collection}",
                lambda client: client.query_batch_points(self._collection, asked),
            )
        )
        return [{} if query is None else _scores(next(responses)) for query in queries]


class ServerStore:
    """Generations as collections `docbot_<installation>_<generation>` of one server."""

    shared = True

    def __init__(self, server: QdrantServer, installation: str) -> None:
        self._server = server
        self._prefix = f"docbot_{installation}_"
        self._is_new_enough = False

    async def build(
        self, name: str, dimensions: int | None, rows: AsyncIterable[Row], *, expected: int = 0
    ) -> int:
        """Create the collection and fill it; a failure leaves nothing where it can be cleared.

        Raises:
            PermanentError: the name is taken or unfit, or a row is unfit.
            TransientError, RefusedError: the server cannot be asked, or has no space.
        """
        collection = self._collection(name)
        await self._check_version()
        if await self._exists(collection):
            raise PermanentError(
                f"collection {collection} exists already: drop it before building it"
            )
        try:
            await self._create(collection, dimensions or 0)
            return await self._fill(collection, dimensions or 0, rows)
        except BaseException:
            await self._clear(collection)
            raise

    async def open(self, name: str) -> Index:
        collection = self._collection(name)
        await self._check_version()
        if not await self._exists(collection):
            raise GoneError(
                f"Qdrant at {self._server.address} has no collection {collection}; `docbot sync`"
                " builds the index anew"
            )
        return ServerIndex(self._server, collection, await self._dimensions_of(collection))

    async def names(self) -> list[str]:
        """Return this installation's generations, also one that is being built."""
        answer = await self._server.read(
            "the list of collections", lambda client: client.get_collections()
        )
        names = [each.name for each in answer.collections if each.name.startswith(self._prefix)]
        return sorted(name.removeprefix(self._prefix) for name in names)

    async def drop(self, name: str) -> None:
        """Readers of it meet a GoneError from now on."""
        await self._delete(self._collection(name))

    async def close(self) -> None:
        await self._server.close()

    async def version(self) -> str:
        """The server's version, whatever it is.

        Raises:
            TransientError, RefusedError: it cannot be reached, or is no Qdrant.
        """
        return await self._server.version()

    async def describe(self, name: str) -> CollectionInfo | None:
        """What the collection of a generation holds; None when it is not there."""
        collection = self._collection(name)
        if not await self._exists(collection):
            return None
        points = await _count(self._server, collection)
        return CollectionInfo(points, await self._dimensions_of(collection))

    async def round_trip(self) -> None:
        """Write, search and delete in a collection of its own, which is always deleted.

        Raises:
            DocbotError: what failed first, as too old a server; PermanentError when the search did
                not find the point.
        """
        await self._check_version()
        collection = f"docbot_check_{secrets.token_hex(6)}"  # no generation of any installation
        row = Row(chunk=1, source=1, lexical=Sparse((1,), (1.0,)), dense=[0.6, 0.8])
        try:
            await self._create(collection, 2)
            await self._write(collection, [_point(row)])
            index = ServerIndex(self._server, collection, 2)
            found = await index.search(row.lexical, row.dense, [row.source], 1)
        except BaseException:
            await self._clear(collection)
            raise
        await self._delete(collection)
        if [hit.chunk for hit in found] != [row.chunk]:
            raise PermanentError(
                f"Qdrant at {self._server.address}: a point that was written is not found; update"
                " the server, or look into its log"
            )

    def _collection(self, name: str) -> str:
        check_name(name)
        return self._prefix + name

    async def _check_version(self) -> None:
        if not self._is_new_enough:
            await self._server.check_version()
            self._is_new_enough = True

    async def _exists(self, collection: str) -> bool:
        return await self._server.read(
            f"collection {collection}", lambda client: client.collection_exists(collection)
        )

    async def _dimensions_of(self, collection: str) -> int:
        info = await self._server.read(
            f"collection {collection}", lambda client: client.get_collection(collection)
        )
        return _dimensions(info)

    async def _create(self, collection: str, dimensions: int) -> None:
        dense = models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
        # A second try after a lost answer would take the first one's collection for another's.
        await self._server.write_once(
            f"making collection {collection}",
            lambda client: client.create_collection(
                collection,
                vectors_config={_DENSE: dense} if dimensions else {},
                sparse_vectors_config={
                    _LEXICAL: models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
                shard_number=1,  # IDF is counted in each shard alone
                hnsw_config=models.HnswConfigDiff(m=0),  # no graph: every search is exact
            ),
        )
        await self._server.write(
            f"indexing the sources of collection {collection}",
            lambda client: client.create_payload_index(
                collection,
                _SOURCE,
                models.IntegerIndexParams(
                    type=models.IntegerIndexType.INTEGER, lookup=True, range=False
                ),
            ),
        )

    async def _fill(self, collection: str, dimensions: int, rows: AsyncIterable[Row]) -> int:
        seen: set[int] = set()
        async for batch in batches(rows, _BATCH):
            check_batch(batch, dimensions, seen)
            await self._write(collection, [_point(row) for row in batch])
        return len(seen)

    async def _write(self, collection: str, points: list[models.PointStruct]) -> None:
        await self._server.write(
            f"writing {len(points)} points to collection {collection}",
            lambda client: client.upsert(collection, points, wait=True),
        )

    async def _delete(self, collection: str) -> None:
        await self._server.write(
            f"dropping collection {collection}",
            lambda client: client.delete_collection(collection),
        )

    async def _clear(self, collection: str) -> None:
        """Drop what a failure left; the failure itself is what the caller is to hear of."""
        try:
            await self._delete(collection)
        except DocbotError as error:
            log.warning("not cleared after a failure: %s", error)


async def _count(server: QdrantServer, collection: str) -> int:
    answer = await server.read(
        f"counting collection {collection}", lambda client: client.count(collection, exact=True)
    )
    return answer.count


def _asked(sources: Collection[int]) -> models.FieldCondition:
    return models.FieldCondition(key=_SOURCE, match=models.MatchAny(any=sorted(sources)))


def _by_words(vector: Sparse, asked: models.FieldCondition) -> models.QueryRequest:
    corpus = models.IdfCorpusParams(corpus=models.Filter(must=[asked]))
    terms = models.SparseVector(indices=list(vector.ids), values=list(vector.weights))
    return models.QueryRequest(
        query=models.NearestQuery(nearest=terms),
        using=_LEXICAL,
        filter=models.Filter(must=[asked]),
        params=models.SearchParams(exact=True, idf=corpus),
    )


def _by_meaning(vector: Sequence[float], asked: models.FieldCondition) -> models.QueryRequest:
    whole = models.QuantizationSearchParams(ignore=True)  # a server can quantise by its own wish
    return models.QueryRequest(
        query=models.NearestQuery(nearest=list(vector)),
        using=_DENSE,
        filter=models.Filter(must=[asked]),
        params=models.SearchParams(exact=True, quantization=whole),
    )


def _best(query: models.QueryRequest, limit: int) -> models.QueryRequest:
    return query.model_copy(update={"limit": limit + _TIES})


def _only(query: models.QueryRequest, chunks: Collection[int]) -> models.QueryRequest | None:
    """Narrow the query to these chunks; None when there are none."""
    if not chunks:
        return None
    asked = query.filter.must if query.filter else None
    among = [*asked] if isinstance(asked, list) else []
    chosen = models.HasIdCondition(has_id=sorted(chunks))
    return query.model_copy(
        update={"filter": models.Filter(must=[*among, chosen]), "limit": len(chunks)}
    )


def _scores(response: models.QueryResponse) -> dict[int, float]:
    return {chunk_of(point.id): point.score for point in response.points}


def _first(scores: dict[int, float], limit: int) -> dict[int, float]:
    return dict(sorted(scores.items(), key=lambda each: (-each[1], each[0]))[:limit])


def _words_of(point: models.Record) -> Sparse:
    vectors = point.vector if isinstance(point.vector, dict) else {}
    words = vectors.get(_LEXICAL)
    if not isinstance(words, models.SparseVector):
        return Sparse((), ())  # a chunk without any
    return Sparse(tuple(words.indices), tuple(words.values))


def _dimensions(info: models.CollectionInfo) -> int:
    vectors = info.config.params.vectors
    dense = vectors.get(_DENSE) if isinstance(vectors, dict) else vectors
    return dense.size if dense is not None else 0


def _point(row: Row) -> models.PointStruct:
    vectors: dict[str, models.Vector] = {}
    if row.lexical.ids:
        vectors[_LEXICAL] = models.SparseVector(
            indices=list(row.lexical.ids), values=list(row.lexical.weights)
        )
    if row.dense is not None:
        vectors[_DENSE] = list(row.dense)
    return models.PointStruct(id=row.chunk, vector=vectors, payload={_SOURCE: row.source})
