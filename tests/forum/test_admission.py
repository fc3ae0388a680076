import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from docbot.config import Override, ServerConfig, Window
from docbot.db import conversations
from docbot.db.pool import Pool
from docbot.db.usage import UseKind, Uses
from docbot.forum.admission import Admission, why_refused
from docbot.forum.limits import Allowed, Reason, Refused
from tests.db.seed import ASKER, GUILD, ask, take_over

AT_ONCE = 20


def admission_by(pool: Pool, config: ServerConfig, *, are_limits_on: bool = True) -> Admission:
    return Admission(uses=Uses(pool), config_of=lambda _: config, are_limits_on=are_limits_on)


async def call(
    pool: Pool,
    admission: Admission,
    *,
    guild: int = GUILD,
    person: int = ASKER,
    kind: UseKind = "call",
    thread: int | None = None,
    role_ids: Collection[int] = (),
    is_staff: bool = False,
) -> Allowed | Refused:
    """Ask and, where it is allowed, count it, in one transaction."""
    async with pool.acquire() as conn, conn.transaction():
        conversation = await conversations.find_post(conn, thread) if thread else None
        found = await admission.ask(
            conn,
            guild_id=guild,
            person_id=person,
            role_ids=role_ids,
            is_staff=is_staff,
            kind=kind,
            conversation_id=conversation,
        )
        if isinstance(found, Allowed):
            await admission.note(conn, found, guild_id=guild, person_id=person, kind=kind)
        return found


async def grow_older(pool: Pool, hours: float) -> None:
    await pool.execute("UPDATE uses SET at = at - $1::interval", timedelta(hours=hours))


async def test_of_twenty_calls_at_once_as_many_find_a_place_as_there_are(pool: Pool) -> None:
    admission = admission_by(pool, ServerConfig(call_limit=Window(5, 6)))
    found = await asyncio.gather(*(call(pool, admission) for _ in range(AT_ONCE)))
    assert sum(isinstance(one, Allowed) for one in found) == 5
    assert await pool.fetchval("SELECT count(*) FROM uses") == 5


async def test_of_twenty_people_at_once_as_many_find_a_place_as_their_server_has(
    pool: Pool,
) -> None:
    admission = admission_by(pool, ServerConfig(server_limit=Window(5, 6)))
    found = await asyncio.gather(
        *(call(pool, admission, person=person) for person in range(AT_ONCE)),
        *(call(pool, admission, person=person, guild=2) for person in range(AT_ONCE)),
    )
    assert [isinstance(one, Allowed) for one in found].count(True) == 2 * 5
    assert {one.reason for one in found if isinstance(one, Refused)} == {"over the server's limit"}


async def test_a_place_is_free_again_when_the_oldest_use_leaves_the_window(pool: Pool) -> None:
    admission = admission_by(pool, ServerConfig(call_limit=Window(2, 6)))
    await call(pool, admission)
    first_at = await pool.fetchval("SELECT at FROM uses")
    await call(pool, admission)
    assert await call(pool, admission) == Refused(
        "over the person's limit", first_at + timedelta(hours=6)
    )
    await grow_older(pool, 6)
    assert isinstance(await call(pool, admission), Allowed)


async def test_people_servers_and_kinds_count_each_for_themselves(pool: Pool) -> None:
    admission = admission_by(pool, ServerConfig(call_limit=Window(1, 6), post_limit=Window(1, 6)))
    assert isinstance(await call(pool, admission), Allowed)
    assert isinstance(await call(pool, admission, kind="post"), Allowed)
    assert isinstance(await call(pool, admission, person=301), Allowed)
    assert isinstance(await call(pool, admission, guild=2), Allowed)
    assert isinstance(await call(pool, admission), Refused)
    assert isinstance(await call(pool, admission, kind="post"), Refused)


async def test_posts_take_no_place_of_the_server(pool: Pool) -> None:
    admission = admission_by(pool, ServerConfig(server_limit=Window(1, 6)))
    assert isinstance(await call(pool, admission, kind="post"), Allowed)
    assert isinstance(await call(pool, admission), Allowed)
    assert isinstance(await call(pool, admission, person=301, kind="post"), Allowed)
    assert isinstance(await call(pool, admission, person=301), Refused)


async def test_what_is_not_stored_is_not_counted(pool: Pool) -> None:
    admission = admission_by(pool, ServerConfig(call_limit=Window(1, 6)))
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        allowed = Allowed(has_priority=False, is_counted=True)
        await admission.note(conn, allowed, guild_id=GUILD, person_id=ASKER, kind="call")
        await transaction.rollback()
    assert isinstance(await call(pool, admission), Allowed)


