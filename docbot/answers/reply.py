"""Reading a chat reply, whole or piece by piece, and leaving out the model's reasoning.

Endpoints differ: some leave out the usage, begin with an empty piece, send the text as a list of
parts, or answer a request for a stream with one whole reply. A whole reply is read as a stream of
one piece.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docbot.retrieval.endpoint import ReportedError, refuse_reported

# Models run at home often put their reasoning before the reply.
_OPENINGS = ("<think>", "<thinking>")
_CLOSING = re.compile(r"</think(?:ing)?>")
_LONGEST_TAG = len("</thinking>")
# Where the chat template holds the opening, the reply has only the closing, on a line of its own.
_ONLY_CLOSED = re.compile(r"\A.*?^[ \t]*</think(?:ing)?>[ \t]*$", re.DOTALL | re.MULTILINE)


# Where a text is, as far as it came.
_BEGINNING, _REASONING, _REPLY = "beginning", "reasoning", "reply"


class ReasoningFilter:
    """Passes on a text that comes in pieces, without the reasoning at its beginning."""

    def __init__(self) -> None:
        self._held = ""
        self._state: str = _BEGINNING

    def feed(self, piece: str) -> str:
        """Give what can be shown by now; never any white space at the beginning."""
        self._held += piece
        if self._state == _BEGINNING:
            self._begin()
        if self._state == _REASONING:
            self._skip()
        if self._state != _REPLY:
            return ""
        shown, self._held = self._held, ""
        return shown

    def rest(self) -> str:
        """Give what was held back when the text ended; reasoning without an end is not shown."""
        return self._held if self._state == _BEGINNING else ""

    def _begin(self) -> None:
        self._held = self._held.lstrip()
        if self._held.startswith(_OPENINGS):
            self._state = _REASONING
        elif not any(opening.startswith(self._held) for opening in _OPENINGS):
            self._state = _REPLY

    def _skip(self) -> None:
        closing = _CLOSING.search(self._held)
        if closing is None:
            self._held = self._held[-_LONGEST_TAG:]  # a tag may come in pieces too
            return
        # Some models reason twice.
        self._held = self._held[closing.end() :]
        self._state = _BEGINNING
        self._begin()
        if self._state == _REASONING:
            self._skip()


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply; `model` is the one that the endpoint says it used, `is_cut` by its length limit."""

    text: str
    model: str
    tokens_in: int | None
    tokens_out: int | None
    is_cut: bool = False


def total(*counts: int | None) -> int | None:
    """Add up what endpoints told of tokens; None where none did."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


class ReplyReader:
    """Puts a reply together from its pieces, or from one whole reply."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._filter = ReasoningFilter()
        self._shown: list[str] = []
        self._usage: Mapping[str, Any] = {}
        self.finish_reason: str | None = None

    def add(self, document: Any) -> str:
        """Take a piece in; give the text that it adds.

        Raises:
            ValueError: it is no piece of a reply, or reports an error.
        """
        refuse_reported(document)
        choices = document.get("choices") if isinstance(document, Mapping) else False
        if choices is None and self.finish_reason is not None:  # some send the usage so
            choices = []
        if not isinstance(choices, list):
            raise ValueError("no choices in it")  # noqa: TRY004  # of the reply, not of a type
        self._model = document.get("model") or self._model
        self._usage = document.get("usage") or self._usage
        if not choices:  # the piece with the usage
            return ""
        choice = _mapping(choices[0])
        if choice.get("finish_reason") == "error":  # so OpenRouter tells what befell its provider
            raise ReportedError(
                choice.get("error") or "the endpoint gave up (finish reason: error)"
            )
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        said = _mapping(choice.get("delta") or choice.get("message") or {})
        shown = self._filter.feed(_text(said.get("content")))
        self._shown.append(shown)
        return shown

    def completion(self) -> Completion:
        """Give the reply as it stands; its text may be empty."""
        text = "".join([*self._shown, self._filter.rest()])
        return Completion(
            text=_ONLY_CLOSED.sub("", text).strip(),
            model=str(self._model),
            tokens_in=_count(self._usage, "prompt_tokens"),
            tokens_out=_count(self._usage, "completion_tokens"),
            is_cut=self.finish_reason == "length",
        )


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a choice without a message")  # noqa: TRY004  # as above
    return value


def _text(content: Any) -> str:
    """Read the content: a text, nothing, or a list of parts of which some are text."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, Mapping) else None
    return value if isinstance(value, int) else None
