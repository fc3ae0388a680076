"""The question worker: claims a question, finds and writes its answer, hands it to the outbox.

Nothing is held in memory between steps: a worker that dies leaves a question that the next
process takes up again.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import TypeAlias

from docbot import texts
from docbot.answers.already import already_solved, beginning_with
from docbot.answers.answer import Answer, Answerer
from docbot.answers.follow_up import FOLLOW_UP_VERSION, Rewriting
from docbot.answers.prompt import QuestionText, Turn
from docbot.answers.reply import total
from docbot.answers.write import Message
from docbot.db.answers import AnswerRow, Answers
from docbot.db.errors import translated
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.questions import Claimed, PastTurn, Questions
from docbot.db.solutions import Solutions
from docbot.db.sources import Sources
from docbot.errors import DocbotError, TransientError
from docbot.forum.bindings import Bindings
from docbot.forum.calls import Calls
from docbot.forum.claims import ClaimLoop, Wake
from docbot.forum.conduct import steps_back
from docbot.forum.conductor import Conductor
from docbot.forum.repeats import is_repeatable, repeat_key, repeated, repeated_row
from docbot.forum.retry import REFUSALS, is_too_old, is_worth_a_line, may_wait, pause
from docbot.forum.scope import Scope, scope_of
from docbot.retrieval.search import Query, Searcher, SearchResult
from docbot.telemetry import OnStep
from docbot.text import as_seen, without_mentions

log = logging.getLogger(__name__)

# Shows in a channel that docbot is at work, for as long as it is entered.
Typing: TypeAlias = Callable[[int], AbstractAsyncContextManager[None]]

_NOTHING_READ_SECONDS = 5.0
_TOLD_AT_TRY = 3  # some three seconds in: what passes sooner needs no word
_HISTORY_TURNS = 4
_CONTEXT_CHARACTERS = 600
_PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is searched for and put to the model.

    `sought` is what the search is made for in words, `may_wait` whether it is young enough to be
    asked again later.
    """

    query: Query
    question: QuestionText
    sought: QuestionText
    history: list[Turn]
    may_wait: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """What a thread is answered from: sources, but not what it was solved by itself."""

    scope: Scope
    without_pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer, and the row that it is stored as."""

    answer: Answer
    row: AnswerRow


class QuestionWorker(ClaimLoop):
    """Answers due questions."""

    def __init__(
        self,
        *,
        pool: Pool,
        questions: Questions,
        answers: Answers,
        outbox: Outbox,
        calls: Calls,
        sources: Sources,
        solutions: Solutions,
        bindings: Bindings,
        conductor: Conductor,
        searcher: Searcher,
        generation: Callable[[], str | None],
        answerer: Callable[[], Answerer],
        typing: Typing,
        epoch: int,
        number: int,
        wake: Wake,
        idle_seconds: float,
        wake_drain: Callable[[], None],
        on_step: OnStep,
    ) -> None:
        super().__init__(wake=wake, idle_seconds=idle_seconds)
        self._pool = pool
        self._questions = questions
        self._answers = answers
        self._outbox = outbox
        self._calls = calls
        self._sources = sources
        self._solutions = solutions
        self._bindings = bindings
        self._conductor = conductor
        self._searcher = searcher
        self._generation = generation
        self._answerer = answerer
        self._typing = typing
        self._epoch = epoch
        self._number = number
        self._wake_drain = wake_drain
        self._on_step = on_step

    async def take_one(self) -> bool:
        question = await self._questions.claim_next(self._epoch, self._number)
        if question is None:
            return False
        self._wake.set()
        self._on_step("question claimed")
        await self._handle(question)
        return True

    async def put_back(self) -> None:
        await self._questions.put_back(self._epoch, self._number)

    async def seconds_to_next(self) -> float | None:
        return await self._questions.seconds_to_next()

    async def _handle(self, question: Claimed) -> None:
        try:
            await self._answer(question)
        except TransientError as error:
            await self._put_off(question, str(error), error.retry_after, refused=False)
        except Exception as error:
            if not isinstance(error, DocbotError):
                log.exception("question %d broke its worker", question.id)
            await self._put_off(question, str(error) or repr(error), None, refused=True)

    async def _answer(self, question: Claimed) -> None:
        scope = await scope_of(question, self._bindings, self._sources)
        if scope is None:
            await self._cancel(question, "the forum is no longer bound")
            return
        is_shown = self._is_shown(question)
        async with self._typing(question.channel_id) if is_shown else nullcontext():
            reply = await self._reply(question, scope)
            self._on_step("answer generated")
        await self._store(question, reply)

    def _is_shown(self, question: Claimed) -> bool:
        """Whether the thread shall see that docbot is at work.

        Nobody shall wait for what only staff will see; who called by a command sees it without.
        """
        if question.mode == "draft" or question.interaction_id is not None:
            return False
        forum = self._bindings.find(question.forum_id)
        if question.origin != "post" or forum is None:
            return True
        return not steps_back(
            forum.config, others_wrote=question.others_wrote, staff_wrote=question.staff_wrote
        )

    async def _reply(self, question: Claimed, scope: Scope) -> _Reply:
        """Give the answer that was given to this very question, or a new one."""
        history = await self._questions.history(question, _HISTORY_TURNS)
        answerer = self._answerer()

        def key() -> bytes | None:
            sources, index = scope.sources, self._generation()
            return repeat_key(question, history, sources, index, answerer.made_by)

        key_before = key()
        if key_before is not None:
            given = await self._given_before(question, key_before)
            if given is not None:
                return given
        rewriting = await answerer.rewritten(asked(question), turns(history))
        own_page = await self._solutions.find_page(question.channel_id)
        place = _Place(scope, () if own_page is None else (own_page,))
        answer, found = await self._find(answerer, place, search_for(question, history, rewriting))
        if answer.lane == "abstain" and question.post and not history:
            # "Can you answer this?" asks what the post asks.
            answer, found = await self._find(answerer, place, asked_below_post(question))
        row = answer_row(answer, found.timings_ms, rewriting)
        # An index that came meanwhile, or a search by words alone, is not what the key names.
        if is_repeatable(answer) and found.warning is None and key() == key_before:
            row = replace(row, repeat_key=key_before)
        return _Reply(answer, row)

    async def _given_before(self, question: Claimed, key: bytes) -> _Reply | None:
        started = perf_counter()
        stored = await self._answers.find_repeated(question.guild_id, key)
        if stored is None:
            return None
        milliseconds = round((perf_counter() - started) * 1000, 3)
        return _Reply(repeated(stored), repeated_row(stored, key, milliseconds))

    async def _find(
        self, answerer: Answerer, place: _Place, search: Asked
    ) -> tuple[Answer, SearchResult]:
        found = await self._searcher.search(
            search.query,
            place.scope.sources,
            _PASSAGES,
            sections=answerer.has_model,
            without_pages=place.without_pages,
        )
        await self._check_read(found, place.scope)
        self._on_step("passages found")
        answer = await answerer.answer(
            search.question,
            search.history,
            found,
            sought=search.sought,
            may_wait=search.may_wait,
        )
        solved = None if search.history else already_solved(search.question, found)
        return beginning_with(answer, solved) if solved else answer, found

    async def _check_read(self, found: SearchResult, scope: Scope) -> None:
        """Wait rather than say that the documentation has nothing, while nobody has read it."""
        if found.signals is None:
            raise TransientError(
                "the index is of an earlier version of docbot; it is being made anew",
                retry_after=_NOTHING_READ_SECONDS,
            )
        if found.indexed and (found.passages or await self._sources.are_indexed(scope.sources)):
            return
        names = ", ".join(scope.names) or "none"
        raise TransientError(
            f"nothing to answer from yet (sources of {scope.name}: {names}); run `docbot sync`",
            retry_after=_NOTHING_READ_SECONDS,
        )

    async def _store(self, question: Claimed, reply: _Reply) -> None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                of_call = question.interaction_id is not None
                store = self._calls.answered if of_call else self._conductor.drafted
                is_ours = await store(conn, question, self._epoch, reply.answer, reply.row)
        if not is_ours:
            log.info("question %d ended or was taken meanwhile", question.id)
            return
        self._on_step("answer stored")
        self._wake_sender(question)

    async def _put_off(
        self, question: Claimed, reason: str, retry_after: float | None, *, refused: bool
    ) -> None:
        if is_too_old(question.counts_from) or (refused and question.refusals + 1 >= REFUSALS):
            log.error("question %d failed: %s", question.id, reason)
            await self._fail(question, reason)
            return
        seconds = pause(question.attempt, retry_after=retry_after)
        level = logging.WARNING if is_worth_a_line(question.attempt) else logging.DEBUG
        log.log(level, "question %d waits %.0f s: %s", question.id, seconds, reason)
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                ours = await self._is_ours(conn, question) and await self._questions.put_off(
                    conn, question.id, self._epoch, seconds, reason, refused=refused
                )
                is_told = ours and question.attempt == _TOLD_AT_TRY
                if is_told and question.interaction_id is not None:
                    await self._calls.ask_for_patience(conn, question)
                elif is_told:
                    await self._tell(conn, question, texts.later())
        if is_told:
            self._wake_sender(question)

    async def _fail(self, question: Claimed, reason: str) -> None:
        """Silent in a forum's thread; told to whom called docbot."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                ended = await self._is_ours(conn, question) and await self._questions.end_claimed(
                    conn, question.id, self._epoch, "failed", reason
                )
                if ended:
                    await self._tell(conn, question, texts.cannot_answer())
        self._wake_sender(question)

    async def _cancel(self, question: Claimed, reason: str) -> None:
        """Silent: what asks where no forum is bound any more is a message, never a command."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                if await self._is_ours(conn, question):
                    await self._questions.end_claimed(
                        conn, question.id, self._epoch, "cancelled", reason
                    )

    async def _tell(self, conn: Conn, question: Claimed, line: str) -> None:
        """Join the caller's transaction: tell whom called docbot, and nobody else."""
        if question.interaction_id is not None:
            await self._calls.tell(conn, question, Message(line))
        elif question.origin == "mention":
            await self._outbox.add(
                conn,
                guild_id=question.guild_id,
                channel_id=question.channel_id,
                payload={"content": line, "reply_to": question.message_id, "vote_on": None},
            )

    def _wake_sender(self, question: Claimed) -> None:
        if question.interaction_id is not None:
            self._calls.wake_replier()
        else:
            self._wake_drain()

    async def _is_ours(self, conn: Conn, question: Claimed) -> bool:
        """Whether no other worker has it by now, since its text was edited."""
        return await self._questions.is_claimed(conn, question, self._epoch)


