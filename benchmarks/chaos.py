"""Chaos: each question is answered once, whatever fails, as members see it.

Real docbots, one that acts and one that stands by, a real Postgres and a model's endpoint, with
faults drawn from a seed: kills of docbot and Postgres, and all that can go wrong on Discord's side
and the model's. The verdict is made from the messages on the stand-in of Discord alone.

    python -m benchmarks.chaos [--questions N] [--kills N] [--crashes N] [--seed S]

It runs in rounds, each with a Discord and a database of its own, and writes each round's result to
a file: stopped and started again, it goes on with the round it was in.
"""

import argparse
import asyncio
import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.cases import Case, Finding, Said, answered, ask, judge, model_reply
from benchmarks.corpus import Question, questions
from benchmarks.fleet import Docbot, Fleet
from benchmarks.house import House, open_house
from benchmarks.planted_bot import PLANTS
from benchmarks.schedule import Strike, Struck, schedule, split
from benchmarks.table import Line, print_table
from docbot.db.errors import translated
from docbot.errors import TransientError
from docbot.playground.faults import ANY, SEND_MESSAGE, RestFault
from docbot.playground.objects import Payload, Thread
from docbot.telemetry import set_up_logging
from tests.model_server import Fault, Hang, Html, ModelServer, Reply, Reset, Status

