"""What documentation themes call things: where their text is, and what around it is not text."""

import re
from itertools import takewhile

from lxml import etree

from docbot.knowledge.html.tree import (
    HEADINGS,
    attribute,
    classes,
    line_of,
    remove,
    select,
    text_of,
    written_line_of,
)


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


# Searched in order; one that matches several elements, or an empty one, is passed over.
MAIN_PATHS = tuple(
    path.replace("~", "concat(' ', normalize-space(@class), ' ')")
    for path in (
        "descendant::article[@class][contains(~, ' md-content__inner ')]",  # Material for MkDocs
        "descendant::article[@class][contains(~, ' bd-article ')]",  # PyData and Book themes
        "descendant::*[@class][contains(~, ' theme-doc-markdown ')]",  # Docusaurus
        "descendant::main/descendant::*[@class][contains(~, ' vp-doc ')]",  # VitePress
        "descendant::*[@class][contains(~, ' sl-markdown-content ')]/ancestor::main[1]",  # Starlight
        "descendant::article[@role='main']",  # Furo
        "descendant::*[@role='main']/descendant::*[@itemprop='articleBody']",  # Read the Docs
    )
)
# Of pages whose theme is unknown, the surest first.
LANDMARK_PATHS = tuple(
    path.replace("~", "concat(' ', normalize-space(@class), ' ')")
    for path in (
        "descendant::*[@role='main']",
        "descendant::main//article[not(ancestor::article)]",
        "descendant::main[not(ancestor::main)]",
        "descendant::article[not(ancestor::article)]",
        "descendant::*[@class][contains(~, ' markdown-body ')]",
        "descendant::*[@class][contains(~, ' VPContent ')]",
        "descendant::*[@id='main-content' or @id='content' or @id='main' or @id='main_content']",
    )
)
DROPPED_TAGS = _words(
    "script style noscript template nav footer form button input select textarea svg iframe object",
    "embed canvas audio video dialog link meta head title progress datalist",
)
_DROPPED_ROLES = _words(
    "navigation search banner contentinfo dialog menu menubar toolbar doc-toc",
)
_DROPPED_CLASSES = _words(
    # pilcrows and edit links
    "headerlink header-anchor hash-link anchorjs-link anchor-link heading-anchor viewcode-link",
    "viewcode-back edit-this-page edit-link theme-edit-this-page md-content__button md-source-file",
    "md-feedback wy-breadcrumbs-aside sl-anchor-link sl-anchor__link",
    # moving about the site
    "breadcrumb breadcrumbs theme-doc-breadcrumbs md-path pagination pagination-nav prev-next-area",
    "prev-next-footer prev-next related related-pages VPNav VPSidebar VPLocalNav VPDocFooter",
    "VPDocAside VPFooter VPSkipLink VPNavScreen theme-doc-footer rst-footer-buttons skip-link",
    "md-skip sphinxsidebar wy-nav-side wy-nav-top md-sidebar md-header md-footer md-tabs navbar",
    "bd-header bd-header-article bd-sidebar-primary bd-sidebar-secondary bd-footer toc-drawer",
    "right-sidebar pagination-links page-nav theme-doc-version-badge theme-doc-version-banner",
    # tables of contents, search
    "toc tocbox table-of-contents tableOfContents theme-doc-toc-mobile theme-doc-toc-desktop",
    "md-search searchbox onlyprint sidebar-toc mobile-toc",
    # around code
    "copybtn copy-button copy-btn clipboard-copy o-tooltip--left linenos lineno linenodiv gutter",
    "line-numbers line-numbers-wrapper linenumber code-line-number ln rouge-gutter hljs-ln-numbers",
    "linenums lnt boring td-heading-self-link permalink theme-doc-card-icon avatar__photo",
    "avatar__photo-link site-footer page-footer footer suggestEdits UpdatedAt heading-anchor-icon",
    "callout-icon navheader navfooter logo-container sub-logo-container srclink hideme rightside",
    # pictures shown again, larger
    "checkbox-img img-wrapper",
    # for screen readers and mathematics written twice
    "visually-hidden sr-only screen-reader-only katex-html MathJax_Preview mjx-assistive-mml",
)
_BANNER = re.compile(r"(?:^|[-_])(?:banner|announcement)(?:$|[-_])|^playground(?:Header|Preview)_")
_BLOCK_TAGS = _words("div section ul ol p header center h2 h3 h4 h5 h6")
_AROUND = re.compile(
    r"(?:^|[\s_-])(?:(?P<navigation>nav|navigation|navigationbar|menu|sidebar|sidenav|sidemenu|toc|pager|prevnext)"
    r"|(?P<discussion>comments|disqus|giscus|utterances)"
    r"|cookies?|consent|gdpr|share|sharing|social|newsletter|subscribe|feedback|helpful|rating"
    r"|lastmod|last[_-](?:updated|modified)|page-meta|edit[_-]page)"
    r"(?=[\s_-]|$)",
    re.IGNORECASE,
)
_DISCUSSIONS = _words("disqus_thread comments respond giscus utterances")
_MOST_WORDS_AROUND = 80
# A reader sees these; they are hidden from screen readers because they say something twice.
_SHOWN_ALTHOUGH_HIDDEN = _words("pre code table td th tr")
_KINDS = _words(
    "note tip info warning danger caution important hint attention error seealso success question",
    "failure bug example quote abstract todo deprecated check help summary tldr experimental",
)
# Some write an admonition as a block of this class and nothing else, as Jekyll, Pandoc and rustdoc.
_PLAIN_KINDS = _words("note tip warning danger caution important")
_KIND_PREFIX = re.compile(
    r"^(?:starlight-aside--|markdown-alert-|theme-admonition-|blockquote-tag-|alert-|callout_)"
)
_SHORT_KINDS = {"warn": "warning", "err": "error", "okay": "success", "notice": "note"}
_ADMONITIONS = _words(
    "admonition custom-block theme-admonition starlight-aside callout markdown-alert alert",
    "github-alert admonition-block blockquote-tag nextra-callout notecard hint",
)
# Nextra tells a callout's kind by its colour alone.
_NEXTRA_COLOUR = re.compile(r"(?:^|[:_-])text-(green|blue|yellow|orange|red|purple)-\d+$")
_NEXTRA_KINDS = {
    "green": "tip",
    "blue": "info",
    "yellow": "warning",
    "orange": "warning",
    "red": "error",
    "purple": "important",
}
_ADMONITION_TITLE = re.compile(
    r"(?:admonition-?|custom-block-|alert-|blockquote-tag-|aside__|callout-|hint-|topic-|sidebar-)(?:title|heading)",
    re.IGNORECASE,
)
# Topics and sidebars of reStructuredText: boxes with a title, but of no kind.
_BOX_TITLE = "./*[@class='topic-title' or @class='sidebar-title']"
_ALERT = re.compile(r"\s*\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*")
_LINKED_BLOCKS = ".//a[p or div][@href][not(.//h2 or .//h3 or .//h4 or .//h5 or .//h6)]"
_NAMES_OF_BLOCKS = (
    ".//p[contains(concat(' ', @class, ' '), ' rubric ')]"
    " | .//*[contains(concat(' ', normalize-space(@class), ' '), ' sd-card-title ')]"
    " | .//*[contains(@class, 'toctree-wrapper')]/p[contains(@class, 'caption')]"
    " | .//figure/figcaption/span[@class='title']"  # of code, in Starlight
    " | .//div[contains(@class, 'codeBlockTitle')]"  # the same in Docusaurus
    " | .//div[contains(@class, 'book-expand-head')]"  # of a fold, in older hugo-book
    " | .//div[contains(@class, 'nextra-code')]/div/span[contains(@class, 'truncate')]"
    " | .//div[contains(@class, 'nextra-code')]/div[contains(@class, 'truncate')]"  # Nextra 2, 3
    " | .//p[contains(concat(' ', normalize-space(@class), ' '), ' title ')]"
)
_TAB_SETS = _words(
    "CodeTabs tabbed-set vp-code-group code-group sd-tab-set tab-set sphinx-tabs tabs-container",
)
_BLOCKS_OF_TABS = "./*[contains(@class, 'blocks') or @class='CodeTabs-inner']"
_TAB_PANELS = _words(
    "tabbed-block tabbed-content sd-tab-content tab-content tab-panel",
)
_LANGUAGE_CLASS = re.compile(r"(?:language|lang|highlight-source|highlight|brush:)-?([\w+#.-]*)$")
_LANGUAGE_ALIASES = {
    **dict.fromkeys(("ipython3", "ipython", "python3", "py"), "python"),
    **dict.fromkeys(
        ("default", "none", "text", "plaintext", "plain", "txt", "myst-ansi", "ipythontb"), ""
    ),
    "termy": "console",
}
_MAYBE_NOISE_IN_CODE = re.compile(r"lin|ln|gutter|copy|viewcode|boring")
LINE_NUMBER_TABLES = (
    "//table[contains(@class, 'highlighttable') or contains(@class, 'rouge-table')"
    " or contains(@class, 'codehilitetable')][not(ancestor::table)]"
)
_LISTS_OF_HEADINGS = (
    ".//*[self::ul or self::ol or self::div or self::nav]"
    "[@id='markdown-toc' or @class='toc' or contains(@class, 'table-of-contents')]"
)
_DEEPEST_ENDING = 8
_AROUND_BLOCKS = frozenset({"body", "main", "article", "section", "div"})
_LONGEST_ENDING = 200  # characters
_ENDING = re.compile(
    r"(?:last (?:updated|modified)\b.{0,60}|(?:was|did) this (?:page |article |section )?(?:helpful|help you)\b.{0,40}"
    r"|(?:edit|improve) this page\b.{0,30}|edit (?:this page )?on git(?:hub|lab)|powered by \w+"
    r"|last (?:updated|modified)\b.{0,60}(?:was|did) this (?:page |article )?helpful\b.{0,40})",
    re.IGNORECASE,
)
# The name of another page follows with nothing between: as a sentence it would read otherwise.
_WAY_ON = re.compile(r"(?i:previous|next)(?i: page)?(?=$|\s*[:\u00bb\u2192]|\s?[A-Z])")
_INDEXES = ".//table[contains(@class, 'indextable')] | .//*[contains(@class, 'index-jumpbox')]"
_RESULTS = ".//*[@id='search-results' or @id='mkdocs-search-results' or @id='SRResults']"
_MOST_WORDS_OF_A_SEARCH = 60  # on a page that holds nothing else


