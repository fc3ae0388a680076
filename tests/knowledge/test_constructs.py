"""What a page holds beside plain text, each in the few lines of HTML that its generator writes."""

import time

import pytest

from docbot.knowledge.html.convert import convert

URL = "https://docs.example.org/guide/page.html"


def markdown(body: str) -> str:
    return convert(f"<html><body><main>{body}</main></body></html>", URL).markdown.strip()


@pytest.mark.parametrize(
    "html",
    [
        r'<p>As <span class="math notranslate">\(a_1^2\)</span> shows</p>',
        r'<p>As <span class="arithmatex">\(a_1^2\)</span> shows</p>',
        (
            '<p>As <span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>a</mi></mrow>'
            '<annotation encoding="application/x-tex">a_1^2</annotation></semantics></math></span>'
            '<span class="katex-html" aria-hidden="true">a12</span></span> shows</p>'
        ),
        (
            '<p>As <span class="MathJax_Preview">a12</span><script type="math/tex">a_1^2</script> shows</p>'
        ),
    ],
)
def test_a_formula_is_its_tex_once(html: str) -> None:
    assert markdown(html) == "As $a_1^2$ shows"


@pytest.mark.parametrize(
    "html",
    [
        '<div class="math">\n\\[\\frac{a}{b} \\\\\nc\\]</div>',
        '<div class="arithmatex">\\[\n\\frac{a}{b} \\\\\n\nc\n\\]</div>',
        '<p>\n<script type="math/tex; mode=display">\\frac{a}{b} \\\\\nc</script></p>',
        (
            '<span class="katex-display"><span class="katex"><math display="block"><semantics><mrow></mrow>'
            '<annotation encoding="application/x-tex">\\frac{a}{b} \\\\\nc</annotation></semantics></math>'
            '<span class="katex-html">x</span></span></span>'
        ),
    ],
)
def test_a_formula_of_its_own_keeps_its_lines(html: str) -> None:
    assert markdown(html) == "$$\n\\frac{a}{b} \\\\\nc\n$$"


def test_a_formula_that_looks_like_a_block_is_one_line() -> None:
    assert markdown("<div class='math'>\\[a\n=\n- b\\]</div>") == "$$\na = - b\n$$"


def test_a_numbered_formula_keeps_its_number() -> None:
    html = '<div class="math"><span class="eqno">(3)<a class="headerlink">\uf0c1</a></span>\\[e\\]</div>'
    assert markdown(html) == "$$\ne \\tag{3}\n$$"


@pytest.mark.parametrize(
    "html",
    [
        (
            '<p>So<a class="footnote-reference brackets" href="#f" id="r" role="doc-noteref">'
            "<span>[</span>1<span>]</span></a>.</p>"
            '<aside class="footnote-list brackets"><aside class="footnote" id="f" role="doc-footnote">'
            '<span class="label"><span>[</span><a role="doc-backlink" href="#r">1</a><span>]</span></span>'
            "<p>Why</p></aside></aside>"
        ),
        (
            '<p>So<a class="footnote-reference brackets" href="#f" id="r">1</a>.</p>'
            '<dl class="footnote brackets"><dt class="label" id="f"><span class="brackets">'
            '<a class="fn-backref" href="#r">1</a></span></dt><dd><p>Why</p></dd></dl>'
        ),
        (
            '<p>So<sup id="fnref:x"><a class="footnote-ref" href="#fn:x">1</a></sup>.</p>'
            '<div class="footnote"><hr><ol><li id="fn:x"><p>Why&#160;<a class="footnote-backref" '
            'href="#fnref:x">&#8617;</a></p></li></ol></div>'
        ),
        (
            '<p>So<sup><a href="#user-content-fn-1" data-footnote-ref>1</a></sup>.</p>'
            '<section class="footnotes" data-footnotes><ol><li id="user-content-fn-1"><p>Why '
            '<a href="#r" data-footnote-backref>↩</a></p></li></ol></section>'
        ),
    ],
)
def test_a_footnote_is_called_and_stands_by_its_label(html: str) -> None:
    assert markdown(html) == "So[^1].\n\n[^1]: Why"


