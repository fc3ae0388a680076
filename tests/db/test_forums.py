from datetime import timedelta

import pytest

from docbot.db.forums import Forum, Forums
from docbot.db.pool import Pool
from docbot.errors import UsageError
from tests.db.seed import now


async def _bind(pool: Pool, mode: str) -> Forum:
    await Forums(pool).bind(guild_id=1, channel_id=20, mode=mode, source_ids=[])
    [forum] = await Forums(pool).all()
    return forum


async def test_a_forum_was_told_of_nothing_before_it_was_bound(pool: Pool) -> None:
    forum = await _bind(pool, "auto")
    assert await Forums(pool).told_until(forum) == forum.bound_at


async def test_the_mark_of_a_forum_only_moves_on(pool: Pool) -> None:
    forums, forum, later = Forums(pool), await _bind(pool, "auto"), now() + timedelta(hours=1)
    await forums.tell(20, later)
    await forums.tell(20, later - timedelta(minutes=1))
    assert await forums.told_until(forum) == later


@pytest.mark.parametrize(
    ("before", "after", "is_new"),
    [
        ("off", "auto", True),
        ("auto", "mention", False),
        ("auto", "off", False),
        ("off", "off", False),
    ],
)
async def test_a_forum_that_was_off_is_bound_anew_when_it_is_on_again(
    pool: Pool, before: str, after: str, *, is_new: bool
) -> None:
    first = await _bind(pool, before)
    second = await _bind(pool, after)
    assert (second.bound_at > first.bound_at) is is_new
    await _bind(pool, before)
    [third] = await Forums(pool).all()
    await Forums(pool).set_mode(20, after)
    [fourth] = await Forums(pool).all()
    assert fourth.mode == after
    assert (fourth.bound_at > third.bound_at) is is_new


async def test_a_forum_that_is_not_bound_gets_no_mode(pool: Pool) -> None:
    with pytest.raises(UsageError, match="no forum 20 is bound"):
        await Forums(pool).set_mode(20, "off")