async def test_staff_and_whoever_measures_take_no_places(pool: Pool) -> None:
    config = ServerConfig(call_limit=Window(1, 6), server_limit=Window(1, 6))
    unlimited = admission_by(pool, config, are_limits_on=False)
    for _ in range(3):
        assert isinstance(await call(pool, admission_by(pool, config), is_staff=True), Allowed)
        assert isinstance(await call(pool, unlimited), Allowed)
    assert isinstance(await call(pool, admission_by(pool, config)), Allowed)


async def test_who_is_banned_is_known_without_the_database(pool: Pool) -> None:
    admission = admission_by(pool, ServerConfig(banned=frozenset({ASKER})))
    assert admission.is_banned(GUILD, ASKER)
    assert not admission.is_banned(GUILD, 301)
    assert await call(pool, admission) == Refused("banned")


async def _in_hand(pool: Pool, state: str) -> None:
    await take_over(pool)
    await ask(pool, 10)
    await pool.execute("UPDATE questions SET state = $1", state)


@pytest.mark.parametrize("state", ["collecting", "waiting", "answering"])
async def test_while_a_question_runs_only_its_own_conversation_takes_another(
    pool: Pool, state: str
) -> None:
    await _in_hand(pool, state)
    await ask(pool, 12, author=301)
    admission = admission_by(pool, ServerConfig())
    still_on = Refused("still on the last one")
    assert await call(pool, admission) == still_on
    assert await call(pool, admission, thread=12) == still_on
    assert await call(pool, admission, thread=10, is_staff=False) == Allowed(False, True)
    assert isinstance(await call(pool, admission, guild=2), Allowed)
    assert isinstance(await call(pool, admission, kind="post"), Allowed)
    assert isinstance(
        await call(pool, admission_by(pool, ServerConfig(), are_limits_on=False)), Allowed
    )


@pytest.mark.parametrize("state", ["review", "posting"])
async def test_what_docbot_is_no_longer_on_keeps_nobody_waiting(pool: Pool, state: str) -> None:
    await _in_hand(pool, state)
    assert isinstance(await call(pool, admission_by(pool, ServerConfig())), Allowed)


async def test_a_role_that_goes_first_does_so_from_the_next_question_until_it_is_lost(
    pool: Pool,
) -> None:
    config = ServerConfig(overrides=(Override(70, "role", None, True, False),))
    admission = admission_by(pool, config)
    firsts = "SELECT person_id FROM person_turns WHERE is_first"
    await call(pool, admission)
    assert await pool.fetchval("SELECT count(*) FROM person_turns") == 0
    for _ in range(2):
        assert await call(pool, admission, role_ids=[70]) == Allowed(True, True)
        assert await pool.fetchval(firsts) == ASKER
    await call(pool, admission)
    assert await pool.fetchval(firsts) is None


async def test_uses_that_no_window_counts_any_more_are_deleted(pool: Pool) -> None:
    configs = {GUILD: ServerConfig(), 2: ServerConfig(server_limit=Window(9, 24))}
    admission = Admission(uses=Uses(pool), config_of=configs.__getitem__, are_limits_on=True)
    await admission.prune()  # nothing to do is no error
    for guild in configs:
        await call(pool, admission, guild=guild)
    await grow_older(pool, 7)
    for guild in configs:
        await call(pool, admission, guild=guild)
    await admission.prune()
    kept = await pool.fetch("SELECT guild_id FROM uses ORDER BY guild_id")
    assert [row["guild_id"] for row in kept] == [GUILD, 2, 2]
    configs[2] = replace(configs[2], call_limit=None, post_limit=None, server_limit=None)
    await admission.prune()
    assert await pool.fetchval("SELECT count(*) FROM uses") == 1


@pytest.mark.parametrize("reason", ["over the person's limit", "over the server's limit"])
def test_a_refusal_says_when_the_next_is_free_and_never_too_early(reason: Reason) -> None:
    whole = datetime(2026, 1, 1, tzinfo=UTC)
    seconds = int(whole.timestamp())
    assert f"<t:{seconds}:R>, at <t:{seconds}:t>" in why_refused(Refused(reason, whole))
    later = Refused(reason, whole + timedelta(microseconds=1))
    assert f"<t:{seconds + 1}:R>" in why_refused(later)


def test_a_refusal_tells_a_limit_from_a_question_that_runs_and_from_a_ban() -> None:
    reasons: list[Reason] = ["still on the last one", "banned", "ignored"]
    running, banned, ignored = (why_refused(Refused(reason)) for reason in reasons)
    assert "still on your last question" in running
    assert "no questions from you" in banned
    assert banned == ignored
