"""How well the check of answers tells what passages bear out: one table, by what a sentence is.

    python -m benchmarks.checked [--fit] [SENTENCES.jsonl ...]

With `--fit` it chooses the share of a sentence's words that must stand together without one file
or one site, and measures it on what was left out.

Each line of such a file is one sentence as a model would write it over a section of a
documentation site: borne out by it, not borne out, or with a name that stands nowhere in it. The
sites lie beside the clone (`../shared/evaldata`) and are unpacked for the run.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from benchmarks.table import print_grid
from docbot.answers.checking import Checker
from docbot.answers.citations import without_numbers
from docbot.answers.claims import fault
from docbot.answers.ground import Ground
from docbot.answers.review import LONGEST
from docbot.knowledge.chunking.chunks import Chunk
from docbot.knowledge.folder.folder import read_file
from docbot.knowledge.pages import Page
from docbot.retrieval.passages import Passage

_SHARES = tuple(percent / 100 for percent in range(20, 75, 5))
_KEPT = 0.98  # of what is borne out, by the share that is chosen

CORPORA = Path(__file__).parents[1].parent / "shared" / "evaldata" / "corpora"
SENTENCES = Path(__file__).parents[1] / "tests" / "answers" / "sentences"
BORNE_OUT, NOT_BORNE_OUT, INVENTED = "borne out", "not borne out", "invented name"
KINDS = (BORNE_OUT, NOT_BORNE_OUT, INVENTED)

_BASES = {
    "airflow": "https://airflow.apache.org/docs/apache-airflow/2.5.3/",
    "ray": "https://docs.ray.io/en/master/",
    "fastapi": "https://fastapi.tiangolo.com/",
    "vite": "https://vite.dev/",
}
# Pages of each site whose first chunks are given as well, as a search gives what is beside the point.
_BESIDE = {
    "airflow": ("airflow/core-concepts/overview.html", "airflow/howto/usage-cli.html"),
    "ray": ("ray/ray-core/patterns/ray-get-loop.html", "ray/ray-core/starting-ray.html"),
    "fastapi": (
        "fastapi/tutorial/middleware/index.html",
        "fastapi/tutorial/path-params/index.html",
    ),
    "vite": ("vite/guide/why.html", "vite/guide/using-plugins.html"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One sentence; `page` lies below the corpora, `anchor` is the id of its section's heading."""

    id: str
    source: str
    page: str
    anchor: str
    question: str
    sentence: str
    kind: str


@dataclass(frozen=True, slots=True)
class Verdict:
    case: Case
    kept: bool
    cut: tuple[str, ...]

    @property
    def right(self) -> bool:
        return self.kept == (self.case.kind == BORNE_OUT)


def cases(file: Path) -> list[Case]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Case(**json.loads(line)) for line in lines if line.strip()]


def missing() -> str | None:
    """Say what is missing for measuring; None if nothing is."""
    if not CORPORA.is_dir():
        return f"the sites in {CORPORA} are not here"
    if not (shutil.which("tar") and shutil.which("zstd")):
        return "tar and zstd are needed to unpack the sites"
    return None


@contextmanager
def unpacked() -> Iterator[Path]:
    """Unpack the sites into one folder for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        for archive in sorted(CORPORA.glob("*.tar.zst")):
            subprocess.run(["tar", "--zstd", "-xf", archive], cwd=folder, check=True)
        yield Path(folder)


def verdicts(root: Path, given: Iterable[Case]) -> list[Verdict]:
    """Check each sentence alone, as an answer to its question."""
    read = cache(lambda name: _page(root, name))
    return [_verdict(case, passages_of(case, read)) for case in given]


def _page(root: Path, name: str) -> Page:
    source = name.split("/", 1)[0]
    return read_file(root / source, root / name, _BASES[source])


def passages_of(case: Case, read: Callable[[str], Page]) -> list[Passage]:
    """Give the passages of a case: its section first, two of other pages, the section's rest."""
    own = _section(read(case.page), case.anchor)
    if not own:
        raise ValueError(f"{case.id}: no section {case.anchor!r} in {case.page}")
    beside = [
        _Section(page.title, page.chunks[0])
        for page in map(read, _BESIDE[case.source])
        if page.chunks[0].url.partition("#")[0] != own[0].chunk.url.partition("#")[0]
    ]
    return [
        _passage(rank, case.source, each, own[0].chunk.url if each in own else each.chunk.url)
        for rank, each in enumerate([own[0], *beside, *own[1:]], start=1)
    ]