def only_lists_the_site(main: etree._Element) -> bool:
    """Tell whether this is an index of all names or a page to search: docbot is one itself."""
    if select(main, _INDEXES):
        return True
    return bool(select(main, _RESULTS)) and len(text_of(main).split()) < _MOST_WORDS_OF_A_SEARCH


def drop_ending(main: etree._Element) -> None:
    """Take out what ends a page without being of its text: ways on, dates, questions to the reader."""
    outer = main
    for _ in range(_DEEPEST_ENDING):
        while len(outer) and not (outer[-1].tail or "").strip() and _is_ending(outer[-1]):
            outer.remove(outer[-1])
        if not len(outer) or (outer[-1].tail or "").strip() or outer[-1].tag not in _AROUND_BLOCKS:
            return
        outer = outer[-1]


def _is_ending(element: etree._Element) -> bool:
    """Tell whether this holds nothing, or only what themes write below a text."""
    text = line_of(element)
    if select(element, "descendant-or-self::*[@data-docbot-label]"):
        return False
    if not text:
        return element.tag in {"div", "p", "svg"} and not select(element, ".//img|.//iframe|.//pre")
    if len(text) > _LONGEST_ENDING or element.tag in {"pre", "table", *HEADINGS}:
        return False
    if _ENDING.fullmatch(text):
        return True
    links = list(element.iter("a"))
    is_linked = sum(len(text_of(link)) for link in links) == len(text_of(element).strip())
    is_pair = len(links) == 2
    is_way = is_pair or (len(links) == 1 and element.tag not in {"a", "ul", "ol"})
    return is_linked and is_way and all(_WAY_ON.match(line_of(link)) for link in links)


