"""Small shapes of HTML that site generators write, each beside what a person would make of it."""

from docbot.knowledge.html import convert

URL = "https://docs.example.org/guide/page.html"


def markdown(body: str) -> str:
    return convert(f"<html><body><main>{body}</main></body></html>", URL).markdown.strip()


def test_lines_of_code_in_blocks_within_blocks_end_once() -> None:
    html = (
        '<pre data-language="js"><code><div class="ec-line"><div class="code">one()</div></div>'
        '<div class="ec-line"><div class="code">\n</div></div>'
        '<div class="ec-line"><div class="gutter"><div class="ln">3</div></div>'
        '<div class="code">two()</div></div></code></pre>'
    )
    assert markdown(html) == "```js\none()\n\ntwo()\n```"


def test_the_words_of_a_heading_that_only_style_keeps_apart_are_two() -> None:
    html = '<h1><span class="name">Pumpkit</span><span class="text">Pumps</span></h1>'
    assert markdown(html) == "# Pumpkit Pumps"
    assert markdown("<h2><span>f</span><span>()</span></h2>") == "## f()"


def test_a_hero_s_text_is_no_button_to_copy() -> None:
    html = '<div class="copy"><h1>Pumps</h1><p>Under control</p></div>'
    assert markdown(html) == "# Pumps\n\nUnder control"


def test_code_is_named_by_its_title() -> None:
    html = (
        '<figure class="frame has-title"><figcaption class="header"><span class="title">a.js</span>'
        '</figcaption><pre data-language="js"><code>x</code></pre></figure>'
    )
    assert markdown(html) == "**a.js**\n\n```js\nx\n```"


def test_a_footnote_is_called_by_its_label_where_only_what_is_around_the_link_tells() -> None:
    html = (
        '<p>Wet<sup class="footnote-ref"><a href="#fn1" id="r1">[1]</a></sup>, so'
        '<sup class="footnote-ref"><a href="#fn1" id="r1:1">[1:1]</a></sup></p>'
        '<ol><li id="fn1"><p>Why. <a href="#r1" class="footnote-backref">↩︎</a></p></li></ol>'
    )
    assert markdown(html) == "Wet[^1], so[^1]\n\n[^1]: Why."


def test_a_formula_that_is_drawn_beside_its_mathml_is_kept_as_tex_once() -> None:
    html = (
        '<p>So <mjx-container jax="SVG"><svg><path d="M0"></path></svg><mjx-assistive-mml>'
        "<math><mfrac><mi>p</mi><mi>g</mi></mfrac></math></mjx-assistive-mml></mjx-container>:</p>"
        '<mjx-container display="true"><mjx-assistive-mml><math display="block"><mi>P</mi></math>'
        "</mjx-assistive-mml></mjx-container>"
    )
    assert markdown(html) == "So $\\frac{p}{g}$:\n\n$$\nP\n$$"


def test_a_list_below_code_within_an_item_stands_apart_from_it() -> None:
    html = "<ul><li>Run:<pre>x</pre><ul><li>a</li><li>b</li></ul></li></ul>"
    assert markdown(html) == "- Run:\n\n  ```\n  x\n  ```\n\n  - a\n  - b"
