"""The embedded vector store: each generation a folder of Qdrant Edge beside the bot.

Promises: a folder under its final name was built whole; a search is exact, reads no text and
takes no lock, so that several processes may search one generation; all errors are docbot's.
Every call holds the interpreter's lock: build in a process of its own.
"""

import fcntl
import json
import os
import shutil
from collections.abc import AsyncIterable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from docbot.errors import DocbotError, GoneError, PermanentError, TransientError, UsageError

try:
    import qdrant_edge as edge
except ModuleNotFoundError as error:
    raise UsageError(
        "docbot's own index is not installed; install it with `pip install 'docbot[embedded]'`"
    ) from error
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
    is_name,
)

_DENSE = "dense"
_LEXICAL = "lexical"
_SOURCE = "source"

_POINTS = "points"  # the folder that Qdrant Edge owns within a generation's
_MANIFEST = "generation.json"
_UNFINISHED = ".new"
_DROPPED = ".dropped"
_LOCK = ".build.lock"

_BATCH = 500  # rows; larger ones gain nothing and hold more in memory
_TIES = 32  # asked for beyond the limit: chunks of equal score at the cut are settled by id

# Bytes on disk, measured at 2,000 to 100,000 chunks of 384 dimensions (10 to 374 MB).
_ROW_BYTES = 600
_TERM_BYTES = 24
_NUMBER_BYTES = 4
# An index is built in parts of this size, by the figures above. While one is written the library
# holds it in memory ten times over: at 100,000 chunks 1.5 GB in one piece, 0.4 GB in parts.
_PART_BYTES = 24_000_000
_SPARE_BYTES = 64 * 1024 * 1024  # an empty shard maps files of this order
_COPIES = 3  # what was written, the optimiser's copy, and room to spare: a full disk is SIGBUS


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class EdgeIndex:
    """One open generation. Never closed: the last user frees it, so no search loses it midway."""

    def __init__(self, shard: edge.EdgeShard, name: str, dimensions: int) -> None:
        self._shard = shard
        self._name = name
        self._dimensions = dimensions
        self._whole: dict[frozenset[int], bool] = {}  # by sources; a generation never changes

    async def count(self) -> int:
        with _translated(f"cannot count index {self._name}"):
            return self._shard.count(edge.CountRequest(exact=True))

    async def search(
        self,
        lexical: Sparse,
        dense: Sequence[float] | None,
        sources: Collection[int],
        limit: int,
    ) -> list[Hit]:
        if not sources or limit <= 0:
            return []
        dense = comparable(dense, self._dimensions, f"index {self._name}")
        with _translated(f"cannot search index {self._name}"):
            return self._search(lexical, dense, sources, limit)

    async def words_of(self, chunks: Collection[int]) -> dict[int, Sparse]:
        with _translated(f"cannot read index {self._name}"):
            points = self._shard.retrieve(list(chunks), False, [_LEXICAL])
        return {chunk_of(point.id): _words_of(point) for point in points}

    def _search(
        self,
        lexical: Sparse,
        dense: Sequence[float] | None,
        sources: Collection[int],
        limit: int,
    ) -> list[Hit]:
        asked = self._asked(sources)
        by_words = self._lexical_scores(lexical, asked, None, limit)
        by_meaning: dict[int, float] = {}
        if dense is not None:
            by_meaning = self._dense_scores(dense, asked, None, limit)
            by_words |= self._lexical_scores(lexical, asked, by_meaning.keys() - by_words, limit)
            by_meaning |= self._dense_scores(dense, asked, by_words.keys() - by_meaning, limit)
        hits = [
            Hit(chunk, by_words.get(chunk, 0.0), by_meaning.get(chunk))
            for chunk in by_words.keys() | by_meaning.keys()
        ]
        return sorted(hits, key=lambda hit: (-hit.lexical, hit.chunk))

    def _asked(self, sources: Collection[int]) -> edge.Filter | None:
        """Return what keeps a search to the sources; None where the index has no others.

        To look at the source of each chunk takes longer than all else of a search together.
        """
        only = edge.Filter(
            must=[edge.FieldCondition(_SOURCE, match=edge.MatchAny(sorted(sources)))]
        )
        key = frozenset(sources)
        if key not in self._whole:
            found = self._shard.count(edge.CountRequest(filter=only, exact=True))
            self._whole[key] = found == self._shard.count(edge.CountRequest(exact=True))
        return None if self._whole[key] else only

    def _lexical_scores(
        self,
        vector: Sparse,
        asked: edge.Filter | None,
        only: Collection[int] | None,
        limit: int,
    ) -> dict[int, float]:
        if not vector.ids:
            return {}
        idf = edge.IdfParams(corpus=asked) if asked is not None else None
        params = edge.SearchParams(exact=True, idf=idf)
        asked_terms = edge.SparseVector(list(vector.ids), list(vector.weights))
        query = edge.Query.Nearest(asked_terms, using=_LEXICAL)
        return self._scores(query, params, asked, only, limit)

    def _dense_scores(
        self,
        vector: Sequence[float],
        asked: edge.Filter | None,
        only: Collection[int] | None,
        limit: int,
    ) -> dict[int, float]:
        query = edge.Query.Nearest(list(vector), using=_DENSE)
        return self._scores(query, edge.SearchParams(exact=True), asked, only, limit)

    def _scores(
        self,
        query: edge.Query,
        params: edge.SearchParams,
        asked: edge.Filter | None,
        only: Collection[int] | None,
        limit: int,
    ) -> dict[int, float]:
        """Return the best `limit` scores by chunk, or those of the chunks `only`."""
        if only is not None and not only:
            return {}
        among = asked
        if only is not None:  # found by the other side, so all are of the sources asked
            among = edge.Filter(must=[edge.HasIdCondition(set(only))])
            limit = len(only)
        request = edge.SearchRequest(
            query=query,
            limit=limit + _TIES,
            filter=among,
            params=params,
        )
        found = [(chunk_of(point.id), point.score) for point in self._shard.search(request)]
        return dict(sorted(found, key=lambda each: (-each[1], each[0]))[:limit])