def drop_contents(main: etree._Element) -> None:
    """Take out a list of the page's own headings, with the heading or fold that it alone stands in."""
    for listing in select(main, _LISTS_OF_HEADINGS):
        fold, before, after = listing.getparent(), listing.getprevious(), listing.getnext()
        while after is not None and after.tag == "hr":
            after = after.getnext()
        is_alone = after is None or after.tag in HEADINGS
        if fold is not None and fold.tag == "details" and len(fold) == 2:
            remove(fold)
        elif before is not None and before.tag in HEADINGS[1:] and is_alone:
            remove(before)
        remove(listing)


def is_apart(element: etree._Element) -> bool:
    """Tell whether this stands beside a page's text by its tag or role.

    A form may hold all of a page, and so does the head of one whose body was never opened.
    """
    return (
        not isinstance(element.tag, str)
        or (element.tag in DROPPED_TAGS and element.tag not in {"form", "head"})
        or element.tag == "aside"
        or element.get("role") in _DROPPED_ROLES
    )


def _is_around_by_name(element: etree._Element) -> bool:
    """Tell a block by a word of its class that sites use for what surrounds a page's text.

    What holds code or a section of its own is text, whatever its class says.
    """
    if element.tag not in _BLOCK_TAGS:
        return False
    is_section = element.tag == "section" or "section" in classes(element)
    if element.get("id") == "titlearea":  # Doxygen writes the project's name there
        return True
    if element.get("id") in _DISCUSSIONS and not is_section:
        return True
    found = _AROUND.search(attribute(element, "class"))
    if found is None or select(element, "descendant::pre|descendant::h1"):
        return False
    text = text_of(element)
    if found["navigation"]:
        linked = sum(len(text_of(link)) for link in element.iter("a"))
        return 2 * linked > len(text)
    return found["discussion"] is not None or len(text.split()) < _MOST_WORDS_AROUND


