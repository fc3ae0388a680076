"""A reStructuredText file becomes the same shape as a converted HTML page.

docutils reads it, with no file opened, nothing run and no settings but those here; its HTML goes
the way of every other page, so that tables, notes and lists have one form whatever they were
written in. Anchors are docutils', which are Sphinx' as well. No error of docutils' ends up in the
page: what is not understood is shown as far as it can be read.
"""

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import docutils.core
from docutils import nodes, utils
from docutils.parsers.rst import Parser, directives, roles, states
from docutils.statemachine import StringList

from docbot.errors import DocbotError
from docbot.knowledge.html.convert import Converted, convert
from docbot.knowledge.text.directives import (
    HIGHLIGHTS,
    WAITS_FOR,
    Unknown,
    directive_named,
    name_language,
    role_nodes,
    unknown_role_nodes,
)
from docbot.knowledge.text.markdown import name_of, read

_MOST_CHARACTERS_A_LINE = 10_000_000
_SETTINGS: dict[str, Any] = {
    "_disable_config": True,  # no docutils.conf of this machine
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 3,  # a message holds the text it is about, which `_finish` takes out of it
    "halt_level": 6,
    "warning_stream": False,
    "line_length_limit": _MOST_CHARACTERS_A_LINE,
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "docinfo_xform": False,
    "initial_header_level": 1,
    "auto_id_prefix": "id",  # as Sphinx has it
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "strip_comments": True,
    "smart_quotes": False,
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "output_encoding": "unicode",
    "toc_backlinks": False,
    "footnote_backlinks": False,
}
# What Sphinx reads of a page's first fields.
_METADATA = frozenset({"orphan", "tocdepth", "nocomments", "no-search", "nosearch", "hide-toc"})
_GENERATED = frozenset({"genindex", "modindex", "py-modindex", "search"})
# As Sphinx, which prefers an anchor with a name to one with a number alone.
_NUMBERED = re.compile(r"id\d+")
_TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)  # the name of docutils' input
_SCHEME = re.compile(r"[a-zA-Z][\w+.-]*:")
_NOT_UNDERSTOOD = (
    re.compile(r"^\|(.+)\|$", re.DOTALL),
    re.compile(r"^`(.+?)(?:\s*<[^<>]*>)?`__?$", re.DOTALL),
    re.compile(r"^([\w.+-]+?)__?$"),
    re.compile(r"^(\[[^\]]+\])_$"),
)
_OPTIONS = re.compile(r"\A(?:\s*:[\w-]+:.*(?:\n|\Z))+")
_DIRECTIVE = re.compile(rf"\.\.[ ]+({states.Inliner.simplename})[ ]?::([ ]+|$)")


def read_restructured(text: str, url: str, resolve: Callable[[str], str]) -> Converted:
    """Read one reStructuredText file.

    Args:
        text: the file.
        url: the page's address.
        resolve: gives the address that a link to another file, or a document's name, stands for.
    """
    try:
        html = _html(text.removeprefix("\ufeff"), url, resolve)
    except DocbotError:
        raise
    except Exception:  # noqa: BLE001  # docutils' own faults are many; the text is read all the same
        return read(text, url, resolve)
    converted = convert(html, "")
    # A page that only lists others in Sphinx' way has nothing of its own to find.
    is_list = ".. toctree::" in text and _holds_only_headings(converted.markdown)
    markdown = "" if is_list else converted.markdown
    return replace(converted, title=converted.title or name_of(url), markdown=markdown)


def _html(text: str, url: str, resolve: Callable[[str], str]) -> str:
    document = docutils.core.publish_doctree(
        text, parser=_Parser(), settings_overrides=dict(_SETTINGS)
    )
    _finish(document, url, resolve)
    parts = docutils.core.publish_from_doctree(
        document, writer="html5", settings_overrides=dict(_SETTINGS)
    )
    return _TITLE.sub("", str(parts), count=1)


def _with_its_expressions(kind: type[states.Inliner]) -> type[states.Inliner]:
    """Repeat the parts of expressions that docutils looks for in the class itself."""
    for name, value in vars(states.Inliner).items():
        if isinstance(value, str) and not name.startswith("__"):
            setattr(kind, name, value)
    return kind


