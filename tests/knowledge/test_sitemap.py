"""What a sitemap may do to its reader: nothing but name addresses."""

import gzip
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.site.sitemap import Sitemap, parse_sitemap

NOTHING = Sitemap((), ())


def urls(*places: str) -> bytes:
    entries = "".join(f"<url><loc>{place}</loc></url>" for place in places)
    return (
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode()
    )


def with_entities(declared: str, used: str) -> bytes:
    return f"<!DOCTYPE urlset [{declared}]>".encode() + urls(used, "https://h/a")


def bounded(body: bytes) -> Sitemap:
    """Parse within bounds of time and memory."""
    began = time.process_time()
    tracemalloc.start()
    try:
        found = parse_sitemap(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 150_000_000
    assert time.process_time() - began < 10
    return found


def test_entities_within_entities_are_not_unfolded() -> None:
    declared = '<!ENTITY l0 "https://h/lol">' + "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)
    )
    assert set(bounded(with_entities(declared, "&l9;")).pages) <= {"https://h/a"}
    one_long = f'<!ENTITY x "{"x" * 100_000}">'
    assert set(bounded(with_entities(one_long, "&x;" * 10_000)).pages) <= {"https://h/a"}


@pytest.mark.parametrize("keyword", ["SYSTEM", 'PUBLIC "x"'])
def test_what_lies_outside_is_not_read(tmp_path: Path, keyword: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("https://h/secret")
    for declared, used in (
        (f'<!ENTITY f {keyword} "{secret.as_uri()}">', "&f;"),
        (f'<!ENTITY % p {keyword} "{secret.as_uri()}"> %p;', "https://h/b"),
        (f'<!ENTITY f {keyword} "http://127.0.0.1:9/">', "&f;"),
    ):
        assert "secret" not in str(bounded(with_entities(declared, used)))
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="{secret.as_uri()}"/>'
    assert "secret" not in str(bounded(urls(include))).replace(secret.as_uri(), "")
    style = f'<?xml-stylesheet href="{secret.as_uri()}"?>'.encode()
    assert bounded(style + urls("https://h/a")).pages == ("https://h/a",)


def test_a_bomb_is_no_sitemap() -> None:
    bomb = gzip.compress(b"<urlset>" + b" " * 100_000_000, compresslevel=1)
    assert bounded(bomb) == Sitemap((), (), "is larger than 50 MB")
    assert bounded(gzip.compress(gzip.compress(urls("https://h/a")))) == NOTHING


def test_what_is_cut_off_gives_what_came_before() -> None:
    whole = urls("https://h/a", "https://h/b")
    cut = parse_sitemap(whole[: whole.index(b"https://h/b")])
    assert (cut.pages, cut.fault) == (("https://h/a",), "is cut off")
    packed = gzip.compress(urls(*(f"https://h/{number}" for number in range(1_000))))
    assert parse_sitemap(packed).fault == ""
    assert parse_sitemap(packed[:-9]).fault == "is cut off"
    assert parse_sitemap(b"\x1f\x8b" + b"\xff" * 99).fault == "is compressed and damaged"


def test_what_loses_nothing_is_no_fault() -> None:
    for body in (
        urls("https://h/a?b=1&c=2") + b"<!-- made by a plugin -->\n",
        b"<urlset/>",
        b"<?xml version='1.0'?><s:sitemapindex xmlns:s='x'></s:sitemapindex>",
        b"<!doctype html><title>not found</title>",
        b"https://h/a",
        b"",
    ):
        assert parse_sitemap(body).fault == ""


def test_a_sitemap_of_a_hundred_thousand_lines_is_read_whole() -> None:
    places = [f"https://h/{number}" for number in range(100_000)]
    assert parse_sitemap(urls(*places)).pages == tuple(places)


def test_nesting_without_end_is_no_sitemap() -> None:
    assert bounded(b"<url>" * 1_000_000).pages == ()
    many = b"<urlset " + b"".join(b'a%d="" ' % n for n in range(100_000)) + b">"
    assert bounded(many) == Sitemap((), (), "is cut off")


@given(st.binary(max_size=500) | st.text("<>/url loc!&;[]ENTITY%?\"'x").map(str.encode))
def test_whatever_comes_is_read_without_an_error(body: bytes) -> None:
    parse_sitemap(body)
    parse_sitemap(gzip.compress(body))
    parse_sitemap(b"\x1f\x8b" + body)