def is_noise_by_role_or_class(element: etree._Element) -> bool:
    if element.get("role") in _DROPPED_ROLES:
        return True
    if element.get("aria-hidden") == "true" and element.tag not in _SHOWN_ALTHOUGH_HIDDEN:
        # The title of an aside of Starlight: to those who hear the page, its label says it.
        return not _ADMONITION_TITLE.search(attribute(element, "class"))
    names = classes(element)
    if "contents" in names and ("topic" in names or "local" in names):
        return True
    if "lang" in names and element.tag == "span":  # VitePress writes it beside the code
        return True
    if not names and element.get("id") is None:
        return False
    return any(
        name in _DROPPED_CLASSES or _BANNER.search(name) for name in names
    ) or _is_around_by_name(element)


def maybe_noise_in_code(pre: etree._Element) -> list[etree._Element]:
    """A cheap first look; each line of code has many elements, most of which only colour it."""
    return [
        element
        for element in pre.iterdescendants()
        if element.tag == "button"
        or _MAYBE_NOISE_IN_CODE.search(element.get("class", ""))
        or element.get("role") is not None
    ]


def is_aside_of_the_text(aside: etree._Element) -> bool:
    """Footnotes, margin notes and admonitions are text; a theme's own sidebars are not."""
    names = set(classes(aside))
    return bool(
        names & {"footnote", "footnote-list", "margin", "topic", *_ADMONITIONS}
        or ("sidebar" in names and select(aside, "./p[contains(@class, 'sidebar-title')]"))
        or aside.get("role") in {"note", "doc-footnote"}
        or _is_note_by_name(aside)
    )


