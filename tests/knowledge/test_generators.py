"""Small shapes of HTML that site generators write, each beside what a person would make of it."""

from docbot.knowledge.html.convert import convert

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


def test_a_header_before_the_text_that_alone_holds_the_title_is_read_with_it() -> None:
    page = convert(
        '<body><div><nav>N</nav><header class="hero"><h1>Pumps</h1><p>Under control</p></header>'
        "<main><p>Text</p></main><footer>F</footer></div></body>",
        URL,
    )
    assert page.markdown == "# Pumps\n\nUnder control\n\nText\n"


def test_the_name_of_the_site_before_the_text_is_not_its_title() -> None:
    header = '<header><h1><a href="/">Acme</a></h1></header>'
    page = convert(
        f"<head><title>Valves | Acme</title></head><body><div>{header}<main><p>Text</p></main>"
        "</div></body>",
        URL,
    )
    assert (page.title, page.markdown) == ("Valves", "Text\n")


def test_the_link_of_a_card_is_written_on_its_heading_alone() -> None:
    html = '<a class="card" href="/a"><h2>Pumps <em>new</em></h2><p>What they do.</p></a>'
    assert markdown(html) == "## [Pumps new](https://docs.example.org/a)\n\nWhat they do."
    assert markdown('<a href="#own"><h2 id="own">Pumps</h2></a>') == "## Pumps {#own}"


def test_words_that_only_style_keeps_apart_are_parted() -> None:
    html = (
        '<p><strong class="name">mode</strong><span class="type">string</span>'
        '<span class="divider"></span><span class="required">required</span></p>'
        '<p><code><span class="a">one</span><span class="b">two</span></code></p>'
        "<p><span>un</span><span>parted</span></p>"
    )
    assert markdown(html) == "**mode** string required\n\n`onetwo`\n\nunparted"


def test_blocks_in_a_list_are_its_items() -> None:
    html = "<ul><div><p>one</p><p>more</p></div><div><p>two</p></div></ul>"
    assert markdown(html) == "- one\n\n  more\n\n- two"


def test_a_live_editor_is_its_code() -> None:
    html = (
        '<div class="playgroundContainer_x"><div class="playgroundHeader_y">Live Editor</div>'
        '<pre class="prism-code language-jsx">f()</pre><div class="playgroundHeader_y">Result</div>'
        '<div class="playgroundPreview_z">Loading...</div></div>'
    )
    assert markdown(html) == "```jsx\nf()\n```"


def test_an_author_is_named_once() -> None:
    html = (
        '<div class="avatar"><a href="/ada" class="avatar__photo-link"><img class="avatar__photo" '
        'src="a.png" alt="Ada"></a><div><a href="/ada">Ada</a></div></div>'
    )
    assert markdown(html) == "[Ada](https://docs.example.org/ada)"


def test_an_alert_that_was_left_as_it_was_written_has_its_kind() -> None:
    html = "<blockquote><p>[!NOTE]\nText</p></blockquote><blockquote><p>[!no]</p></blockquote>"
    assert markdown(html) == "> **Note**\n>\n> Text\n\n> [!no]"


def test_a_callout_of_nextra_has_the_kind_that_its_colour_tells() -> None:
    html = (
        '<div class="nextra-callout x:bg-red-100 x:dark:text-blue-50 x:text-red-700">'
        '<div data-pagefind-ignore="all">!</div><div><p>Stop</p></div></div>'
    )
    assert markdown(html) == "> **Error**\n>\n> Stop"


def test_a_tree_of_files_keeps_the_names_of_its_folders() -> None:
    html = (
        '<ul class="nextra-filetree"><li><button>src</button><ul><li>a.js</li></ul></li>'
        "<li>b.js</li></ul>"
    )
    assert markdown(html) == "- src\n  - a.js\n- b.js"


def test_a_heading_that_is_a_button_keeps_its_text() -> None:
    html = '<h2><button aria-expanded="false">How?</button></h2><h2>So <button>copy</button></h2>'
    assert markdown(html) == "## How?\n\n## So"


def test_what_opens_details_is_no_heading_unless_it_has_an_anchor() -> None:
    html = "<details><summary><h3>More</h3></summary><p>Text</p></details>"
    assert markdown(html) == "**More**\n\nText"
    assert markdown(html.replace("<h3", '<h3 id="a"')) == "### More {#a}\n\nText"


def test_the_title_of_an_aside_is_kept_though_it_is_hidden_from_who_hears_the_page() -> None:
    html = (
        '<aside aria-label="Try" class="starlight-aside starlight-aside--tip">'
        '<p class="starlight-aside__title" aria-hidden="true">Try <code>it</code></p><p>Text</p></aside>'
    )
    assert markdown(html) == "> **Tip: Try `it`**\n>\n> Text"
