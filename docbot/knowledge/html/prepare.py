"""The main part of a page, brought from any theme's HTML to a small plain vocabulary.

Everything that is known of themes (Sphinx, Material for MkDocs, VitePress, Docusaurus, Starlight
and kin) stands here and in `themes.py`. What comes out holds headings with their anchor as `id`,
`pre` with plain text, lists, tables and paragraphs, and these marks of our own:

- `data-docbot-language` on a `pre`;
- `data-docbot-label` on a block: a line in bold before it (a tab's name);
- `data-docbot-kind` on a `blockquote`: an admonition's kind and title;
- `data-docbot-name` on a `pre`: the API object whose signature it is, with its anchor as `id` and
  in `data-docbot-level` how deep it lies within other objects (1 and up);
- `data-docbot-math` on a `code` or `pre`: it is TeX;
- `data-docbot-footnote` on a `div`: the label of the note that it holds;
- `data-docbot-term` on a `dt`: what in it is bold is marked.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from html import unescape
from itertools import islice
from textwrap import dedent
from urllib.parse import unquote

from lxml import etree

from docbot.knowledge.addresses import joiner
from docbot.knowledge.html import themes
from docbot.knowledge.html.asciidoc import settle_asciidoc
from docbot.knowledge.html.footnotes import mark_footnotes
from docbot.knowledge.html.inline import spell_out
from docbot.knowledge.html.manuals import drop_indexes, unwrap_remarks
from docbot.knowledge.html.maths import keep_tex
from docbot.knowledge.html.references import settle_references
from docbot.knowledge.html.signatures import list_fields, mark_signatures
from docbot.knowledge.html.signposts import remove_signposts
from docbot.knowledge.html.tree import HEADINGS, attribute, hollow, line_of, remove, select, text_of

# No page that a person wrote nests deeper; what does is read as bare text.
_DEEPEST_KEPT = 100
_SECTIONS = frozenset({"section", "div", "article", "header"})
_MOST_AROUND_HEADING = 4  # DocBook sets a title three blocks deep into its section
_KEPT_ATTRIBUTES = frozenset(
    {"id", "href", "alt", "src", "start", "value", "colspan", "rowspan", "type", "checked"}
    | {f"data-docbot-{name}" for name in ("language", "label", "kind", "name", "level")}
    | {f"data-docbot-{name}" for name in ("math", "footnote", "term")}
)
# A table without a head or caption that holds headings sets the parts of a page side by side.
_LAYOUT = (
    "self::*[not(caption|thead|tr/th|tbody/tr/th)]"
    "[tr/td[descendant::h1 or descendant::h2 or descendant::h3]"
    " or tbody/tr/td[descendant::h1 or descendant::h2 or descendant::h3]]"
)
_TAGS_OF_ROLES = {
    "rowgroup": "tbody",
    "row": "tr",
    "columnheader": "th",
    "rowheader": "th",
    "cell": "td",
    "gridcell": "td",
}
_PARTS_OF_A_TABLE = "tbody|tfoot|tr|tbody/tr|tfoot/tr|tr/td|tbody/tr/td|tfoot/tr/td"
_PILCROWS = frozenset({"\u00b6", "#", "\u00a7", "\U0001f517", "\u221e", "\u2693", "\u2693\ufe0e"})
_SET_APART = frozenset({"span", "strong", "b", "em", "i", "code"})
_VERBATIM = ("code", "pre", "kbd", "samp")
_INVISIBLE_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_NO_HOST = re.compile(r"https?:/*", re.IGNORECASE)
_TAG = re.compile(r"</?(?:font|span|b|u|i)\b[^<>]*>")


def prepare(main: etree._Element, base: str, rewrite: Callable[[str], str]) -> None:
    """Change `main` in place to the plain vocabulary.

    Args:
        main: the part of the page that holds its text.
        base: the address against which relative links are read.
        rewrite: what becomes of each absolute http(s) link.
    """
    _cap_depth(main)
    _drop_marks_of_our_own(main)
    join = joiner(base)
    for element in list(main.iter("iframe")):
        _link_frame(element, join)
    _settle_tables(main)
    blocks = list(main.iter("pre"))
    shared = _holding_several(blocks)
    for element in blocks:  # first: most elements of a page colour its code
        _flatten_code(element, main, shared)
    if themes.only_lists_the_site(main):
        main.clear()
    drop_indexes(main)
    keep_tex(main)
    mark_footnotes(main)
    themes.label_tabs(main)
    themes.link_cards(main)
    themes.drop_contents(main)
    _keep_names(main)
    themes.name_blocks(main)
    for element in select(main, ".//*[@data-termynal][not(.//pre)]"):
        _write_terminal(element)
    for element in main.iter(*HEADINGS):
        _keep_pilcrow_target(element)
    remove_signposts(main)
    _prune(main)
    themes.drop_ending(main)
    for element in list(main.iter("dl")):
        mark_signatures(element)
    _make_items(main)
    _part_words(main)
    spell_out(main)
    for element in list(main.iter("div", "section", "aside", "details", "blockquote", "p")):
        themes.mark_admonition(element)
    for element in list(main.iter(*HEADINGS)):
        _set_anchor(element, main)
        _unlink_within_page(element)
    for element in main.iter("dt"):
        _unlink_from_itself(element)
    for element in main.iter("a"):
        _set_link(element, join, rewrite)
    _strip_attributes(main)


def _cap_depth(main: etree._Element) -> None:
    level: list[etree._Element] = [main]
    for _ in range(_DEEPEST_KEPT):
        level = [child for element in level for child in element]
    for element in level:
        text = line_of(element)
        for child in list(element):
            element.remove(child)
        element.text = text


def _drop_marks_of_our_own(main: etree._Element) -> None:
    """Take out what a page writes under the names that `prepare` gives to the walk."""
    for element in select(main, "descendant-or-self::*[@*[starts-with(name(), 'data-docbot-')]]"):
        for name in element.attrib:
            if str(name).startswith("data-docbot-"):
                del element.attrib[name]


def _prune(main: etree._Element) -> None:
    """Remove what is not the page's own text."""
    waiting = list(main)
    while waiting:
        element = waiting.pop()
        if _is_noise(element):
            remove(element)
        else:
            waiting.extend(element)


