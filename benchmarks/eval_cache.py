"""Vectors by the hash of what was embedded, in one file outside of the clone: paid for once."""

import sqlite3
from array import array
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from docbot.errors import TransientError
from docbot.retrieval.embedder import BATCH, Embedder

_TABLE = """
    CREATE TABLE IF NOT EXISTS vectors (
        model TEXT NOT NULL, hash BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, hash)
    ) WITHOUT ROWID
"""
_FIND = "SELECT vector FROM vectors WHERE model = ? AND hash = ?"
_PUT = "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)"
_MODELS = "SELECT model FROM vectors GROUP BY model ORDER BY count(*) DESC"


class VectorCache:
    """The file; its vectors are float32, as those in Postgres are."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path)
        self._file.execute(_TABLE)

    def find(self, model: str, text: str) -> list[float] | None:
        row = self._file.execute(_FIND, (model, _hash(text))).fetchone()
        return list(array("f", row[0])) if row is not None else None

    def put(self, model: str, vectors: Sequence[tuple[str, Sequence[float]]]) -> None:
        rows = [(model, _hash(text), array("f", vector).tobytes()) for text, vector in vectors]
        with self._file:
            self._file.executemany(_PUT, rows)

    def models(self) -> list[str]:
        """Name the models it has vectors of, that of most first."""
        return [row[0] for row in self._file.execute(_MODELS)]

    def close(self) -> None:
        self._file.close()


class CachedEmbedder:
    """Asks the endpoint only for what the cache does not hold; with no endpoint, that fails."""

    def __init__(self, model: str, cache: VectorCache, embedder: Embedder | None) -> None:
        self.model = model
        self._cache = cache
        self._embedder = embedder

    def lacking(self, texts: Sequence[str]) -> list[str]:
        """List what the endpoint would be asked for, each once."""
        return [text for text in dict.fromkeys(texts) if self._cache.find(self.model, text) is None]

    async def embed_questions(self, texts: Sequence[str]) -> list[list[float]]:
        lacking = [text for text in dict.fromkeys(texts) if self._find_question(text) is None]
        if lacking:
            vectors = await self._endpoint(len(lacking)).embed_questions(lacking)
            keys = map(question_key, lacking)
            self._cache.put(self.model, list(zip(keys, vectors, strict=True)))
        found = [self._find_question(text) for text in texts]
        return [vector for vector in found if vector is not None]

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        lacking = self.lacking(texts)
        for start in range(0, len(lacking), BATCH):
            await self._fetch(lacking[start : start + BATCH])
        found = [self._cache.find(self.model, text) for text in texts]
        return [vector for vector in found if vector is not None]

    def with_model(self, model: str) -> Embedder:
        embedder = self._embedder.with_model(model) if self._embedder is not None else None
        return CachedEmbedder(model, self._cache, embedder)

    def _find_question(self, text: str) -> list[float] | None:
        return self._cache.find(self.model, question_key(text))

    async def _fetch(self, texts: Sequence[str]) -> None:
        vectors = await self._endpoint(len(texts)).embed(texts)
        self._cache.put(self.model, list(zip(texts, vectors, strict=True)))

    def _endpoint(self, lacking: int) -> Embedder:
        if self._embedder is None:
            raise TransientError(
                f"{lacking} texts are not in the cache of vectors of {self.model}, and no endpoint"
                " is set"
            )
        return self._embedder


def question_key(text: str) -> str:
    """Give what a question is kept under: some models tell it from a passage of the same words."""
    return f"question\0{text}"


def _hash(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=20).digest()