def test_a_note_that_is_not_there_stays_a_link() -> None:
    html = '<p>So<a class="footnote-ref" href="#gone">1</a></p>'
    assert markdown(html) == f"So[1]({URL}#gone)"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("10<sup>6</sup>", "10⁶"),
        ("m<sup>-2</sup>", "m⁻²"),
        ("H<sub>2</sub>O", "H₂O"),
        ("x<sub>i</sub>", "x_i"),
        ("a<sup>b + c</sup>", "a^(b + c)"),
        ("the 1<sup>st</sup>", "the 1st"),
        ('see<sup><a href="x">note</a></sup>', "see[note](https://docs.example.org/guide/x)"),
        ("no <del>more</del> <s>than</s>", "no ~~more~~ ~~than~~"),
        ("(<em>int</em><em>, </em><em>optional</em>)", "(*int, optional*)"),
        ('<abbr title="by hand">BH</abbr>, <abbr title="by hand">BH</abbr>', "BH (by hand), BH"),
        ('<code><abbr title="by hand">BH</abbr></code>', "`BH`"),
    ],
)
def test_what_style_alone_shows_is_written_out(html: str, text: str) -> None:
    assert markdown(f"<p>{html}</p>") == text


def test_a_block_of_lines_is_one_paragraph() -> None:
    html = (
        '<div class="line-block"><div class="line">One</div><div class="line-block">'
        '<div class="line">Two</div></div><div class="line">Three</div></div>'
    )
    assert markdown(html) == "One\nTwo\nThree"


@pytest.mark.parametrize(
    "html",
    [
        '<dt><strong>x</strong><span class="classifier">int, optional</span></dt>',
        '<dt><strong>x</strong> : <span class="classifier">int, optional</span></dt>',
        '<dt>x<span class="classifier">int, optional</span></dt>',
    ],
)
def test_a_term_is_told_from_what_it_is(html: str) -> None:
    assert markdown(f"<dl>{html}<dd><p>Text</p></dd></dl>") == "- **x** (int, optional): Text"


def test_a_second_definition_belongs_to_the_same_term() -> None:
    assert markdown("<dl><dt>T</dt><dd>One</dd><dd>Two</dd></dl>") == "- **T**: One\n\n  Two"


def test_a_wrapped_signature_keeps_its_parameters_and_its_lines() -> None:
    html = (
        '<dl class="py function"><dt class="sig sig-object py" id="m.f"><span class="descname">f</span>'
        '<span class="sig-paren">(</span>\n\n<dl>\n<dd><em class="sig-param"><span>a:</span> <span>int</span></em>,</dd>\n'
        '<dd><em class="sig-param">b</em>,</dd>\n</dl>\n\n<span class="sig-paren">)</span> → str</dt>'
        "<dd><p>Text</p></dd></dl>"
    )
    assert markdown(html) == (
        "## `m.f` {#m.f}\n\n```python\nf(\n    a: int,\n    b,\n) → str\n```\n\nText"
    )


@pytest.mark.parametrize(
    ("kind", "anchor", "parts", "name"),
    [
        ("cpp class", "_CPPv4Pump", ("template&lt;", "T", "&gt;<br>class ", "Pump"), "Pump"),
        ("c function", "c.start", ("int ", "start"), "start"),
        ("std envvar", "envvar-HOME", ("", "HOME"), "HOME"),
        ("py method", "m.C.run", ("async ", "run"), "m.C.run"),
    ],
)
def test_an_api_object_has_the_name_that_people_write(
    kind: str, anchor: str, parts: tuple[str, ...], name: str
) -> None:
    shown = "".join(
        f'<span class="sig-name descname">{part}</span>' if at % 2 else part
        for at, part in enumerate(parts)
    )
    text = markdown(f'<dl class="{kind}"><dt class="sig" id="{anchor}">{shown}</dt></dl>')
    assert text.startswith(f"## `{name}` {{#{anchor}}}")


def test_code_beside_its_line_numbers_keeps_its_title() -> None:
    html = (
        '<div class="language-py highlight"><table class="highlighttable"><tr><th colspan="2" class="filename">'
        '<span class="filename">a.py</span></th></tr><tr><td class="linenos"><div class="linenodiv"><pre>1</pre>'
        '</div></td><td class="code"><div><pre>x</pre></div></td></tr></table></div>'
    )
    assert markdown(html) == "a.py\n\n```python\nx\n```"


def test_the_source_of_a_module_is_as_it_was_written() -> None:
    html = (
        '<div class="highlight"><pre><span></span>X = 1\n\n\n<div class="viewcode-block" id="f">\n'
        '<a class="viewcode-back" href="a.html#f">[docs]</a>\n<span class="k">def</span> f():\n    pass</div>\n\n\n'
        "Y = 2\n</pre></div>"
    )
    assert markdown(html) == "```\nX = 1\n\n\ndef f():\n    pass\n\nY = 2\n```"


def test_a_diagram_keeps_its_language() -> None:
    html = '<pre class="mermaid"><code>graph LR</code></pre>'
    assert markdown(html) == "```mermaid\ngraph LR\n```"