def rates(found: Sequence[Verdict]) -> Mapping[str, tuple[int, int]]:
    """Count, by kind, how many sentences were judged rightly, of how many."""
    return {
        kind: (
            sum(each.right for each in found if each.case.kind == kind),
            sum(each.case.kind == kind for each in found),
        )
        for kind in KINDS
    }


def _verdict(case: Case, passages: Sequence[Passage]) -> Verdict:
    checked = Checker(passages, case.question).checked(case.sentence, most=LONGEST)
    return Verdict(case, bool(checked.text.strip()), checked.cut)


@dataclass(frozen=True, slots=True)
class _Held:
    """A sentence held against its section: which of `_SHARES` keep it."""

    file: str
    site: str
    is_borne_out: bool
    keeping: frozenset[float]


def _held(root: Path, files: Iterable[Path]) -> Iterator[_Held]:
    read = cache(lambda name: _page(root, name))
    for file in files:
        for case in cases(file):
            if case.kind != INVENTED:
                passages = passages_of(case, read)
                ground = Ground([each for each in passages if each.url == passages[0].url])
                said = without_numbers(case.sentence)
                keeping = frozenset(
                    share
                    for share in _SHARES
                    if fault(said, [ground], case.question, share) is None
                )
                yield _Held(file.stem, case.source, case.kind == BORNE_OUT, keeping)


def _fitted(held: Sequence[_Held]) -> Iterator[list[str]]:
    """Leave out each file and each site: the share that is chosen on the rest, and what it does."""
    for left_out in sorted({each.file for each in held}) + sorted({each.site for each in held}):
        rest = [each for each in held if left_out not in (each.file, each.site)]
        tried = [each for each in held if left_out in (each.file, each.site)]
        chosen = max(
            (share for share in _SHARES if _kept(rest, share, is_borne_out=True) >= _KEPT),
            default=_SHARES[0],
        )
        kept = _kept(tried, chosen, is_borne_out=True)
        cut = 1 - _kept(tried, chosen, is_borne_out=False)
        yield [left_out, f"{chosen:.2f}", f"{kept:.1%}", f"{cut:.1%}"]


def _kept(held: Iterable[_Held], share: float, *, is_borne_out: bool) -> float:
    kind = [each for each in held if each.is_borne_out == is_borne_out]
    return sum(share in each.keeping for each in kind) / max(1, len(kind))


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    chunk: Chunk


def _section(page: Page, anchor: str) -> list[_Section]:
    """Give the chunks under a heading, or the one that holds it where it was joined to others."""
    named = [
        chunk
        for chunk in page.chunks
        if (unquote(chunk.url.partition("#")[2]) == anchor if anchor else not chunk.heading_path)
    ]
    path = named[0].heading_path if named else ()
    below = [each for each in page.chunks if path and each.heading_path[: len(path)] == path]
    chunks = below or named
    if not chunks:
        line = next((x for x in page.markdown.split("\n") if x.endswith(f"{{#{anchor}}}")), "")
        heading = line.removesuffix(f"{{#{anchor}}}").strip()
        chunks = [each for each in page.chunks if heading and heading in each.text.split("\n")]
    return [_Section(page.title, chunk) for chunk in chunks]


def _passage(rank: int, source: str, section: _Section, url: str) -> Passage:
    chunk = section.chunk
    return Passage(
        rank=rank,
        chunk_id=rank,
        page_id=rank,
        source=source,
        title=section.title,
        heading_path=chunk.heading_path,
        url=url,  # one for the whole section, so that [1] cites all of it
        text=chunk.text,
        score=1 / rank,
        lexical=3.0,
        dense=None,
    )


def main() -> None:
    lacking = missing()
    if lacking is not None:
        sys.exit(f"cannot measure: {lacking}")
    given = [name for name in sys.argv[1:] if name != "--fit"]
    files = [Path(name) for name in given] or sorted(SENTENCES.glob("*.jsonl"))
    with unpacked() as root:
        if "--fit" in sys.argv:
            columns = ["left out", "share", "borne out: kept", "not borne out: cut"]
            print_grid(columns, list(_fitted(list(_held(root, files)))))
            return
        rows = [
            [file.stem, *(f"{right} of {of} ({right / of:.1%})" for right, of in found.values())]
            for file in files
            for found in [rates(verdicts(root, cases(file)))]
        ]
    print_grid(["sentences", "borne out: kept", "not borne out: cut", "invented name: cut"], rows)


if __name__ == "__main__":
    main()