def _is_noise(element: etree._Element) -> bool:
    tag = element.tag
    is_dropped = not isinstance(tag, str) or tag in themes.DROPPED_TAGS
    if is_dropped and not _is_task_box(element) and not _holds_the_page(element):
        return True
    if themes.is_noise_by_role_or_class(element):
        return True
    if element.get("data-docbot-label") is None and _is_hidden(element):
        return True
    if tag == "header":
        return not select(element, ".//h1|.//h2|.//h3")
    if tag == "aside":
        return not themes.is_aside_of_the_text(element)
    return False


def _is_hidden(element: etree._Element) -> bool:
    hidden = element.get("hidden")  # "until-found" is a fold that a search on the page opens
    return (hidden is not None and str(hidden) != "until-found") or bool(
        _INVISIBLE_STYLE.search(attribute(element, "style"))
    )


def _holds_the_page(element: etree._Element) -> bool:
    """Tell a form that some servers put around all of a page from one to fill in."""
    return element.tag == "form" and bool(select(element, "descendant::h1|descendant::h2"))


def _is_task_box(element: etree._Element) -> bool:
    parent = element.getparent()
    return (
        element.tag == "input"
        and element.get("type") == "checkbox"
        and parent is not None
        and (parent.tag in {"li", "p"} or _is_in_item(parent))
    )


def _is_in_item(label: etree._Element) -> bool:
    outer = label.getparent()
    return label.tag == "label" and outer is not None and outer.tag in {"li", "p"}


def _link_frame(frame: etree._Element, join: Callable[[str], str]) -> None:
    """Leave a link in the place of what a page shows of another, where it has some extent."""
    source, title = attribute(frame, "src").strip(), " ".join(attribute(frame, "title").split())
    is_seen = not {attribute(frame, "width"), attribute(frame, "height")} & {"0", "1"}
    is_shown = (
        source and is_seen and not source.lower().startswith(("about:", "data:", "javascript:"))
    )
    if is_shown and not _is_hidden(frame) and frame.get("aria-hidden") != "true":
        address = _joined(join, source)
        hollow(frame, "p")
        link = etree.SubElement(frame, "a", href=address)
        link.text = title or address


def _settle_tables(main: etree._Element) -> None:
    """Leave as tables what is one, by whatever tags, and nothing that only looks like one."""
    settle_references(main)
    settle_asciidoc(main)
    unwrap_remarks(main)
    list_fields(main)
    for element in select(main, ".//div[@role='table' or @role='grid'][.//*[@role='row']]"):
        _make_table(element)
    for element in list(main.iter("table")):
        _unwrap_layout(element)
    _unwrap_line_number_tables(main)


def _make_table(block: etree._Element) -> None:
    """Make a table of blocks that say they are one."""
    block.tag = "table"
    for part in block.iterdescendants("div", "span"):
        part.tag = _TAGS_OF_ROLES.get(attribute(part, "role"), part.tag)


def _unwrap_layout(table: etree._Element) -> None:
    """Read a table that only sets a page's parts side by side as these parts."""
    if attribute(table, "role") not in {"presentation", "none"} and not select(table, _LAYOUT):
        return
    for part in select(table, _PARTS_OF_A_TABLE):
        part.tag = "div"
    table.tag = "div"


