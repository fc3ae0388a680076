"""A reply in JSON, which nobody asked for: the answer that stands in it."""

import json
import re

_FENCED = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL | re.IGNORECASE)
# What models call the text of an answer, the likeliest first.
_NAMES = ("answer", "text", "response", "reply", "content", "message", "output", "result")


def unwrapped(reply: str) -> str | None:
    """Give a reply's text: what is no JSON as it is, of JSON the answer; None where it has none.

    A fence of JSON without one may be what the question asks for, and stays.
    """
    fence = _FENCED.match(reply.strip())
    body = fence[1].strip() if fence else reply.strip()
    if not body.startswith("{"):
        return reply
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # broken off, or nested without an end
        document = {}
    found = (document.get(name) for name in _NAMES) if isinstance(document, dict) else ()
    texts = [text.strip() for text in found if isinstance(text, str) and text.strip()]
    if texts:
        return texts[0]
    return reply if fence else None
