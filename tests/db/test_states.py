"""Questions and outbox under any order of events, workers, sends, deaths and take-overs.

A model of the world beside the real database says what must hold after each step, and that from
wherever it was left everything ends once the far side is well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from docbot.db.answers import Answers
from docbot.db.config import Configs
from docbot.db.drafts import Drafts
from docbot.db.erasure import Erasure
from docbot.db.forums import Forums
from docbot.db.outbox import Delivery, Outbox
from docbot.db.pool import Database, Pool
from docbot.db.questions import Claimed, Questions
from docbot.db.solutions import Solutions
from docbot.db.threads import Message, Thread, ThreadChange, Threads
from docbot.db.usage import Uses
from docbot.errors import TransientError, UsageError
from docbot.forum.admission import Admission
from docbot.forum.again import try_again
from docbot.forum.bindings import Bindings
from docbot.forum.conductor import Conductor
from docbot.forum.decide import Incoming
from docbot.forum.intake import MISSED, Intake
from docbot.forum.learning import Learning
from docbot.forum.reviews import Reviews
from docbot.forum.staff_notes import StaffNotes
from docbot.forum.undecided import Undecided
from tests.db.seed import ASKER, FORUM, GUILD, an_answer, now, take_over, thread_of

HANDS = 2  # workers, and drains
WORK = ("answer", "answer", "answer", "abstained", "failed", "fail once", "put off", "be slow")
SENDS = ("sent", "reply lost", "lost", "refused", "refused once", "be slow")
UPSETS = ("delete message", "lock", "delete thread", "leave")
ENDED = {"answered", "abstained", "yielded", "cancelled", "failed"}
OVER = {"sent", "dropped", "dead"}
# All else goes with its thread.
_CLEAR = "DELETE FROM threads; UPDATE activity SET epoch = 0"
# Nothing here ends with the server: a commit need not wait for the disk.
_NEED_NO_DISK = """
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
    END $$
"""
_QUESTIONS = "SELECT * FROM questions ORDER BY id"
_WRITTEN = "SELECT message_id FROM question_messages"
_ROWS = "SELECT * FROM outbox ORDER BY id"
_TIME_PASSES = """
    UPDATE questions SET ready_at = now() WHERE ended_at IS NULL;
    UPDATE outbox SET due_at = now() WHERE ended_at IS NULL;
"""

_LEFT_OF = """
    SELECT threads.title, questions.title, text FROM threads
    LEFT JOIN conversations ON thread_id = threads.id
    LEFT JOIN questions ON conversation_id = conversations.id
    LEFT JOIN answers ON question_id = questions.id
    WHERE threads.id = ANY($1::bigint[])
      AND concat(threads.title, questions.title, text) <> ''
