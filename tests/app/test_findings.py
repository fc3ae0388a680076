from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from docbot.app.findings import (
    LITTLE_SPACE,
    NO_SPACE,
    SILENT_SECONDS,
    STALE_AFTER,
    judge_clock,
    judge_collection,
    judge_dimensions,
    judge_forum,
    judge_holder,
    judge_index,
    judge_settings,
    judge_sources,
    judge_space,
)
from docbot.bot.access import ForumAccess, GuildAccess
from docbot.bot.set_up import ChannelFound
from docbot.config import ForumConfig
from docbot.db.activity import Holder
from docbot.db.forums import Forum
from docbot.db.generations import Generation
from docbot.db.sources import Source
from docbot.retrieval.server import CollectionInfo

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def source(synced_at: datetime | None, pages: int = 3) -> Source:
    return Source(1, "docs", "website", "https://d.test/", None, synced_at, pages, 9)


@pytest.mark.parametrize(
    ("free", "state"),
    [(NO_SPACE - 1, "failed"), (LITTLE_SPACE - 1, "warning"), (LITTLE_SPACE, "ok")],
)
def test_a_disk_that_runs_full_is_told(free: int, state: str) -> None:
    assert judge_space(Path("data"), free).state == state


def test_a_holder_without_a_sign_of_life_is_told() -> None:
    silent = judge_holder(Holder("process 7 on host", SILENT_SECONDS + 1), is_needed=False)
    assert silent.state == "failed"
    assert silent.says == "process 7 on host acts, but gave no sign of life for 31 seconds"
    assert judge_holder(Holder("process 7 on host", 2.0), is_needed=True).state == "ok"
    assert judge_holder(Holder("process 7 on host", None), is_needed=True).state == "ok"


def test_without_a_bot_only_a_health_check_fails() -> None:
    assert judge_holder(None, is_needed=False).state == "warning"
    assert judge_holder(None, is_needed=True).state == "failed"


@pytest.mark.parametrize(
    ("synced_at", "pages", "state", "says"),
    [
        (None, 0, "warning", "was never read"),
        (NOW, 3, "ok", "3 pages, read within the last hour"),
        (NOW - timedelta(hours=30), 3, "ok", "3 pages, read 30 hours ago"),
        (NOW - STALE_AFTER - timedelta(days=1), 3, "warning", "3 pages, read 15 days ago"),
        (NOW, 0, "failed", "0 pages, read within the last hour"),
    ],
)
def test_a_source_is_judged_by_its_age_and_its_pages(
    synced_at: datetime | None, pages: int, state: str, says: str
) -> None:
    [finding] = judge_sources([source(synced_at, pages)], NOW)
    assert (finding.part, finding.state, finding.says) == ("source docs", state, says)


def test_without_a_source_there_is_nothing_to_answer_from() -> None:
    [finding] = judge_sources([], NOW)
    assert (finding.state, finding.advice) == ("warning", "docbot sources add NAME URL_OR_FOLDER")


def test_an_index_is_missing_closed_behind_or_well() -> None:
    current = Generation(1, "g1", 1, "embedder", 3, 12, 12)
    assert judge_index(None, is_open=False, is_stale=True).state == "warning"
    assert judge_index(current, is_open=False, is_stale=False).state == "failed"
    assert judge_index(current, is_open=True, is_stale=True).state == "warning"
    well = judge_index(current, is_open=True, is_stale=False)
    assert (well.state, well.says) == ("ok", "12 chunks, found by words and embedder")


@pytest.mark.parametrize(
    ("found", "state", "says"),
    [
        (None, "failed", "is missing"),
        (CollectionInfo(12, 4), "failed", "vectors of 4 numbers, not of 3"),
        (CollectionInfo(11, 3), "failed", "has 11 of 12 chunks"),
        (CollectionInfo(12, 3), "ok", "holds index g1"),
    ],
)
def test_a_collection_is_missing_unfit_unfinished_or_well(
    found: CollectionInfo | None, state: str, says: str
) -> None:
    finding = judge_collection(Generation(1, "g1", 1, "embedder", 3, 12, 12), found)
    assert finding.state == state
    assert finding.says.endswith(says)


def test_vectors_of_another_length_are_told() -> None:
    assert judge_dimensions("m", given=3, stored=4).state == "failed"
    assert judge_dimensions("m", given=3, stored=3).state == "ok"
    assert judge_dimensions("m", given=3, stored=None).state == "ok"


def test_a_clock_that_goes_wrong_is_told_with_its_side() -> None:
    assert judge_clock(60.4).says == "60 seconds ahead of Discord's"
    assert judge_clock(-7.0).says == "7 seconds behind Discord's"
    assert judge_clock(1.0).state == "ok"
    assert judge_clock(None).state == "warning"


def test_the_settings_given_are_told_by_name() -> None:
    assert judge_settings(["DISCORD_TOKEN"]).says == "DISCORD_TOKEN"
    assert "none given" in judge_settings([]).says


FOUND = ForumAccess(
    guild_id=1,
    guild_name="Here",
    channel_id=20,
    channel_name="help",
    is_forum=True,
    missing=(),
    wanted=(),
    tags={},
    roles={},
)


@pytest.mark.parametrize(
    ("mode", "config", "state", "says"),
    [
        ("auto", ForumConfig(learns="review"), "warning", "solutions wait"),
        ("draft", ForumConfig(), "failed", "posts fail"),
        ("draft", ForumConfig(learns="review"), "failed", "solutions wait"),
        ("draft", ForumConfig(learns="review", staff_channel=50), "ok", "draft, from docs"),
    ],
)
def test_what_is_for_staff_without_a_channel_is_told_with_what_to_set(
    mode: str, config: ForumConfig, state: str, says: str
) -> None:
    bound = Forum(20, 1, mode, NOW, (5,), ("docs",), config)
    there = GuildAccess(1, "Here", (FOUND,), {50: ChannelFound("staff", ())}, None)
    [finding] = judge_forum(bound, there, "https://invite.test/")
    assert finding.state == state
    assert says in finding.says
    assert ("staff-channel CHANNEL_ID --forum 20" in finding.advice) == (state != "ok")
