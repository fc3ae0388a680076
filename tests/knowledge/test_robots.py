"""What robots.txt allows, as RFC 9309 reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.site.robots import parse_robots


def allows(rules: str, path: str, agent: str = "docbot/1 (+https://x.y)") -> bool:
    return parse_robots(rules.encode(), agent).allows(f"https://h{path}")


@pytest.mark.parametrize(
    ("rule", "path", "allowed"),
    [
        ("Disallow: /", "/a", False),
        ("Disallow:", "/a", True),
        ("Disallow: /a", "/about", False),
        ("Disallow: /a/$", "/a/b", True),
        ("Disallow: /a/$", "/a/", False),
        ("Disallow: /*/old/", "/en/old/x", False),
        ("Disallow: /*.php$", "/a.php", False),
        ("Disallow: /*.php$", "/a.php/b", True),
        ("Disallow: /caf%C3%A9", "/café", False),
        ("Disallow: /\nAllow: /docs/", "/docs/a", True),
        ("Allow: /docs/\nDisallow: /docs/secret", "/docs/secret", False),
        ("Allow: /a\nDisallow: /a", "/a", True),
    ],
)
def test_the_longest_rule_that_matches_counts(rule: str, path: str, allowed: bool) -> None:
    assert allows(f"User-agent: *\n{rule}\n", path) is allowed


def test_the_own_group_counts_where_there_is_one() -> None:
    rules = "User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: DocBot\nDisallow: /a\n"
    assert allows(rules, "/b")
    assert not allows(rules, "/a")
    assert not allows(rules, "/b", "another/1")


def test_the_delay_and_the_sitemaps_are_read() -> None:
    robots = parse_robots(
        b"Sitemap: https://h/a.xml\nUser-agent: *\nCrawl-delay: 1.5\nSitemap: https://h/b.xml # c",
        "docbot/1",
    )
    assert (robots.crawl_delay, robots.sitemaps) == (1.5, ("https://h/a.xml", "https://h/b.xml"))
    for odd in ("-1", "nan", "soon", ""):
        assert (
            parse_robots(f"User-agent: *\nCrawl-delay: {odd}".encode(), "docbot").crawl_delay == 0
        )


def test_many_stars_take_no_time() -> None:
    assert allows("User-agent: *\nDisallow: /" + "*a" * 500 + "b$", "/" + "a" * 5000)


@given(st.binary(max_size=300), st.text(max_size=30))
def test_any_file_is_read(body: bytes, path: str) -> None:
    parse_robots(body, "docbot/1").allows(f"https://h/{path}")
