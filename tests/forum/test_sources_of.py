from datetime import UTC, datetime

from docbot.config import ForumConfig
from docbot.db.forums import Forum
from docbot.forum.sources_of import lines_about_tags, sources_of

KNOWN = {"docs": 1, "docs-v2": 2, "docs-v3": 3}
TAGS = {70: "v2", 80: "V3 (beta)", 90: "Solved"}


def forum(
    chosen: dict[str, str], *, learned: int | None = None, tags: dict[int, str] | None = TAGS
) -> Forum:
    config = ForumConfig(tag_sources=chosen)
    bound_at = datetime(2026, 1, 1, tzinfo=UTC)
    return Forum(20, 1, "auto", bound_at, (1, 2), ("docs", "docs-v2"), config, learned, tags)


def test_a_thread_without_a_chosen_tag_is_answered_from_the_forums_sources() -> None:
    assert sources_of(forum({"v2": "docs-v2"}), [90], KNOWN) == (1, 2)
    assert sources_of(forum({"v2": "docs-v2"}), [], KNOWN) == (1, 2)


def test_a_tag_narrows_the_search_to_its_source() -> None:
    assert sources_of(forum({"v2": "docs-v2"}), [70, 90], KNOWN) == (2,)


def test_several_tags_choose_the_sources_of_all_of_them() -> None:
    chosen = forum({"v2": "docs-v2", "v3 (BETA)": "docs-v3"})
    assert sources_of(chosen, [80, 70], KNOWN) == (2, 3)


def test_a_tag_may_be_given_by_its_id_also_before_its_name_is_known() -> None:
    assert sources_of(forum({"80": "docs-v3"}, tags=None), [80], KNOWN) == (3,)


def test_what_the_forum_learned_is_searched_too() -> None:
    assert sources_of(forum({}, learned=9), [], KNOWN) == (1, 2, 9)
    assert sources_of(forum({"v2": "docs-v2"}, learned=9), [70], KNOWN) == (2, 9)


def test_a_source_or_tag_that_is_gone_leaves_the_forums_sources_and_a_line() -> None:
    stale = forum({"v2": "docs-v1", "v9": "docs"})
    assert sources_of(stale, [70], KNOWN) == (1, 2)
    [no_source, no_tag] = lines_about_tags(stale, KNOWN)
    assert "forum 20: source `docs-v1` is gone" in no_source
    assert "forum 20: it has no tag `v9`" in no_tag
    assert lines_about_tags(forum({"v2": "docs-v2"}), KNOWN) == []
    assert lines_about_tags(forum({"v9": "docs"}, tags=None), KNOWN) == []
