import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.errors import PermanentError, UsageError
from docbot.knowledge.html.convert import convert, decode
from docbot.knowledge.html.selector import check_selector

URL = "https://docs.example.org/guide/page.html"


def markdown(body: str) -> str:
    return convert(f"<html><body><main>{body}</main></body></html>", URL).markdown.strip()


@pytest.mark.parametrize(
    ("html", "anchor"),
    [
        ('<h2 id="own">Title</h2>', "own"),
        ('<section id="outer"><h2>Title</h2><p>x</p></section>', "outer"),
        ('<div id="old" class="section"><span id="alias"></span><h2>Title</h2></div>', "old"),
        ('<p>x</p><a name="before"></a><h2>Title</h2>', "before"),
        ('<h2><span id="inner"></span>Title</h2>', "inner"),
        (
            '<section id="s"><h2>Title<a class="headerlink" href="#true">¶</a></h2></section>',
            "true",
        ),
    ],
)
def test_a_heading_carries_the_anchor_the_site_uses(html: str, anchor: str) -> None:
    assert f"## Title {{#{anchor}}}" in markdown(html)


def test_a_heading_without_text_makes_no_heading_of_what_follows() -> None:
    assert markdown('<h2 id="x"> <img src="a.png"></h2><p>text</p><h2><div>Title</div></h2>t') == (
        "text\n\n## Title\n\nt"
    )


def test_only_the_first_heading_of_a_section_takes_its_id() -> None:
    assert markdown('<section id="s"><h2>One</h2><p>x</p><h3>Two</h3></section>').endswith(
        "### Two"
    )


@pytest.mark.parametrize(
    "html",
    [
        (
            '<div class="highlight-python notranslate"><div class="highlight"><pre><span></span>'
            '<span class="k">def</span> f():\n    <span>pass</span>\n</pre></div></div>'
        ),
        (
            '<div class="language-python"><button class="copy"></button><span class="lang">python</span>'
            "<pre><code><span>def f():</span>\n<span>    pass</span></code></pre></div>"
        ),
        '<pre><code class="language-python">def f():\n    pass\n</code></pre>',
        (
            '<pre data-language="python"><code><div class="line">def f():</div>'
            '<div class="line">    pass</div></code></pre>'
        ),
        (
            '<table class="highlighttable"><tr><td class="linenos"><div class="linenodiv"><pre>1\n2</pre>'
            '</div></td><td class="code"><div class="language-python"><pre>def f():\n    pass</pre></div>'
            "</td></tr></table>"
        ),
        '<pre class="language-python"><code>def f():<br>    pass</code></pre>',
    ],
)
def test_code_keeps_its_lines_and_language_and_nothing_else(html: str) -> None:
    assert markdown(html) == "```python\ndef f():\n    pass\n```"


def test_a_fence_is_longer_than_any_run_of_backticks_inside() -> None:
    assert markdown("<pre>````md\nx\n````</pre>") == "`````\n````md\nx\n````\n`````"


def test_inline_code_with_backticks_stays_one_piece() -> None:
    assert markdown("<p>Use <code>a`b</code> here</p>") == "Use `` a`b `` here"


def test_links_are_absolute_and_lead_nowhere_else() -> None:
    html = '<p><a href="../x.html#y">X</a> <a href="javascript:f()">J</a> <a>none</a> <a href="">E</a></p>'
    assert markdown(html).startswith("[X](https://docs.example.org/x.html#y) J none")


def test_the_links_of_the_whole_page_are_given_without_fragment_or_repeat() -> None:
    page = convert(
        '<body><nav><a href="/a#x">A</a><a href="/a#y">A</a><a href="mailto:x@y.z">M</a></nav>'
        '<main><p>t <a href="b">B</a><a>C</a></p></main></body>',
        URL,
    )
    assert page.links == ("https://docs.example.org/a", "https://docs.example.org/guide/b")


