"""What the directives and roles of Sphinx become in a page that docutils alone reads.

Sphinx knows some hundred more than docutils, its extensions and projects hundreds again. Those with
a meaning of their own are written out here; of any other the title, the text and the code are
kept, and its options go. Nothing is run, and no file is opened.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from docutils import nodes, utils
from docutils.parsers.rst import Directive

# Marks where `highlight` sets the language of the code after it.
HIGHLIGHTS = "docbot_highlights"
# Marks a reference that is resolved once the whole page is known.
WAITS_FOR = "docbot_waits_for"
_TITLED = re.compile(r"^(?P<title>.+?)\s*(?<!\x00)<(?P<target>[^<>]*)>$", re.DOTALL)
_CODE_NAME = re.compile(r"[\w+#.-]+")
_OBJECT_NAME = re.compile(r"(?:[\w.]*\.)?[\w$]+")
_PYTHON_WORDS = re.compile(
    r"^(?:async|class|final|abstract|static|classmethod|property|exception)\s+"
)


class _AnyOption(dict[str, Callable[[str], Any]]):
    """Takes every option as it is written."""

    def __missing__(self, _: str) -> Callable[[str], Any]:
        return lambda value: value or ""


class _Anything(Directive):
    """A directive that takes whatever is written, and gives what it says."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = _AnyOption(name=lambda value: value or "")

    def argument(self) -> str:
        return " ".join(" ".join(self.arguments).split())

    def parsed(self) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder, match_titles=True)
        return list(holder.children)

    def inline(self, text: str) -> list[nodes.Node]:
        found, messages = self.state.inline_text(text, self.lineno)
        return [*found, *messages]

    def label(self, text: str) -> nodes.paragraph:
        return nodes.paragraph("", "", nodes.strong("", "", *self.inline(text)))


class Unknown(_Anything):
    """Its title in bold before its text; alone, what it names as code."""

    def run(self) -> list[nodes.Node]:
        argument, content = self.argument(), self.parsed()
        if not argument:
            return content
        if content:
            return [self.label(argument), *content]
        return [nodes.paragraph("", "", nodes.literal(argument, argument))]


class _Dropped(_Anything):
    """Steers what a page looks like, or is no text."""

    def run(self) -> list[nodes.Node]:
        return []


class _Content(_Anything):
    """Only arranges its text."""

    def run(self) -> list[nodes.Node]:
        return self.parsed()


class _Labelled(_Anything):
    """A tab, card or folded part: its title stands before its text."""

    def run(self) -> list[nodes.Node]:
        argument, content = self.argument(), self.parsed()
        link = self.options.get("link", "")
        if link.startswith(("http://", "https://")) and argument:
            reference = nodes.reference("", argument, refuri=link)
            return [nodes.paragraph("", "", nodes.strong("", "", reference)), *content]
        return [self.label(argument), *content] if argument else content


class _Code(_Anything):
    """Code, with its language and its caption."""

    language = ""

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content)
        language, *rest = "".join(self.arguments).split("\n")
        block = code_block("\n".join([*rest, text]) if rest else text, self.language or language)
        caption = self.options.get("caption", "")
        return [self.label(caption), block] if caption else [block]


class _TabOfCode(_Code):
    """`.. code-tab:: python Title`."""

    def run(self) -> list[nodes.Node]:
        language, _, title = self.argument().partition(" ")
        block = code_block("\n".join(self.content), language)
        return [self.label(title or language), block] if self.arguments else [block]


class _Doctest(_Code):
    language = "python"


class _Shell(_Anything):
    """A prompt or a command whose output cannot be had."""

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content) or self.argument()
        return [code_block(text, "console")]


class _Diagram(_Anything):
    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content)
        return [code_block(text, self.name.rpartition(":")[2])] if text else []


class _File(_Anything):
    """Names the file whose text would stand here; it is not opened."""

    def run(self) -> list[nodes.Node]:
        name = self.argument()
        caption = self.options.get("caption", "")
        found: list[nodes.Node] = [self.label(caption)] if caption else []
        return [*found, nodes.paragraph("", "", nodes.literal(name, name))] if name else found


class _Note(_Anything):
    """An admonition of any kind; its first line may stand beside its name."""

    def run(self) -> list[nodes.Node]:
        kind = self.name.rpartition(":")[2].lower()
        title = {"seealso": "See also", "admonition": self.argument()}.get(kind, kind.capitalize())
        beside = [] if kind == "admonition" or not self.arguments else [self.argument()]
        text = [nodes.paragraph("", "", *self.inline(line)) for line in beside]
        body = [*text, *self.parsed()]
        box = nodes.admonition("", nodes.title("", "", *self.inline(title)), *body)
        box["classes"] += ["admonition", *([kind] if kind != "admonition" else [])]
        return [box]