@_with_its_expressions
class _Inliner(states.Inliner):
    """Knows Sphinx' roles, and shows the text of any other."""

    def interpreted(
        self, rawsource: str, text: str, role: str, lineno: int
    ) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        found = role_nodes(role, text) if role else None
        if found is not None:
            return found, []
        function, _ = roles.role(role, self.language, lineno, self.reporter)
        if function is None:
            return unknown_role_nodes(text), []
        shown, messages = function(role, rawsource, text, lineno, self, {}, [])
        if any(isinstance(node, nodes.problematic) for node in shown):
            return unknown_role_nodes(text), []
        return list(shown), [one for one in messages if isinstance(one, nodes.system_message)]


class _Lenient(states.RSTState):
    """What all states of the parser share here: they use one another, not docutils' own."""

    nested_sm_cache: list[Any] = []  # noqa: RUF012  # so it is declared by docutils

    def __init__(self, state_machine: Any, debug: bool = False) -> None:
        super().__init__(state_machine, debug)
        self.nested_sm_kwargs = {"state_classes": _STATES, "initial_state": "Body"}


class _LenientBody(_Lenient, states.Body):
    """Reads every directive, known or not."""

    def explicit_construct(self, match: Any) -> Any:
        found = _DIRECTIVE.match(match.string)
        return self.directive(found) if found else super().explicit_construct(match)  # type: ignore[no-untyped-call]  # of docutils

    def directive(self, match: Any, **option_presets: Any) -> Any:
        name = match[1]
        kind = directive_named(name)
        if kind is None:
            kind, _ = directives.directive(name, self.memo.language, self.document)
        run: Any = self.run_directive  # docutils gives it no types
        found, blank_finish = run(kind or Unknown, match, name, option_presets)
        kept = [node for node in found if not isinstance(node, nodes.system_message)]
        if not kept and found:
            kept = self._salvaged(found)
        return kept, blank_finish

    def parse_extension_options(self, option_spec: Any, datalines: Any) -> Any:
        """Take the options that are known and right, and pass over the others."""
        listed = nodes.field_list()
        self.nested_list_parse(
            datalines, 0, listed, initial_state="ExtensionOptions", blank_finish=True
        )
        taken: dict[str, Any] = {}
        for field in listed.children:
            try:
                taken |= utils.extract_extension_options(
                    nodes.field_list("", field.deepcopy()), option_spec
                )
            except (KeyError, ValueError, TypeError, AttributeError, utils.ExtensionOptionError):
                continue
        return 1, taken

    def _salvaged(self, failed: Sequence[nodes.Node]) -> list[nodes.Node]:
        """Read as plain text what a directive could not take."""
        holder = nodes.Element()
        for block in (block for node in failed for block in node.findall(nodes.literal_block)):
            first, _, rest = block.astext().partition("\n")
            beside = first.partition("::")[2].strip()
            text = _OPTIONS.sub("", textwrap.dedent(rest))
            lines = [*([beside, ""] if beside else []), *text.split("\n")]
            self.nested_parse(StringList(lines, source=""), 0, holder)
        return list(holder.children)


_STATES = tuple(
    type(state.__name__, (_LenientBody if issubclass(state, states.Body) else _Lenient, state), {})
    for state in states.state_classes
)


class _Parser(Parser):
    def __init__(self) -> None:
        super().__init__(inliner=_Inliner())
        self.state_classes = _STATES


def _finish(document: nodes.document, url: str, resolve: Callable[[str], str]) -> None:
    """Settle what only the whole page tells, and take out what docutils says of itself."""
    document.parse_messages.clear()
    document.transform_messages.clear()
    _drop_metadata(document)
    titles = _titles(document)
    _name_languages(document)
    for node in list(document.findall()):
        if isinstance(node, nodes.inline) and WAITS_FOR in node:
            node.parent.replace(node, _settled(node, document, titles, url, resolve))
        elif isinstance(node, nodes.reference):
            _make_absolute(node, url, resolve)
        elif isinstance(node, nodes.system_message | nodes.problematic):
            _take_text(node)
        else:
            _make_plain(node)


def _take_text(node: nodes.Element) -> None:
    """Put the text in the place of what docutils says about it."""
    if isinstance(node, nodes.problematic):
        node.parent.replace(node, nodes.Text(_readable(node.astext())))
        return
    about = [block.astext() for block in node.findall(nodes.literal_block)]
    node.parent.replace(node, [nodes.paragraph(text, text) for text in about])