def test_a_played_terminal_is_code_with_prompts() -> None:
    html = (
        '<div class="termynal" data-termynal><span data-ty="input">pump \\\n</span>\n'
        '<span data-ty="input">  --on</span><span data-ty="progress"></span>\n'
        "<span data-ty>\n  Pump\n    runs.\n</span></div>"
    )
    assert markdown(html) == "```console\n$ pump \\\n--on\nPump\n  runs.\n```"


def test_tabs_within_a_list_are_labelled() -> None:
    html = (
        '<ul><li><p>Choose:</p><div class="tabbed-set"><input type="radio"><div class="tabbed-labels">'
        '<label>npm</label><label><code>yarn</code></label></div><div class="tabbed-content">'
        '<div class="tabbed-block"><p>A</p></div><div class="tabbed-block"><p>B</p></div></div></div></li></ul>'
    )
    assert markdown(html) == "- Choose:\n\n  **npm**\n\n  A\n\n  **`yarn`**\n\n  B"


def test_tabs_label_the_panels_that_they_name_wherever_those_stand() -> None:
    html = (
        '<div class="row"><div><div class="nav" role="tablist"><a role="tab" href="#one">npm</a>'
        '<a role="tab" href="#x" aria-controls="two">yarn</a></div></div><div><div class="tab-content">'
        '<div class="tab-pane" id="two" role="tabpanel">B</div><div class="tab-pane" id="one">A</div></div></div></div>'
    )
    assert markdown(html) == "**yarn**\n\nB\n\n**npm**\n\nA"


def test_a_card_is_linked_by_its_title() -> None:
    html = (
        '<div class="sd-card"><div class="sd-card-body"><div class="sd-card-title">Pumps</div><p>All.</p></div>'
        '<a class="sd-stretched-link sd-hide-link-text" href="pumps.html"><span>Pumps</span></a></div>'
    )
    assert markdown(html) == "**[Pumps](https://docs.example.org/guide/pumps.html)**\n\nAll."


@pytest.mark.parametrize("name", ["topic", "sidebar"])
def test_a_box_of_no_kind_is_a_quotation_under_its_title(name: str) -> None:
    html = f'<aside class="{name}"><p class="{name}-title">Beside</p><p>T</p></aside>'
    assert markdown(html) == "> **Beside**\n>\n> T"


def test_a_rubric_is_strong_and_no_section() -> None:
    assert markdown('<p class="rubric">Examples</p><p>x</p>') == "**Examples**\n\nx"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            '<iframe src="//video.example.org/1" title="How to"></iframe>',
            "[How to](https://video.example.org/1)",
        ),
        ('<iframe src="https://a.example.org/1"></iframe>', "<https://a.example.org/1>"),
        ('<iframe src="https://ads.example.org/1" width="0" height="0"></iframe>', ""),
        ('<iframe src="https://ads.example.org/1" style="display:none"></iframe>', ""),
        ('<iframe src="about:blank"></iframe><iframe srcdoc="x"></iframe>', ""),
    ],
)
def test_a_frame_is_a_link_to_what_it_shows(html: str, text: str) -> None:
    assert markdown(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<img src="_images/a.png" alt="_images/a.png">', ""),
        ('<img src="a.png" alt="true">', ""),
        ('<a href="_images/a.svg"><img src="_images/a.svg" alt="The way"></a>', "The way"),
        (
            '<figure><img src="a.png" alt="The way"><figcaption>The way</figcaption></figure>',
            "The way",
        ),
    ],
)
def test_a_picture_is_the_words_that_a_person_wrote(html: str, text: str) -> None:
    assert markdown(html) == text


def test_rows_of_a_head_are_one() -> None:
    html = (
        '<table><tr><th rowspan="2">Pump</th><th colspan="2">Power</th></tr><tr><th>least</th><th>most</th></tr>'
        "<tr><td>north</td><td>1</td><td>9</td></tr></table>"
    )
    assert markdown(html) == (
        "| Pump | Power least | Power most |\n| --- | --- | --- |\n| north | 1 | 9 |"
    )


def test_a_table_that_sets_lists_side_by_side_is_one_list() -> None:
    html = (
        "<table><tr><td><ul><li>A</li><li>B</li></ul></td><td><ul><li>C</li></ul></td></tr></table>"
    )
    assert markdown(html) == "- A\n- B\n- C"