class _Version(_Anything):
    """`versionadded` and kin: a sentence of its own before its text."""

    said: Mapping[str, str] = {
        "versionadded": "New in version",
        "versionchanged": "Changed in version",
        "deprecated": "Deprecated since version",
        "versionremoved": "Removed in version",
    }

    def run(self) -> list[nodes.Node]:
        version, _, explained = self.argument().partition(" ")
        said = f"{self.said[self.name.lower()]} {version}".strip()
        content = self.parsed()
        text = nodes.paragraph(
            "", "", nodes.emphasis("", said + (":" if explained or content else ""))
        )
        if explained:
            text += [nodes.Text(" "), *self.inline(explained)]
        first = content[0] if content else None
        if isinstance(first, nodes.paragraph) and not explained:
            text += [nodes.Text(" "), *first.children]
            content = content[1:]
        return [text, *content]


class _Highlight(_Anything):
    def run(self) -> list[nodes.Node]:
        mark = nodes.inline()
        mark[HIGHLIGHTS] = self.argument()
        return [mark]


class _Formula(_Anything):
    def run(self) -> list[nodes.Node]:
        text = "\n".join([*self.arguments, *self.content]).strip()
        return [code_block(text, "math")] if text else []


class _Button(_Anything):
    def run(self) -> list[nodes.Node]:
        target = self.argument()
        text = " ".join(self.content).strip() or target
        return [nodes.paragraph("", "", nodes.reference("", text, refuri=target))]


class _Module(_Anything):
    """Says to which module the objects below belong; the text within stays."""

    def run(self) -> list[nodes.Node]:
        _scope(self)[:] = [self.argument()]
        return self.parsed()


class _Object(_Anything):
    """A described function, class, option...: its signatures, then its text."""

    def run(self) -> list[nodes.Node]:
        signatures = [
            line.strip() for line in "\n".join(self.arguments).split("\n") if line.strip()
        ]
        if not signatures:
            return self.parsed()
        domain, _, kind = self.name.rpartition(":")
        scope = [] if kind in _OF_NO_MODULE else _scope(self)
        names = [_named(signature, scope) for signature in signatures]
        scope.append(names[0].removeprefix(_within(scope)))
        description = self.parsed()
        scope.pop()
        terms = []
        for signature, name in zip(signatures, names, strict=True):
            terms.append(_term(kind, signature.replace("\\", ""), name))
        item = nodes.definition_list_item("", *terms, nodes.definition("", *description))
        return [nodes.definition_list("", item, classes=[domain or "py", kind])]


def code_block(text: str, language: str) -> nodes.literal_block:
    block = nodes.literal_block(text, text)
    name_language(block, language)
    return block


def name_language(block: nodes.Element, language: str) -> None:
    """Write a language down as the class that every page's code has it in."""
    name = language.strip()
    if _CODE_NAME.fullmatch(name) and name not in {"none", "default"}:
        block["classes"].append(f"highlight-{name}")


def _scope(directive: Directive) -> list[str]:
    """Return the names of the module and objects around a directive."""
    memo: Any = directive.state.memo
    if not hasattr(memo, "docbot_scope"):
        memo.docbot_scope = [""]
    scope: list[str] = memo.docbot_scope
    return scope


def _within(scope: list[str]) -> str:
    return "".join(f"{name}." for name in scope if name)


def _named(signature: str, scope: list[str]) -> str:
    """Return an object's full name; an option's is the option."""
    found = _OBJECT_NAME.match(_PYTHON_WORDS.sub("", signature))
    return _within(scope) + found[0] if found else signature.split(maxsplit=1)[0].rstrip(",")


def _term(kind: str, signature: str, name: str) -> nodes.term:
    """Write a signature as Sphinx does, its object's name marked."""
    term = nodes.term("", "", classes=["sig", "sig-object"])
    term["ids"].append(_anchor(kind, name))
    bare = name.rpartition(".")[2] if _OBJECT_NAME.fullmatch(name) else name
    before, _, after = signature.partition(bare)
    word = "class " if kind == "class" and not before.startswith("class ") else ""
    term += nodes.Text(word + before)
    term += nodes.inline("", bare, classes=["sig-name", "descname"])
    term += nodes.Text(after)
    return term


def _anchor(kind: str, name: str) -> str:
    if kind in {"option", "cmdoption"}:
        return f"cmdoption-{name.lstrip('-')}"
    return f"{kind}-{name}" if kind in {"envvar", "confval"} else name


