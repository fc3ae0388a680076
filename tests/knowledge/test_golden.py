"""What each generator's constructs become: a page as it left the generator, and its Markdown as a person would write it."""

from pathlib import Path

import pytest

from docbot.knowledge.html.convert import convert

GOLDEN = Path(__file__).parent / "golden"
PAGES = sorted(GOLDEN.glob("*/*.html"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_a_generators_page_becomes_this_markdown(page: Path) -> None:
    converted = convert(page.read_bytes(), f"https://docs.example.org/guide/{page.name}")
    assert f"title: {converted.title}\n\n{converted.markdown}" == page.with_suffix(".md").read_text(
        "utf-8"
    )
