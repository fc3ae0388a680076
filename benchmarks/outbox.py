"""The outbox beside other queues on Postgres: how soon a row's turn comes, what a claim takes.

Three queues on one server with every commit on disk, in turns so that noise hits all alike:
docbot's outbox, procrastinate and pgqueuer. The two need the extra `queues`; without it docbot is
measured alone.

    python -m benchmarks.outbox [--jobs N] [--finished N]
"""

import argparse
import asyncio
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain
from typing import TypeVar

import asyncpg

from benchmarks.house import open_to_all, wait_for_server_to_end
from benchmarks.overhead import percentile
from benchmarks.queues import AT_ONCE, DocbotQueue, Queue
from benchmarks.table import Line, print_table
from docbot.db.embedded import EmbeddedServer
from docbot.telemetry import set_up_logging

SLOWER = 1.0  # times the faster of the others, at most
FLAT = 1.5  # times the claim that has no finished rows beside it, at most
ARE_RIVALS_HERE = all(find_spec(name) for name in ("pgqueuer", "procrastinate", "psycopg"))
HOW_TO_INSTALL = (
    "procrastinate and pgqueuer are not installed, so docbot is measured alone; to compare: "
    "pip install -e '.[queues]'"
)

_WARM_UP = 10  # jobs that are not counted
_BLOCK = 10  # jobs one by one before another queue's turn
_BURST = 50
_SETTLE = 0.15  # seconds; pgqueuer writes down what it did 0.1 s later
_PAUSE = 0.02  # seconds between two jobs, in the mean
_KEYS = 200
_WRITERS = 4  # of a burst: as many workers as docbot runs
_CLAIMS = 25  # of each queue in a round
_ROUNDS = 8  # of claims
_PATIENCE = 60.0
_SETTINGS = (
    *("server_version", "fsync", "synchronous_commit", "full_page_writes"),
    *("shared_buffers", "max_wal_size"),
)

T = TypeVar("T")
Open = Callable[[str], AbstractAsyncContextManager[Queue]]
Address = Callable[[str], str]  # from the name of a database


@dataclass(slots=True)
class Samples:
    """What one queue took, in seconds, over all rounds."""

    from_call: list[float] = field(default_factory=list)  # to put a job, until it starts
    from_commit: list[float] = field(default_factory=list)
    in_burst: list[float] = field(default_factory=list)  # from the burst's begin
    claim: list[float] = field(default_factory=list)
    claim_full: list[float] = field(default_factory=list)  # beside the finished jobs
    drained: float = 0.0  # jobs a second


@dataclass(slots=True)
class Lane:
    """A queue, and another like it that has a long life behind it."""

    empty: Queue
    full: Queue
    samples: Samples = field(default_factory=Samples)


@dataclass(frozen=True, slots=True)
class Compared:
    """By the names of the queues; `looks` are docbot's in vain, without and with finished rows."""

    samples: dict[str, Samples]
    looks: tuple[list[float], list[float]]
    finished: int
    postgres: str

    @property
    def docbot(self) -> Samples:
        return self.samples[DocbotQueue.name]

    @property
    def flatness(self) -> float:
        return _median(self.docbot.claim_full) / _median(self.docbot.claim)

    def against_faster(self, which: Callable[[Samples], Sequence[float]], share: float) -> float:
        """How many times longer docbot takes than the faster of the others."""
        others = [s for name, s in self.samples.items() if name != DocbotQueue.name]
        fastest = min(percentile(which(other), share) for other in others)
        return percentile(which(self.docbot), share) / fastest

    def lines(self) -> Iterator[Line]:
        yield from self._latencies("From the call that puts a job to its start", from_call)
        yield from self._latencies("From the commit of a job to its start", from_commit)
        yield from self._latencies("From the begin of a burst to a job's start", in_burst)
        for name, one in self.samples.items():
            yield Line(
                f"Claim with 0 / {self.finished:,} finished jobs: {name}, p50",
                f"{_ms(_median(one.claim))} / {_ms(_median(one.claim_full))}",
            )
        yield Line("docbot's claim, times longer", f"{self.flatness:.2f}", f"at most {FLAT}")
        empty, full = map(_median, self.looks)
        yield Line("docbot's look that finds nothing, the same", f"{_ms(empty)} / {_ms(full)}")
        for name, one in self.samples.items():
            yield Line(f"Jobs a second, {AT_ONCE} at once: {name}", f"{one.drained:.0f}")
        yield Line("Jobs started exactly once; in order where the queue keeps it", "all", "all")
        yield Line("Postgres", self.postgres)

    def _latencies(self, what: str, which: Callable[[Samples], Sequence[float]]) -> Iterator[Line]:
        for name, one in self.samples.items():
            taken = which(one)
            times = f"{_ms(percentile(taken, 0.5))} / {_ms(percentile(taken, 0.99))}"
            yield Line(f"{what}: {name}, p50 / p99 of {len(taken)}", times)
        if len(self.samples) > 1:
            ratios = [self.against_faster(which, share) for share in (0.5, 0.99)]
            yield Line(
                "docbot, times the faster of the others: p50 / p99",
                " / ".join(f"{ratio:.2f}" for ratio in ratios),
                f"at most {SLOWER}",
            )