def _is_note_by_name(aside: etree._Element) -> bool:
    """Tell an aside that a person wrote: of one class, a kind, or of none and more text than links."""
    names = classes(aside)
    if names:
        return len(names) == 1 and _bare_kind(names[0]) in _KINDS
    linked = sum(len(text_of(link)) for link in aside.iter("a"))
    return (
        not {"id", "role", "aria-label"} & set(aside.attrib)
        and aside.find(".//p") is not None
        and 2 * linked < len(text_of(aside))
    )


def is_empty_mark(element: etree._Element) -> bool:
    """Tell whether this only marks a place: an empty `a` or `span` with nothing after it."""
    return (
        element.tag in {"a", "span"}
        and not text_of(element).strip()
        and not (element.tail or "").strip()
    )


def language_of(element: etree._Element) -> str:
    """Return the language an element names by class or attribute, "" if none."""
    stated = attribute(element, "data-language") or attribute(element, "data-lang")
    if stated:
        return _known_as(stated)
    names = classes(element)
    if "mermaid" in names:
        return "mermaid"
    if "sourceCode" in names:  # pandoc: the language is the other class
        return _known_as(next((name for name in names if name != "sourceCode"), ""))
    for name in names:
        if name == "termy":
            return _LANGUAGE_ALIASES[name]
        match = _LANGUAGE_CLASS.match(name)
        if match and match[1] and name != "highlight-text":
            return _known_as(match[1])
    return ""


def close_line_of_source(link: etree._Element) -> None:
    """Take away the lines that Sphinx puts into a module's source, around each documented piece."""
    block = link.getparent()
    if block is not None and "viewcode-block" in classes(block):
        block.text = (block.text or "").removeprefix("\n")
        link.tail = (link.tail or "").removeprefix("\n")
        block.tail = (block.tail or "").removeprefix("\n")
        block.tag = "span"  # its lines end in its text


def is_line_of_code(part: etree._Element) -> bool:
    return any(name == "line" or name.endswith("-line") for name in classes(part))


def is_played_terminal(pre: etree._Element) -> bool:
    """Termynal, of Material sites, plays a terminal session and writes its colours as HTML text."""
    return any("termy" in classes(outer) for outer in pre.iterancestors("div"))


def _known_as(language: str) -> str:
    lowered = language.strip().lower()
    return (
        _LANGUAGE_ALIASES.get(lowered, lowered) if re.fullmatch(r"[\w+#.-]{0,40}", lowered) else ""
    )


def label_tabs(main: etree._Element) -> None:
    """Write each tab's name on its panel and take the row of names out."""
    containers = select(
        main,
        ".//*[@role='tablist']/.. | .//starlight-tabs | .//*["
        + " or ".join(
            f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"
            for name in sorted(_TAB_SETS)
        )
        + "]",
    )
    _label_by_reference(main)
    for name in select(main, ".//label[@for]"):
        _label_next(name)
    # Inner sets first: an outer one must not count their names and panels.
    for container in reversed(containers):
        names = [
            element
            for element in container.iter("label", "button", "li", "a", "div")
            if _is_tab_name(element, container)
        ]
        panels = _tab_panels(container)
        if len(panels) == 1 < len(names):  # the others are not on the page
            chosen = [name for name in names if name.get("aria-selected") == "true"]
            for name in names:
                if chosen and name not in chosen:
                    remove(name)
            names = chosen
        if not names or len(names) != len(panels):
            continue
        for name, panel in zip(names, panels, strict=True):
            _label(panel, name)
        for name in names:
            remove(name)


def _label_by_reference(main: etree._Element) -> None:
    """Label the panels that their tabs name, wherever they stand."""
    tabs = select(main, ".//*[@role='tab'][@aria-controls or starts-with(@href, '#')]")
    panels = {attribute(panel, "id"): panel for panel in select(main, ".//*[@id]")} if tabs else {}
    for tab in tabs:
        target = attribute(tab, "aria-controls") or attribute(tab, "href").lstrip("#")
        panel = panels.pop(target, None)
        if panel is not None and tab not in panel.iterdescendants():
            _label(panel, tab)
            remove(tab)