def asked(question: Claimed) -> QuestionText:
    return QuestionText(as_seen(question.title), _words(question.body))


def search_for(question: Claimed, history: list[PastTurn], rewriting: Rewriting | None) -> Asked:
    """The search for the new question; a follow-up is searched in its context, not the thread.

    In its context is as it was rewritten, or else with the last turn beside it.
    """
    own = asked(question)
    if rewriting is not None and rewriting.question is not None:
        sought, context = QuestionText(rewriting.question, own.body), ""
    else:
        sought, context = own, _said(history[-1]) if history else question.post
    return Asked(
        query=Query(sought.title, sought.body, context[:_CONTEXT_CHARACTERS]),
        question=own,
        sought=sought,
        history=turns(history),
        may_wait=may_wait(question.counts_from),
    )


def asked_below_post(question: Claimed) -> Asked:
    """The search for who calls docbot to a post: the post, and what they add."""
    title, _, text = as_seen(question.post).partition("\n\n")
    body = _words(f"{text}\n\n{question.body}")
    whole = QuestionText(title, body)
    return Asked(Query(title, body), whole, whole, [], may_wait(question.counts_from))


def turns(history: list[PastTurn]) -> list[Turn]:
    """Earlier questions and answers in their right roles, oldest first."""
    found: list[Turn] = []
    for past in history:
        found.append(Turn("user", _said(past)))
        found.append(Turn("assistant", past.answer))
    return found