def _unwrap_line_number_tables(main: etree._Element) -> None:
    """Put the code in the place of the table that sets it beside its line numbers."""
    for table in select(main, themes.LINE_NUMBER_TABLES):
        cells = select(table, ".//td//pre[not(ancestor::*[contains(@class, 'linenodiv')])]")
        parent = table.getparent()
        if cells and parent is not None:
            for title in select(table, ".//th"):
                title.tag, title.tail = "div", None
                table.addprevious(title)
            around = _inwards_and_up(cells[-1], main, ())
            language = next(filter(None, map(themes.language_of, around)), "")
            cells[-1].tail = table.tail
            cells[-1].set("data-language", language)
            parent.replace(table, cells[-1])


def _holding_several(blocks: Iterable[etree._Element]) -> frozenset[etree._Element]:
    """Find what holds several blocks of code: its class is none's language."""
    counts = Counter(outer for block in blocks if (outer := block.getparent()) is not None)
    return frozenset(parent for parent, count in counts.items() if count > 1)


def _flatten_code(
    pre: etree._Element, main: etree._Element, shared: Collection[etree._Element]
) -> None:
    around = _inwards_and_up(pre, main, shared)
    language = next(filter(None, map(themes.language_of, around)), "")
    for element in themes.maybe_noise_in_code(pre):
        if _is_noise(element):
            themes.close_line_of_source(element)
            remove(element)
    for newline in pre.iter("br"):
        newline.text = "\n"
    for line in reversed(list(pre.iter("div"))):  # a line may hold further blocks: they come first
        if not text_of(line).endswith("\n"):
            line.tail = "\n" + (line.tail or "")
    text = text_of(pre)
    if "\n" not in text.strip():
        text = "\n".join(_lines_by_style(pre)) or text
    if themes.is_played_terminal(pre):
        text = unescape(_TAG.sub("", text))
    for child in list(pre):
        pre.remove(child)
    pre.text = text.strip("\n").rstrip()
    pre.set("data-docbot-language", language)


def _lines_by_style(pre: etree._Element) -> list[str]:
    """Return the lines of code that only its style shows as lines; none where it has but one."""
    holder = next(pre.iterchildren("code"), pre)
    lines = [part for part in holder if themes.is_line_of_code(part)]
    return [text_of(line) for line in lines] if len(lines) == len(holder) > 1 else []


def _write_terminal(played: etree._Element) -> None:
    """Write down a terminal session that a script plays line by line."""
    lines: list[str] = []
    for part in select(played, "./*[@data-ty]"):
        said = dedent(text_of(part)).strip("\n").rstrip()
        kind = attribute(part, "data-ty")
        prompt = attribute(part, "data-ty-prompt") or ("$" if kind == "input" else "")
        if lines and lines[-1].endswith("\\"):
            prompt = ""  # the command goes on
        if said and kind != "progress":
            lines.append(f"{prompt} {said.lstrip()}" if prompt else said)
    for child in list(played):
        played.remove(child)
    played.tag, played.text = "pre", "\n".join(lines)
    played.set("data-docbot-language", "console")


def _inwards_and_up(
    pre: etree._Element, main: etree._Element, shared: Collection[etree._Element]
) -> Iterator[etree._Element]:
    """Where a language may be written: on the code, the pre, or up to three elements around it."""
    yield from pre.iterchildren("code")
    yield pre
    for distance, outer in enumerate(pre.iterancestors()):
        if outer is main or distance == 3 or outer in shared:
            return
        yield outer


def _keep_pilcrow_target(heading: etree._Element) -> None:
    """Note where the theme's own link to this heading leads, before that link is removed."""
    for link in heading.iter("a"):
        href = attribute(link, "href")
        is_sign = line_of(link) in _PILCROWS and line_of(link) != line_of(heading)
        if href.startswith("#") and (is_sign or themes.is_noise_by_role_or_class(link)):
            heading.set("data-docbot-anchor", unquote(href[1:]))
            if is_sign:
                remove(link)
            return


def _keep_names(main: etree._Element) -> None:
    """Settle what headings within links, buttons and summaries, and buttons within headings, are."""
    for button in list(main.iter("button")):
        _keep_name_on_button(button)
    for heading in list(main.iter(*HEADINGS[1:])):
        _take_link_of_card(heading)
        if heading.get("id") is None and next(heading.iterancestors("summary"), None) is not None:
            heading.tag = "span"