CHUNKS = 300
_MODEL = "test-chat"
_POST_SECONDS = 0.03  # between two posts, in the mean
_MOST_OPEN = 40  # questions that wait at once; more is measured as overload, not here
_FOLLOW_UPS = 0.25  # of all questions
_PATIENCE = 120.0  # seconds after the last fault; docbot's own pauses are 30 at most
_PLANT_PATIENCE = 15.0
_LOOK_SECONDS = 0.1
_OUTAGE_SECONDS = 2.0
_RESUMABLE = (4000, 4001, 4002, 4003, 4005, 4008, 1001)
_FORGOTTEN = (4007, 4009)
# For whoever looks into a finding; the verdict does not read it.
_ACCOUNT = """
    SELECT questions.id, questions.message_id, origin, questions.state, questions.reason,
           questions.attempt, lane, answers.id AS answer,
           (SELECT json_agg(json_build_array(part, outbox.state, outbox.reason, outbox.attempt))
            FROM outbox WHERE answer_id = answers.id)::text AS parts
    FROM questions LEFT JOIN answers ON answers.question_id = questions.id
    WHERE questions.message_id = ANY($1::bigint[])
"""
_OPEN = """
    SELECT (SELECT count(*) FROM questions WHERE ended_at IS NULL)
         + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """One round: how much is asked, what strikes, and by which program docbot is started."""

    seed: str
    questions: int
    kills: int
    crashes: int
    command: Sequence[str] = ("docbot", "run")
    patience: float = _PATIENCE


@dataclass(frozen=True, slots=True)
class Result:
    """What members saw in one round, and what was done to docbot meanwhile."""

    seed: str
    questions: int
    messages: int
    strikes: dict[str, int]
    findings: list[Finding]
    stuck: int  # rows that have not ended, by docbot's own account
    exits: list[int]  # of those that were stopped at the end
    violations: list[str]  # what Discord would not know
    invalid_requests: int
    waited: list[float]  # seconds from each question to the last message of its answer
    seconds: float

    def count(self, wrong: str) -> int:
        return sum(finding.wrong == wrong for finding in self.findings)

    @property
    def is_clean(self) -> bool:
        return not (self.findings or self.stuck or any(self.exits) or self.violations)


@dataclass(slots=True)
class _Talk:
    """One thread with the questions asked in it."""

    thread: Thread
    cases: list[Case] = field(default_factory=list)


class Round:
    """Asks, strikes, and waits until all is answered."""

    def __init__(self, plan: Plan, house: House, model: ModelServer, fleet: Fleet) -> None:
        self._plan = plan
        self._house = house
        self._world = house.playground.world
        self._faults = house.playground.faults
        self._model = model
        self._fleet = fleet
        self._draw = random.Random(f"{plan.seed} posts")
        self._talks: dict[int, _Talk] = {}
        self._idle: list[_Talk] = []  # all answered, and one may ask on
        self._open: dict[int, float] = {}  # when asked, by number, until there is an answer
        self._waited: list[float] = []
        self._struck: Counter[Strike] = Counter()
        self._at_kill = asyncio.Lock()

    async def run(self) -> Result:
        began = time.monotonic()
        end_watch = self._world.subscribe(self._on_event)
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._fleet.start_ready(tasks)
                await self._fleet.start(tasks)  # which stands by
                async with asyncio.TaskGroup() as strikes:
                    await self._ask_all(strikes, tasks)
                stuck = await self._settle(tasks)
                exits = await self._fleet.end_all(signal.SIGTERM)
        finally:
            end_watch()
        result = self._result(stuck, exits, time.monotonic() - began)
        await self._write_account(result)
        return result

    async def _write_account(self, result: Result) -> None:
        """Leave beside the logs what members and docbot say of the threads with a finding."""
        found = {finding.thread_id for finding in result.findings}
        talks = [talk for talk in self._talks.values() if talk.thread.id in found]
        asked = [case.message_id for talk in talks for case in talk.cases]
        rows = await self._house.rooms.pool.fetch(_ACCOUNT, asked)
        seen = [
            {
                "cases": [asdict(case) for case in talk.cases],
                "said": [asdict(said) for said in self._said(talk.thread)],
            }
            for talk in talks
        ]
        told = {"seen": seen, "docbot": [dict(row) for row in rows]}
        (self._fleet.logs / "account.json").write_text(json.dumps(told, indent=1))

    def _result(self, stuck: int, exits: list[int], seconds: float) -> Result:
        findings = [
            finding
            for talk in self._talks.values()
            for finding in judge(self._said(talk.thread), talk.cases)
        ]
        playground = self._house.playground
        return Result(
            self._plan.seed,
            self._plan.questions,
            sum(len(self._said(talk.thread)) for talk in self._talks.values()),
            {str(strike): count for strike, count in self._struck.items()},
            findings,
            stuck,
            exits,
            playground.violations,
            playground.rest.invalid_requests,
            [round(waited, 3) for waited in self._waited],
            seconds,
        )

    # What is asked

    async def _ask_all(self, strikes: asyncio.TaskGroup, tasks: asyncio.TaskGroup) -> None:
        plan = self._plan
        due = schedule(plan.seed, plan.questions, plan.kills, plan.crashes)
        for number, question in enumerate(questions(CHUNKS, plan.questions)):
            while due and due[0].after <= number:
                strikes.create_task(self._strike(due.pop(0), tasks))
            await self._room()
            await self._ask(number, question)
            await asyncio.sleep(self._draw.uniform(0, 2 * _POST_SECONDS))

    async def _room(self) -> None:
        """Wait while too many wait; those that wait for too long are given up."""
        try:
            await self._world.wait_for(lambda: len(self._open) < _MOST_OPEN, self._plan.patience)
        except TimeoutError:
            self._open.clear()

    async def _ask(self, number: int, question: Question) -> None:
        text = ask(number, question.body)
        members = self._house.playground.members
        self._open[number] = time.monotonic()
        if self._idle and self._draw.random() < _FOLLOW_UPS:
            talk = self._idle.pop(self._draw.randrange(len(self._idle)))
            asker = next(each for each in members if each.id == talk.thread.owner_id)
            mention = self._house.playground.bot.mention
            asked = await asker.send(talk.thread, f"{mention} {question.title}\n{text}")
            talk.cases.append(Case(number, talk.thread.id, asked.id))
            return
        asker = self._draw.choice(members)
        thread = await asker.post(self._house.playground.forum, question.title, text)
        self._talks[thread.id] = _Talk(thread, [Case(number, thread.id, thread.id)])

    # What is seen

    def _on_event(self, name: str, payload: Payload) -> None:
        if name != "MESSAGE_CREATE":
            return
        talk = self._talks.get(int(payload["channel_id"]))
        if talk is None or int(payload["author"]["id"]) != self._world.bot.id:
            return
        done = answered(self._said(talk.thread), talk.cases)
        was_open = [case.number for case in talk.cases if case.number in self._open]
        self._waited += [time.monotonic() - self._open.pop(n) for n in done if n in self._open]
        if was_open and done.issuperset(case.number for case in talk.cases):
            asyncio.get_running_loop().call_soon(self._after_answer, talk)

    def _after_answer(self, talk: _Talk) -> None:
        """The asker asks on some time, or has what they want and closes the thread."""
        if self._draw.random() < 2 * _FOLLOW_UPS:
            self._idle.append(talk)
        else:
            thread = talk.thread
            self._world.edit_thread(thread.id, thread.owner_id, {"archived": True})

    def _said(self, thread: Thread) -> list[Said]:
        return [
            Said(message.id, message.content, message.reply_to, bool(message.buttons))
            for message in self._world.replies_of_bot(thread.id)
        ]

    async def _settle(self, tasks: asyncio.TaskGroup) -> int:
        """End all faults, wait for what is open; return how many rows have not ended."""
        self._faults.clear()
        if not self._fleet.alive:
            await self._fleet.start(tasks)
        with suppress(TimeoutError):
            await self._world.wait_for(lambda: not self._open, self._plan.patience)
        stuck = 1
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.patience if not self._open else 1):
                while stuck:
                    await asyncio.sleep(_LOOK_SECONDS)
                    stuck = await self._count_open()
        return stuck

    async def _count_open(self) -> int:
        try:
            with translated():
                return int(await self._house.rooms.pool.fetchval(_OPEN))
        except TransientError:  # it was struck a moment ago
            return 1

    # What strikes

    async def _strike(self, struck: Struck, tasks: asyncio.TaskGroup) -> None:
        draw = random.Random(struck.draw)
        match struck.strike:
            case "docbot killed":
                await self._kill(draw, tasks)
            case "Postgres killed" | "Postgres stopped at once":
                await self._strike_postgres(struck.strike == "Postgres killed")
            case _:
                await _TROUBLES[struck.strike](self, draw)
        self._struck[struck.strike] += 1

    async def _kill(self, draw: random.Random, tasks: asyncio.TaskGroup) -> None:
        """Kill who acts, now and then who stands by too, and start another for each."""
        async with self._at_kill:
            target = await self._who_acts()
            await asyncio.sleep(draw.uniform(0, 0.3))
            targets = self._fleet.alive if draw.random() < 0.2 else [target]
            for docbot in targets:
                await self._fleet.kill(docbot)
            for _ in targets:
                await asyncio.sleep(draw.uniform(0, 0.2))
                await self._fleet.start(tasks)

    async def _who_acts(self) -> Docbot:
        async with asyncio.timeout(self._plan.patience):
            while True:
                acting = self._fleet.acting
                if acting is not None and acting.connected.is_set():
                    return acting
                await asyncio.sleep(_LOOK_SECONDS)

    async def _strike_postgres(self, at_once: bool) -> None:
        """Strike once there is a server: it may just be on its way back from the last time."""
        deadline = time.monotonic() + self._plan.patience
        while not self._fleet.strike_postgres(at_once=at_once):
            assert time.monotonic() < deadline, "Postgres did not come back"
            await asyncio.sleep(_LOOK_SECONDS)

    async def reset(self, draw: random.Random, *, after_effect: bool) -> None:
        times = draw.randint(1, 3)
        await self._for_a_while(
            self._faults.reset(
                method="POST", path=SEND_MESSAGE, times=times, after_effect=after_effect
            )
        )

    async def rate_limit(self, draw: random.Random, *, everywhere: bool) -> None:
        path, seconds = (ANY if everywhere else SEND_MESSAGE), draw.uniform(0.3, 2)
        await self._for_a_while(
            self._faults.rate_limit(
                seconds, method="POST", path=path, times=1, everywhere=everywhere
            )
        )

    async def cloudflare(self, draw: random.Random) -> None:
        status = draw.choice((429, 403))
        await self._for_a_while(self._faults.cloudflare(status, method="POST", path=SEND_MESSAGE))

    async def server_error(self, draw: random.Random, *, after_effect: bool) -> None:
        path = SEND_MESSAGE if after_effect else ANY
        status = draw.choice((500, 502, 503, 504))
        times = draw.randint(1, 8)
        await self._for_a_while(
            self._faults.answer(status, path=path, times=times, after_effect=after_effect)
        )

    async def slow(self, draw: random.Random) -> None:
        after, seconds = draw.random() < 0.5, draw.uniform(0.2, 1.5)
        times = draw.randint(2, 8)
        await self._for_a_while(self._faults.delay(seconds, times=times, after_effect=after))

    async def _for_a_while(self, fault: RestFault) -> None:
        """An outage lasts some time, however few requests it meets."""
        await asyncio.sleep(_OUTAGE_SECONDS)
        fault.times = 0

    async def close_gateway(self, draw: random.Random, codes: Sequence[int | None]) -> None:
        code = draw.choice(codes)
        self._faults.drop_gateway(resumable=code not in _FORGOTTEN, code=code)

    async def invalidate(self, _: random.Random, *, resumable: bool) -> None:
        self._faults.invalidate_session(resumable=resumable)

    async def ask_to_reconnect(self, _: random.Random) -> None:
        self._faults.ask_to_reconnect()

    async def double_events(self, draw: random.Random) -> None:
        self._faults.duplicate_events(r"(MESSAGE|THREAD)_.*", times=draw.randint(5, 20))

    async def reverse_events(self, draw: random.Random) -> None:
        held = self._faults.hold_events(r"(MESSAGE|THREAD)_CREATE")
        await asyncio.sleep(draw.uniform(0.05, 0.3))
        held.release(reverse=True)

    async def model_fails(self, draw: random.Random, faults: Sequence[Fault]) -> None:
        self._model.fail(draw.choice(faults), draw.randint(1, 2))

    async def model_is_silent(self, _: random.Random) -> None:
        self._model.fail(Hang(70))


_Trouble = Callable[[Round, random.Random], Awaitable[None]]
_TROUBLES: dict[str, _Trouble] = {
    "reset before the effect": lambda r, d: r.reset(d, after_effect=False),
    "reset after the effect": lambda r, d: r.reset(d, after_effect=True),
    "429 of a route": lambda r, d: r.rate_limit(d, everywhere=False),
    "429 of all routes": lambda r, d: r.rate_limit(d, everywhere=True),
    "429 of Cloudflare's": Round.cloudflare,
    "5xx before the effect": lambda r, d: r.server_error(d, after_effect=False),
    "5xx after the effect": lambda r, d: r.server_error(d, after_effect=True),
    "slow REST": Round.slow,
    "gateway closed, resumable": lambda r, d: r.close_gateway(d, _RESUMABLE),
    "gateway closed, session forgotten": lambda r, d: r.close_gateway(d, _FORGOTTEN),
    "gateway's connection cut": lambda r, d: r.close_gateway(d, (None,)),
    "gateway asks to reconnect": Round.ask_to_reconnect,
    "session invalid, resumable": lambda r, d: r.invalidate(d, resumable=True),
    "session invalid, to identify anew": lambda r, d: r.invalidate(d, resumable=False),
    "events doubled": Round.double_events,
    "events reversed": Round.reverse_events,
    "model slow": lambda r, d: r.model_fails(d, [Hang(d.uniform(0.3, 3))]),
    "model silent": Round.model_is_silent,
    "model cut off": lambda r, d: r.model_fails(d, [Reset()]),
    "model answers an error": lambda r, d: r.model_fails(
        d, [Status(500), Status(503), Status(429, headers={"Retry-After": "1"})]
    ),
    "model answers garbage": lambda r, d: r.model_fails(d, [Html(), Html(502)]),
}


@asynccontextmanager
async def _model() -> AsyncIterator[ModelServer]:
    def reply(body: dict[str, Any]) -> Reply:
        return Reply(model_reply(body["messages"][-1]["content"]))

    async with ModelServer.open(reply) as server:
        yield server


async def run_round(plan: Plan, logs: Path) -> Result:
    """Run one round; the docbots' logs are left in the folder `logs`."""
    async with open_house(CHUNKS) as house, _model() as model:
        environment = {
            "DISCORD_TOKEN": house.playground.token,
            "DOCBOT_DISCORD_API": house.playground.api_url,
            "DOCBOT_DATA_DIR": str(house.rooms.settings.docbot_data_dir),
            "OPENAI_BASE_URL": model.base_url,
            "DOCBOT_CHAT_MODEL": _MODEL,
        }
        data_dir = house.rooms.settings.docbot_data_dir
        fleet = Fleet(data_dir, environment, logs, list(plan.command))
        try:
            return await Round(plan, house, model, fleet).run()
        finally:
            await fleet.end_all(signal.SIGKILL)


