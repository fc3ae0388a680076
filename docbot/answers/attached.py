"""Very long code as a file: a fence leaves the text, and a line in its place names the file."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count

from docbot import texts
from docbot.answers.markdown import Fence, blocks, source
from docbot.text import printable, storable

# Discord's for one message, so that all fit whichever message they stand in.
MOST_FILES = 10
# Discord's for one file, 10 MiB; here for all of an answer, so that one request can carry them.
MOST_BYTES = 10 * 1024 * 1024

_ENDINGS = {
    "py": ("python", "python3", "py3", "gyp"),
    "js": ("javascript", "node", "mjs"),
    "jsx": (),
    "ts": ("typescript",),
    "tsx": (),
    "json": ("json5", "jsonc"),
    "yaml": ("yml",),
    "toml": (),
    "ini": ("cfg", "dosini"),
    "conf": ("nginx", "apache", "apacheconf"),
    "properties": (),
    "sh": ("bash", "shell", "zsh"),
    "ps1": ("powershell", "pwsh"),
    "sql": ("postgres", "postgresql", "mysql", "sqlite", "plpgsql"),
    "xml": (),
    "html": ("html5", "htm"),
    "css": (),
    "scss": (),
    "md": ("markdown",),
    "rst": ("rest", "restructuredtext"),
    "csv": (),
    "diff": ("patch", "udiff"),
    "c": ("h",),
    "cpp": ("c++", "cc", "cxx", "hpp"),
    "cs": ("csharp", "c#"),
    "go": ("golang",),
    "rs": ("rust",),
    "java": (),
    "kt": ("kotlin",),
    "scala": (),
    "swift": (),
    "rb": ("ruby",),
    "php": (),
    "pl": ("perl",),
    "lua": (),
    "r": ("rlang",),
    "jl": ("julia",),
    "ex": ("elixir", "exs"),
    "hs": ("haskell",),
    "dart": (),
    "tf": ("terraform", "hcl"),
    "proto": ("protobuf",),
    "graphql": ("gql",),
    "mk": ("makefile", "make"),
    "dockerfile": ("docker",),
}
_ENDING_OF = {name: ending for ending, names in _ENDINGS.items() for name in (ending, *names)}
_UNKNOWN_ENDING = "txt"


@dataclass(frozen=True, slots=True)
class File:
    """A text to attach; `name` is one that Discord leaves as it is."""

    name: str
    content: str


def fences(text: str) -> list[tuple[int, str]]:
    """Give the place of each fence among the text's blocks, and its source; the longest first."""
    found = [
        (place, source(block))
        for place, block in enumerate(blocks(text))
        if isinstance(block, Fence) and any(line.strip() for line in block.lines)
    ]
    return sorted(found, key=lambda fence: -len(fence[1]))


def move_out(text: str, places: Collection[int]) -> tuple[str, list[File]]:
    """Make files of the fences at these places; a paragraph that names the file stands for each."""
    files: list[File] = []
    written: list[str] = []
    numbers, room = count(1), MOST_BYTES
    for place, block in enumerate(blocks(text)):
        if place not in places or not isinstance(block, Fence):
            shown = source(block)
            written.append(shown.lstrip("\n") if place - 1 in places else shown)
            continue
        file = File(_name(block.language, text, numbers), _within(_code(block), room))
        files.append(file)
        room -= len(file.content.encode())
        if written:
            written[-1] = written[-1].rstrip("\n")
        # A paragraph of its own, so that no mark before or behind it reaches into it.
        written.append(f"\n{_instead(block, file)}\n")
    return "\n".join(written), files


def mark(file: File) -> str:
    """How the text names the file: there alone, and never cut in two."""
    return f"`{file.name}`"


def _name(language: str, text: str, numbers: Iterator[int]) -> str:
    """Choose a name that the text has nowhere, so that it tells where the file belongs."""
    ending = _ENDING_OF.get(language.lower(), _UNKNOWN_ENDING)
    names = (f"example{f'-{number}' if number > 1 else ''}.{ending}" for number in numbers)
    return next(name for name in names if name not in text)


def _code(fence: Fence) -> str:
    # Nobody sees what turns the direction of code, and a file is run where a message is read.
    return storable(printable("\n".join(fence.code))) + "\n"


def _instead(fence: Fence, file: File) -> str:
    before = fence.prefix[: len(fence.prefix) - len(fence.bullet)] + fence.bullet
    return before + texts.in_file(mark(file))


def _within(content: str, room: int) -> str:
    """Cut to `room` bytes, after a line where there is one; the last line says so."""
    encoded = content.encode()
    if len(encoded) <= room:
        return content
    last = f"{texts.file_cut()}\n"
    kept = encoded[: max(0, room - len(last.encode()) - 1)].decode(errors="ignore")
    whole_lines = kept.rpartition("\n")[0]
    return f"{whole_lines or kept}\n{last}"