def test_a_base_element_moves_relative_links() -> None:
    page = convert(
        '<head><base href="/en/"></head><body><main><a href="b">B</a></main></body>', URL
    )
    assert page.links == ("https://docs.example.org/en/b",)


def test_items_hold_their_text_once_and_nest() -> None:
    html = "<ul><li><p>One</p></li><li>Two<ol start='3'><li>three<li>four</ol></li></ul>"
    assert markdown(html) == "- One\n- Two\n  3. three\n  4. four"


def test_an_item_with_code_keeps_it_within_the_item() -> None:
    html = "<ol><li><p>Run:</p><pre>a\n\nb</pre></li><li>Done</li></ol>"
    assert markdown(html) == "1. Run:\n\n   ```\n   a\n\n   b\n   ```\n\n2. Done"


@pytest.mark.parametrize(
    ("html", "first_line"),
    [
        ('<div class="admonition note"><p class="admonition-title">Note</p><p>T</p></div>', "Note"),
        (
            '<div class="admonition tip"><p class="admonition-title">Try</p><p>T</p></div>',
            "Tip: Try",
        ),
        (
            '<div class="warning custom-block"><p class="custom-block-title">WARNING</p><p>T</p></div>',
            "WARNING",
        ),
        ('<details class="tip"><summary>More</summary><p>T</p></details>', "Tip: More"),
        (
            (
                '<div class="theme-admonition theme-admonition-danger"><div class="admonitionHeading_x">'
                "danger</div><div><p>T</p></div></div>"
            ),
            "Danger",
        ),
        (
            '<aside class="starlight-aside starlight-aside--caution"><p class="starlight-aside__title">Caution</p><p>T</p></aside>',
            "Caution",
        ),
    ],
)
def test_an_admonition_is_a_quotation_with_its_kind_in_bold(html: str, first_line: str) -> None:
    assert markdown(html) == f"> **{first_line}**\n>\n> T"


@pytest.mark.parametrize(
    "html",
    [
        (
            '<div class="tabbed-set"><input type="radio"><div class="tabbed-labels"><label>npm</label>'
            '<label>yarn</label></div><div class="tabbed-content"><div class="tabbed-block"><p>A</p></div>'
            '<div class="tabbed-block"><p>B</p></div></div></div>'
        ),
        (
            '<div class="vp-code-group"><div class="tabs"><input><label>npm</label><input><label>yarn</label>'
            '</div><div class="blocks"><div class="active"><p>A</p></div><div><p>B</p></div></div></div>'
        ),
        (
            '<div class="sd-tab-set"><input><label class="sd-tab-label">npm</label>'
            '<div class="sd-tab-content"><p>A</p></div><input><label class="sd-tab-label">yarn</label>'
            '<div class="sd-tab-content"><p>B</p></div></div>'
        ),
        (
            '<div class="tabs-container"><ul role="tablist" class="tabs"><li role="tab">npm</li>'
            '<li role="tab">yarn</li></ul><div><div role="tabpanel"><p>A</p></div>'
            '<div role="tabpanel" hidden><p>B</p></div></div></div>'
        ),
        (
            '<div class="sphinx-tabs"><div role="tablist"><button role="tab">npm</button>'
            '<button role="tab">yarn</button></div><div role="tabpanel"><p>A</p></div>'
            '<div role="tabpanel" hidden="true"><p>B</p></div></div>'
        ),
    ],
)
def test_each_tab_is_read_under_its_label(html: str) -> None:
    assert markdown(html) == "**npm**\n\nA\n\n**yarn**\n\nB"


def test_a_table_is_a_pipe_table_with_spans_filled() -> None:
    html = (
        "<table><tr><th>A</th><th>B</th></tr><tr><td rowspan=2>x|y</td><td><p>1</p><p>2</p></td></tr>"
        "<tr><td>3</td></tr><tr><td colspan=2>all</td></tr></table>"
    )
    assert markdown(html) == (
        "| A | B |\n| --- | --- |\n| x\\|y | 1 2 |\n| x\\|y | 3 |\n| all |  |"
    )


