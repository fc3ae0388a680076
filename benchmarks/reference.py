"""What a page of the four evaluation sites holds, read from its raw HTML in the crudest way.

It is what converters are held against, so it shares nothing with docbot's own reading: the standard
library's parser, for each site one rule for where its text is, and one plain rule for each thing.
It knows these four sites and no other.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_CLOSED_BY_THE_NEXT = frozenset({"li", "p", "dt", "dd", "tr", "td", "th", "option"})
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "q"}
    | {"s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
)
_NEVER_SHOWN = frozenset(
    {"script", "style", "svg", "template", "noscript", "button", "input", "select", "iframe"}
)
# The themes' own marks: what links to a heading, stands beside code, or lists the page's headings.
_MARKS = frozenset({"headerlink", "header-anchor", "lang", "linenodiv", "linenos", "contents"})
_HIDDEN_TEXT = "sd-hide-link-text"  # the link covers a card; its text is its address, unseen
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ARTICLES = {  # the attribute and the word in it that only the article has
    "airflow": ("itemprop", "articleBody"),
    "fastapi": ("class", "md-content__inner"),
    "ray": ("class", "bd-article"),
    "vite": ("class", "main"),
}
_KINDS = (
    "note|tip|info|warning|danger|caution|important|hint|attention|error|seealso|success|question"
    "|failure|bug|example|quote|abstract|check"
)
_KIND = re.compile(rf"\b(?:{_KINDS})\b")
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|highlight)-([\w+#-]+)")
_SAME_LANGUAGE = {
    **dict.fromkeys(("ipython3", "ipython", "python3", "py"), "python"),
    **dict.fromkeys(("default", "none", "text", "plaintext", "txt", "myst-ansi", "ipythontb"), ""),
}
_FIRST_WORDS = 6
_FEWEST_IN_LINE = 2  # words; one alone may be anybody's
_TAG = re.compile(r"</?(?:font|span|b|u|i)\b[^<>]*>")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Code:
    """`texts` are the forms that count as kept byte for byte; `language` is "" where none is said."""

    texts: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Admonition:
    kind: str  # "" where only the title tells
    title: str
    first_words: str


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    first_words: str


@dataclass(frozen=True, slots=True)
class Reference:
    """One page. `words` of the article in order; `navigation` are lines of words around it."""

    codes: tuple[Code, ...]
    headings: tuple[tuple[str, str], ...]  # words, anchor
    tables: tuple[tuple[tuple[str, ...], ...], ...]  # rows of the words of their cells
    links: tuple[str, ...]  # absolute
    admonitions: tuple[Admonition, ...]
    tabs: tuple[Tab, ...]
    words: tuple[str, ...]
    navigation: tuple[str, ...]
    article: str  # its HTML


@dataclass(slots=True)
class _Node:
    tag: str
    attributes: dict[str, str]
    begin: int = 0
    end: int = 0
    children: list["_Node | str"] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def is_shown(self) -> bool:
        return (
            self.tag not in _NEVER_SHOWN
            and "hidden" not in self.attributes
            and _MARKS.isdisjoint(self.classes)
        )

    def nodes(self) -> Iterator["_Node"]:
        """Itself and what is shown of what is within, in order."""
        yield self
        for child in self.children:
            if isinstance(child, _Node) and child.is_shown:
                yield from child.nodes()


class _TreeParser(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Node("", {})
        self._open = [self.root]
        self._lines = [0]
        for line in html.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.feed(html)
        self.close()

    def _here(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _CLOSED_BY_THE_NEXT and self._open[-1].tag == tag:
            self._open.pop().end = self._here()
        node = _Node(tag, {name: value or "" for name, value in attrs}, self._here())
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if any(node.tag == tag for node in self._open):
            while (node := self._open.pop()).tag != tag:
                node.end = self._here()
            node.end = self._here()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def language(name: str) -> str:
    """Return the one name of a language, "" for those that say there is none."""
    lowered = name.strip().lower()
    return _SAME_LANGUAGE.get(lowered, lowered)


def read_page(site: str, html: str, url: str) -> Reference | None:
    """Read one page; None where it has no article, as a redirect stub."""
    root = _TreeParser(html).root
    name, value = _ARTICLES[site]
    article = next((n for n in root.nodes() if value in n.attributes.get(name, "").split()), None)
    if article is None:
        return None
    words = words_of(_text(article))
    return Reference(
        codes=tuple(_codes(article)),
        headings=tuple(_headings(article)),
        tables=tuple(_tables(article)),
        links=tuple(_links(article, url)),
        admonitions=tuple(filter(None, map(_admonition, article.nodes()))),
        tabs=tuple(_tabs(article)),
        words=tuple(words),
        navigation=tuple(_navigation(root, article, words)),
        article=html[article.begin : article.end],
    )


def _text(node: _Node, *, without: _Node | None = None) -> str:
    """All that is shown, a new line before and after each block."""
    if node.tag == "br":
        return "\n"
    inner = "".join(
        child if isinstance(child, str) else _text(child, without=without)
        for child in node.children
        if child is not without
        and (isinstance(child, str) or (child.is_shown and _HIDDEN_TEXT not in child.classes))
    )
    if "termy" in node.classes:
        inner = _played(inner)
    return inner if node.tag in _INLINE else f"\n{inner}\n"


def _played(text: str) -> str:
    """What a terminal shows that a script plays: its text is HTML once more."""
    return unescape(_TAG.sub("", text))


def _joined(node: _Node) -> str:
    return " ".join(words_of(_text(node)))


def _codes(article: _Node) -> Iterator[Code]:
    for path in _paths(article):
        if path[-1].tag != "pre":
            continue
        text = _plain(path[-1])
        if not text.strip():
            continue
        texts = [text]
        if any("termy" in node.classes for node in path):
            texts.append(_played(text))
        yield Code(tuple(texts), _language(path))


def _paths(node: _Node, above: tuple[_Node, ...] = ()) -> Iterator[tuple[_Node, ...]]:
    path = (*above, node)
    yield path
    for child in node.children:
        if isinstance(child, _Node) and child.is_shown:
            yield from _paths(child, path)


def _plain(node: _Node) -> str:
    return "".join(
        child if isinstance(child, str) else "\n" if child.tag == "br" else _plain(child)
        for child in node.children
        if isinstance(child, str) or child.is_shown
    )


def _language(path: tuple[_Node, ...]) -> str:
    """The nearest that says one: the code in the pre, the pre, up to three around it."""
    inside = [child for child in path[-1].children if isinstance(child, _Node)]
    for node in (*inside, *reversed(path[-4:])):
        if "termy" in node.classes:
            return "console"
        if found := _LANGUAGE.search(node.attributes.get("class", "")):
            return language(found[1])
    return ""


def _headings(article: _Node) -> Iterator[tuple[str, str]]:
    for path in _paths(article):
        heading = path[-1]
        if heading.tag in _HEADINGS and (text := _joined(heading)):
            pilcrows = [
                child.attributes.get("href", "")
                for child in heading.children
                if isinstance(child, _Node) and not _MARKS.isdisjoint(child.classes)
            ]
            own = heading.attributes.get("id", "")
            around = path[-2].attributes.get("id", "") if path[-2].tag == "section" else ""
            anchor = next((href[1:] for href in pilcrows if href.startswith("#")), own or around)
            if anchor:
                yield text, anchor


def _tables(article: _Node) -> Iterator[tuple[tuple[str, ...], ...]]:
    for table in article.nodes():
        if table.tag == "table" and "highlighttable" not in table.classes:
            rows = (
                tuple(_joined(cell) for cell in row.nodes() if cell.tag in {"td", "th"})
                for row in table.nodes()
                if row.tag == "tr"
            )
            yield tuple(row for row in rows if any(row))


def _links(article: _Node, url: str) -> Iterator[str]:
    for path in _paths(article):
        link, href = path[-1], path[-1].attributes.get("href", "").strip()
        in_code = any(node.tag == "pre" for node in path)
        is_back = "toc-backref" in link.classes  # from a heading to the list of headings
        if link.tag == "a" and href and not in_code and not is_back and _joined(link):
            absolute = urljoin(url, href)
            if absolute.startswith(("http://", "https://")):
                yield absolute


def _admonition(node: _Node) -> Admonition | None:
    names = set(node.classes)
    kind = _KIND.search(node.attributes.get("class", ""))
    is_one = names & {"admonition", "custom-block", "github-alert"}
    if not is_one and not (node.tag == "details" and kind):
        return None
    titles = (
        child
        for child in node.children
        if isinstance(child, _Node)
        and ("title" in " ".join(child.classes) or child.tag == "summary")
    )
    title = next(titles, None)
    text = words_of(_text(node, without=title))[:_FIRST_WORDS]
    return Admonition(kind[0] if kind else "", _joined(title) if title else "", " ".join(text))


def _tabs(article: _Node) -> Iterator[Tab]:
    for node in article.nodes():
        names = set(node.classes)
        if names & {"tabbed-set", "sd-tab-set", "vp-code-group"}:
            inner = [_own(node, "tabbed-labels"), _own(node, "tabs"), node]
            labels = [label for part in inner if part for label in _children(part, "label")]
            blocks = _own(node, "tabbed-content") or _own(node, "blocks")
            panels = _children(blocks, "div") if blocks else _children(node, "div")
            for label, panel in zip(labels, panels, strict=True):
                words = words_of(_text(panel))[:_FIRST_WORDS]
                yield Tab(_joined(label), " ".join(words))


def _own(node: _Node, name: str) -> _Node | None:
    return next((child for child in _children(node, "div") if name in child.classes), None)


def _children(node: _Node, tag: str) -> list[_Node]:
    return [child for child in node.children if isinstance(child, _Node) and child.tag == tag]


def _navigation(root: _Node, article: _Node, words: list[str]) -> Iterator[str]:
    """Each line of text around the article that is not within the article as well."""
    own = f" {' '.join(words)} "
    body = next(node for node in root.nodes() if node.tag == "body")
    for text in dict.fromkeys(_lines(body, article)):
        if text.count(" ") + 1 >= _FEWEST_IN_LINE and f" {text} " not in own:
            yield text


def _lines(body: _Node, article: _Node) -> Iterator[str]:
    for line in _text(body, without=article).splitlines():
        if text := " ".join(words_of(line)):
            yield text
