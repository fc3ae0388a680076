"""Rows that tests of the path begin with."""

from datetime import UTC, datetime

from docbot.db.activity import raise_epoch
from docbot.db.answers import AnswerRow, Answers
from docbot.db.interactions import Interactions
from docbot.db.outbox import Outbox
from docbot.db.pool import Pool
from docbot.db.questions import Questions
from docbot.db.threads import Message, Thread, Threads

GUILD, FORUM, ASKER = 1, 20, 300


def now() -> datetime:
    return datetime.now(UTC)


def thread_of(
    thread_id: int, title: str = "How?", guild: int = GUILD, author: int = ASKER
) -> Thread:
    return Thread(thread_id, guild, FORUM, author, title, now())


async def ask(
    pool: Pool,
    thread_id: int,
    message_id: int | None = None,
    body: str = "Please tell.",
    *,
    guild: int = GUILD,
    author: int = ASKER,
    asked_at: datetime | None = None,
) -> int | None:
    """Store a post (or, with a message id, a later mention in it) and its question."""
    message = message_id or thread_id
    threads, questions = Threads(pool), Questions(pool)
    async with pool.acquire() as conn, conn.transaction():
        await threads.put(conn, thread_of(thread_id, guild=guild, author=author))
        await threads.put_message(
            conn, Message(message, guild, thread_id, author, False, body, now())
        )
        return await questions.add(
            conn,
            guild_id=guild,
            thread_id=thread_id,
            author_id=author,
            origin="mention" if message_id else "post",
            message_id=message,
            title="" if message_id else "How?",
            asked_at=asked_at or now(),
        )


async def take_over(pool: Pool) -> int:
    """Act from now on, as a process that found the one before gone; return the epoch."""
    async with pool.acquire() as conn, conn.transaction():
        epoch = await raise_epoch(conn)
        await Questions(pool).take_over(conn)
        await Outbox(pool).take_over(conn)
        await Interactions(pool).take_over(conn)
    return epoch


def an_answer(text: str = "Like this [1].", lane: str = "answer") -> AnswerRow:
    return AnswerRow(
        lane=lane,
        text=text,
        citations=[],
        evidence=[],
        model=None,
        prompt_version=None,
        tokens_in=None,
        tokens_out=None,
        timings_ms={"search": 1.0},
        cut=[],
    )


async def post_answer(pool: Pool, question_id: int, epoch: int, *parts: str, channel: int) -> int:
    """Take a claimed question to `posting` with an outbox row for each part."""
    questions, answers, outbox = Questions(pool), Answers(pool), Outbox(pool)
    async with pool.acquire() as conn, conn.transaction():
        assert await questions.send_on(conn, question_id, epoch, "posting")
        answer_id = await answers.add(conn, question_id, GUILD, an_answer())
        for part, content in enumerate(parts, start=1):
            await outbox.add(
                conn,
                guild_id=GUILD,
                channel_id=channel,
                payload={"content": content},
                nonce=f"{answer_id}:{part}",
                answer_id=answer_id,
                part=part,
            )
    return answer_id