def test_a_table_that_holds_code_is_read_cell_by_cell() -> None:
    html = "<table><tr><th>Use</th><th>Code</th></tr><tr><td>a</td><td><pre>x\ny</pre></td></tr></table>"
    assert markdown(html) == "**Use**\n\na\n\n**Code**\n\n```\nx\ny\n```"


def test_definitions_begin_with_their_term() -> None:
    html = "<dl><dt>Type:</dt><dd><p>int</p></dd><dt>Code</dt><dd><pre>x</pre></dd></dl>"
    assert markdown(html) == "- **Type**: int\n\n- **Code**:\n\n  ```\n  x\n  ```"


def test_an_api_object_opens_a_section_with_its_signature() -> None:
    html = (
        '<section id="api"><h2>API</h2><dl class="py function"><dt class="sig sig-object py" id="ray.get">'
        '<span class="sig-prename descclassname"><span class="pre">ray.</span></span>'
        '<span class="sig-name descname"><span class="pre">get</span></span>(<em>refs</em>)'
        '<a class="headerlink" href="#ray.get">#</a></dt><dd><p>Get it.</p></dd></dl></section>'
    )
    assert markdown(html) == (
        "## API {#api}\n\n### `ray.get` {#ray.get}\n\n```python\nray.get(refs)\n```\n\nGet it."
    )


def test_text_in_bare_blocks_is_kept_and_navigation_is_not() -> None:
    html = (
        "<nav>N</nav><div>bare<div>inner</div>tail</div><aside>A</aside><footer>F</footer>"
        '<div class="toc">T</div><p hidden>H</p><p style="display: none">D</p><script>S</script>'
        '<button>B</button><header><p>top</p></header><div class="breadcrumbs">C</div>'
    )
    assert markdown(html) == "bare\n\ninner\n\ntail"


def test_an_image_is_its_alternative_text_unless_its_data_is_inline() -> None:
    html = '<p>See <img src="a.png" alt="the graph"> and <img src="data:image/png;base64,x" alt="dot"></p>'
    assert markdown(html) == "See the graph and"


def test_text_that_looks_like_markup_opens_no_block() -> None:
    text = markdown("<p># no heading</p><p>- no item</p><p>```</p><p>1. x</p><p>a<br>---</p>")
    assert text == "\\# no heading\n\n\\- no item\n\n\\```\n\n1\\. x\n\na\n\\---"


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Site</title><main><h1>Own <code>x</code></h1></main>", "Own x"),
        ("<title>Install | Guide | Acme</title><main><p>x</p></main>", "Install | Guide"),
        ("<title>FAQ — Airflow Documentation</title><main><p>x</p></main>", "FAQ"),
        ("<title>re-use</title><main><p>x</p></main>", "re-use"),
        ("<main><pre># no title</pre></main>", ""),
    ],
)
def test_the_title_is_the_h1_else_what_the_head_says(html: str, title: str) -> None:
    assert convert(html, URL).title == title


def test_a_stub_tells_where_it_leads_and_holds_no_text() -> None:
    page = convert(
        '<head><meta http-equiv="refresh" content="0; url=../new/">'
        '<link rel="canonical" href="../new/"></head><body>Redirecting...</body>',
        URL,
    )
    assert (page.markdown, page.refresh) == ("", "https://docs.example.org/new/")
    assert page.canonical == "https://docs.example.org/new/"


@pytest.mark.parametrize("html", ["", " ", "<", "<html>", "<!-- -->", "\x00", b"", b"\xff\xfe"])
def test_a_page_without_text_is_empty(html: str | bytes) -> None:
    assert convert(html, URL).markdown.strip(" <\n\\") == ""


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("grüß".encode(), "grüß"),
        ("\ufeffgrüß".encode(), "grüß"),
        ('<meta charset="iso-8859-1">grüß'.encode("latin-1"), '<meta charset="iso-8859-1">grüß'),
        ("grüß “x”".encode("cp1252"), "grüß “x”"),
        (b'<meta charset="base64">x', '<meta charset="base64">x'),
        ("\ufeffgrüß".encode("utf-16-le"), "grüß"),
    ],
)
def test_bytes_are_read_in_the_charset_they_were_written_in(body: bytes, text: str) -> None:
    assert decode(body) == text