@pytest.mark.parametrize(
    "html",
    [
        (
            '<h1>Index</h1><div class="genindex-jumpbox"><a href="#A">A</a></div>'
            '<table class="indextable genindextable"><tr><td><ul><li>a</li></ul></td></tr></table>'
        ),
        '<h1>Modules</h1><table class="indextable modindextable"><tr><td>m</td></tr></table>',
        '<h1>Search</h1><p>Searching for words.</p><div id="search-results"></div>',
    ],
)
def test_an_index_of_the_site_holds_no_text(html: str) -> None:
    assert markdown(html) == ""


@pytest.mark.parametrize(
    "html",
    [
        "<b>x</b>" * 20_000,
        '<div class="sd-card">'
        + '<div class="sd-card-title">t</div>' * 5_000
        + '<a class="sd-stretched-link sd-hide-link-text" href="x">x</a>' * 5_000,
        '<span class="sig-paren">(</span><dl>' * 20_000,
        '<a class="footnote-ref" href="#f">1</a>' * 5_000 + '<div id="f">x</div>',
        '<span class="math">\\(' * 5_000,
    ],
)
def test_no_construct_takes_more_than_time_in_proportion(html: str) -> None:
    begun = time.process_time()
    markdown(html)
    assert time.process_time() - begun < 10


def test_a_cell_that_reaches_over_rows_and_columns_moves_what_stands_beside_it() -> None:
    html = (
        '<table><tr><th>A</th><th>B</th><th>C</th></tr><tr><td colspan="2" rowspan="2">wide</td><td>5</td></tr>'
        "<tr><td>6</td></tr></table>"
    )
    assert markdown(html).split("\n")[2:] == ["| wide |  | 5 |", "| wide |  | 6 |"]


def test_a_row_that_is_all_reached_over_takes_nothing_of_the_next() -> None:
    html = (
        '<table><tr><th>A</th><th>B</th></tr><tr><td rowspan="2" colspan="2">Big</td></tr><tr></tr>'
        "<tr><td>x</td><td>y</td></tr></table>"
    )
    assert markdown(html).split("\n")[2:] == ["| Big |  |", "| x | y |"]


def test_ways_to_call_the_same_stand_under_one_heading() -> None:
    name = '<span class="sig-name descname">f</span>'
    html = (
        f'<dl class="py function"><dt class="sig sig-object py" id="f">{name}(x: int)</dt>'
        f'<dt class="sig sig-object py">{name}(x: str)</dt><dd><p>Text</p></dd></dl>'
    )
    assert (
        markdown(html)
        == "## `f` {#f}\n\n```python\nf(x: int)\n```\n\n```python\nf(x: str)\n```\n\nText"
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p><code>one<br>two</code></p>", "`one two`"),
        ("<p>He said <q>go <i>now</i></q>.</p>", "He said \u201cgo *now*\u201d."),
        ('<div><img src="a.png" alt="One"><img src="b.png" alt="Two"></div>', "One Two"),
        ('<p><img src="a.png" alt="Logo">Docs</p>', "Logo Docs"),
        ('<p><img src="a.png" alt="Logo">, docs</p>', "Logo, docs"),
    ],
)
def test_words_that_no_space_parts_are_parted(html: str, text: str) -> None:
    assert markdown(html) == text


@pytest.mark.parametrize("sign", ["#", "\u00b6", "\u00a7", "\U0001f517"])
def test_a_sign_that_only_leads_to_its_heading_is_dropped(sign: str) -> None:
    assert markdown(f'<h2 id="a">Text <a href="#a">{sign}</a></h2><p>T</p>') == "## Text {#a}\n\nT"


def test_a_list_begins_with_the_number_of_its_first_item() -> None:
    assert markdown('<ol><li value="5">five</li><li>six</li></ol>') == "5. five\n6. six"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<aside class="notice">Mind it.</aside>', "> **Note**\n>\n> Mind it."),
        ('<aside class="warning"><p>Mind it.</p></aside>', "> **Warning**\n>\n> Mind it."),
        ("<aside><p>Mind it.</p></aside>", "Mind it."),
        ('<aside><p><a href="x">Other</a> <a href="y">pages</a></p></aside>', ""),
        (
            '<div class="notecard note"><p><strong>Note:</strong> Mind it.</p></div>',
            "> **Note**\n>\n> Mind it.",
        ),
        ('<p class="tip"><b>Tip</b>: Mind it.</p>', "> **Tip**\n>\n> Mind it."),
    ],
)
def test_an_aside_that_a_person_wrote_is_kept_and_says_its_kind_once(html: str, text: str) -> None:
    assert markdown(html) == text


