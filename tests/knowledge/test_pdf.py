import io
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from docbot.errors import PermanentError
from docbot.knowledge.folder.folder import read_file
from docbot.knowledge.pages import Page, page_of
from docbot.knowledge.text.pdf import read_pdf
from tests.knowledge.pdfs import pdf
from tests.knowledge.site import Body, crawled, page, site

URL = "https://docs.example.org/manual.pdf"
LONG = ["word " * 12] * 30  # so that sections are not joined


def test_each_page_is_a_section_whose_address_opens_it() -> None:
    converted = read_pdf(pdf([["First page.", *LONG], ["Second page.", *LONG]]), URL)
    manual = page_of(converted, URL)
    assert converted.title == "Manual"
    assert [chunk.url for chunk in manual.chunks] == [f"{URL}#page=1", f"{URL}#page=2"]
    assert [chunk.heading_path for chunk in manual.chunks] == [("Page 1",), ("Page 2",)]
    assert "Second page." in manual.chunks[1].text


async def test_a_websites_pdf_is_a_page_where_it_can_be_read() -> None:
    body = pdf([["The manual of a pump."]])
    pages: dict[str, Body] = {
        "/": page("start", "manual.pdf"),
        "/manual.pdf": lambda: web.Response(body=body, content_type="application/pdf"),
    }
    async with site(pages) as place:
        read = await crawled(place, reads_pdf=True)
        assert read.pages == ["", "manual.pdf"]
        assert "The manual of a pump." in next(
            result.markdown
            for result in read.results
            if isinstance(result, Page) and result.title != "start"
        )
        not_read = await crawled(place)
    assert (not_read.pages, not_read.reasons) == ([""], {"PDFs and the like"})


def test_the_outlines_entries_are_the_sections_where_there_is_one() -> None:
    body = pdf(
        [["Cover."], ["1 Install", "Run it.", "2 Use", "Call it."], ["Still use."]],
        outline=[("Install", 2), ("Use", 2)],
        title="The Manual",
    )
    converted = read_pdf(body, URL)
    assert converted.title == "The Manual"
    assert converted.markdown == (
        "# The Manual {#page=1}\n\nCover.\n\n## Install {#page=2}\n\nRun it.\n\n"
        "## Use {#page=2}\n\nCall it.\n\nStill use.\n"
    )


def test_lines_that_head_and_end_every_page_go() -> None:
    pages = [["Acme Manual", f"Text {letter}.", f"{n}"] for n, letter in enumerate("abcde")]
    markdown = read_pdf(pdf(pages), URL).markdown
    assert "Acme" not in markdown
    assert [line for line in markdown.split("\n") if line.startswith("Text")] == [
        f"Text {letter}." for letter in "abcde"
    ]


def test_a_pdf_of_pictures_alone_holds_no_text() -> None:
    converted = read_pdf(pdf([[], []]), URL)
    assert converted.markdown == ""
    assert page_of(converted, URL).chunks == ()


def test_an_encrypted_pdf_is_refused_with_the_reason() -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf([["Secret."]]))))
    writer.encrypt("password", algorithm="RC4-128")
    body = io.BytesIO()
    writer.write(body)
    with pytest.raises(PermanentError, match="is encrypted"):
        read_pdf(body.getvalue(), URL)


@pytest.mark.parametrize("body", [b"", b"no pdf at all", b"%PDF-1.4\n", pdf([["x"]])[:200]])
def test_a_damaged_pdf_is_refused_with_the_reason(body: bytes) -> None:
    with pytest.raises(PermanentError, match="is damaged, or no PDF"):
        read_pdf(body, URL)


def test_a_pdf_beyond_all_measure_is_refused() -> None:
    with pytest.raises(PermanentError, match="a PDF may have 50"):
        read_pdf(bytes(50_000_001), URL)
    with pytest.raises(PermanentError, match="has 2001 pages"):
        read_pdf(pdf([[]] * 2001), URL)


def test_a_pdf_in_a_folder_is_a_page_at_its_own_address(tmp_path: Path) -> None:
    (tmp_path / "manual.pdf").write_bytes(pdf([["Read me."]]))
    page = read_file(tmp_path, tmp_path / "manual.pdf", "https://docs.example.org/")
    assert page.url == URL
    assert "Read me." in page.markdown


_BODY = pdf([["One."], ["Two."]], outline=[("One", 1)])


@given(st.integers(0, len(_BODY) - 1), st.binary(max_size=30))
def test_no_damage_is_anything_but_a_refusal(position: int, piece: bytes) -> None:
    with suppress(PermanentError):
        read_pdf(_BODY[:position] + piece + _BODY[position + len(piece) :], URL)
