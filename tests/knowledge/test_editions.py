"""Versions and translations are told by what lies in them, and not by their names alone."""

from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.site.editions import (
    candidates,
    differ,
    is_english,
    is_other_language,
    other_versions,
)

ENGLISH = (
    "This is the page that tells you how to install it and what can be done with the tools of it. "
    * 3
)
GERMAN = (
    "Diese Seite sagt Ihnen, wie man das Werkzeug einrichtet und was sich damit machen lässt. " * 3
)


def folders(path: str) -> list[str]:
    return [candidate.folder for candidate in candidates(path)]


def split(beside: set[str], **names: set[str]) -> tuple[set[str], set[str]]:
    """Judge folders of one parent; `_` stands for a dot in their names."""
    group = {candidates(f"{name.replace('_', '.')}/x")[0]: pages for name, pages in names.items()}
    others, read = other_versions(group, beside)
    return {one.folder for one in others}, {one.folder for one in read}


def test_folders_named_in_full_like_a_version_or_a_language_are_candidates() -> None:
    assert folders("v1.2/install") == ["v1.2/"]
    assert folders("docs/1.x/install") == ["docs/1.x/"]
    assert folders("en/2.5.3/a/b") == ["en/", "en/2.5.3/"]
    assert folders("pt-br/docs/next/a") == ["pt-br/", "pt-br/docs/next/"]
    assert folders("docs/1.x") == ["docs/1.x/"]


def test_folders_that_only_begin_like_a_version_or_speak_about_versions_are_none() -> None:
    for path in (
        "2.0-migration/steps",
        "v2-overview/a",
        "releases/1.2/notes",
        "changelog/v1.2.3",
        "migration/v2/steps",
        "blog/2.0/a",
        "api/v1/users",
        "rest-api/v2/users",
        "latest",
        "guide/next",
        "it",
        "nextjs/a",
        "development-guide/a",
    ):
        assert folders(path) == [], path


def test_versions_beside_the_current_pages_are_left_out() -> None:
    now = {"install", "usage", "api"}
    assert split(now, v1_2=now, v2_x={"install"}, next=now) == ({"v1.2/", "v2.x/", "next/"}, set())


def test_of_versions_side_by_side_the_best_one_is_read() -> None:
    names = {"install", "usage", "api"}
    assert split(set(), v1_2=names, v1_10=names, dev=names) == ({"v1.2/", "dev/"}, {"v1.10/"})
    assert split({"about"}, latest=names, stable=names, v3_1=names) == (
        {"latest/", "v3.1/"},
        {"stable/"},
    )
    assert split(set(), v1=names, v2=names) == ({"v1/"}, {"v2/"})
    assert split(set(), v2_0=names, v3_0rc1=names)[1] == {"v2.0/"}


def test_what_shares_no_names_is_no_version() -> None:
    site = {"install", "usage", "about"}
    assert split(site, next={"routing", "images"}, dev={"setup", "tests"}) == (set(), set())
    assert split(site, v2_0={"chapter"}, main={"hall", "stage"}) == (set(), set())
    assert split({"install"}, v3={f"page{n}" for n in range(20)} | {"install"}) == (set(), set())


def test_numbered_chapters_are_no_versions_but_beside_a_current_one_numbers_are() -> None:
    names = {"intro", "exercises", "summary"}
    assert split(set(), **{"1": names, "2": names}) == (set(), set())
    assert split(set(), **{"15": names, "16": names, "current": names}) == (
        {"15/", "16/"},
        {"current/"},
    )


def test_a_department_named_like_a_language_is_no_translation() -> None:
    [department] = candidates("it/overview")
    assert is_other_language(department, "en", ENGLISH, "en", ENGLISH) is False
    assert is_other_language(department, None, ENGLISH, None, ENGLISH) is False


def test_a_page_in_another_language_tells_a_translation_with_or_without_saying_so() -> None:
    [german] = candidates("de/overview")
    assert is_other_language(german, "de-DE", GERMAN, "en-US", ENGLISH)
    assert is_other_language(german, "en", GERMAN, "en", ENGLISH)
    assert is_other_language(german, None, GERMAN, None, ENGLISH)
    assert is_other_language(german, None, "Kurz.", None, ENGLISH) is None


def test_a_region_tells_two_languages_apart_only_where_both_name_one() -> None:
    assert differ("pt-BR", "pt_PT")
    assert differ("zh-hant", "zh-hans")
    assert not differ("en", "en-GB")
    assert not differ("en-us", "en_US")


def test_a_text_too_short_or_of_code_is_neither_english_nor_not() -> None:
    assert is_english(ENGLISH) is True
    assert is_english(GERMAN) is False
    assert is_english("Hello there") is None


@given(st.text(max_size=200))
def test_any_path_has_candidates_that_begin_it(path: str) -> None:
    for candidate in candidates(path):
        assert f"{path}/".startswith(candidate.folder)
        assert candidate.folder.startswith(candidate.prefix)
