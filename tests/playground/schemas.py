"""Checks frames and exchanges against Discord's published schemas, where they are at hand.

The schemas are not part of this repository; `Schemas.load` returns None
without them. Read with the relaxations that a real client needs: `oneOf` as
`anyOf`, ids as numbers or strings, bit flags as any number.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT7, DRAFT202012

from docbot.playground.rest import UNKNOWN_ROUTE, Exchange

FOLDER = Path(__file__).parents[2].parent / "shared" / "discord-schemas"
MISSING = f"no Discord schemas in {FOLDER.name}: shapes are not checked"

_API, _EVENTS = "urn:api", "urn:events"
_THREAD_FIELDS = (
    "id",
    "type",
    "guild_id",
    "parent_id",
    "owner_id",
    "name",
    "flags",
    "last_message_id",
    "message_count",
    "member_count",
    "total_message_sent",
    "rate_limit_per_user",
    "thread_metadata",
)
# Events that the schema leaves out, and what the real client reads of them.
_OTHER_EVENTS: dict[str, tuple[str, ...]] = {
    "RESUMED": (),
    "MESSAGE_DELETE": ("id", "channel_id"),
    "MESSAGE_DELETE_BULK": ("ids", "channel_id"),
    "CHANNEL_DELETE": ("id", "type", "guild_id", "name"),
    "THREAD_MEMBERS_UPDATE": ("id", "guild_id", "member_count"),
    "GUILD_ROLE_CREATE": ("guild_id", "role"),
    "GUILD_ROLE_UPDATE": ("guild_id", "role"),
    "GUILD_ROLE_DELETE": ("guild_id", "role_id"),
    "GUILD_MEMBER_ADD": ("guild_id", "user", "roles", "joined_at", "deaf", "mute", "flags"),
    "GUILD_MEMBER_UPDATE": ("guild_id", "user", "roles", "joined_at"),
    "GUILD_MEMBER_REMOVE": ("guild_id", "user"),
    "GUILD_MEMBERS_CHUNK": ("guild_id", "members", "chunk_index", "chunk_count"),
    "TYPING_START": ("channel_id", "user_id", "timestamp"),
}


class Schemas:
    def __init__(self, api: Any, events: Any) -> None:
        self._paths = {_shape(path): (path, methods) for path, methods in api["paths"].items()}
        self._events = set(events["definitions"]["Events"]["properties"])
        self._registry: Registry[Any] = Registry().with_resources(
            [
                (_API, DRAFT202012.create_resource(api)),
                (_EVENTS, DRAFT7.create_resource(events)),
            ]
        )
        self.checked = 0

    @classmethod
    def load(cls) -> "Schemas | None":
        if not (FOLDER / "openapi.json").exists():
            return None
        return _load()

    def problems_of_frame(self, frame: Any) -> list[str]:
        name, payload = frame["t"], frame["d"]
        if name is None:
            return []
        self.checked += 1
        if name not in self._events:
            missing = [one for one in _OTHER_EVENTS[name] if one not in payload]
            return [f"{name}: no {missing}"] if missing else []
        pointer = f"{_EVENTS}#/definitions/Events/properties/{name}"
        found = _problems(Draft7Validator({"$ref": pointer}, registry=self._registry), payload)
        threads = payload.get("threads", []) if name == "GUILD_CREATE" else []
        if name in {"THREAD_CREATE", "THREAD_UPDATE"}:
            threads = [payload]
        found += [f"no {one}" for thread in threads for one in _THREAD_FIELDS if one not in thread]
        return [f"{name}: {problem}" for problem in found]

    def problems_of_exchange(self, exchange: Exchange) -> list[str]:
        if exchange.route == UNKNOWN_ROUTE or exchange.status in {0, 429} or exchange.status >= 500:
            return []
        self.checked += 1
        path, methods = self._paths[_shape(exchange.route)]
        method = exchange.method.lower()
        start = f"{_API}#/paths/{_escape(path)}/{method}"
        found = list(self._answer_problems(start, methods[method]["responses"], exchange))
        if 200 <= exchange.status < 300 and exchange.method in {"POST", "PUT", "PATCH"}:
            found += self._body_problems(start, methods[method], exchange)
        return [f"{exchange.method} {exchange.route}: {problem}" for problem in found]

    def _answer_problems(self, start: str, responses: Any, exchange: Exchange) -> Iterator[str]:
        status = str(exchange.status) if exchange.status < 400 else "4XX"
        if status not in responses:
            yield f"{exchange.status} is no documented answer, only {list(responses)}"
            return
        pointer = f"{start}/responses/{status}"
        if "$ref" in responses[status]:
            pointer = f"{_API}{responses[status]['$ref']}"
        elif "content" not in responses[status]:
            if exchange.answer is not None:
                yield f"{exchange.status} has no content"
            return
        pointer += "/content/application~1json/schema"
        yield from _problems(self._validator(pointer), exchange.answer)

    def _body_problems(self, start: str, method: Any, exchange: Exchange) -> list[str]:
        contents = method.get("requestBody", {}).get("content", {})
        kind = "multipart/form-data" if exchange.files else "application/json"
        if kind not in contents:
            return [f"a body of {kind}"] if exchange.body else []
        pointer = f"{start}/requestBody/content/{_escape(kind)}/schema"
        return [f"body {one}" for one in _problems(self._validator(pointer), exchange.body)]

    @cache  # noqa: B019 - lives as long as the tests
    def _validator(self, pointer: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": pointer}, registry=self._registry)


@cache
def _load() -> Schemas:
    api = json.loads((FOLDER / "openapi.json").read_text())
    events = json.loads((FOLDER / "events.schema.json").read_text())
    api["components"]["schemas"]["SnowflakeType"] = {"type": ["string", "integer"]}
    # Media channels are left out there; the real client names them all the same.
    api["components"]["schemas"]["ChannelTypes"]["oneOf"].append({"const": 16})
    # The code of a field's error is a word in Discord's answers and its own examples.
    field_error = {"properties": {"code": {"type": "string"}, "message": {"type": "string"}}}
    api["components"]["schemas"]["InnerErrors"]["properties"]["_errors"]["items"] = field_error
    for name in events["definitions"]:
        if name.endswith("Flags"):
            events["definitions"][name] = {"type": "integer", "minimum": 0}
    return Schemas(_relaxed(api), events)


def _relaxed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_relaxed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    relaxed = {key: _relaxed(value) for key, value in schema.items()}
    if isinstance(relaxed.get("oneOf"), list):
        relaxed["anyOf"] = relaxed.pop("oneOf")
    return relaxed


def _problems(validator: Any, instance: Any) -> list[str]:
    return [_told(error) for error in validator.iter_errors(instance)]


def _told(error: ValidationError) -> str:
    """Say where the closest reading of the schema failed."""
    while error.context:
        error = max(error.context, key=lambda one: len(one.absolute_path))
    return f"{error.json_path}: {error.message[:300]}"


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
