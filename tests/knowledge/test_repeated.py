"""Boilerplate of a theme nobody knows is told from the pages themselves."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from docbot.knowledge.folder.folder import FolderSource
from docbot.knowledge.html.convert import convert
from docbot.knowledge.repeated import edges, repeated, without

PAGES = 40


def page(number: int, *, banner: str = "", footer: str = "") -> str:
    return (
        f"{banner}# Part {number} {{#part}}\n\nWhat part {number} does.\n\n"
        f"## Parameters\n\nThe same words.\n\n- one {number}\n\n{footer}"
    ).rstrip("\n") + "\n"


def cleaned(pages: list[str]) -> list[str]:
    counts = Counter(edge for text in pages for edge in edges(text))
    boilerplate = repeated(counts, len(pages))
    return [without(text, boilerplate) for text in pages]


def test_what_stands_around_most_pages_goes_and_the_pages_own_text_stays() -> None:
    banner = "You read the documentation of Acme 3.\n\n"
    footer = "Made with love by the Acme team.\n\n[Edit this page](https://x.y/{n})"
    pages = [page(n, banner=banner, footer=footer.format(n=n)) for n in range(PAGES)]
    assert cleaned(pages) == [page(n) for n in range(PAGES)]


def test_a_banner_right_after_the_heading_goes_as_one_before_it_does() -> None:
    pages = [
        f"# T{n}\n\n> **Warning**\n>\n> Not yet released.\n\nText {n} here.\n" for n in range(9)
    ]
    assert cleaned(pages) == [f"# T{n}\n\nText {n} here.\n" for n in range(9)]


def test_a_heading_goes_with_all_that_stands_beneath_it() -> None:
    footer = "## Need help?\n\nAsk us in our chat room."
    pages = [page(n, footer=footer) for n in range(PAGES)]
    assert cleaned(pages) == [page(n) for n in range(PAGES)]


@pytest.mark.parametrize(
    "end",
    [
        "## Parameters\n\nNone.",  # too short to be more than a fact of each page
        "```python\nimport the_same_module\n```",
        "| The | same | table |\n| --- | --- | --- |\n| in | each | page |",
        "## See also these pages",
    ],
)
def test_what_structures_pages_stays_however_often_it_ends_them(end: str) -> None:
    pages = [page(n, footer=end) for n in range(PAGES)]
    assert cleaned(pages) == pages


def test_what_only_some_pages_share_stays() -> None:
    note = "This part is in beta, and may change."
    pages = [page(n, footer=note if n % 2 else "") for n in range(PAGES)]
    assert cleaned(pages) == pages


def test_what_few_pages_share_may_be_chance() -> None:
    pages = [page(n, footer="Written by the same person.") for n in range(4)]
    assert cleaned(pages) == pages


def test_a_page_of_nothing_else_keeps_its_text() -> None:
    footer = "Made with love by the Acme team."
    pages = [page(n, footer=footer) for n in range(PAGES)]
    pages.append(f"# Credits\n\n{footer}\n")
    assert cleaned(pages)[-1] == pages[-1]


def test_a_site_of_an_unknown_theme_loses_what_its_theme_writes() -> None:
    html = (
        "<body><div class='q1'><div class='q2'>Acme knows everything about widgets</div></div>"
        "<div class='q3'><h1>Widget {n}</h1><p>It turns {n} times.</p><pre>turn({n})</pre></div>"
        "<div class='q4'><p>Acme Limited, 12 High Street, Anytown</p></div></body>"
    )
    pages = [convert(html.format(n=n), f"https://x.y/{n}").markdown for n in range(PAGES)]
    assert cleaned(pages) == [
        f"# Widget {n}\n\nIt turns {n} times.\n\n```\nturn({n})\n```\n" for n in range(PAGES)
    ]


def test_nothing_is_taken_from_a_site_whose_theme_is_known(site: Callable[[str], Path]) -> None:
    files = FolderSource(site("vite"), None).files()
    pages = [convert(file.read_bytes(), "https://x.y/").markdown for file in files]
    assert cleaned(pages) == pages


def test_a_site_s_name_above_its_slogan_and_the_years_of_its_rights_are_around_the_text() -> None:
    pages = [
        f"[Acme](https://x.y/)\n\nSmall. Fast. Good.\n\n# T{n}\n\nText {n} here.\n\n"
        f"\u00a9 Copyright {2000 + n}-2024 Acme\n"
        for n in range(9)
    ]
    assert cleaned(pages) == [f"# T{n}\n\nText {n} here.\n" for n in range(9)]