@pytest.mark.parametrize(
    "tag", ["div", "ul><li", "blockquote", "b", "table><tr><td", "dl><dd", "a href=x", "h2"]
)
@pytest.mark.parametrize("depth", [300, 10_000])
def test_a_deep_page_is_read_quickly_and_keeps_its_text(tag: str, depth: int) -> None:
    begun = time.process_time()
    text = convert(f"<main>{f'<{tag}>' * depth}the deep text<p>after</main>", URL).markdown
    assert "the deep text" in text.replace("\n", " ")
    assert time.process_time() - begun < 20


@given(st.text(alphabet="<>/=\"' abpdivulthr1#-`&;!\n", max_size=300))
def test_no_broken_html_is_an_error(html: str) -> None:
    convert(f"<main>{html}", URL)


@given(
    st.recursive(
        st.text(alphabet="xyz ", min_size=1, max_size=8),
        lambda inner: st.tuples(
            st.sampled_from(
                ["p", "div", "ul", "li", "b", "a", "blockquote", "td", "table", "h3", "dd"]
            ),
            st.lists(inner, max_size=4),
        ),
        max_leaves=20,
    )
)
def test_no_word_is_lost_or_doubled(tree: object) -> None:
    count = 0

    def html(node: object) -> str:
        nonlocal count
        if isinstance(node, tuple):
            return f"<{node[0]}>{''.join(map(html, node[1]))}</{node[0]}>"
        count += 1
        return f" word{count}end "

    page = convert(f"<main>{html(tree)}</main>", URL).markdown
    assert [page.count(f"word{number}end") for number in range(1, count + 1)] == [1] * count


def test_a_heading_keeps_its_link_elsewhere_and_none_to_its_own_page() -> None:
    page = convert(
        '<main><h1 id="a"><a href="/x">Away</a> now</h1>'
        '<h2 id="b"><a class="toc-backref" href="#id1">Back <code>y</code></a></h2></main>',
        URL,
    )
    assert page.title == "Away now"
    assert page.markdown == ("# [Away](https://docs.example.org/x) now {#a}\n\n## Back `y` {#b}\n")


def test_text_that_looks_like_a_tag_stays_text() -> None:
    page = convert("<main><h1>&lt;Trainer&gt;</h1><p>&lt;no tag&gt; 1 &lt; 2</p></main>", URL)
    assert page.title == "<Trainer>"
    assert page.markdown == "# \\<Trainer>\n\n\\<no tag> 1 < 2\n"


def test_code_that_is_one_link_keeps_it() -> None:
    text = markdown('<p><code><a href="/x">Body</a></code> <code>A[<a href="/x">B</a>]</code></p>')
    assert text == "[`Body`](https://docs.example.org/x) `A[B]`"


def test_tabs_within_a_list_item_are_labelled() -> None:
    text = markdown(
        '<ol><li>Files:<div class="vp-code-group"><div class="tabs"><label>a.json</label>'
        '<label>b.json</label></div><div class="blocks"><div class="language-json"><pre>{}</pre>'
        '</div><div class="language-json"><pre>[]</pre></div></div></div></li></ol>'
    )
    assert text.index("**a.json**") < text.index("{}") < text.index("**b.json**")


TEXT = "<h1>Install</h1><p>Download the archive, then unpack it where you want it to live.</p>"
LINKS = "".join(f'<li><a href="/{n}">Chapter number {n}</a></li>' for n in range(9))
READ = "# Install\n\nDownload the archive, then unpack it where you want it to live."