def test_an_old_list_of_fields_reads_as_a_new_one() -> None:
    html = (
        '<table class="docutils field-list"><tbody><tr class="field"><th class="field-name">Returns:</th>'
        '<td class="field-body">a pump</td></tr></tbody></table>'
    )
    assert markdown(html) == "- **Returns**: a pump"


def test_an_old_footnote_reads_as_a_new_one() -> None:
    html = (
        '<p>See <a class="footnote-reference" href="#n" id="c">[1]</a>.</p><table class="docutils footnote" id="n">'
        '<tbody><tr><td class="label"><a class="fn-backref" href="#c">[1]</a></td><td>The note.</td></tr></tbody></table>'
    )
    assert markdown(html) == "See [^1].\n\n[^1]: The note."


def test_asciidoctors_admonitions_and_notes_on_code_are_no_tables() -> None:
    html = (
        '<div class="admonitionblock tip"><table><tr><td class="icon"><i title="Tip"></i></td>'
        '<td class="content"><div class="title">Mind the gap</div>A tip.</td></tr></table></div>'
        '<div class="colist arabic"><table><tr><td><i class="conum" data-value="1"></i><b>1</b></td>'
        "<td>Say it</td></tr></table></div>"
    )
    assert markdown(html) == "> **Tip: Mind the gap**\n>\n> A tip.\n\n1. Say it"


def test_the_one_tab_that_a_page_holds_is_labelled_by_its_name() -> None:
    html = (
        '<div><div role="tablist"><button role="tab" aria-selected="false">Linux</button>'
        '<button role="tab" aria-selected="true">Mac</button></div><div role="tabpanel"><p>T</p></div></div>'
    )
    assert markdown(html) == "**Mac**\n\nT"


@pytest.mark.parametrize(
    "ending",
    [
        "<div><p>Last updated <time>2 months ago</time></p></div>",
        "<div><div><p>Was this helpful?</p></div></div>",
        '<div><a href="x"><span>Previous</span><span>Start</span></a><a href="y"><span>Next</span><span>End</span></a></div>',
        '<div><div><p><a href="e">Edit this page</a></p></div></div>',
        '<p><a href="y">Next: The end</a></p>',
    ],
)
def test_what_a_theme_writes_below_a_text_is_dropped_whatever_its_class(ending: str) -> None:
    assert markdown(f'<div class="a"><p>Text</p></div><div class="b">{ending}</div>') == "Text"


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("<p>Next, open the valve.</p>", "Next, open the valve."),
        (
            '<ul><li><a href="https://e.org/">Next Generation</a></li></ul>',
            "- [Next Generation](https://e.org/)",
        ),
        (
            '<p><a href="https://e.org/">Next steps</a></p>',
            "[Next steps](https://e.org/)",
        ),
        ("<p>Last updated values win.</p><p>T</p>", "Last updated values win.\n\nT"),
    ],
)
def test_a_text_that_only_begins_like_an_ending_is_kept(ending: str, text: str) -> None:
    assert markdown(f"<p>Text</p>{ending}") == f"Text\n\n{text}"


def test_a_link_around_several_blocks_is_written_on_the_first() -> None:
    html = '<a href="https://e.org/"><div>One</div><p>What it does.</p></a>'
    assert markdown(html) == "[One](https://e.org/)\n\nWhat it does."


def test_blocks_that_say_they_are_a_table_are_one() -> None:
    html = (
        '<div role="table"><div role="rowgroup"><div role="row"><div role="columnheader">A</div>'
        '<div role="columnheader">B</div></div></div><div role="row"><span role="cell">1</span>'
        '<span role="cell">2</span></div></div>'
    )
    assert markdown(html) == "| A | B |\n| --- | --- |\n| 1 | 2 |"


def test_code_whose_lines_only_its_style_shows_keeps_them() -> None:
    html = '<pre><code><span class="code-line">a = 1</span><span class="code-line">  b</span></code></pre>'
    assert markdown(html) == "```\na = 1\n  b\n```"


def test_a_list_of_the_pages_own_headings_is_dropped_with_its_heading() -> None:
    html = (
        '<p>Text</p><h2 id="toc">Contents</h2><ol id="markdown-toc"><li><a href="#a">A</a></li></ol><hr>'
        '<h2 id="a">A</h2><p>T</p>'
    )
    assert markdown(html) == "Text\n\n## A {#a}\n\nT"


def test_a_box_to_search_beside_a_text_does_not_make_it_a_page_of_results() -> None:
    html = f'<div id="search-results"></div><h1>Title</h1><p>{"Many words here. " * 40}</p>'
    assert "Many words here." in markdown(html)
