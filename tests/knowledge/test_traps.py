"""Addresses without end are told from those that a person wrote."""

from datetime import date

from docbot.knowledge.site.traps import Traps, repeats_itself

TODAY = date(2026, 6, 1)


def test_paths_that_repeat_themselves_are_traps() -> None:
    for path in (
        "a/b/a/b/a/b/",
        "x/a/a/a/page",
        "a/b/c/d/a/b/c/d/a/b/c/d/p",
        "a/x/a/y/a/z/a/w/a/p",
    ):
        assert repeats_itself(path), path


def test_paths_that_a_person_wrote_are_none() -> None:
    for path in ("a/a/a.html", "ray/rllib/ray/rllib/x", "docs/docs/docs", "a/b/a/b/", ""):
        assert not repeats_itself(path), path


def test_a_calendar_is_a_trap_and_a_changelog_is_none() -> None:
    traps = Traps(TODAY)
    assert traps.reason_against("calendar/2026/05/21/") == "calendars"
    assert traps.reason_against("2031/11/21/") == "calendars"
    assert traps.reason_against("2026/02/31/") == "calendars"
    for day in range(1, 29):
        assert traps.reason_against(f"changelog/2026-02-{day:02}") is None
    assert traps.reason_against("blog/2026/05/21/what-is-new/") is None
    assert traps.reason_against("2024/01/") is None


def test_archives_of_a_folder_are_read_so_far_and_no_further() -> None:
    traps = Traps(TODAY)
    days = [traps.reason_against(f"news/2025/{m:02}/{d:02}/") for m in (1, 2) for d in range(1, 29)]
    assert days.count(None) == 24


def test_ever_new_queries_of_a_page_are_a_trap() -> None:
    traps = Traps(TODAY)
    assert [traps.is_endless_query("p") for _ in range(12)] == [False] * 10 + [True] * 2