def _label_next(name: etree._Element) -> None:
    """Label the block right behind a name whose button shows it by style, as in hugo-book."""
    button, panel = name.getprevious(), name.getnext()
    if button is None or panel is None or button.get("type") != "radio":
        return
    if panel.tag in {"div", "section"} and button.get("id") == name.get("for") and line_of(name):
        _label(panel, name)
        remove(name)


def _label(panel: etree._Element, name: etree._Element) -> None:
    panel.set("data-docbot-label", written_line_of(name))
    panel.set("role", "")
    panel.set("class", "")


def _is_tab_name(element: etree._Element, container: etree._Element) -> bool:
    if element.get("role") == "tab" or _is_in_toolbar(element):
        return True
    within = takewhile(lambda outer: outer is not container, element.iterancestors())
    return element.tag == "label" and not any(outer.tag in {"li", "p"} for outer in within)


def _is_in_toolbar(element: etree._Element) -> bool:
    outer = element.getparent()
    return element.tag == "button" and outer is not None and "CodeTabs-toolbar" in classes(outer)


def _tab_panels(container: etree._Element) -> list[etree._Element]:
    if blocks := select(container, _BLOCKS_OF_TABS):  # VitePress, ReadMe
        return list(blocks[0])
    if blocks := select(
        container, "./*[contains(@class, 'tabbed-content')]/*[@class='tabbed-block']"
    ):
        return list(blocks)
    return [
        element
        for element in container.iter("div", "section", "p", "ul")
        if element is not container
        and (element.get("role") == "tabpanel" or not _TAB_PANELS.isdisjoint(classes(element)))
    ]


def mark_admonition(element: etree._Element) -> None:
    """Turn a theme's admonition into a `blockquote` marked with its kind and title."""
    names = classes(element)
    kind = next(filter(_KINDS.__contains__, map(_bare_kind, names)), "")
    if "hint" in names:
        kind = _kind_by_background(names) or kind
    if "nextra-callout" in names:
        kind = _kind_by_colour(names)
        for icon in select(element, "./div[@data-pagefind-ignore]"):
            remove(icon)
    if element.tag == "blockquote" and (alert := _alert_of_github(element)):
        element.set("data-docbot-kind", alert)
        return
    if element.tag == "blockquote" and (titled := _titled_kind(names)) and len(element):
        element.set("data-docbot-kind", _kind_and_title(titled, written_line_of(element[0])))
        remove(element[0])
        return
    if not (
        not _ADMONITIONS.isdisjoint(names)
        or (element.tag in {"details", "blockquote", "aside"} and kind)
        or (element.tag in {"p", "div"} and kind in _PLAIN_KINDS and len(names) == 1)
        or select(element, _BOX_TITLE)
    ):
        return
    title = "" if kind == "" else _kind_said_first(element, kind)
    for place, child in enumerate(element):
        is_heading = place == 0 and child.tag in HEADINGS[1:] and element.tag in {"div", "section"}
        if (
            is_heading
            or child.tag == "summary"
            or _ADMONITION_TITLE.search(attribute(child, "class"))
        ):
            title = written_line_of(child)
            remove(child)
            break
    element.tag = "blockquote"
    element.set("data-docbot-kind", _kind_and_title(kind, title))


def _titled_kind(names: list[str]) -> str:
    """Return the kind that just-the-docs writes as `note-title` where the first line is its title."""
    kinds = (name.removesuffix("-title") for name in names if name.endswith("-title"))
    return next(filter(_KINDS.__contains__, kinds), "")


