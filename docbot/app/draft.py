"""A model's reply on a terminal while it is written: what of it has passed the check.

It is dim until its sources stand below: the whole may still turn out to be no answer.
"""

from collections.abc import Callable, Sequence

from docbot.text import printable

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class Draft:
    """Shows a reply as it passes the check."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._text = ""
        self._shown = 0  # characters of the text

    def add(self, text: str) -> None:
        self._text += printable(text)
        if not self._shown:
            self._show(_DIM)
        self._show(self._text[self._shown :])
        self._shown = len(self._text)

    def close(self) -> None:
        """Leave the terminal as it was, also where the reply broke off."""
        if self._shown:
            self._show(f"{_PLAIN}\n")

    def left_to_say(self, final: str, cut: Sequence[str]) -> str:
        """Give what the checked answer adds to what was shown: its sources, or all of it again."""
        said = self._text[: self._shown].strip()
        if not said:
            return final
        if final.startswith(said):
            return "\n" + final[len(said) :].lstrip("\n")
        without = f" without {'; '.join(cut)}" if cut else ""
        return printable(f"\n--- checked{without}, this is the answer:\n\n{final}")
