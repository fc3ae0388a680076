"""Dense vectors from a model of this machine, which runs in a process of its own.

Promises: nothing here asks the network but `fetch`; a model's folder under its final name is
complete; a question never waits for what a sync embeds; a process that dies is started again.
"""

import asyncio
import fcntl
import importlib.util
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from docbot.errors import RefusedError, TakenError, TransientError
from docbot.processes import StandingProcess, process_pool
from docbot.retrieval.local_model import Order, download, embed_passages, embed_questions
from docbot.text import LOCAL_MODEL

_AT_ONCE = 32  # texts; what a sync stores at a time
_SYNC_NICENESS = 10  # who asks goes first
_IDLE_SECONDS = 60.0  # after a sync its own copy of the model is given up
_MOST_THREADS = 4  # of one model; more gain little with short texts
_UNFINISHED = ".new"
_LOCK = ".fetch.lock"
_LOOK_SECONDS = 0.5
_STALL_SECONDS = 120.0  # without a byte more; a large model takes half of it to load
_MEGABYTE = 1_000_000


class Progress(Protocol):
    def at(self, done: int) -> None: ...


class LocalModels:
    """The models in a folder, and the two processes that they run in.

    Questions have one, syncs another, which yields to everybody and ends when it has nothing to do.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asking = StandingProcess()
        self._reading = StandingProcess(idle_seconds=_IDLE_SECONDS)

    def place(self, name: str) -> Path:
        """Return where a model is once it was fetched."""
        return self._folder / name.lower().replace("/", "--")

    def is_fetched(self, name: str) -> bool:
        return self.place(name).is_dir()

    def embedder(self, model: str) -> "LocalEmbedder":
        """Return the embedder of a model, as `local:NAME`.

        Raises:
            RefusedError: it is not here, or what runs it is not.
        """
        name = model.removeprefix(LOCAL_MODEL)
        if importlib.util.find_spec("fastembed") is None:
            raise RefusedError(
                f"model {model} needs an extra: `pip install 'docbot[local-embeddings]'`"
            )
        if not self.is_fetched(name):
            raise RefusedError(
                f"model {model} is not in {self._folder}; `docbot models fetch {name}` fetches it"
            )
        return LocalEmbedder(name, self, self._asking, self._reading)

    async def fetch(
        self, name: str, progress: Progress, *, stall_seconds: float = _STALL_SECONDS
    ) -> None:
        """Fetch a model from the hub, whole or not at all; `progress` is in megabytes.

        Raises:
            TakenError: another process is at it.
            TransientError: the hub is out of reach, or nothing came for `stall_seconds`.
            RefusedError: there is no such model, or what came does not work.
        """
        place = self.place(name)
        unfinished = place.with_name(place.name + _UNFINISHED)
        with _only_one(self._folder / _LOCK):
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            try:
                await _downloaded(name, unfinished, progress, stall_seconds)
                unfinished.rename(place)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)

    def close(self) -> None:
        self._asking.end()
        self._reading.end()


class LocalEmbedder:
    """One model of this machine; safe to share between tasks."""

    def __init__(
        self,
        name: str,
        models: LocalModels,
        asking: StandingProcess,
        reading: StandingProcess,
    ) -> None:
        self.model = f"{LOCAL_MODEL}{name}"
        self._models = models
        self._asking, self._reading = asking, reading
        folder, threads = models.place(name), _threads()
        self._asked = Order(name, folder, threads, niceness=0)
        self._read = Order(name, folder, threads, niceness=_SYNC_NICENESS)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if not all(text.strip() for text in texts):
            raise ValueError("a blank text has no embedding")
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _AT_ONCE):
            some = list(texts[start : start + _AT_ONCE])
            vectors += await self._reading.run(embed_passages, self._read, some)
        return vectors

    async def embed_questions(self, texts: Sequence[str]) -> list[list[float]]:
        if not all(text.strip() for text in texts):
            raise ValueError("a blank text has no embedding")
        return await self._asking.run(embed_questions, self._asked, texts)

    def with_model(self, model: str) -> "LocalEmbedder":
        return self._models.embedder(model)


async def _downloaded(name: str, folder: Path, progress: Progress, stall_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    with process_pool(1) as pool:
        job = loop.run_in_executor(pool, download, name, folder)
        size, grown_at = 0, loop.time()
        while not (await asyncio.wait([job], timeout=_LOOK_SECONDS))[0]:
            now = await asyncio.to_thread(_bytes_in, folder)
            if now > size:
                size, grown_at = now, loop.time()
                progress.at(size // _MEGABYTE)
            elif loop.time() - grown_at > stall_seconds:
                raise TransientError(
                    f"model {name} could not be fetched: nothing came for {stall_seconds:g}"
                    f" seconds after {size / _MEGABYTE:.0f} MB; try again later"
                )
        try:
            job.result()
        except BrokenProcessPool as error:
            raise TransientError(
                f"model {name} could not be fetched: its process died; is the disk full, or"
                " memory short?"
            ) from error


def _bytes_in(folder: Path) -> int:
    total = 0
    for below, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(Path(below, name)).st_size
            except OSError:  # it was given its final name meanwhile
                continue
    return total


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TakenError("another process is fetching a model; try again after it") from error
        yield


def _threads() -> int:
    """Leave a processor to all else where there is more than one."""
    return max(1, min(_MOST_THREADS, (os.cpu_count() or 1) - 1))
