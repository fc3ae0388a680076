"""Manuals as DocBook, AsciiDoc, Texinfo and hands wrote them, beside what a person would read."""

import pytest

from docbot.knowledge.chunking.chunks import chunk
from docbot.knowledge.html.convert import Converted, convert

URL = "https://docs.example.org/manual/page.html"


def converted(body: str, title: str = "") -> Converted:
    return convert(f"<html><head><title>{title}</title></head><body>{body}</body></html>", URL)


def markdown(body: str) -> str:
    return converted(body).markdown.strip()


@pytest.mark.parametrize(
    "row",
    [
        # DocBook
        (
            '<div class="navheader"><table summary="Navigation header"><tr><th colspan="2">F.12. Pumps'
            '</th></tr><tr><td><a accesskey="p" href="a.html">Prev</a></td><th>Part F</th><td>'
            '<a accesskey="n" href="b.html">Next</a></td></tr></table><hr></div>'
        ),
        # GTK-Doc
        (
            '<table class="navigation"><tr><td><a href="#">Top</a></td><td><a accesskey="h"'
            ' href="i.html"><img src="h.png" alt="Home"></a></td><td><a accesskey="n" href="b.html">'
            '<img src="n.png" alt="Next"></a></td></tr></table>'
        ),
        # Texinfo
        (
            '<div class="header"><p>Next: <a href="b.html" accesskey="n" rel="next">Valves</a>, Up: '
            '<a href="i.html" accesskey="u" rel="up">Parts</a> [<a href="c.html" rel="contents">'
            "Contents</a>]</p></div>"
        ),
        '<p><a href="b.html" rel="next">Next: Valves</a></p>',
        (
            '<table class="header"><tr><td>[<a href="#a">&lt;&lt;</a>]</td><td>[<a href="#b"> Up </a>]'
            '</td><td>[<a href="c.html">Contents</a>]</td><td>[<a href="d.html"> ? </a>]</td></tr>'
            "</table>"
        ),
        '<div class="top"><a href="#page-header"><img src="up.gif" alt="top"></a></div>',
        '<p><a href="#top">Back to top</a></p>',
        '<div class="up"><a href="./"><img title="&lt;-" alt="&lt;-" src="l.gif"></a></div>',
    ],
)
def test_links_that_only_lead_about_are_no_text(row: str) -> None:
    text = "<h2>Pumps</h2><p>A pump moves water.</p>"
    assert markdown(f"{row}{text}{row}") == "## Pumps\n\nA pump moves water."


def test_a_link_to_the_next_page_within_a_sentence_stays() -> None:
    html = (
        '<h2>Pumps</h2><p>When all of them run, go on with the <a rel="next" href="b">valves</a>.'
    )
    assert markdown(html).endswith("the [valves](https://docs.example.org/manual/b).")


def test_a_list_of_the_page_s_own_headings_says_nothing_new() -> None:
    names = ("Start", "Stop", "Clean")
    links = "".join(f'<li><a href="#{name}">{name}</a></li>' for name in names)
    parts = "".join(f'<h2 id="{name}">{name}</h2><p>How to.</p>' for name in names)
    expected = "\n\n".join(f"## {name} {{#{name}}}\n\nHow to." for name in names)
    assert markdown(f"<ul>{links}</ul>{parts}") == expected
    told = links.replace("</a>", "</a>: what to do when the pump runs")
    assert markdown(f"<ul>{told}</ul>{parts}").count("what to do") == len(names)


def test_a_list_of_chapters_stays_although_one_is_the_index() -> None:
    html = '<h2>Parts</h2><ul><li><a href="a">Pumps</a><li><a href="i">Index</a></ul>'
    assert markdown(html).endswith("- [Index](https://docs.example.org/manual/i)")


def test_the_page_that_doxygen_s_search_fills_is_no_page() -> None:
    html = '<div id="SRIndex"><div>Loading...</div><div id="SRResults"></div><div>No Matches</div>'
    assert markdown(html) == ""


def test_what_rustdoc_writes_around_its_text_is_no_text() -> None:
    html = (
        '<nav class="sub"><a class="sub-logo-container" href="i"><img alt="logo"></a></nav>'
        '<h1>Pump</h1><span class="rightside"><a class="srclink" href="s">source</a></span>'
        '<details open><summary class="hideme"><span>Expand description</span></summary>'
        "<p>Moves water.</p></details>"
    )
    assert markdown(html) == "# Pump\n\nMoves water."


