"""Small pure helpers on text that several floors share."""

import re

LOCAL_MODEL = "local:"  # before the name of an embedding model that runs on this machine

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
# Escape sequences begin with them; the last two ranges turn the direction of what follows.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Shown as nothing, and yet they part a word in two; joiners, which some scripts need, stay.
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_MENTION = re.compile(r"<@!?\d+>")


def without_mentions(text: str) -> str:
    """What a person wrote, without whom they wrote it to."""
    return _MENTION.sub("", text).strip()


def as_seen(text: str) -> str:
    """Without what no reader sees."""
    return _UNSEEN.sub("", text)


def storable(text: str) -> str:
    """What Postgres takes as text: no NUL and no half of a surrogate pair."""
    return _NOT_STORABLE.sub("", text)


def printable(text: str) -> str:
    """What a terminal shows as text: nothing in it moves the cursor or changes a colour."""
    return _STEERING.sub("", text)


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters on one line, cut between words, with an ellipsis when cut."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0].rstrip(",.;:") + "…"