@pytest.mark.parametrize(
    "body",
    [
        f"<article><p>New: version 3.</p></article><div>{TEXT}</div>",  # a teaser before the text
        f"<main><div><ul>{LINKS}</ul></div><div>{TEXT * 3}</div></main>",
        f"<div class='x1'><ul>{LINKS}</ul></div><div class='x2'>{TEXT * 3}</div>",
        f"<main><article>{TEXT}</article><article><h2>More</h2><p>{'word ' * 99}</p></article></main>",
        f"<table><tr><td><ul>{LINKS}</ul></td><td>{TEXT * 3}</td></tr></table>",
        f"<center><font size=2><table><tbody><tr><td>{TEXT}</td></tr></tbody></table></font></center>",
        f"<form id=aspnetForm><input type=hidden><div>{TEXT}</div></form>",
        f"<main hidden></main><div>{TEXT}</div>",
    ],
)
def test_the_text_is_found_in_pages_of_no_known_theme(body: str) -> None:
    page = convert(f"<title>T</title><body>{body}", URL)
    assert READ in page.markdown
    assert "Chapter number" not in page.markdown
    if "More" in body:
        assert "word word" in page.markdown


def test_a_page_of_links_alone_keeps_them() -> None:
    page = convert(f"<body><main><h1>Contents</h1><ul>{LINKS}</ul></main>", URL)
    assert page.markdown.count("Chapter number") == 9


@pytest.mark.parametrize(
    "around",
    [
        "<div class='cookie-consent'><p>We use cookies.</p></div>",
        "<div class='share-buttons'><a href=/t>Tweet</a></div>",
        "<section class='newsletter-signup'><h3>Stay up to date</h3><p>Subscribe.</p></section>",
        "<div id='comments'><h3>3 Comments</h3><p>First!</p></div>",
        "<div id='disqus_thread'><p>Loading</p></div>",
        "<div class='feedback--prompt'><p>Was this page helpful?</p></div>",
        "<div class='was-this-helpful'>Was this page helpful? Yes No</div>",
        "<ul class='side-menu'><li><a href=/a>One</a></li></ul>",
        "<p hidden>x</p><p aria-hidden=true>x</p><p style='display:none'>x</p>",
        "<template><p>x</p></template><dialog><p>x</p></dialog><p class='visually-hidden'>x</p>",
        "<iframe src='about:blank'></iframe><iframe src='/x' style='display: none'></iframe>",
    ],
)
def test_what_surrounds_a_text_is_left_out(around: str) -> None:
    assert markdown(f"<p>before</p>{around}<p>after</p>") == "before\n\nafter"


@pytest.mark.parametrize(
    "html",
    [
        '<section id="comments"><h2>Comments</h2><p>t</p></section>',
        '<div class="section" id="comments"><h2>Comments</h2><p>t</p></div>',
        '<div class="cookies-example"><h2>Comments</h2><pre>set()</pre><p>t</p></div>',
        '<div class="menu"><h2>Comments</h2><p>t</p></div>',
        '<details hidden="until-found"><summary>x</summary><h2>Comments</h2><p>t</p></details>',
    ],
)
def test_text_stays_whatever_its_class_or_id_says(html: str) -> None:
    assert "Comments" in markdown(html)
    assert "t" in markdown(html).split()


def test_what_a_page_shows_of_another_is_a_link() -> None:
    html = '<p>a</p><iframe src="/player" title="The film"></iframe><iframe src="//x.y/z"></iframe>'
    assert markdown(html) == ("a\n\n[The film](https://docs.example.org/player)\n\n<https://x.y/z>")


def test_the_frames_of_an_old_page_are_links_of_it() -> None:
    page = convert('<frameset><frame src="menu.html"><frame src="/body.html"></frameset>', URL)
    assert page.links == (
        "https://docs.example.org/guide/menu.html",
        "https://docs.example.org/body.html",
    )