def from_call(samples: Samples) -> Sequence[float]:
    return samples.from_call


def from_commit(samples: Samples) -> Sequence[float]:
    return samples.from_commit


def in_burst(samples: Samples) -> Sequence[float]:
    return samples.in_burst


def _median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


class Trial:
    """Jobs that are put into a queue, and when each was put and began."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._keys: list[int] = []
        self._order: list[int] = []
        self._changed = asyncio.Event()
        self.called: list[float] = []
        self.committed: dict[int, float] = {}
        self.began: dict[int, float] = {}

    def note(self, number: int) -> None:
        self.began[number] = time.perf_counter()
        self._order.append(number)
        self._changed.set()

    async def put(self, key: int) -> int:
        number = len(self._keys)
        self._keys.append(key)
        self.called.append(time.perf_counter())
        await self._queue.put(number, key)
        self.committed[number] = time.perf_counter()
        return number

    async def put_at_once(self, count: int) -> list[int]:
        """By several writers, each with keys of its own, so that it is known what comes first."""

        async def write(first: int) -> list[int]:
            return [await self.put(key % _KEYS) for key in range(first, count, _WRITERS)]

        return list(chain(*await asyncio.gather(*map(write, range(_WRITERS)))))

    async def all_began(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            while len(self.began) < len(self._keys):
                self._changed.clear()
                await self._changed.wait()

    def check(self) -> None:
        assert sorted(self._order) == list(range(len(self._keys))), "a job began twice"
        if not self._queue.keeps_order:
            return
        of_key: defaultdict[int, list[int]] = defaultdict(list)
        for number in self._order:
            of_key[self._keys[number]].append(number)
        for key, numbers in of_key.items():
            assert numbers == sorted(numbers), f"out of order in key {key}: {numbers}"


async def run(jobs: int, finished: int, *, rivals: bool = ARE_RIVALS_HERE) -> Compared:
    async with _open_server() as address, AsyncExitStack() as stack:
        lanes = [await _open_lane(stack, address, one) for one in _openers(rivals)]
        await _measure_latency(lanes, jobs)
        for lane in lanes:
            await _drain(lane, jobs)
            await lane.full.fill(finished)
        looks: tuple[list[float], list[float]] = ([], [])
        for number in range(_ROUNDS):
            for lane in _turns(lanes, number):
                await _claim(lane)
            await _look(lanes[0], looks)
        await _check_docbot(lanes[0].empty, sent_at_least=jobs)
        postgres = await _settings(address)
    by_name = {lane.empty.name: lane.samples for lane in lanes}
    return Compared(by_name, looks, finished, postgres)


async def _measure_latency(lanes: Sequence[Lane], jobs: int) -> None:
    """All work all the time, and one after the other has something to do."""
    async with AsyncExitStack() as stack:
        trials = [await _begin(stack, lane.empty) for lane in lanes]
        for number in range(jobs // _BLOCK):
            for lane, trial in _turns(list(zip(lanes, trials, strict=True)), number):
                await asyncio.sleep(_SETTLE)
                await _one_by_one(lane, trial, random.Random(number))
        for number in range(jobs // _BURST):
            for lane, trial in _turns(list(zip(lanes, trials, strict=True)), number):
                await asyncio.sleep(_SETTLE)
                await _burst(lane, trial)
    for trial in trials:
        trial.check()


async def _begin(stack: AsyncExitStack, queue: Queue) -> Trial:
    """Have the queue work, and its connections and statements made."""
    trial = Trial(queue)
    await stack.enter_async_context(queue.working(trial.note))
    for key in range(_WARM_UP):
        await trial.put(key)
        await trial.all_began()
    return trial


def _openers(rivals: bool) -> list[Open]:
    """Of docbot first."""
    if not rivals:
        return [DocbotQueue.open]
    from benchmarks.rivals import PgqueuerQueue, ProcrastinateQueue  # noqa: PLC0415 - may lack

    return [DocbotQueue.open, ProcrastinateQueue.open, PgqueuerQueue.open]


@asynccontextmanager
async def _open_server() -> AsyncIterator[Address]:
    """The server that docbot runs, in a folder that goes again."""
    with open_to_all() as folder:
        server = EmbeddedServer(folder)
        where = await asyncio.to_thread(server.ensure)
        rest = f"?host={where['host']}&port={where['port']}"
        try:
            yield lambda name: f"postgresql://{where['user']}@/{name}{rest}"
        finally:
            server.close()
            await asyncio.to_thread(wait_for_server_to_end, folder)


async def _open_lane(stack: AsyncExitStack, address: Address, opener: Open) -> Lane:
    """Each of the two queues in a database of its own."""
    names = [f"bench_{random.getrandbits(48):x}" for _ in range(2)]
    admin = await asyncpg.connect(address("postgres"))
    for name in names:
        await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    empty, full = [await stack.enter_async_context(opener(address(name))) for name in names]
    return Lane(empty, full)


def _turns(all_of: Sequence[T], number: int) -> list[T]:
    """Another goes first in each round."""
    first = number % len(all_of)
    return [*all_of[first:], *all_of[:first]]


async def _one_by_one(lane: Lane, trial: Trial, pattern: random.Random) -> None:
    """Jobs at random intervals."""
    numbers = []
    for _ in range(_BLOCK):
        await asyncio.sleep(pattern.expovariate(1 / _PAUSE))
        numbers.append(await trial.put(pattern.randrange(_KEYS)))
    await trial.all_began()
    for number in numbers:
        lane.samples.from_call.append(trial.began[number] - trial.called[number])
        lane.samples.from_commit.append(trial.began[number] - trial.committed[number])


async def _burst(lane: Lane, trial: Trial) -> None:
    began = time.perf_counter()
    numbers = await trial.put_at_once(_BURST)
    await trial.all_began()
    lane.samples.in_burst.extend(trial.began[number] - began for number in numbers)


async def _drain(lane: Lane, jobs: int) -> None:
    """All is there before anybody works."""
    trial = Trial(lane.empty)
    await trial.put_at_once(jobs)
    async with lane.empty.working(trial.note):
        await trial.all_began()
    trial.check()
    taken = max(trial.began.values()) - min(trial.began.values())
    lane.samples.drained = (jobs - 1) / taken


async def _claim(lane: Lane) -> None:
    """One job at a time, in turns without and with finished jobs beside it."""
    for number in range(_CLAIMS):
        for queue, taken in (
            (lane.empty, lane.samples.claim),
            (lane.full, lane.samples.claim_full),
        ):
            await queue.put(number, number % _KEYS)
            began = time.perf_counter()
            found = await queue.claim()
            taken.append(time.perf_counter() - began)
            assert found
            await queue.finish()


async def _look(lane: Lane, looks: tuple[list[float], list[float]]) -> None:
    for _ in range(_CLAIMS):
        for queue, taken in zip((lane.empty, lane.full), looks, strict=True):
            assert isinstance(queue, DocbotQueue)
            began = time.perf_counter()
            await queue.look()
            taken.append(time.perf_counter() - began)


async def _check_docbot(queue: Queue, sent_at_least: int) -> None:
    """Each row was sent with its first try, and nothing waits."""
    assert isinstance(queue, DocbotQueue)
    states = await queue.states()
    assert states.keys() == {("sent", 1)}, states
    assert states["sent", 1] >= sent_at_least


async def _settings(address: Address) -> str:
    """What Postgres is, and what it does before it reports a commit."""
    conn = await asyncpg.connect(address("postgres"))
    shown = [f"{name} {await conn.fetchval(f'SHOW {name}')}" for name in _SETTINGS]
    await conn.close()
    assert {"fsync on", "synchronous_commit on", "full_page_writes on"} <= set(shown), shown
    return ", ".join(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--finished", type=int, default=1_000_000)
    arguments = parser.parse_args()
    set_up_logging("error", "text")
    if not ARE_RIVALS_HERE:
        print(HOW_TO_INSTALL, file=sys.stderr)
    before = os.getloadavg()[0]
    print_table(asyncio.run(run(arguments.jobs, arguments.finished)).lines())
    print(
        f"\n{os.cpu_count()} cores, load before {before:.1f}; of an idle machine it is near 0. "
        "Times hang on the disk and on who else wants the cores; ratios within one run far less."
    )


if __name__ == "__main__":
    main()