class EdgeStore:
    """Generations as folders under `folder`; only one process builds there at a time."""

    shared = False

    def __init__(
        self,
        folder: Path,
        *,
        free_bytes: Callable[[Path], int] = _free_bytes,
        part_bytes: int = _PART_BYTES,
    ) -> None:
        self._folder = folder
        self._free_bytes = free_bytes
        self._part_bytes = part_bytes

    async def build(
        self, name: str, dimensions: int | None, rows: AsyncIterable[Row], *, expected: int = 0
    ) -> int:
        """Build a generation under another name, then rename it; a failure leaves nothing.

        Raises:
            PermanentError: the name is taken or unfit, a row is unfit, the disk is too small.
            TransientError: another process builds in this folder just now.
        """
        final = self._path(name)
        with _translated(f"cannot build index {name} in {self._folder}"), self._building():
            if final.exists():
                raise PermanentError(f"index {name} exists already: drop it before building it")
            unfinished = final.with_name(name + _UNFINISHED)
            try:
                count = await self._fill(unfinished, dimensions or 0, rows, expected)
                _sync_to_disk(unfinished)
                unfinished.rename(final)
                _sync_entry(self._folder)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
        return count

    async def open(self, name: str) -> Index:
        path = self._path(name)
        with _translated(f"cannot open index {name}", path):
            manifest = json.loads((path / _MANIFEST).read_text("utf-8"))
            index = EdgeIndex(
                edge.EdgeShard.load(str(path / _POINTS)), name, manifest["dimensions"]
            )
            # A build that was killed can leave a shard that opens without error and is empty.
            found = await index.count()
        if found != manifest["count"]:
            raise PermanentError(
                f"index {name} in {self._folder} is damaged: {found} chunks where"
                f" {manifest['count']} were written; drop it and build it again"
            )
        return index

    async def names(self) -> list[str]:
        """Return the finished generations; they sort by name."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if is_name(path.name))

    async def drop(self, name: str) -> None:
        """Readers that have it open keep it: the files go when they let go of them."""
        path = self._path(name)
        dropped = path.with_name(name + _DROPPED)
        with _translated(f"cannot drop index {name} in {self._folder}"):
            _remove(dropped)
            if path.exists():
                path.rename(dropped)  # at once, or a half deleted one would bear its name
                _remove(dropped)

    async def close(self) -> None:
        """Nothing is held open here."""

    def _path(self, name: str) -> Path:
        check_name(name)
        return self._folder / name

    @contextmanager
    def _building(self) -> Iterator[None]:
        """Hold the folder's lock; what others left unfinished is then dead and goes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / _LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TransientError(
                    f"another process builds an index in {self._folder}: wait for it to end"
                ) from error
            for path in self._folder.iterdir():
                if path.suffix in (_UNFINISHED, _DROPPED):
                    _remove(path)
            yield

    async def _fill(
        self, path: Path, dimensions: int, rows: AsyncIterable[Row], expected: int
    ) -> int:
        self._demand_space(_SPARE_BYTES)
        (path / _POINTS).mkdir(parents=True)
        shard = edge.EdgeShard.create(
            str(path / _POINTS), _configuration(dimensions, self._part_bytes)
        )
        by_source = edge.IntegerIndexParams(lookup=True, range=False)
        shard.update(edge.UpdateOperation.create_field_index(_SOURCE, by_source))
        written = part = 0
        seen: set[int] = set()
        async for batch in batches(rows, _BATCH):
            check_batch(batch, dimensions, seen)
            size = sum(_row_bytes(row) for row in batch)
            left = max(expected - len(seen), 0) / len(batch) * size
            self._demand_space(_SPARE_BYTES + (_COPIES - 1) * written + _COPIES * (size + left))
            shard.update(edge.UpdateOperation.upsert_points([_point(row) for row in batch]))
            written += size
            part += size
            if part > self._part_bytes:
                _set_down(shard)
                shard = edge.EdgeShard.load(str(path / _POINTS))
                part = 0
        _set_down(shard)
        manifest = {"count": len(seen), "dimensions": dimensions}
        (path / _MANIFEST).write_text(json.dumps(manifest), "utf-8")
        return len(seen)

    def _demand_space(self, needed: float) -> None:
        free = self._free_bytes(self._folder)
        if free < needed:
            raise PermanentError(
                f"{self._folder} has {free / 1e6:.0f} MB free and building the index needs"
                f" {needed / 1e6:.0f} MB: make room, or move DOCBOT_DATA_DIR to a larger disk"
            )


