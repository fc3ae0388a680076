"""What of a site is not read, and why: the operator's choice, robots.txt, and what is no page."""

from datetime import date

from docbot.knowledge.addresses import is_document, is_pdf
from docbot.knowledge.globs import matches
from docbot.knowledge.site.robots import Robots
from docbot.knowledge.site.traps import Traps

OTHER_KINDS = "PDFs and the like"  # PDFs are read where the extra for them is installed


class Scope:
    """The rules of one crawl; `root` is the folder that is read, with its slash."""

    def __init__(
        self,
        root: str,
        robots: Robots,
        *,
        include: tuple[str, ...],
        exclude: tuple[str, ...],
        max_depth: int,
        today: date,
        reads_pdf: bool = False,
    ) -> None:
        self.root = root
        self._robots = robots
        self._include = include
        self._exclude = exclude
        self._max_depth = max_depth
        self._reads_pdf = reads_pdf
        self._traps = Traps(today)

    def reason_against(self, address: str) -> str | None:
        """Say why a folded address below the root is not read; asked once for each address."""
        path = self.path_of(address)
        if self._is_named(self._exclude, address):
            return "excluded"
        if not self._robots.allows(address):
            return "robots.txt"
        if is_document(address) and not (self._reads_pdf and is_pdf(address)):
            return OTHER_KINDS
        if path.count("/") > self._max_depth:
            return f"deeper than {self._max_depth} folders"
        return None if self.is_chosen(address) else self._traps.reason_against(path)

    def is_chosen(self, address: str) -> bool:
        """Tell whether the operator wants an address that would be left out."""
        return self._is_named(self._include, address)

    def allows(self, address: str) -> bool:
        """Tell whether an address may be asked for at all."""
        return self._robots.allows(address) and not self._is_named(self._exclude, address)

    def is_endless_query(self, address: str) -> bool:
        return self._traps.is_endless_query(address)

    def path_of(self, address: str) -> str:
        return address[len(self.root) :]

    def _is_named(self, globs: tuple[str, ...], address: str) -> bool:
        if not globs:
            return False
        path = self.path_of(address)
        # A folder's own page is named as the folder, and as what lies in it.
        names = (
            [path.rstrip("/"), f"{path}index.html"] if path.endswith("/") or not path else [path]
        )
        return any(
            address_matches(glob, address) if "://" in glob else matches(glob, name)
            for glob in globs
            for name in names
        )


def address_matches(glob: str, address: str) -> bool:
    """Match a glob that begins with the scheme against a whole address."""
    return matches(glob.partition("://")[2], address.partition("://")[2])
