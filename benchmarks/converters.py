"""docbot's conversion, and those it is compared with where they are installed."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from docbot.knowledge.html.convert import convert

_RIVALS = ("html2text", "html_to_markdown", "markdownify", "trafilatura")
ARE_RIVALS_HERE = all(find_spec(name) for name in _RIVALS)
HOW_TO_INSTALL = (
    "other converters are not installed, so docbot is measured alone; to compare: "
    "pip install -e '.[converters]'"
)


@dataclass(frozen=True, slots=True)
class Converter:
    """`convert` takes a page's HTML and its address and returns Markdown."""

    name: str
    convert: Callable[[str, str], str]
    finds_main: bool = False  # it looks for the page's own text


def all_converters() -> list[Converter]:
    """Return those that are installed, docbot first."""
    docbot = Converter("docbot", lambda html, url: convert(html, url).markdown, finds_main=True)
    if not ARE_RIVALS_HERE:
        return [docbot]
    from benchmarks import rival_converters as rivals  # of an extra  # noqa: PLC0415

    return [
        docbot,
        Converter("markdownify", rivals.markdownify),
        Converter("html2text", rivals.html2text),
        Converter("trafilatura", rivals.trafilatura, finds_main=True),
        Converter("html-to-markdown", rivals.html_to_markdown),
    ]
