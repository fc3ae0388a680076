"""Index generations: Postgres alone names the current one, and holds all it is built from."""

from array import array
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.db.touched import touched
from docbot.errors import TransientError

_CURRENT = """
    SELECT id, name, lexical_version, embedding_model, dimensions, points, last_chunk
    FROM index_generations WHERE state = 'current'
"""
_BEGIN = """
    INSERT INTO index_generations (name, lexical_version, embedding_model, dimensions)
    VALUES ('g' || to_char(clock_timestamp(), 'YYYYMMDDHH24MISSUS'), $1, $2, $3)
    RETURNING name
"""
_RETIRE = """
    UPDATE index_generations SET state = 'retired', retired_at = now() WHERE state = 'current'
"""
_SWITCH = """
    UPDATE index_generations SET state = 'current', points = $2, last_chunk = $3
    WHERE name = $1 AND state = 'building'
"""
_PUT_VOCABULARY = """
    INSERT INTO vocabularies (generation_id, source_id, chunks, terms, counts, languages)
    SELECT id, $2, $3, $4, $5, $6 FROM index_generations WHERE name = $1
"""
_VOCABULARIES = """
    SELECT source_id, chunks, terms, counts, languages FROM vocabularies WHERE generation_id = $1
"""
_DROP_SET_ASIDE = "DELETE FROM chunks WHERE position IS NULL"
_DROP_REMOVED = "DELETE FROM pages WHERE removed_at IS NOT NULL"
_DROP_OLD_TITLES = "UPDATE pages SET indexed_title = NULL WHERE indexed_title IS NOT NULL"
# What is new has a higher id, what is gone makes them fewer, and only what this generation holds
# can come back under an old id.
_IS_UP_TO_DATE = """
    SELECT EXISTS (
        SELECT FROM index_generations
        WHERE state = 'current'
          AND (points, last_chunk) = (
            SELECT count(*), coalesce(max(id), 0) FROM chunks WHERE position IS NOT NULL))
"""
# Of each forum: as many chunks as were counted when the index was built, and no newer one.
_LACKS_SOLUTIONS = """
    SELECT EXISTS (
        SELECT FROM sources
        LEFT JOIN index_generations AS current ON current.state = 'current'
        LEFT JOIN LATERAL (
            SELECT count(*) AS chunks, coalesce(max(id), 0) AS last_chunk FROM chunks
            WHERE source_id = sources.id AND position IS NOT NULL) AS stored ON true
        LEFT JOIN vocabularies ON generation_id = current.id AND source_id = sources.id
        WHERE kind = 'solved'
          AND (stored.chunks <> coalesce(vocabularies.chunks, 0)
               OR stored.last_chunk > coalesce(current.last_chunk, 0)))
"""
_FORGET_RETIRED = """
    DELETE FROM index_generations
    WHERE state = 'retired' AND coalesce(retired_at, '-infinity') <= now() - make_interval(secs => $1)
"""
_INSTALLATION = "SELECT name FROM installation"
_NAMES = "SELECT name FROM index_generations"
_UNFINISHED = "SELECT name FROM index_generations WHERE state = 'building'"
_HAS_CHUNKS = "SELECT EXISTS (SELECT FROM chunks WHERE position IS NOT NULL)"
_FORGET = "DELETE FROM index_generations WHERE name = $1"
_SIZE = """
    SELECT count(*) AS points, coalesce(max(id), 0) AS last_chunk
    FROM chunks WHERE position IS NOT NULL
"""
_ROWS = """
    SELECT chunks.id, chunks.source_id, pages.title, chunks.heading_path, chunks.url, chunks.text,
           embeddings.vector
    FROM chunks
    JOIN pages ON pages.id = chunks.page_id
    LEFT JOIN embeddings ON embeddings.chunk_hash = chunks.hash AND embeddings.model = $1
    WHERE chunks.position IS NOT NULL
    ORDER BY chunks.id
"""
_NOT_EMBEDDED = """
    SELECT DISTINCT ON (chunks.hash) chunks.hash, pages.title, chunks.heading_path, chunks.text
    FROM chunks JOIN pages ON pages.id = chunks.page_id
    WHERE chunks.position IS NOT NULL AND NOT EXISTS (
        SELECT FROM embeddings WHERE model = $1 AND chunk_hash = chunks.hash)
    ORDER BY chunks.hash LIMIT $2
"""
_MISSING = """
    SELECT count(*) AS chunks, coalesce(sum(tokens), 0) AS tokens FROM (
        SELECT DISTINCT ON (hash) tokens FROM chunks
        WHERE position IS NOT NULL AND NOT EXISTS (
            SELECT FROM embeddings WHERE model = $1 AND chunk_hash = chunks.hash)
        ORDER BY hash) AS missing
"""
_PUT_EMBEDDING = """
    INSERT INTO embeddings (model, chunk_hash, vector) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_DIMENSIONS = "SELECT length(vector) / 4 FROM embeddings WHERE model = $1 LIMIT 1"
_FORGET_OTHER_LENGTHS = "DELETE FROM embeddings WHERE model = $1 AND length(vector) <> 4 * $2::int"
# NOTIFY in the same transaction: readers hear of the generation when it can be read.
_NOTIFY = "SELECT pg_notify('docbot_index', $1)"


@dataclass(frozen=True, slots=True)
class Generation:
    id: int
    name: str
    lexical_version: int
    embedding_model: str | None
    dimensions: int
    points: int
    last_chunk: int


@dataclass(frozen=True, slots=True)
class Built:
    """What a generation holds: how many chunks, and the highest id among them (0 if none)."""

    points: int
    last_chunk: int


@dataclass(frozen=True, slots=True)
class VocabularyRow:
    """How many of a source's chunks hold each term; both are 32-bit numbers, little-endian.

    `languages` are those that the chunks are in.
    """

    source_id: int
    chunks: int
    terms: bytes
    counts: bytes
    languages: Sequence[str]


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A chunk with all that its vectors are made from; `vector` is None until it is embedded."""

    id: int
    source_id: int
    title: str
    heading_path: tuple[str, ...]
    url: str
    text: str
    vector: Sequence[float] | None


