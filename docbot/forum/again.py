"""Tries a failed question again when an operator asks for it.

What was written is not written anew: the messages of an answer that were not sent are sent, each
with its nonce, so that one which arrived all the same stays single. A question without an answer
waits for one again. Its age counts from now on.
"""

from dataclasses import dataclass

from docbot.db.errors import translated
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.questions import Questions, Retried
from docbot.errors import TransientError, UsageError


@dataclass(frozen=True, slots=True)
class Again:
    """What is done now; `messages` of a stored answer are sent, or, where 0, it is answered."""

    messages: int


async def try_again(pool: Pool, questions: Questions, outbox: Outbox, question_id: int) -> Again:
    """Let the running bot, or the next one, take it up.

    Raises:
        UsageError: there is no such question, nothing of it failed, or its message is gone.
        TransientError: it would overtake what is on its way in its thread just now.
    """
    with translated():
        async with pool.acquire() as conn, conn.transaction():
            question = await questions.find_to_retry(conn, question_id)
            if question is None:
                raise UsageError(
                    f"there is no question {question_id}; "
                    "`docbot questions list --state failed` shows those that failed"
                )
            again = await _put_back(conn, questions, outbox, question)
            await questions.tell_workers(conn)
    return again


async def _put_back(conn: Conn, questions: Questions, outbox: Outbox, question: Retried) -> Again:
    if question.state not in ("failed", "answered"):
        raise _nothing_failed(question)
    if question.gone is not None:
        raise UsageError(f"question {question.id} was not tried again: {question.gone}")
    if question.is_passed:
        raise _later(question)
    if question.answer_id is None:
        await questions.retry(conn, question.id, "waiting")
        return Again(0)
    messages = await outbox.revive(conn, question.answer_id, question.channel_id)
    if messages is None:
        raise _later(question)
    if not messages and question.state == "failed":  # a draft that staff never saw
        await questions.forget_answer(conn, question.id)
        await questions.retry(conn, question.id, "waiting")
        return Again(0)
    if not messages:
        raise _nothing_failed(question)
    if question.state == "failed":  # else its first message is there already
        await questions.retry(conn, question.id, "posting")
    return Again(messages)


def _nothing_failed(question: Retried) -> UsageError:
    reason = f" ({question.reason})" if question.reason else ""
    return UsageError(
        f"question {question.id} is {question.state}{reason}: nothing of it failed, so there is "
        "nothing to try again"
    )


def _later(question: Retried) -> TransientError:
    return TransientError(
        f"question {question.id} was not tried again: a later one of its thread is being "
        "answered; run this again when that is done"
    )
