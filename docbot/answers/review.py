"""A model's reply on its way to an answer: checked, held to its length, and shown.

While it is written, only what has passed the check is told on; the checked whole begins with it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from docbot.answers.checking import Checker
from docbot.answers.generate import OnText
from docbot.answers.reply import Completion
from docbot.answers.tables import without_tables
from docbot.retrieval.passages import Passage

LONGEST = 5_500  # characters, three messages; beyond, a model has lost its thread
MOST_READ = 2 * LONGEST  # characters; checking what is thrown away takes time too
_CUT_BY_MODEL = "the end of the reply: the model stopped at its length limit"
_MAY_BE_JSON = re.compile(r"\s*(?:`{0,3}$|```(?:json)?\s*(?:\{|$)|\{)", re.IGNORECASE)
# What may have come to an end: until then there is nothing new to check.
_BEHIND = 3  # characters before a piece: what follows an end shows that it is one
_MAY_END = re.compile(r"[.!?…。！？\]】\n]")  # noqa: RUF001  # as written


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What is left of a reply; `note` says why it is no answer, None if it is one."""

    text: str
    cited: tuple[int, ...]
    cut: tuple[str, ...]
    note: str | None


class Review:
    """One reply, written from these passages to this question."""

    def __init__(
        self,
        passages: Sequence[Passage],
        question: str,
        said: str = "",
        on_text: OnText | None = None,
    ) -> None:
        """Set up.

        Args:
            passages: those that the model was shown.
            question: what it answers.
            said: what the person wrote before.
            on_text: told of the reply, as it is written, what has passed the check.
        """
        self._checker = Checker(passages, question, said)
        self._on_text = on_text
        self._written = ""
        self._shown = ""

    @property
    def listener(self) -> OnText | None:
        """What a model is to tell its reply as it writes it; None where nobody listens."""
        return self._add if self._on_text is not None else None

    def end(self, completion: Completion) -> Reviewed:
        """Check the whole; may run in a thread, as it takes some 50 ms of a long reply."""
        text = completion.text
        if not text:
            return Reviewed("", (), (), "the model's reply was JSON without an answer in it")
        checked = self._checker.checked(
            text[:MOST_READ],
            is_broken_off=completion.is_cut or len(text) > MOST_READ,
            most=LONGEST,
        )
        cut = checked.cut
        shown = without_tables(checked.text).rstrip()
        if checked.is_shortened or len(text) > MOST_READ:
            cut = (
                f"what followed the first {len(shown)} of {len(completion.text)} characters",
                *cut,
            )
        elif completion.is_cut:
            cut = (_CUT_BY_MODEL, *cut)
        if cut is not checked.cut:
            shown = f"{shown}\n…"
        if not checked.cited:
            return Reviewed(
                "", (), cut, "of the model's reply nothing was left that cites a passage"
            )
        if not checked.says_enough:
            note = f"of {checked.claimed} claims of the model only {checked.kept} are borne out"
            return Reviewed("", (), cut, note)
        return Reviewed(shown, checked.cited, cut, None)

    def show(self, reviewed: Reviewed) -> None:
        """Tell what of the whole was not shown yet."""
        if reviewed.note is None:
            self._show(reviewed.text)

    def _add(self, text: str) -> None:
        self._written += text
        if (
            len(self._written) > MOST_READ
            or not _MAY_END.search(self._written, max(0, len(self._written) - len(text) - _BEHIND))
            or _MAY_BE_JSON.match(self._written)
        ):
            return
        checked = self._checker.checked(
            self._written, is_broken_off=True, most=LONGEST, is_whole=False
        )
        self._show(without_tables(checked.text))

    def _show(self, text: str) -> None:
        """Tell what is new; what begins otherwise than what was shown is told at the end by others."""
        if (
            self._on_text is not None
            and len(text) > len(self._shown)
            and text.startswith(self._shown)
        ):
            self._on_text(text[len(self._shown) :])
            self._shown = text