def _set_down(shard: edge.EdgeShard) -> None:
    shard.optimize()
    shard.flush()
    shard.close()


def _configuration(dimensions: int, part_bytes: int) -> edge.EdgeConfig:
    dense = edge.EdgeVectorParams(
        size=dimensions, distance=edge.Distance.Cosine, memory=edge.Memory.Cold
    )
    return edge.EdgeConfig(
        vectors={_DENSE: dense} if dimensions else {},
        sparse_vectors={
            _LEXICAL: edge.EdgeSparseVectorParams(
                modifier=edge.Modifier.Idf, memory=edge.Memory.Cached
            )
        },
        # Without a graph (m = 0) search is exact; with the default one half was missed.
        hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000),
        # Few segments, indexed from the first kilobyte on, load 3 to 8 times faster.
        optimizers=edge.EdgeOptimizersConfig(
            default_segment_number=1, indexing_threshold=1, max_segment_size=part_bytes // 1000
        ),
        id_tracker_memory=edge.Memory.Cold,
        wal_enabled=False,  # with a log, a second reader of the folder is locked out
    )


def _point(row: Row) -> edge.Point:
    vectors: dict[str, list[float] | edge.SparseVector | list[list[float]]] = {}
    if row.lexical.ids:
        vectors[_LEXICAL] = edge.SparseVector(list(row.lexical.ids), list(row.lexical.weights))
    if row.dense is not None:
        vectors[_DENSE] = list(row.dense)
    return edge.Point(row.chunk, vectors, {_SOURCE: row.source})


def _row_bytes(row: Row) -> int:
    numbers = len(row.dense) if row.dense is not None else 0
    return _ROW_BYTES + _TERM_BYTES * len(row.lexical.ids) + _NUMBER_BYTES * numbers


def _words_of(point: edge.Record) -> Sparse:
    vectors = point.vector if isinstance(point.vector, dict) else {}
    words = vectors.get(_LEXICAL)
    if not isinstance(words, edge.SparseVector):
        return Sparse((), ())  # a chunk without any
    return Sparse(tuple(words.indices), tuple(words.values))


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _sync_to_disk(folder: Path) -> None:
    """After a power cut the final name must not stand over files that never reached the disk."""
    for parent, _, files in os.walk(folder):
        for file in files:
            _sync_entry(Path(parent) / file)
        _sync_entry(Path(parent))


def _sync_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(what: str, path: Path | None = None) -> Iterator[None]:
    """Make all that Qdrant Edge raises docbot's: bare Exceptions, and panics, which are not.

    With `path`, a generation that vanished meanwhile is told apart from a damaged one.
    """
    try:
        yield
    except DocbotError:
        raise
    except BaseException as error:
        # Rust's panics come as a class that nothing exports, derived from BaseException.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if path is not None and not path.exists():
            raise GoneError(f"{what}: {path} does not exist; build it again") from error
        raise PermanentError(f"{what}: {error}") from error