def _take_link_of_card(heading: etree._Element) -> None:
    """Write the link that covers a whole card on its heading alone."""
    card = next((outer for outer in heading.iterancestors("a") if outer.get("href")), None)
    if card is None or attribute(card, "href").startswith("#"):
        return
    link = etree.Element("a", href=attribute(card, "href"))
    link.text, heading.text = heading.text, None
    link.extend(list(heading))
    heading.append(link)
    card.tag = "div"
    del card.attrib["href"]


def _keep_name_on_button(button: etree._Element) -> None:
    """Keep what a button names: the folder, or the section, that it opens."""
    parent = button.getparent()
    if parent is None:
        return
    is_heading = parent.tag in HEADINGS and line_of(parent) == line_of(button)
    if is_heading or themes.is_folder_in_tree(button):
        button.tag = "span"


def _part_words(main: etree._Element) -> None:
    """Set a space between words that only style keeps apart, as a name and its badge."""
    for after in select(main, ".//span[preceding-sibling::*]"):
        before = _right_before(after)
        parent = after.getparent()
        if before is None or parent is None or before.tag not in _SET_APART:
            continue
        is_styled = before.get("class") and after.get("class")
        if not is_styled and parent.tag not in HEADINGS:
            continue
        are_words = text_of(before)[-1:].isalnum() and text_of(after)[:1].isalnum()
        if are_words and next(after.iterancestors(*_VERBATIM), None) is None:
            before.tail = " "


def _right_before(element: etree._Element) -> etree._Element | None:
    """Return the element that ends where this one begins; empty ones between do not count."""
    for before in element.itersiblings(preceding=True):
        if before.tail:
            return None
        if len(before) or before.text:
            return before
    return None


def _make_items(main: etree._Element) -> None:
    """Make an item of each block that stands in a list without being one."""
    for block in select(
        main, ".//*[self::ul or self::ol]/*[self::div or self::p or self::details]"
    ):
        parent = block.getparent()
        if parent is not None and block.find("./li") is None:
            item = etree.Element("li")
            item.tail, block.tail = block.tail, None
            parent.replace(block, item)
            item.append(block)


def _set_anchor(heading: etree._Element, main: etree._Element) -> None:
    anchor = next(filter(None, _anchors(heading, main)), None)
    if anchor is not None:
        heading.set("id", anchor)


def _anchors(heading: etree._Element, main: etree._Element) -> Iterator[str]:
    """Where a heading's anchor may stand, the surest place first."""
    yield attribute(heading, "data-docbot-anchor")
    yield attribute(heading, "id")
    for inner in heading.iter("a", "span"):
        yield attribute(inner, "id") or attribute(inner, "name")
    for outer in _begun_with(heading, main):
        yield attribute(outer, "id")
    before = heading.getprevious()
    while before is not None and themes.is_empty_mark(before):
        yield attribute(before, "id") or attribute(before, "name")
        before = before.getprevious()


def _begun_with(heading: etree._Element, main: etree._Element) -> Iterator[etree._Element]:
    """Give the blocks that this heading is the beginning of, the innermost first."""
    inner = heading
    most = 1 if heading.tag == "h1" else _MOST_AROUND_HEADING
    for outer in islice(heading.iterancestors(), most):
        is_begun = outer.tag in _SECTIONS and not (outer.text or "").strip()
        if not is_begun or not all(map(themes.is_empty_mark, inner.itersiblings(preceding=True))):
            return
        if outer is main and inner is not heading:
            return  # what holds the whole page is no place within it
        yield outer
        if outer is main:
            return
        inner = outer


def _unlink_within_page(heading: etree._Element) -> None:
    """Headings link to themselves, or back to a list of contents; neither says anything."""
    for link in heading.iter("a"):
        if attribute(link, "href").startswith("#"):
            del link.attrib["href"]


def _unlink_from_itself(term: etree._Element) -> None:
    for link in term.iter("a"):
        if term.get("id") and attribute(link, "href") == f"#{attribute(term, 'id')}":
            del link.attrib["href"]


def _set_link(
    link: etree._Element, join: Callable[[str], str], rewrite: Callable[[str], str]
) -> None:
    href = attribute(link, "href").strip()
    if not href:
        return
    target = _joined(join, href)
    if _NO_HOST.fullmatch(href):
        target = ""
    elif target.startswith(("http://", "https://")):
        target = rewrite(target)
    elif ":" in target.split("/")[0]:  # javascript:, mailto:, data: lead to no page
        target = ""
    link.set("href", target)


def _joined(join: Callable[[str], str], href: str) -> str:
    try:
        return join(href)
    except ValueError:  # as "http://[broken"
        return ""


def _strip_attributes(main: etree._Element) -> None:
    for element in main.iter("*"):
        for name in element.attrib:
            if name not in _KEPT_ATTRIBUTES:
                del element.attrib[name]