def planted(plan: Plan, name: str) -> Plan:
    """The same with a fault planted in docbot; what it loses is not waited for as long."""
    return replace(plan, command=("benchmarks.planted_bot", name), patience=_PLANT_PATIENCE)


def rounds(seed: int, total: int, kills: int, crashes: int, size: int) -> list[Plan]:
    """Cut a run into rounds of about `size` questions, each with a seed of its own."""
    count = max(round(total / size), 1)
    shares = zip(split(total, count), split(kills, count), split(crashes, count), strict=True)
    return [Plan(f"{seed}.{number}", *share) for number, share in enumerate(shares, start=1)]


def lines(results: Sequence[Result], seed: int) -> list[Line]:
    strikes: Counter[str] = Counter()
    for result in results:
        strikes.update(result.strikes)
    wrong = Counter(finding.wrong for result in results for finding in result.findings)
    return [
        Line("Seed", str(seed)),
        Line("Questions", f"{sum(result.questions for result in results):,}"),
        Line("Messages of docbot's", f"{sum(result.messages for result in results):,}"),
        *(Line(f"Strikes: {name}", str(strikes[name])) for name in sorted(strikes)),
        Line("Lost", str(wrong["lost"]), "0"),
        Line("Doubled", str(wrong["doubled"]), "0"),
        Line("Out of order", str(wrong["out of order"]), "0"),
        Line("In the wrong thread", str(wrong["misplaced"]), "0"),
        Line("Rows that never ended", str(sum(result.stuck for result in results)), "0"),
        Line("Bad exits", str(sum(map(bool, (e for r in results for e in r.exits)))), "0"),
        Line(
            "From question to answer, faults and all: p50 / p95 / most",
            " / ".join(f"{each:.1f} s" for each in _percentiles(results)),
        ),
        Line("Hours", f"{sum(result.seconds for result in results) / 3600:.2f}"),
    ]