@dataclass(frozen=True, slots=True)
class Unembedded:
    hash: bytes
    title: str
    heading_path: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Missing:
    """How many chunks have no vector yet, and about how many tokens they are together."""

    chunks: int
    tokens: int


class Generations:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find_current(self) -> Generation | None:
        with translated():
            row = await self._pool.fetchrow(_CURRENT)
        return Generation(**row) if row else None

    async def begin(
        self, *, lexical_version: int, embedding_model: str | None, dimensions: int
    ) -> str:
        """Reserve a new name; it counts only once `switch` made it current."""
        with translated():
            return str(
                await self._pool.fetchval(_BEGIN, lexical_version, embedding_model, dimensions)
            )

    async def switch(
        self, name: str, built: Built, vocabularies: Sequence[VocabularyRow] = ()
    ) -> None:
        """Make it the current one; chunks that only the one before named are gone with that.

        Raises:
            TransientError: another sync began meanwhile and threw this generation away.
        """
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await conn.execute(_RETIRE)
                switched = await conn.execute(_SWITCH, name, built.points, built.last_chunk)
                if not touched(switched):
                    raise TransientError(
                        f"index {name} was thrown away by another sync; run `docbot sync` again"
                    )
                for row in vocabularies:
                    await conn.execute(
                        _PUT_VOCABULARY,
                        name,
                        row.source_id,
                        row.chunks,
                        row.terms,
                        row.counts,
                        row.languages,
                    )
                await conn.execute(_DROP_SET_ASIDE)
                await conn.execute(_DROP_REMOVED)
                await conn.execute(_DROP_OLD_TITLES)
                await conn.execute(_NOTIFY, name)

    async def vocabularies(self, generation_id: int) -> list[VocabularyRow]:
        """The words of each source in a generation; none for one that was built before they were."""
        with translated():
            rows = await self._pool.fetch(_VOCABULARIES, generation_id)
        return [VocabularyRow(**row) for row in rows]

    async def installation(self) -> str:
        """The short name of this database, by which it knows its own on a shared server."""
        with translated():
            return str(await self._pool.fetchval(_INSTALLATION))

    async def names(self, *, retired_for_seconds: float) -> set[str]:
        """Name the generations that are of use, now or soon; older retired ones are forgotten."""
        with translated():
            await self._pool.execute(_FORGET_RETIRED, retired_for_seconds)
            return {row["name"] for row in await self._pool.fetch(_NAMES)}

    async def unfinished(self) -> list[str]:
        """Generations begun and never switched to; under the sync lock nobody builds them now."""
        with translated():
            return [row["name"] for row in await self._pool.fetch(_UNFINISHED)]

    async def is_up_to_date(self) -> bool:
        """Whether the current generation was built from the chunks that are stored now."""
        with translated():
            return bool(await self._pool.fetchval(_IS_UP_TO_DATE))

    async def lacks_solutions(self) -> bool:
        """Whether the current generation was built before solved threads changed."""
        with translated():
            return bool(await self._pool.fetchval(_LACKS_SOLUTIONS))

    async def has_chunks(self) -> bool:
        """Whether there is anything to build an index from."""
        with translated():
            return bool(await self._pool.fetchval(_HAS_CHUNKS))

    async def forget(self, name: str) -> None:
        with translated():
            await self._pool.execute(_FORGET, name)

    async def not_embedded(self, model: str, limit: int) -> list[Unembedded]:
        with translated():
            rows = await self._pool.fetch(_NOT_EMBEDDED, model, limit)
        return [
            Unembedded(row["hash"], row["title"], tuple(row["heading_path"]), row["text"])
            for row in rows
        ]

    async def missing(self, model: str) -> Missing:
        with translated():
            row = await self._pool.fetchrow(_MISSING, model)
        return Missing(row["chunks"], row["tokens"]) if row else Missing(0, 0)

    async def put_embeddings(
        self, model: str, vectors: Sequence[tuple[bytes, Sequence[float]]]
    ) -> None:
        rows = [(model, chunk_hash, array("f", vector).tobytes()) for chunk_hash, vector in vectors]
        with translated():
            await self._pool.executemany(_PUT_EMBEDDING, rows)

    async def find_dimensions(self, model: str) -> int | None:
        """How long the stored vectors of this model are; None when there is none."""
        with translated():
            dimensions: int | None = await self._pool.fetchval(_DIMENSIONS, model)
        return dimensions

    async def forget_other_lengths(self, model: str, dimensions: int) -> None:
        """Delete this model's vectors that have not so many numbers."""
        with translated():
            await self._pool.execute(_FORGET_OTHER_LENGTHS, model, dimensions)


async def index_size(conn: Conn) -> Built:
    """What a generation of all chunks is, as this snapshot has them."""
    with translated():
        row = await conn.fetchrow(_SIZE)
    return Built(**row) if row else Built(0, 0)


async def index_rows(conn: Conn, model: str | None) -> AsyncIterator[IndexRow]:
    """Every chunk of one snapshot, for a build; asks for a transaction around it."""
    with translated():
        async for row in conn.cursor(_ROWS, model, prefetch=500):
            yield IndexRow(
                row["id"],
                row["source_id"],
                row["title"],
                tuple(row["heading_path"]),
                row["url"],
                row["text"],
                _floats(row["vector"]),
            )


def _floats(vector: bytes | None) -> Sequence[float] | None:
    """Keep four bytes a number: a list takes 32."""
    if vector is None:
        return None
    floats = array("f")
    floats.frombytes(vector)
    return floats
