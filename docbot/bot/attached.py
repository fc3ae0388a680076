"""The files of a message, as its row in the outbox has them."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import discord


def contents(payload: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """Name and content of each file; a row that an earlier version wrote down tells of none."""
    return [(file["name"], file["content"].encode()) for file in payload.get("files", ())]


def attached(payload: Mapping[str, Any]) -> list[discord.File]:
    return [discord.File(BytesIO(content), filename=name) for name, content in contents(payload)]
