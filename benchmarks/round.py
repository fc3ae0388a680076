"""One round of chaos: questions are asked, faults strike, and what members see is judged."""

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cases import Case, Finding, Said, answered, ask, judge, model_reply
from benchmarks.corpus import Question, questions
from benchmarks.fleet import Docbot, Fleet
from benchmarks.house import House, environment_of, open_house, wait_until_all_ended
from benchmarks.schedule import Strike, Struck, schedule
from benchmarks.troubles import Troubles
from docbot.playground.objects import Payload, Thread
from tests.model_server import ModelServer, Reply

CHUNKS = 300
_MODEL = "test-chat"
_POST_SECONDS = 0.03  # between two posts, in the mean
_MOST_OPEN = 40  # questions that wait at once; more is measured as overload, not here
_FOLLOW_UPS = 0.25  # of all questions
_PATIENCE = 120.0  # seconds after the last fault; docbot's own pauses are 30 at most
_LOOK_SECONDS = 0.1
# For whoever looks into a finding; the verdict does not read it.
_ACCOUNT = """
    SELECT questions.id, questions.message_id, origin, questions.state, questions.reason,
           questions.attempt, lane, answers.id AS answer,
           (SELECT json_agg(json_build_array(part, outbox.state, outbox.reason, outbox.attempt))
            FROM outbox WHERE answer_id = answers.id)::text AS parts
    FROM questions LEFT JOIN answers ON answers.question_id = questions.id
    WHERE questions.message_id = ANY($1::bigint[])
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
        self._troubles = Troubles(house.playground.faults, model)
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
        return await wait_until_all_ended(self._house, 1 if self._open else self._plan.patience)

    # What strikes

    async def _strike(self, struck: Struck, tasks: asyncio.TaskGroup) -> None:
        draw = random.Random(struck.draw)
        match struck.strike:
            case "docbot killed":
                await self._kill(draw, tasks)
            case "Postgres killed" | "Postgres stopped at once":
                await self._strike_postgres(struck.strike == "Postgres killed")
            case _:
                await self._troubles.strike(struck.strike, draw)
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
            **environment_of(house),
            "OPENAI_BASE_URL": model.base_url,
            "DOCBOT_CHAT_MODEL": _MODEL,
            "DOCBOT_CAUTION": "helpful",  # made words give fewer signs than a documentation's
            # More is asked here while docbot is away than anybody would want answered, and faster.
            "DOCBOT_MISSED_POSTS": "1000",
            "DOCBOT_MODEL_CALLS_PER_MINUTE": "100000",
        }
        data_dir = house.rooms.settings.docbot_data_dir
        fleet = Fleet(data_dir, environment, logs, list(plan.command))
        try:
            return await Round(plan, house, model, fleet).run()
        finally:
            await fleet.end_all(signal.SIGKILL)