_OF_NO_MODULE = frozenset(
    {
        *("option", "cmdoption", "envvar", "confval", "setting", "describe", "object", "directive"),
        *("role", "get", "post", "put", "delete", "patch", "head", "options"),
    }
)
_OBJECTS = (
    *("function", "class", "method", "attribute", "data", "exception", "staticmethod"),
    *("classmethod", "property", "decorator", "decoratormethod", "pydantic_model", "type", "macro"),
    *("struct", "enum", "enumerator", "member", "var", "union", "concept", "alias", "namespace"),
    *("option", "cmdoption", "envvar", "confval", "setting", "describe", "object", "rst:directive"),
    *(
        "rst:role",
        "rst:directive:option",
        "get",
        "post",
        "put",
        "delete",
        "patch",
        "head",
        "options",
    ),
)
_OWN: dict[str, type[Directive]] = {
    **dict.fromkeys(_OBJECTS, _Object),
    **dict.fromkeys(
        ("code", "code-block", "sourcecode", "testcode", "testsetup", "testcleanup", "code-cell"),
        _Code,
    ),
    **dict.fromkeys(("testoutput", "ipython", "jupyter-execute", "plot", "exec"), _Code),
    "doctest": _Doctest,
    "code-tab": _TabOfCode,
    **dict.fromkeys(("prompt", "program-output", "command-output"), _Shell),
    **dict.fromkeys(("graphviz", "digraph", "graph", "mermaid", "uml", "plantuml"), _Diagram),
    **dict.fromkeys(
        ("attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning"),
        _Note,
    ),
    **dict.fromkeys(("seealso", "admonition"), _Note),
    **dict.fromkeys(_Version.said, _Version),
    **dict.fromkeys(
        ("tab-item", "tab", "group-tab", "card", "grid-item-card", "dropdown", "collapse"),
        _Labelled,
    ),
    **dict.fromkeys(("details", "toggle", "rubric", "centered", "topic"), _Labelled),
    **dict.fromkeys(
        ("tab-set", "tabs", "tab-set-code", "grid", "grid-item", "only", "ifconfig", "hlist"),
        _Content,
    ),
    **dict.fromkeys(
        ("glossary", "container", "rst-class", "card-carousel", "card-header", "card-footer"),
        _Content,
    ),
    **dict.fromkeys(
        ("toctree", "index", "default-domain", "meta", "contents", "sectnum", "todo"),
        _Dropped,
    ),
    **dict.fromkeys(
        (
            "tabularcolumns",
            "codeauthor",
            "sectionauthor",
            "moduleauthor",
            "todolist",
            "raw",
            "date",
        ),
        _Dropped,
    ),
    **dict.fromkeys(("include", "default-role", "role", "title", "header", "footer"), _Dropped),
    **dict.fromkeys(("program", "target-notes", "cssclass", "bibliography", "youtube"), _Dropped),
    **dict.fromkeys(("literalinclude", "autosummary-file", "csv-file"), _File),
    **dict.fromkeys(("module", "currentmodule", "py:module", "py:currentmodule"), _Module),
    "highlight": _Highlight,
    "math": _Formula,
    "button-link": _Button,
}

_PLAIN_ROLES = frozenset(
    {
        *("abbr", "guilabel", "menuselection", "term", "dfn", "any", "sup", "sub", "mailheader"),
        *("bdg", "regexp-text", "keyword", "token", "pep", "rfc", "numref", "eq", "issue", "pr"),
    }
)
_CODE_ROLES = frozenset(
    {
        *("func", "class", "meth", "mod", "attr", "exc", "obj", "data", "const", "type", "deco"),
        *("option", "envvar", "file", "samp", "command", "program", "kbd", "confval", "setting"),
        *("makevar", "mimetype", "newsgroup", "regexp", "manpage", "python", "bash", "cpp"),
        *("macro", "member", "var", "enum", "struct", "enumerator", "module", "method", "function"),
    }
)
_CALLED = frozenset({"func", "meth", "function", "method"})
_ICON_ROLES = re.compile(r"^(?:octicon|fa[brs]?|fas|fab|material-\w+|iconify)$")


def directive_named(name: str) -> type[Directive] | None:
    """Return what a directive of Sphinx is read as; None: docutils' own, if it has one."""
    name = name.lower()
    kind = name.rpartition(":")[2]
    if own := _OWN.get(name):
        return own
    if ":" in name:
        return _OWN.get(kind, Unknown)
    return Unknown if name.startswith("auto") else None


def role_nodes(role: str, text: str) -> list[nodes.Node] | None:
    """Return what a role of Sphinx, or an unknown one, says; None: docutils knows it."""
    kind = role.rpartition(":")[2].lower()
    shown, target = _shown_and_target(text)
    if kind in {"ref", "doc", "download", "any", "numref", "term"}:
        reference = nodes.inline("", "" if shown == target else shown)
        reference[WAITS_FOR] = (kind, target)
        return [reference]
    if _ICON_ROLES.match(kind):
        return []
    if kind in _CODE_ROLES or (":" in role and kind not in _PLAIN_ROLES):
        return [_code(kind, shown, is_titled=shown != target)]
    return None


def unknown_role_nodes(text: str) -> list[nodes.Node]:
    shown, target = _shown_and_target(text)
    if target.startswith(("http://", "https://")) and shown != target:
        return [nodes.reference("", shown, refuri=target)]
    return [nodes.inline("", shown)]


def _shown_and_target(text: str) -> tuple[str, str]:
    if found := _TITLED.match(text):
        return utils.unescape(found["title"]), utils.unescape(found["target"]).strip()
    plain = utils.unescape(text).strip()
    return plain, plain


def _code(kind: str, shown: str, *, is_titled: bool) -> nodes.literal:
    if not is_titled:
        shown = shown.removeprefix("!")
        if shown.startswith("~"):
            shown = shown[1:].rpartition(".")[2]
        shown = shown.removeprefix(".")
        if kind in _CALLED and not shown.endswith(")"):
            shown += "()"
    return nodes.literal(shown, shown)