"""

Rows = dict[int, dict[str, Any]]
picks = st.integers(0, 1_000_000)  # one of those there are
pauses = st.sampled_from([0.0, 3600.0])


T = TypeVar("T")


def pick(things: Sequence[T], number: int) -> T:
    return things[number % len(things)]


@dataclass
class Post:
    """A thread as Discord has it; `messages` are those in it that ask something."""

    thread: Thread
    is_late: bool
    messages: list[int] = field(default_factory=list)
    is_shut: bool = False  # locked or deleted: Discord takes nothing there
    is_deleted: bool = False


@dataclass(frozen=True)
class House:
    """What every machine works with; the database is cleared for each."""

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    pool: Pool
    bindings: Bindings


class States(RuleBasedStateMachine):
    def __init__(self, house: House) -> None:
        super().__init__()
        self.run, self.pool = house.run, house.pool
        self.questions, self.answers = Questions(self.pool), Answers(self.pool)
        self.outbox = Outbox(self.pool)
        self.intake = self._new_intake(house.bindings)
        self.posts: list[Post] = []
        self.on_discord: dict[int, list[int]] = {}  # by channel: rows in the order they arrived
        self.message_of: dict[str, int] = {}  # by nonce
        self.retried: set[int] = set()  # rows: those of later answers may be there by then
        self.reopened: set[int] = set()  # questions whose answer is tried again
        # In whose hand a claim is; who died, or was too slow, still has what it had.
        self.asked_of: dict[int, Claimed] = {}
        self.given_to: dict[int, Delivery] = {}
        self.before: tuple[Rows, Rows] = ({}, {})
        self.next_id = 1_000
        self.run(self.pool.execute(_CLEAR))
        self.epoch = self.run(take_over(self.pool))

    # What members and moderators do

    @initialize()
    def begin(self) -> None:
        """There are posts, also where Hypothesis leaves some of the rules out."""
        for _ in range(HANDS + 1):
            self.post(is_late=False)

    @rule(is_late=st.booleans())
    def post(self, is_late: bool) -> None:
        post = Post(thread_of(self._new_id()), is_late)
        post.messages.append(post.thread.id)
        self.posts.append(post)
        self._tell(post, post.thread.id)

    @precondition(lambda self: self.posts)
    @rule(number=picks)
    def mention(self, number: int) -> None:
        post = pick(self.posts, number)
        if not post.is_deleted:
            post.messages.append(self._new_id())
            self._tell(post, post.messages[-1])

    @precondition(lambda self: self.posts)
    @rule(number=picks, other=picks)
    def told_again(self, number: int, other: int) -> None:
        post = pick(self.posts, number)
        self._tell(post, pick(post.messages, other))

    @precondition(lambda self: self.posts)
    @rule(number=picks, other=picks, what=st.sampled_from(UPSETS))
    def upset(self, number: int, other: int, what: str) -> None:
        """One rule for all of it: too much of it, and nothing else comes to anything."""
        post = pick(self._in_doubt() or self.posts, number)
        match what:
            case "delete message":
                self.run(self.intake.deleted(post.thread.id, [pick(post.messages, other)]))
            case "lock" if not post.is_deleted:
                post.is_shut = True
                change = ThreadChange(post.thread.id, "How?", (), archived=False, locked=True)
                self.run(self.intake.thread_changed(change))
            case "delete thread":
                post.is_shut = post.is_deleted = True
                self.run(self.intake.thread_deleted(post.thread.id))
            case "leave":
                self.run(self.intake.forum_left(FORUM))

    def _in_doubt(self) -> list[Post]:
        """Those with an answer that was tried and has not ended."""
        doubts = {
            row["channel_id"]
            for row in self.before[1].values()
            if row["state"] not in OVER and row["first_tried_at"] is not None
        }
        return [post for post in self.posts if post.thread.id in doubts]

    # What the process that acts does: one rule, since Hypothesis leaves half of them out of each try

    @rule(number=picks, work=st.sampled_from(WORK), send=st.sampled_from(SENDS), seconds=pauses)
    def act(self, number: int, work: str, send: str, seconds: float) -> None:
        self.work(number, work, seconds)
        self.deliver(number, send, seconds)

    def work(self, number: int, what: str, seconds: float) -> None:
        """Workers claim what there is; one of them sees its question through, or is slow."""
        self._claim()
        if not self.asked_of or what == "be slow":
            return
        question = self.asked_of.pop(pick(sorted(self.asked_of), number))
        if what == "put off":
            self.run(self._put_off(question, self.epoch, seconds))
        elif what in ENDED:
            self.run(self._end(question, self.epoch, what))
        elif what == "fail once":
            self.run(self._end(question, self.epoch, "failed"))
            self._retry(question.id)
        else:
            self.run(self._store(question, self.epoch, 1 + number % 3))

    def deliver(self, number: int, what: str, seconds: float) -> None:
        """Drains claim what there is; one of them sends its row, whatever Discord says to it."""
        self._claim()
        if not self.given_to or what == "be slow":
            return
        delivery = self.given_to.pop(pick(sorted(self.given_to), number))
        if what in {"lost", "reply lost"}:
            if what == "reply lost" and self._may_send(delivery):
                self._arrives(delivery)
            put_off = self.outbox.put_off(delivery, self.epoch, seconds, "reset", refused=False)
            self.run(put_off)
        elif self._is_found(delivery):
            self.run(self._mark_sent(delivery, self.epoch, self.message_of[delivery.nonce]))
        elif not self._may_send(delivery):
            self.run(self._end_row(delivery, self.epoch, "dropped"))
        elif what in {"refused", "refused once"}:
            self.run(self._end_row(delivery, self.epoch, "dead"))
            if what == "refused once":
                self._retry(int(delivery.nonce.partition(":")[0]))
        else:
            self.run(self._mark_sent(delivery, self.epoch, self._arrives(delivery)))

    @rule(hand=st.integers(0, HANDS - 1))
    def put_back(self, hand: int) -> None:
        """The database failed them: what they had in hand is out of their sight."""
        self.asked_of.pop(hand, None)
        self.given_to.pop(hand, None)
        self.run(self.questions.put_back(self.epoch, hand))
        self.run(self.outbox.put_back(self.epoch, hand))

    def _claim(self) -> None:
        """Every worker and every drain that has nothing in hand looks for something."""
        for number in range(HANDS):
            if number not in self.asked_of:
                claimed = self.run(self.questions.claim_next(self.epoch, number))
                if claimed is not None:
                    self.asked_of[number] = claimed
            if number not in self.given_to:
                delivery = self.run(self.outbox.claim_next(self.epoch, number))
                if delivery is not None:
                    self.given_to[number] = delivery

    # What an operator does

    @precondition(lambda self: self._failed())
    @rule(number=picks)
    def retry(self, number: int) -> None:
        self._retry(pick(self._failed(), number))

    def _retry(self, question_id: int) -> None:
        """What failed is open again, and nothing else changes; where nothing may, nothing does."""
        before = self._rows()
        again = try_again(self.pool, self.questions, self.outbox, question_id)
        try:
            self.run(again)
        except (UsageError, TransientError):
            assert self._rows() == before
            return
        self.before = questions, rows = self._rows()
        changed = {row_id for row_id, row in rows.items() if row != before[1][row_id]}
        assert all(before[1][row_id]["state"] in {"dead", "dropped"} for row_id in changed)
        assert all(_question_of(rows[row_id]) == question_id for row_id in changed)
        assert questions | {question_id: before[0][question_id]} == before[0]
        assert changed or questions[question_id]["state"] == "waiting"
        self.retried |= changed
        if changed:
            self.reopened.add(question_id)

    def _failed(self) -> list[int]:
        """Questions that failed, or of whose answer a part did."""
        questions, rows = self.before
        failed = {row_id for row_id, row in questions.items() if row["state"] == "failed"}
        return sorted(
            failed | {_question_of(row) for row in rows.values() if row["state"] == "dead"}
        )

    # What becomes of a process

    @rule()
    def another_takes_over(self) -> None:
        """The one before writes what it still has in hand: too late, whoever claimed it since."""
        epoch, self.epoch = self.epoch, self.run(take_over(self.pool))
        late: list[Claimed | Delivery] = [*self.asked_of.values(), *self.given_to.values()]
        self.asked_of, self.given_to = {}, {}
        self._claim()
        before = self._rows()
        assert self.run(self.questions.claim_next(epoch, 0)) is None
        assert self.run(self.outbox.claim_next(epoch, 0)) is None
        for write in (write for claim in late for write in self._writes(claim, epoch)):
            assert not self.run(write)
        self.run(self.questions.put_back(epoch, 0))
        self.run(self.outbox.put_back(epoch, 0))
        assert self._rows() == before

    def _writes(
        self, claim: Claimed | Delivery, epoch: int
    ) -> Iterator[Coroutine[Any, Any, bool | None]]:
        if isinstance(claim, Claimed):
            yield self._store(claim, epoch, 1)
            yield self._end(claim, epoch, "failed")
            yield self._put_off(claim, epoch, 0)
        else:
            yield self._mark_sent(claim, epoch, self._new_id())
            yield self._end_row(claim, epoch, "dead")
            yield self.outbox.put_off(claim, epoch, 0, "late", refused=True)

    # What holds after each step

    @invariant()
    def holds(self) -> None:
        questions, rows = self._rows()
        self._what_ended_stays(questions, rows)
        self._each_message_asked_once(questions)
        self._conversations_go_in_turn(questions)
        self._rows_go_in_turn(rows)
        self._what_arrived_is_known(rows)
        self._parts_belong_together(questions, rows)
        self._what_is_deleted_has_no_text()
        self.before = questions, rows

    def _what_ended_stays(self, questions: Rows, rows: Rows) -> None:
        for before, after, ends in zip(self.before, (questions, rows), (ENDED, OVER), strict=True):
            for row_id, row in before.items():
                assert row["state"] not in ends or _kept(after[row_id]) == _kept(row)

    def _each_message_asked_once(self, questions: Rows) -> None:
        by_message = {row["message_id"]: row for row in questions.values()}
        assert len(by_message) == len(questions)
        # Each asks, or is a further part of what its author asks just now.
        written = self.run(self.pool.fetch(_WRITTEN))
        of_questions = [row["message_id"] for row in written]
        assert sorted(of_questions) == sorted(each for post in self.posts for each in post.messages)
        # One that was missed is written down as such, and never comes to more.
        late = {post.thread.id for post in self.posts if post.is_late}
        missed = {each for each, row in by_message.items() if row["reason"] == MISSED}
        assert missed == late
        assert all(by_message[each]["state"] == "cancelled" for each in late)

    def _conversations_go_in_turn(self, questions: Rows) -> None:
        busy = set()
        for row in questions.values():
            if row["state"] not in ENDED:
                first = row["conversation_id"] not in busy
                # An answer that is tried again is written already, and waits for no earlier one.
                assert first or row["state"] == "waiting" or row["id"] in self.reopened
                busy.add(row["conversation_id"])
            if row["state"] == "answering":
                assert row["epoch"] == self.epoch

    def _rows_go_in_turn(self, rows: Rows) -> None:
        sending = [row for row in rows.values() if row["state"] == "sending"]
        assert len({row["order_key"] for row in sending}) == len(sending)
        assert all(row["epoch"] == self.epoch for row in sending)
        # A row arrived at most once, and after every earlier one of its channel.
        for arrived in self.on_discord.values():
            assert len({*arrived}) == len(arrived)
            in_turn = [row_id for row_id in arrived if row_id not in self.retried]
            assert in_turn == sorted(in_turn)
        for row in rows.values():
            if row["state"] == "sent":
                assert self.message_of[row["nonce"]] == row["message_id"]

    def _what_arrived_is_known(self, rows: Rows) -> None:
        """Nothing ends as unsent that is there, unless nobody could look any more."""
        gone = {post.thread.id for post in self.posts if post.is_deleted}
        for row in rows.values():
            if row["state"] in {"dropped", "dead"} and row["nonce"] in self.message_of:
                assert row["channel_id"] in gone

    def _parts_belong_together(self, questions: Rows, rows: Rows) -> None:
        parts: dict[int, list[dict[str, Any]]] = {}
        for row in rows.values():
            parts.setdefault(_question_of(row), []).append(row)
        for question_id, question in questions.items():
            states = [row["state"] for row in parts.get(question_id, [])]
            unsent = [state for state in states if state != "sent"]
            # What was sent comes first; after a part that never will be, none is left to send.
            assert states == ["sent"] * (len(states) - len(unsent)) + unsent
            assert not {*unsent[:1]} & {"dropped", "dead"} or {*unsent[1:]} <= {"dropped"}
            assert bool(states) == (question["state"] in {"posting", "answered"}) or (
                question["state"] in {"cancelled", "failed"}
            )
            assert (question["state"] == "answered") == (states[:1] == ["sent"])
            assert question["state"] in ENDED or states[:1] != ["dead"]

    def _what_is_deleted_has_no_text(self) -> None:
        gone = [post.thread.id for post in self.posts if post.is_deleted]
        assert self.run(self.pool.fetch(_LEFT_OF, gone)) == []

    def teardown(self) -> None:
        """From here a process with a healthy far side ends every question and every row."""
        self.another_takes_over()
        for _ in range(1_000):
            self.run(self.pool.execute(_TIME_PASSES))
            self.work(0, "answer", 0)
            self.deliver(0, "sent", 0)
            self.holds()
            self._claim()
            if not self.asked_of and not self.given_to:
                break
        questions, rows = self._rows()
        assert {row["state"] for row in questions.values()} <= ENDED
        assert {row["state"] for row in rows.values()} <= OVER

    # Inside

    def _new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def _rows(self) -> tuple[Rows, Rows]:
        """Every question and every row of the outbox as it is."""

        async def read() -> tuple[Rows, Rows]:
            questions = await self.pool.fetch(_QUESTIONS)
            rows = await self.pool.fetch(_ROWS)
            return {row["id"]: dict(row) for row in questions}, {
                row["id"]: dict(row) for row in rows
            }

        found: tuple[Rows, Rows] = self.run(read())
        return found

    def _tell(self, post: Post, message_id: int) -> None:
        thread = post.thread
        message = Message(message_id, GUILD, thread.id, ASKER, False, "Please tell.", now())
        calls_us = message_id != thread.id
        is_missed = post.is_late and not calls_us
        incoming = Incoming(message, thread, calls_us=calls_us, is_missed=is_missed)
        self.run(self.intake.take(incoming, in_step=True))

    def _new_intake(self, bindings: Bindings) -> Intake:
        solutions, staff_notes = Solutions(self.pool), StaffNotes(self.outbox)
        learning = Learning(solutions, Reviews(solutions, staff_notes, bindings))
        conductor = Conductor(
            threads=Threads(self.pool),
            questions=self.questions,
            answers=self.answers,
            drafts=Drafts(),
            outbox=self.outbox,
            staff_notes=staff_notes,
            learning=learning,
            bindings=bindings,
            may_attach=lambda _: True,
            may_ping=lambda *_: True,
            may_write=lambda *_: True,
        )
        return Intake(
            pool=self.pool,
            threads=Threads(self.pool),
            questions=self.questions,
            outbox=self.outbox,
            learning=learning,
            bindings=bindings,
            conductor=conductor,
            admission=Admission(
                uses=Uses(self.pool), config_of=bindings.server, are_limits_on=False
            ),
            erasure=Erasure(self.pool),
            undecided=Undecided(
                pool=self.pool,
                drafts=Drafts(),
                solutions=solutions,
                conductor=conductor,
                learning=learning,
                wake=lambda: None,
            ),
            wake=lambda: None,
            on_step=lambda _: None,
        )

    def _post_of(self, delivery: Delivery) -> Post:
        return next(post for post in self.posts if post.thread.id == delivery.channel_id)

    def _may_send(self, delivery: Delivery) -> bool:
        return delivery.withdrawn is None and not self._post_of(delivery).is_shut

    def _is_found(self, delivery: Delivery) -> bool:
        """Whether it is there from an earlier try, as the nonce or the thread tells."""
        is_there = delivery.nonce in self.message_of
        assert delivery.attempt > 1 or not is_there
        return is_there and not self._post_of(delivery).is_deleted

    def _arrives(self, delivery: Delivery) -> int:
        """Discord takes a message; one whose nonce it knows is the message that is there."""
        if delivery.nonce not in self.message_of:
            self.message_of[delivery.nonce] = self._new_id()
            self.on_discord.setdefault(delivery.channel_id, []).append(delivery.id)
        return self.message_of[delivery.nonce]

    async def _store(self, question: Claimed, epoch: int, parts: int) -> bool:
        async with self.pool.acquire() as conn, conn.transaction():
            if not await self.questions.send_on(conn, question.id, epoch, "posting"):
                return False
            answer_id = await self.answers.add(conn, question.id, GUILD, an_answer())
            for part in range(1, parts + 1):
                await self.outbox.add(
                    conn,
                    guild_id=GUILD,
                    channel_id=question.channel_id,
                    payload={},
                    nonce=f"{question.id}:{part}",
                    answer_id=answer_id,
                    part=part,
                )
        return True

    async def _end(self, question: Claimed, epoch: int, state: str) -> bool:
        async with self.pool.acquire() as conn:
            return await self.questions.end_claimed(conn, question.id, epoch, state, "because")

    async def _put_off(self, question: Claimed, epoch: int, seconds: float) -> bool:
        async with self.pool.acquire() as conn:
            return await self.questions.put_off(
                conn, question.id, epoch, seconds, "down", refused=False
            )

    async def _mark_sent(self, delivery: Delivery, epoch: int, message_id: int) -> bool:
        async with self.pool.acquire() as conn, conn.transaction():
            ours = await self.outbox.mark_sent(conn, delivery, epoch, message_id)
            if ours and delivery.answer_id is not None and delivery.part == 1:
                await self.questions.end_posted(conn, delivery.answer_id, "answered", None)
        return ours

    async def _end_row(self, delivery: Delivery, epoch: int, state: str) -> bool:
        ends = "failed" if state == "dead" else "cancelled"
        async with self.pool.acquire() as conn, conn.transaction():
            ours = await self.outbox.end_unsent(conn, delivery, epoch, state, "because")
            if ours and delivery.answer_id is not None and delivery.part == 1:
                await self.questions.end_posted(conn, delivery.answer_id, ends, "because")
        return ours


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    """What stays of a row that has ended, also once its text is erased."""
    texts = {"title", "payload", "erased_at"}
    return {name: value for name, value in row.items() if name not in texts}


def _question_of(row: dict[str, Any]) -> int:
    return int(row["nonce"].partition(":")[0])


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    with asyncio.Runner() as runner:
        opened = _open_pool(Database(database_url, tmp_path))
        pool = runner.run(opened.__aenter__())
        yield House(runner.run, pool, runner.run(_bind(pool)))
        runner.run(opened.__aexit__(None, None, None))


@asynccontextmanager
async def _open_pool(database: Database) -> AsyncIterator[Pool]:
    async with database.pool() as pool:
        await pool.execute(_NEED_NO_DISK)
    async with database.pool() as pool:
        yield pool


async def _bind(pool: Pool) -> Bindings:
    """Bind one forum, in which every post is answered."""
    await pool.execute(
        "INSERT INTO forums (channel_id, guild_id, bound_at)"
        " VALUES ($1, $2, now() - interval '1 day')",
        FORUM,
        GUILD,
    )
    configs = Configs(pool)
    await configs.set(GUILD, None, "settle-seconds", "0")
    bindings = Bindings(Forums(pool), configs)
    await bindings.reload()
    return bindings


@pytest.mark.parametrize("examples", [10, pytest.param(60, marks=pytest.mark.check)])
def test_whatever_happens_in_whatever_order_each_question_ends_once(
    house: House, examples: int
) -> None:
    class Here(States):
        def __init__(self) -> None:
            super().__init__(house)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