def _said(past: PastTurn) -> str:
    return _words(f"{past.title}\n\n{past.body}")


def _words(text: str) -> str:
    return without_mentions(as_seen(text))


def answer_row(
    answer: Answer, search_ms: dict[str, float], rewriting: Rewriting | None = None
) -> AnswerRow:
    """What is stored of an answer; the rewriting of its question is part of its time and price."""
    rewrite_ms = {"rewrite": rewriting.milliseconds} if rewriting else {}
    paid = rewriting.completion if rewriting else None
    versions = (answer.prompt_version, FOLLOW_UP_VERSION if paid else None)
    return AnswerRow(
        lane=answer.lane,
        text=answer.text,
        citations=[asdict(citation) for citation in answer.citations],
        evidence=[
            {
                "n": piece.n,
                "cited": piece.cited,
                "chunk": piece.passage.chunk_id,
                "given": list(piece.given),
                "url": piece.passage.url,
                "source": piece.passage.source,
                "solved": piece.passage.solved is not None,
                "title": piece.passage.title,
                "heading": piece.passage.heading,
                "score": piece.passage.score,
                "lexical": piece.passage.lexical,
                "dense": piece.passage.dense,
            }
            for piece in answer.evidence
        ],
        model=answer.model,
        prompt_version=" ".join(filter(None, versions)) or None,
        tokens_in=total(answer.tokens_in, paid.tokens_in if paid else None),
        tokens_out=total(answer.tokens_out, paid.tokens_out if paid else None),
        timings_ms={**rewrite_ms, **search_ms, **answer.timings_ms},
        # Why nothing is said is the question's own reason.
        cut=[*answer.cut, *([answer.note] if answer.note and answer.lane != "abstain" else [])],
        probability=answer.probability,
    )