def test_an_operators_selector_says_where_the_text_is() -> None:
    html = "<main><p>main</p></main><div class=doc><p>one</p><div class=doc>in</div></div><b class=doc>two</b>"
    page = convert(html, URL, selector=".doc")
    assert (page.markdown, page.missed_selector) == ("one\n\nin\n\n**two**\n", False)


@pytest.mark.parametrize(
    "html", ["<main><p>main</p></main>", "<main><p>main</p></main><i class=doc> "]
)
def test_a_page_on_which_a_selector_finds_no_text_is_read_as_any_other(html: str) -> None:
    page = convert(html, URL, selector=".doc")
    assert (page.markdown, page.missed_selector) == ("main\n", True)


@pytest.mark.parametrize("selector", ["div[", "", "..x", "p:nope"])
def test_a_broken_selector_is_refused(selector: str) -> None:
    with pytest.raises(UsageError, match="selector"):
        check_selector(selector)


@pytest.mark.parametrize("selector", ["#content", "main > div.x:not(.y)", "[role=main]"])
def test_a_selector_that_pages_can_be_read_with_is_taken(selector: str) -> None:
    check_selector(selector)


MANY = 10_000


@pytest.mark.parametrize(
    "html",
    [
        "<button>q</button>x" * MANY,  # text between what is removed
        "<pre>" + "<svg></svg>x" * MANY,
        '<span class="n">foo</span> ' * MANY,
        "<div>" + "<div><pre>x</pre></div>" * (MANY // 4),
        "<ul><li>a</li>" + "<ul><li>b</ul>" * MANY,
        "<table><tr>" + "<td colspan=1000000000>x" * MANY,
        "<table><tr>" + "<td>x" * (MANY // 4) + "<tr><td>y" * (MANY // 4),
        "<table>" + ("<tr><td rowspan=40>" + "word " * 10_000) * 9,
        "<b>" * 150_000,
        "<b>x</b> " * MANY,
        "<header>" * MANY,
        "\0" * 1_000_000,
        "<p class='" + "note " * 100_000 + "'>x</p>",
        "<p>x</p>" * MANY,
        "<form>" * MANY + "<h1>x</h1>" * MANY,
        "<div class=menu>" * 300 + "<a href=x>y</a>" * (MANY // 4),
    ],
    ids=range(16),
)
def test_a_page_of_much_is_read_in_proportion_to_its_size(html: str) -> None:
    begun = time.process_time()
    page = convert(f"<main>{html}", URL)
    assert time.process_time() - begun < 8
    assert len(page.markdown) < 3 * len(html) + 300_000


def test_attributes_beyond_all_measure_are_left_out() -> None:
    long = "x" * 1_000_000
    html = (
        f'<h2 id="{long}">T</h2><p><a href="{long}">l</a><img alt="{long}" src=x></p>'
        f'<pre class="language-{long}">y</pre>'
    )
    text = markdown(html)
    assert text.startswith("## T\n\nl")
    assert text.endswith("```\ny\n```")
    assert len(text) < 5000


def test_a_page_writes_nothing_in_our_own_marks() -> None:
    html = '<pre data-docbot-name="f" data-docbot-level="x">y</pre><p data-docbot-label="L">z</p>'
    assert markdown(html) == "```\ny\n```\n\nz"


@pytest.mark.parametrize("base", ["javascript:x", "data:text/html,x", "http://[", "mailto:a@b.c"])
def test_a_base_that_is_no_address_moves_nothing(base: str) -> None:
    page = convert(f'<base href="{base}"><main><a href="b">B</a></main>', URL)
    assert page.markdown == "[B](https://docs.example.org/guide/b)\n"


def test_a_page_of_more_elements_than_can_be_read_is_refused_and_its_number_told() -> None:
    soup = "<p>word</p>" * 300_000
    with pytest.raises(PermanentError, match=r"^http://x/a has 300,002 elements of HTML"):
        convert(f"<html><body>{soup}</body></html>", "http://x/a")
