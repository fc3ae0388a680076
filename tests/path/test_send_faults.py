"""Whatever goes wrong with a send: one message, parts in order, nothing before its time."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from docbot.bot.refusals import Refusals
from docbot.db.pool import Conn
from docbot.db.threads import Thread as StoredThread
from docbot.playground.faults import EDIT_CHANNEL, SEND_MESSAGE, Faults
from docbot.playground.objects import ChannelKind, Permission, Thread
from docbot.playground.rest import Exchange
from docbot.playground.world import Clock
from tests.db.seed import now
from tests.town import QUESTION, Ground, QuietTown, Town, eventually, open_quiet_town, open_town

pytestmark = pytest.mark.slow

BODY = "It fails each night."
PARTS = ("part one", "part two")
Plant = Callable[[Faults, str], object]


def _answer(status: int, *, after: bool = False) -> Plant:
    return lambda faults, path: faults.answer(
        status, method="POST", path=path, times=2, after_effect=after
    )


# What happens to the sends of one thread, and for how long that route must rest.
OF_ONE_ROUTE: dict[str, tuple[Plant, float]] = {
    "429 of the route": (lambda f, path: f.rate_limit(1.2, method="POST", path=path), 1.2),
    "429 of a shared limit": (
        lambda f, path: f.rate_limit(1.2, method="POST", path=path, shared=True),
        1.2,
    ),
    **{
        f"{status} {'after' if after else 'before'} the effect": (_answer(status, after=after), 0.0)
        for status in (500, 503, 520, 521, 522, 523, 524)
        for after in (False, True)
    },
    "502": (_answer(502), 0.0),
    "504": (_answer(504), 0.0),
    **{
        f"a reset {'after' if after else 'before'} the effect": (
            lambda f, path, after=after: f.reset(  # type: ignore[misc]  # a default binds the name
                method="POST", path=path, times=2, after_effect=after
            ),
            0.0,
        )
        for after in (False, True)
    },
    # Of a proxy: what Discord does not find has a number.
    "404 with a page": (lambda f, path: f.cloudflare(404, method="POST", path=path), 0.0),
    "200 with a page": (lambda f, path: f.garble("page", method="POST", path=path, times=2), 0.0),
    "200 cut short": (lambda f, path: f.garble("cut", method="POST", path=path, times=2), 0.0),
}
# What happens to all requests alike, and how long all must rest.
OF_ALL: dict[str, tuple[Plant, float]] = {
    "429 over all": (
        lambda f, path: f.rate_limit(1.5, method="POST", path=path, everywhere=True),
        1.5,
    ),
    "Cloudflare's 429": (lambda f, path: f.cloudflare(429, method="POST", path=path), 1.0),
    "Cloudflare's 429 with its time": (
        lambda f, path: f.cloudflare(429, method="POST", path=path, retry_after=2),
        2.0,
    ),
    "a firewall's 403": (lambda f, path: f.cloudflare(403, method="POST", path=path), 1.0),
    "401": (lambda f, path: f.answer(401, method="POST", path=path), 1.0),
}


def _slow(*whats: str) -> list[Any]:
    """The cases that `make check` adds."""
    return [pytest.param(what, marks=pytest.mark.check) for what in sorted(whats)]


async def _write_down(
    town: QuietTown, thread: Thread, *contents: str, minutes_ago: int = 0
) -> None:
    """Write messages to be sent down; from `minutes_ago` on a second try trusts no nonce."""
    async with town.rooms.pool.acquire() as conn, conn.transaction():
        for number, content in enumerate(contents):
            await _add(town, conn, thread, number, content)
        if minutes_ago:
            await conn.execute(
                "UPDATE outbox SET first_tried_at = now() - make_interval(mins => $1)", minutes_ago
            )


async def _add(
    town: QuietTown,
    conn: Conn,
    thread: Thread,
    number: int,
    content: str,
    *files: dict[str, str],
) -> None:
    await town.rooms.outbox.add(
        conn,
        guild_id=thread.guild_id,
        channel_id=thread.id,
        payload={"content": content, "files": [*files], "reply_to": None, "vote_on": None},
        nonce=f"{thread.id}:{number}",
    )


async def _all_sent(town: QuietTown) -> None:
    await town.until("SELECT bool_and(state = 'sent') FROM outbox")


def _contents(town: QuietTown, thread: Thread) -> list[str]:
    return [message.content for message in town.playground.world.replies_of_bot(thread.id)]


def _sends(town: QuietTown, thread: Thread) -> list[Exchange]:
    path = f"/channels/{thread.id}/messages"
    return [one for one in town.playground.requests if (one.method, one.path) == ("POST", path)]


def _assert_each_once(town: QuietTown, thread: Thread, what: str) -> None:
    """Both parts are there once and in order, each sent with a nonce of its own at every try."""
    assert _contents(town, thread) == list(PARTS), what
    tried = {(one.body["content"], one.body["nonce"]) for one in _sends(town, thread)}
    assert len(tried) == len(PARTS), what


def _assert_rested(requests: Sequence[Exchange], seconds: float, what: str) -> None:
    """After each refusal none of these requests began before its time."""
    for refused in [one for one in requests if one.status in {401, 403, 429}]:
        answered = refused.began + refused.seconds
        later = [one.began - refused.began for one in requests if one.began > answered]
        assert all(gap >= seconds for gap in later), (what, later)


@asynccontextmanager
async def _town(ground: Ground, **arguments: Any) -> AsyncIterator[Town]:
    """A town whose forum is not bound: what is sent in it is what a test writes down."""
    async with (
        open_quiet_town(ground, bound=False) as quiet,
        quiet.awake(idle_seconds=0.05, **arguments) as town,
    ):
        yield town


async def _post(town: QuietTown) -> Thread:
    return await town.asker.post(town.playground.forum, QUESTION, BODY)


async def test_each_fault_of_a_route_leaves_one_message_and_delays_no_other_thread(
    ground: Ground,
) -> None:
    async with _town(ground) as town:
        threads = {what: await _post(town) for what in OF_ONE_ROUTE}
        other = await _post(town)
        for what, (plant, _) in OF_ONE_ROUTE.items():
            plant(town.playground.faults, f"/channels/{threads[what].id}/messages")
        for thread in threads.values():
            await _write_down(town, thread, *PARTS)
        await _write_down(town, other, "not delayed")
        await town.asker.sees_reply(other)
        await _all_sent(town)
        for what, (_, seconds) in OF_ONE_ROUTE.items():
            _assert_each_once(town, threads[what], what)
            _assert_rested(_sends(town, threads[what]), seconds, what)
        # None of it is the message's own fault.
        assert await town.rooms.pool.fetchval("SELECT sum(refusals) = 0 FROM outbox")


async def test_a_thread_whose_send_hangs_delays_no_other(ground: Ground) -> None:
    async with _town(ground) as town:
        thread, other = await _post(town), await _post(town)
        hold = town.playground.faults.hold(method="POST", path=f"/channels/{thread.id}/messages")
        await _write_down(town, thread, *PARTS)
        await hold.reached.wait()
        await _write_down(town, other, "not delayed")
        await town.asker.sees_reply(other)
        assert _contents(town, thread) == []
        hold.release()
        await _all_sent(town)
        _assert_each_once(town, thread, "a send that hangs")


async def test_many_threads_whose_sends_hang_delay_no_other(ground: Ground) -> None:
    async with _town(ground, send_seconds=600) as town:  # none of them comes free by itself
        threads, other = [await _post(town) for _ in range(48)], await _post(town)
        ids = "|".join(str(thread.id) for thread in threads)
        hold = town.playground.faults.hold(
            method="POST", path=f"/channels/({ids})/messages", times=len(threads)
        )
        for thread in threads:
            await _write_down(town, thread, "late")
        await hold.reached.wait()
        await _write_down(town, other, "not delayed")
        await town.asker.sees_reply(other)
        hold.release()
        await _all_sent(town)


async def test_a_pause_of_ages_is_kept_for_a_day_and_delays_no_other(ground: Ground) -> None:
    async with _town(ground) as town:
        thread, other = await _post(town), await _post(town)
        path = f"/channels/{thread.id}/messages"
        town.playground.faults.rate_limit(1e15, method="POST", path=path, times=9)
        await _write_down(town, thread, "in ages")
        await town.until("SELECT due_at > now() + interval '23 hours' FROM outbox")
        await _write_down(town, other, "not delayed")
        await town.asker.sees_reply(other)
        assert len(_sends(town, thread)) == 1


async def test_the_next_part_follows_at_once_where_the_one_before_took_long(
    ground: Ground,
) -> None:
    async with (
        open_quiet_town(ground, bound=False) as quiet,
        quiet.awake(idle_seconds=600) as town,  # nothing but a call finds it
    ):
        thread = await _post(town)
        town.playground.faults.delay(2.5, method="POST", path=SEND_MESSAGE)
        await _write_down(town, thread, *PARTS)
        async with town.rooms.pool.acquire() as conn:
            await town.rooms.questions.tell_workers(conn)
        await _all_sent(town)
        _assert_each_once(town, thread, "a slow send")


@pytest.mark.parametrize(
    "what",
    [
        "429 over all",
        "a firewall's 403",
        *_slow(*(OF_ALL.keys() - {"429 over all", "a firewall's 403"})),
    ],
)
async def test_a_refusal_of_all_requests_lets_all_rest_and_leaves_one_message(
    ground: Ground, what: str
) -> None:
    plant, seconds = OF_ALL[what]
    async with _town(ground) as town:
        thread, other = await _post(town), await _post(town)
        plant(town.playground.faults, f"/channels/{thread.id}/messages")
        await _write_down(town, thread, *PARTS)
        await eventually(lambda: bool(town.playground.faults.taken))
        await _write_down(town, other, "later")
        await _all_sent(town)
        _assert_each_once(town, thread, what)
        assert _contents(town, other) == ["later"]
        since = town.playground.requests.index(_sends(town, thread)[0])
        _assert_rested(list(town.playground.requests)[since:], seconds, what)


@pytest.mark.parametrize(
    ("after_effect", "nonce_seconds"),
    [
        pytest.param(True, 0.0, id="after the effect, by history"),
        pytest.param(False, 180.0, id="before the effect, by nonce"),
        pytest.param(False, 0.0, id="before the effect, by history", marks=pytest.mark.check),
        pytest.param(True, 180.0, id="after the effect, by nonce", marks=pytest.mark.check),
    ],
)
async def test_a_send_beyond_its_time_limit_leaves_one_message(
    ground: Ground, *, after_effect: bool, nonce_seconds: float
) -> None:
    async with (
        open_quiet_town(ground, bound=False, nonce_seconds=nonce_seconds) as quiet,
        quiet.awake(idle_seconds=0.05, send_seconds=0.3) as town,
    ):
        thread = await _post(town)
        hold = town.playground.faults.hold(
            method="POST", path=SEND_MESSAGE, after_effect=after_effect
        )
        await _write_down(town, thread, *PARTS, minutes_ago=0 if nonce_seconds else 5)
        await town.until(
            "SELECT due_at > now() + interval '20 seconds' FROM outbox "
            "WHERE attempt = 1 AND state = 'pending'"
        )
        if not nonce_seconds:
            hold.release()
            await eventually(lambda: bool(_contents(town, thread)))
        await town.rooms.pool.execute("UPDATE outbox SET due_at = now()")
        await _all_sent(town)
        # Where the nonce is known, the first request is under way inside Discord all the while.
        hold.release()
        await eventually(lambda: len(_sends(town, thread)) == (3 if nonce_seconds else 2))
        _assert_each_once(town, thread, "beyond its time limit")


async def _in_doubt(town: Town, thread: Thread, *contents: str) -> None:
    """Write messages down; the first one arrives, and docbot does not learn of it."""
    town.playground.faults.garble("page", method="POST", path=SEND_MESSAGE)
    await _write_down(town, thread, *contents, minutes_ago=5)


@asynccontextmanager
async def _forgetful_town(ground: Ground, **changes: Any) -> AsyncIterator[Town]:
    """A town whose Discord knows no nonce: the history alone settles a doubtful send."""
    async with (
        open_quiet_town(ground, bound=False, nonce_seconds=0.0, **changes) as quiet,
        quiet.awake(idle_seconds=0.05) as town,
    ):
        yield town


async def test_a_busy_thread_does_not_hide_a_message_that_was_sent(ground: Ground) -> None:
    async with _forgetful_town(ground) as town:
        thread = await _post(town)
        for number in range(250):
            await town.helper.send(thread, f"before {number}")
        await _in_doubt(town, thread, "\n  With blanks at both ends.\n")
        await _all_sent(town)
        assert len(_contents(town, thread)) == 1
        assert len(_sends(town, thread)) == 1


async def test_a_message_is_known_by_its_files_too(ground: Ground) -> None:
    async with _forgetful_town(ground) as town:
        thread = await _post(town)
        files = [
            ("example.py", "a = 1\n"),
            ("example.py", "a = 10\n"),  # other content
            ("example.sh", "a = 1\n"),
        ]
        town.playground.faults.garble("page", method="POST", path=SEND_MESSAGE)
        async with town.rooms.pool.acquire() as conn, conn.transaction():
            for number, (name, content) in enumerate(files):
                await _add(town, conn, thread, number, "See.", {"name": name, "content": content})
            await conn.execute("UPDATE outbox SET first_tried_at = now() - interval '5 minutes'")
        await _all_sent(town)
        sent = town.playground.world.replies_of_bot(thread.id)
        assert [(one.attachments[0].filename, one.attachments[0].content) for one in sent] == [
            (name, content.encode()) for name, content in files
        ]
        ids = await town.rooms.pool.fetch("SELECT message_id FROM outbox ORDER BY id")
        assert [row["message_id"] for row in ids] == [message.id for message in sent]


async def test_two_rows_of_the_same_words_are_two_messages(ground: Ground) -> None:
    async with _forgetful_town(ground) as town:
        thread = await _post(town)
        await _in_doubt(town, thread, "I will keep trying.", "I will keep trying.")
        await _all_sent(town)
        assert _contents(town, thread) == ["I will keep trying."] * 2
        [first, second] = town.playground.world.replies_of_bot(thread.id)
        ids = await town.rooms.pool.fetch("SELECT message_id FROM outbox ORDER BY id")
        assert [row["message_id"] for row in ids] == [first.id, second.id]


@pytest.mark.parametrize("seconds", [-7200, 7200])
async def test_clocks_that_differ_by_hours_double_nothing(ground: Ground, seconds: float) -> None:
    clock = Clock()
    clock.advance(seconds)
    async with _forgetful_town(ground, clock=clock) as town:
        thread = await _post(town)
        await _in_doubt(town, thread, *PARTS)
        await _all_sent(town)
        assert _contents(town, thread) == list(PARTS)


async def test_where_the_history_is_too_long_to_tell_nothing_is_sent_again(ground: Ground) -> None:
    async with open_quiet_town(ground, bound=False, nonce_seconds=0.0) as quiet:
        thread, world = await _post(quiet), quiet.playground.world
        for number in range(5_000):
            world.send_message(thread.id, quiet.playground.bot.id, {"content": f"{number}"})
        await _write_down(quiet, thread, "Was I sent?", minutes_ago=5)
        await quiet.rooms.pool.execute("UPDATE outbox SET attempt = 1")
        async with quiet.awake(requests_per_second=1_000) as town:
            await town.until("SELECT state = 'dead' FROM outbox")
        assert "cannot be told" in await quiet.rooms.pool.fetchval("SELECT reason FROM outbox")
        assert _sends(quiet, thread) == []


async def test_a_reply_to_a_message_that_was_deleted_is_sent_without_it(ground: Ground) -> None:
    async with open_town(ground) as town:
        thread = await _post(town)
        await town.asker.sees_reply(thread)
        await town.rooms.pool.execute(
            """UPDATE outbox SET payload = payload || '{"reply_to": 1}', state = 'pending',
                                 message_id = NULL, ended_at = NULL, nonce = 'another'"""
        )
        await _all_sent(town)
        assert len(_contents(town, thread)) == 2


async def test_an_archived_thread_that_a_send_does_not_open_is_opened_once(ground: Ground) -> None:
    async with _town(ground) as town:
        thread = await _post(town)
        await town.playground.moderator.archive(thread)
        town.playground.faults.answer(400, code=50083, method="POST", path=SEND_MESSAGE)
        await _write_down(town, thread, *PARTS)
        await _all_sent(town)
        _assert_each_once(town, thread, "an archived thread")
        opened = [one.body for one in town.playground.requests if one.method == "PATCH"]
        assert opened == [{"archived": False}]


async def test_an_archived_thread_that_may_not_be_opened_ends_its_row_with_the_reason(
    ground: Ground,
) -> None:
    async with _town(ground) as town:
        thread = await _post(town)
        await town.playground.moderator.archive(thread)
        faults = town.playground.faults
        faults.answer(400, code=50083, method="POST", path=SEND_MESSAGE, times=9)
        faults.answer(403, code=50013, method="PATCH", path=EDIT_CHANNEL, times=9)
        await _write_down(town, thread, "part one")
        await town.until("SELECT state = 'dropped' FROM outbox")
        reason = await town.rooms.pool.fetchval("SELECT reason FROM outbox")
        assert reason.startswith("the thread is archived and docbot may not open it")
        assert len(faults.taken) == 2


async def test_a_timeout_of_the_bot_is_told_as_one_and_what_waits_is_sent_after_it(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_town(ground) as town:
        world, guild_id = town.playground.world, town.playground.guild.id
        world.time_out(guild_id, town.playground.bot.id, world.clock() + 2)
        await eventually(lambda: "timed docbot out until" in caplog.text)
        thread = await _post(town)
        await town.until("SELECT count(*) = 1 FROM outbox WHERE attempt > 0 AND state = 'pending'")
        await town.asker.sees_reply(thread)
        assert town.playground.rest.invalid_requests == 0


STORMS: dict[str, Plant] = {
    "403": lambda f, path: f.answer(403, code=50013, method="POST", path=path, times=10**6),
    "429": lambda f, path: f.rate_limit(0.01, method="POST", path=path, times=10**6),
}
SECONDS = 3.0  # a window in place of ten minutes


# In `make test` tests/bot/test_refusals.py holds the limit, on a clock of its own.
@pytest.mark.check
@pytest.mark.parametrize("what", STORMS)
async def test_a_storm_of_refusals_stays_below_a_hundred_and_ends(
    ground: Ground, what: str
) -> None:
    async with open_quiet_town(ground) as quiet:
        threads = await _foreign_threads(quiet, 200)
        ids = "|".join(str(thread.id) for thread in threads)
        STORMS[what](quiet.playground.faults, f"/channels/({ids})/messages")
        for thread in threads:
            await _write_down(quiet, thread, "part one")
        async with quiet.awake(
            requests_per_second=1_000, refusals=Refusals(window=SECONDS), idle_seconds=0.05
        ) as town:
            await town.until("SELECT bool_and(attempt > 0) FROM outbox")
            mine = await _post(town)
            await town.asker.sees_reply(mine)
            waiting = "SELECT count(*) >= 190 FROM outbox WHERE state = 'pending'"
            assert await town.rooms.pool.fetchval(waiting)
            quiet.playground.faults.clear()
            await town.rooms.pool.execute(
                "UPDATE outbox SET due_at = now() WHERE state = 'pending'"
            )
            await _all_sent(town)
        refused = [one.began for one in quiet.playground.requests if one.status in {401, 403, 429}]
        assert refused
        assert all(sum(at <= one < at + SECONDS for one in refused) < 100 for at in refused)
        assert all(_contents(quiet, thread) == ["part one"] for thread in threads)


async def _foreign_threads(town: QuietTown, count: int) -> list[Thread]:
    """Threads in a forum of another guild, as if docbot had answers for them."""
    world, member = town.playground.world, town.asker
    guild = world.add_guild("Elsewhere", owner=world.users[member.id])
    world.invite_bot(guild.id, Permission(town.playground.town.bot_role.permissions))
    forum = world.add_channel(guild.id, "help", ChannelKind.FORUM)
    body = {"name": QUESTION, "message": {"content": BODY}}
    threads = [world.create_post(forum.id, member.id, body)[0] for _ in range(count)]
    async with town.rooms.pool.acquire() as conn, conn.transaction():
        for one in threads:
            stored = StoredThread(one.id, guild.id, forum.id, member.id, QUESTION, now())
            await town.rooms.threads.put(conn, stored, 0)
    return threads