def _kind_said_first(element: etree._Element, kind: str) -> str:
    """Take out the kind where the text begins with it in bold: `**Note:** the text`."""
    first = element[0] if len(element) and not (element.text or "").strip() else element
    if first.tag in {"p", "div"} and not (first.text or "").strip() and len(first):
        first = first[0]
    said = line_of(first).rstrip(":").strip() if first.tag in {"strong", "b"} else ""
    if said.lower() != kind:
        return ""
    after = (first.tail or "").lstrip().removeprefix(":").lstrip()
    first.tail = after or None
    remove(first)
    return said


def _alert_of_github(quotation: etree._Element) -> str:
    """Take the mark out of an alert that a generator left as it was written: `[!NOTE]`."""
    first = quotation[0] if len(quotation) and quotation[0].tag == "p" else quotation
    mark = _ALERT.match(first.text or "")
    if mark is None:
        return ""
    first.text = (first.text or "")[mark.end() :]
    return mark[1].capitalize()


def _kind_by_background(names: list[str]) -> str:
    """Return the kind of a hint of GitBook; without one it is a hint as Sphinx has it."""
    kinds = (name.removeprefix("bg-") for name in names if name != "hint")
    return next(filter(_KINDS.__contains__, kinds), "")


def _kind_by_colour(names: list[str]) -> str:
    colours = (_NEXTRA_COLOUR.search(name) for name in names if "dark:" not in name)
    return next((_NEXTRA_KINDS[colour[1]] for colour in colours if colour), "")


def is_folder_in_tree(button: etree._Element) -> bool:
    """Nextra writes each folder of a tree of files on a button."""
    trees = button.iterancestors("ul")
    return any("nextra-filetree" in classes(tree) for tree in trees)


def link_cards(main: etree._Element) -> None:
    """Write the link that covers a whole card on the card's title, each card on a line."""
    for whole in select(main, ".//a[contains(@class, 'nextra-card')]"):
        block = etree.Element("p")
        block.tail, whole.tail = whole.tail, None
        whole.addprevious(block)
        block.append(whole)
    for whole in select(main, _LINKED_BLOCKS):
        _link_first_block(whole)
    for link in select(main, ".//a[contains(@class, 'sd-stretched-link')]"):
        card = link.getparent()
        title = None if card is None else next(filter(_is_card_title, card.iter("div", "p")), None)
        is_covering = "sd-hide-link-text" in classes(link)
        if is_covering and title is not None and title.find(".//a") is None:
            linked = etree.Element("a", href=attribute(link, "href"))
            linked.text, title.text = title.text, None
            linked.extend(list(title))
            title.append(linked)
            remove(link)


def _link_first_block(whole: etree._Element) -> None:
    """Write a link around several blocks on the first of them, which names where it leads."""
    blocks = [
        block
        for block in whole.iterdescendants("p", "div")
        if block.find(".//p") is None and block.find(".//div") is None and line_of(block)
    ]
    if len(blocks) < 2:
        return
    link = etree.Element("a", href=attribute(whole, "href"))
    link.text, blocks[0].text = blocks[0].text, None
    link.extend(list(blocks[0]))
    blocks[0].append(link)
    whole.tag = "div"
    del whole.attrib["href"]


def _is_card_title(element: etree._Element) -> bool:
    return "sd-card-title" in classes(element)


def name_blocks(main: etree._Element) -> None:
    """Mark as strong what names the text below it and is no heading."""
    for name in select(main, _NAMES_OF_BLOCKS):
        if not line_of(name) or select(name, "./strong|./b"):
            continue
        if "book-expand-head" in classes(name):
            remove(name[-1])  # an arrow
        strong = etree.Element("strong")
        strong.text, name.text = name.text, None
        strong.extend(list(name))
        name.append(strong)
        name.tag = "p"


def _bare_kind(name: str) -> str:
    bare = _KIND_PREFIX.sub("", name.lower())
    return _SHORT_KINDS.get(bare, bare)


def _kind_and_title(kind: str, title: str) -> str:
    if not kind or not title:
        return title or kind.capitalize()
    if title == kind:
        return title.capitalize()  # it is shown so by style
    same = title.lower().replace(" ", "") == kind
    return title if same else f"{kind.capitalize()}: {title}"