def _make_plain(node: nodes.Node) -> None:
    """Write what docutils' HTML has no plain element for as one that all pages have."""
    if isinstance(node, nodes.footnote_reference | nodes.citation_reference):
        node.parent.replace(node, nodes.Text(_mark_of(node, node.astext())))
    elif isinstance(node, nodes.footnote | nodes.citation):
        _write_out(node)
    elif isinstance(node, nodes.math):
        node.parent.replace(node, nodes.Text(f"${node.astext()}$"))
    elif isinstance(node, nodes.literal):
        node["classes"].append("code")  # or docutils writes no element of code
    elif isinstance(node, nodes.section):
        node["ids"].sort(key=lambda anchor: bool(_NUMBERED.fullmatch(anchor)))
    elif isinstance(node, nodes.image):
        node["alt"] = node.get("alt", "")


def _drop_metadata(document: nodes.document) -> None:
    first = next((node for node in document.children if not isinstance(node, nodes.comment)), None)
    if isinstance(first, nodes.field_list):
        names = {field[0].astext() for field in first.children if isinstance(field, nodes.field)}
        if names <= _METADATA:
            document.remove(first)


def _name_languages(document: nodes.document) -> None:
    """Give code without a language the one that `highlight` set for what comes after it."""
    language = ""
    for node in list(document.findall()):
        if isinstance(node, nodes.inline) and HIGHLIGHTS in node:
            language = node[HIGHLIGHTS]
            node.parent.remove(node)
        elif isinstance(node, nodes.doctest_block):
            name_language(node, "python")
        elif isinstance(node, nodes.literal_block) and not node["classes"]:
            name_language(node, language)


def _titles(document: nodes.document) -> dict[str, str]:
    """Return the title of each section by its anchors."""
    return {
        anchor: section[0].astext()
        for section in document.findall(nodes.section)
        if section.children and isinstance(section[0], nodes.title)
        for anchor in section["ids"]
    }


def _settled(
    node: nodes.inline,
    document: nodes.document,
    titles: Mapping[str, str],
    url: str,
    resolve: Callable[[str], str],
) -> nodes.Node:
    kind, target = node[WAITS_FOR]
    shown = node.astext()
    if target in _GENERATED:
        return nodes.Text("")
    if kind in {"doc", "download"}:
        address = resolve(target)
        named = target.rstrip("/").rpartition("/")[2]
        return nodes.reference("", shown or named, refuri=address)
    anchor = document.nameids.get(nodes.fully_normalize_name(target))
    if kind == "term" or anchor is None:
        return nodes.Text(shown or target)
    return nodes.reference("", shown or titles.get(anchor, target), refuri=f"{url}#{anchor}")


def _make_absolute(node: nodes.reference, url: str, resolve: Callable[[str], str]) -> None:
    if anchor := node.attributes.pop("refid", None):
        node["refuri"] = f"{url}#{anchor}"
    elif target := node.get("refuri", ""):
        if target.startswith("#"):
            node["refuri"] = url + target
        elif not _SCHEME.match(target) and not target.startswith(f"{url}#"):
            node["refuri"] = resolve(target)


def _write_out(note: nodes.Element) -> None:
    """Write a footnote as a paragraph that begins with its mark."""
    label = note[0].astext() if isinstance(note[0], nodes.label) else ""
    body = [child for child in note.children if not isinstance(child, nodes.label)]
    mark = nodes.Text(f"{_mark_of(note, label)}: ")
    if body and isinstance(body[0], nodes.paragraph):
        body[0].insert(0, mark)
    else:
        body.insert(0, nodes.paragraph("", "", mark))
    note.parent.replace(note, body)


def _mark_of(node: nodes.Node, label: str) -> str:
    is_citation = isinstance(node, nodes.citation | nodes.citation_reference)
    return f"[{label}]" if is_citation else f"[^{label}]"


def _readable(text: str) -> str:
    for expression in _NOT_UNDERSTOOD:
        if found := expression.match(text):
            return found[1]
    return text


def _holds_only_headings(markdown: str) -> bool:
    return all(not line.strip() or line.startswith("#") for line in markdown.split("\n"))
