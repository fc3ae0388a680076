"""Which stages of a search are on: all of them, save where one's worth is measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Stages:
    """Each field is one stage that can be switched off; off, a search goes on without it."""

    dense: bool = True  # embeddings take part, where the index holds them
    several_chunks: bool = True  # a page is rated by its best four chunks, not by one
    focus: bool = True  # and by how near all of it is by meaning


ALL_STAGES: Final = Stages()
