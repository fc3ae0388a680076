"""Links are read against their page's address as the standard says, however fast."""

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.addresses import joiner

PIECES = st.sampled_from(
    [
        "..",
        ".",
        "",
        "/",
        "a",
        "b.html",
        "é",
        "a..b",
        "?q=1",
        "#x",
        "#",
        "https://h.org",
        "http:",
        ":",
    ]
)
LINKS = st.lists(PIECES, max_size=6).flatmap(
    lambda pieces: st.sampled_from(["/".join(pieces), "".join(pieces)])
)


@pytest.mark.parametrize(
    "base",
    [
        "https://docs.org/en/guide/page.html",
        "http://localhost:8000/",
        "https://docs.org",
        "https://docs.org/a/../b//c?q#f",
    ],
)
@given(href=LINKS)
def test_a_link_leads_where_the_standard_library_says(base: str, href: str) -> None:
    assert joiner(base)(href) == urljoin(base, href)
