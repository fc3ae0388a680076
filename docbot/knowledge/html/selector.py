"""An operator's CSS selector says where the text of a site's pages stands."""

import soupsieve
from bs4 import BeautifulSoup, Tag

from docbot.errors import UsageError


def check_selector(selector: str) -> None:
    """Refuse a selector that no page could be read with.

    Raises:
        UsageError: it is no CSS selector; the message says where it breaks.
    """
    try:
        soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".:")
        raise UsageError(
            f"the selector {selector!r} is no CSS selector ({reason}); "
            "write one such as '#content' or 'div.documentation'"
        ) from error


def selected(html: str, selector: str) -> str:
    """Return the HTML of all that the selector finds, in order and once; "" if that is no text."""
    found = BeautifulSoup(html, "lxml").select(selector)
    chosen = set(map(id, found))
    outermost = [tag for tag in found if not any(id(outer) in chosen for outer in tag.parents)]
    return "".join(map(str, outermost)) if any(map(_has_text, outermost)) else ""


def _has_text(tag: Tag) -> bool:
    return any(text.strip() for text in tag.strings)