def _percentiles(results: Sequence[Result]) -> list[float]:
    waited = sorted(waited for result in results for waited in result.waited) or [0.0]
    return [waited[int(share * (len(waited) - 1))] for share in (0.5, 0.95, 1)]


def _read(file: Path) -> list[Result]:
    if not file.exists():
        return []
    read = [json.loads(line) for line in file.read_text().splitlines()]
    return [
        Result(**{**one, "findings": [Finding(**each) for each in one["findings"]]}) for one in read
    ]


def _tell(result: Result, logs: Path) -> None:
    state = "clean" if result.is_clean else "NOT CLEAN"
    print(f"round {result.seed}: {state}, {result.seconds:.0f} s", file=sys.stderr, flush=True)
    for finding in result.findings[:20]:
        print(f"  {finding}", file=sys.stderr, flush=True)
    if not result.is_clean:
        detail = f"stuck {result.stuck}, exits {result.exits}, {result.violations[:3]}"
        print(f"  {detail}; logs in {logs}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200, help="of docbot")
    parser.add_argument("--crashes", type=int, default=20, help="of Postgres")
    parser.add_argument("--seed", type=int, default=7110)
    parser.add_argument("--size", type=int, default=500, help="questions of a round")
    parser.add_argument("--minutes", type=float, default=120, help="begin no round after these")
    parser.add_argument("--folder", type=Path, default=Path(".chaos"), help="results and logs")
    parser.add_argument("--again", action="store_true", help="forget the rounds that are done")
    parser.add_argument("--plant", choices=list(PLANTS), help="put this fault into docbot first")
    chosen = parser.parse_args()
    set_up_logging("critical", "text")  # that a client was killed is no news here
    what = [chosen.seed, chosen.questions, chosen.kills, chosen.crashes, chosen.plant or "as it is"]
    file = chosen.folder / f"{'-'.join(map(str, what)).replace(' ', '-')}.jsonl"
    chosen.folder.mkdir(parents=True, exist_ok=True)
    if chosen.again:
        file.unlink(missing_ok=True)
    results = _read(file)
    until = time.monotonic() + 60 * chosen.minutes
    plans = rounds(chosen.seed, chosen.questions, chosen.kills, chosen.crashes, chosen.size)
    if chosen.plant:
        plans = [planted(plan, chosen.plant) for plan in plans]
    for plan in plans[len(results) :]:
        if time.monotonic() > until:
            break
        logs = (chosen.folder / plan.seed).absolute()
        logs.mkdir(exist_ok=True)
        results.append(asyncio.run(run_round(plan, logs)))
        with file.open("a") as sink:
            sink.write(json.dumps(asdict(results[-1])) + "\n")
        _tell(results[-1], logs)
    print_table(lines(results, chosen.seed))
    left = len(plans) - len(results)
    if left:
        print(f"\n{left} of {len(plans)} rounds are left: start it again to go on.")
    sys.exit(not all(result.is_clean for result in results))


if __name__ == "__main__":
    main()
