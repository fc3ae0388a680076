"""Logging: one set-up for every command, and no secret in any line.

The path of a question also announces each of its steps by name, so that a log tells how far a
question came.
"""

import json
import logging
import sys
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, get_args

# The way of a question, in order. A step is named right after what it names has happened.
Step = Literal[
    "message received",
    "message stored",
    "question claimed",
    "passages found",
    "answer generated",
    "answer stored",
    "row claimed",
    "thread checked",
    "message sent",
    "message recorded",
]
STEPS: tuple[Step, ...] = get_args(Step)

# Told each step of the path as it is reached.
OnStep: TypeAlias = Callable[[Step], None]

_HIDDEN = "[hidden]"
_TEXT_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
# Chatty at info about every request they make.
_QUIET = (
    "httpx",
    "httpx2",
    "httpcore",
    "openai",
    "discord.client",
    "discord.gateway",
    "aiohttp.access",
)

log = logging.getLogger(__name__)


def set_up_logging(level: str, form: str, secrets: Collection[str] = ()) -> None:
    """Send log lines to stderr as text or JSON; `secrets` never stand in one."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = _JsonFormatter() if form == "json" else logging.Formatter(_TEXT_FORMAT)
    handler.setFormatter(_Redacting(formatter, secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_log_level(level)


def set_log_level(level: str) -> None:
    logging.getLogger().setLevel(level.upper())
    quiet = level.upper() if level == "debug" else "WARNING"
    for name in _QUIET:
        logging.getLogger(name).setLevel(quiet)


def hide(secrets: Collection[str]) -> None:
    """Hide these too from now on, beside those of the set-up."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _Redacting):
            handler.formatter.hide(secrets)


def log_step(name: Step) -> None:
    """The OnStep of a running bot."""
    log.debug("reached: %s", name)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _Redacting(logging.Formatter):
    """Covers whole lines, so that a secret in a traceback is hidden as well."""

    def __init__(self, inner: logging.Formatter, secrets: Collection[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets: list[str] = []
        self.hide(secrets)

    def hide(self, secrets: Collection[str]) -> None:
        known = {*self._secrets, *filter(None, secrets)}
        self._secrets = sorted(known, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        line = self._inner.format(record)
        for secret in self._secrets:
            line = line.replace(secret, _HIDDEN)
        return line