def test_a_heading_s_sign_is_not_of_its_words_whatever_the_theme_calls_it() -> None:
    html = '<h2>Read <span><a class="mark" href="#read" id="read">#</a></span></h2><p>All of it.'
    assert markdown(html) == "## Read {#read}\n\nAll of it."


def test_a_title_set_deep_into_its_section_has_the_section_s_anchor() -> None:
    html = (
        '<div class="sect1" id="PUMPS"><div class="titlepage"><div><div><h2 class="title">1. Pumps'
        '</h2></div></div></div><p>They move water.</p><div class="sect2" id="START"><div><div>'
        "<h3>1.1. Start</h3></div></div><p>Push.</p></div></div>"
    )
    assert markdown(html) == (
        "## 1. Pumps {#PUMPS}\n\nThey move water.\n\n### 1.1. Start {#START}\n\nPush."
    )


@pytest.mark.parametrize(
    "remark",
    [
        # AsciiDoc, Asciidoctor, DocBook, Apache
        (
            '<div class="admonitionblock"><table><tr><td class="icon"><div class="title">Note</div>'
            '</td><td class="content">Push <b>twice</b>.</td></tr></table></div>'
        ),
        (
            '<div class="admonitionblock note"><table><tr><td class="icon"><i class="fa icon-note"'
            ' title="Note"></i></td><td class="content"><div class="paragraph"><p>Push <b>twice</b>.'
            "</p></div></td></tr></table></div>"
        ),
        (
            '<div class="note"><table summary="Note"><tr><td rowspan="2"><img alt="[Note]" src="n.png">'
            "</td><th>Note</th></tr><tr><td><p>Push <b>twice</b>.</p></td></tr></table></div>"
        ),
        '<div class="note"><h3>Note</h3><p>Push <b>twice</b>.</p></div>',
    ],
)
def test_a_remark_is_told_by_its_kind_once(remark: str) -> None:
    assert markdown(f"<h2>Start</h2>{remark}") == "## Start\n\n> **Note**\n>\n> Push **twice**."


def test_an_index_of_all_names_is_no_text_and_leaves_the_manual_around_it() -> None:
    letters = "".join(
        f'<div class="indexdiv"><h3>{letter}</h3><dl><dt>{letter}ump, <a href="p.html">Pumps</a>'
        "</dt></dl></div>"
        for letter in "PQRST"
    )
    index = f'<div class="index"><h2>Index</h2>{letters}</div>'
    assert markdown(index) == ""
    manual = f"<h1>Pumps</h1><p>{'They move water. ' * 40}</p>{index}"
    assert "ump," not in markdown(manual)
    assert markdown(manual).startswith("# Pumps\n\nThey move water.")


@pytest.mark.parametrize(
    ("body", "stated", "title"),
    [
        ("<h1>1. Introduction</h1><p>a</p><h1>2. Use</h1><p>b</p>", "Write-Ahead Log", None),
        ("<h1>Acme 2 manual</h1><h2>Files</h2><p>a</p>", "Files | Acme 2 Manual", "Files"),
        ("<h1>Acme</h1><p>a</p><h2>Start</h2><p>b</p>", "Under control | Acme", "Acme"),
        ("<h2>Reftable</h2><p>a</p>", "", "Reftable"),
        ("<h1>Pumps</h1><p>a</p><h1>More on pumps</h1><p>b</p>", "Pumps - Acme", "Pumps"),
    ],
)
def test_a_page_s_title_is_what_the_page_calls_itself(
    body: str, stated: str, title: str | None
) -> None:
    assert converted(body, stated).title == (title or stated)


def test_a_title_written_as_an_h2_is_not_said_twice() -> None:
    page = converted("<h2>Pumps</h2><p>They move water.</p>", "Pumps")
    assert [piece.heading_path for piece in chunk(page, URL)] == [()]


def test_a_link_without_a_host_leads_nowhere() -> None:
    assert markdown('<p>Begin with <a href="https://">https://</a>') == "Begin with https://"


def test_lists_of_links_in_the_header_of_the_text_lead_about() -> None:
    links = "".join(f'<li><a href="{name}.html">{name}</a></li>' for name in ("fs", "os", "net"))
    html = f"<div><header><h1>Files</h1><div><ul>{links}</ul></div></header><p>They hold text.</p>"
    assert markdown(html) == "# Files\n\nThey hold text."
