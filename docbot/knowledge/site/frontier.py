"""Which addresses of a site wait to be read; each is taken in once. No network.

What looks like another version or a translation of the site waits aside until all else was read:
by then the names of the site's pages tell what it is. Where they do not, one of its pages is read
to see (a probe), and what stays unclear is read.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from docbot.knowledge.addresses import (
    MOST_BYTES,
    asked,
    at_home,
    bare,
    folded,
    is_document,
    is_markdown,
    is_possible,
    is_under,
    may_be_page,
    without_markdown,
)
from docbot.knowledge.html.head import Head
from docbot.knowledge.site.editions import (
    Candidate,
    candidates,
    differ,
    name_below,
    other_versions,
    primary,
    repeats,
)
from docbot.knowledge.site.scope import Scope
from docbot.knowledge.site.twins import twin_key

_MOST_LOOKED_AT = 500_000  # links; beyond it they are looked at again
_MOST_KNOWN = 1_000_000  # addresses
_MOST_TRANSLATED = 50_000  # single addresses that pages name as their translations
_MOST_PROBES = 3  # pages of one folder that may look like another edition
_MOST_PROBES_SIDE_BY_SIDE = 60  # of the folders side by side; no site has more languages
_TRANSLATIONS = "translations"
_QUERIES = "parameters"
_TOO_MANY = "addresses beyond the first million"
_IMPOSSIBLE = f"addresses with control characters, or of more than {MOST_BYTES:,} bytes"


@dataclass(frozen=True, slots=True)
class Probe:
    """An address to read in order to see what its folder is."""

    candidate: Candidate
    address: str


@dataclass(slots=True)
class _Aside:
    addresses: list[str] = field(default_factory=list)  # as they are asked for
    names: set[str] = field(default_factory=set)  # of its pages, those probed too
    probes: int = 0


class Frontier:
    def __init__(self, scope: Scope, leave_out: Callable[[str, str], None]) -> None:
        self.waiting: deque[str] = deque()
        self.twins: dict[str, str] = {}  # by `twin_key`
        self.left_out: list[Candidate] = []  # translations found since this was last emptied
        self._scope = scope
        self._leave_out = leave_out
        self._looked_at: set[str] = set()
        self._taken: set[str] = set()  # folded
        self._accepted = 0  # addresses that may be read; bounds memory
        self._markdown: list[str] = []
        self._instead: dict[str, str] = {}
        self._translated: set[str] = set()
        self._aside: dict[Candidate, _Aside] = {}
        self._verdicts: dict[Candidate, bool] = {}  # whether it is read
        self._probes: Counter[str] = Counter()  # by the folder around

    def add(self, links: Iterable[str]) -> None:
        """Queue the pages of the site that are not known yet."""
        if len(self._looked_at) > _MOST_LOOKED_AT:
            self._looked_at.clear()
        for link in links:
            if link in self._looked_at:
                continue
            self._looked_at.add(link)
            self._look_at(at_home(link, self._scope.root))

    def name_twins(self, addresses: Iterable[str]) -> None:
        """Take in the Markdown addresses that the site itself lists as those of its pages."""
        for address in addresses:
            self.twins.setdefault(twin_key(address), address)

    def take(self, address: str) -> None:
        """Count an address as known that is read without having waited."""
        self._taken.add(address)

    def is_taken(self, address: str) -> bool:
        return address in self._taken

    def taken(self) -> Iterable[str]:
        return iter(self._taken)

    @property
    def held_back(self) -> int:
        """How many addresses wait aside."""
        return len(self._markdown) + sum(len(aside.addresses) for aside in self._aside.values())

    def see_translations(self, address: str, head: Head, site_language: str | None) -> None:
        """Leave out what a page in the site's language names as the same in others."""
        own = head.language or site_language
        if not own or (site_language and primary(own) != primary(site_language)):
            return
        for language, translation in head.translations:
            home = at_home(translation, self._scope.root)
            if language == "x-default" or not differ(language, own):
                continue
            if is_under(home, self._scope.root) and folded(home) != address:
                self._translate(folded(home), address)

    def instead_of(self, address: str) -> str | None:
        """Return the Markdown of a page that only `llms.txt` names and the site does not have."""
        return self._instead.pop(address, None)

    def push(self, address: str) -> None:
        self._take(folded(address), asked(address))

    def settle(self) -> Probe | None:
        """Decide on what waits aside, once nothing else waits; a probe is read before the rest."""
        if self._markdown or self.twins:
            self._settle_markdown()
        while not self.waiting and self._aside:
            self._settle_versions()
            if self.waiting:
                break
            probe = self._probe()
            if probe is not None:
                return probe
            for candidate in list(self._aside):
                self.decide(candidate, is_read=True)
        return None

    def decide(self, candidate: Candidate, *, is_read: bool) -> None:
        """Queue what waits in a folder, or leave it out, and whatever is found there later."""
        self._verdicts[candidate] = is_read
        aside = self._aside.pop(candidate, None) or _Aside()
        if not is_read and candidate.kind == "language":
            self.left_out.append(candidate)
        for address in aside.addresses:
            if is_read:
                self._sort(folded(address), address)
            else:
                self._leave_out(folded(address), candidate.reason)

    def edition_of(self, address: str, probed: Candidate) -> tuple[Candidate | None, bool]:
        """Return the edition that a probe lies in and that is left out; whether that is clear yet.

        A page of a language that is read may still lie in an old version of it.
        """
        around = candidates(self._scope.path_of(address))
        other = next((one for one in around if self._verdicts.get(one) is False), None)
        is_open = probed not in self._verdicts or any(one in self._aside for one in around)
        return other, other is not None or not is_open

    def repeats_the_site(self, candidate: Candidate) -> bool:
        aside = self._aside.get(candidate) or _Aside()
        return repeats(aside.names, self._names_beside(candidate.prefix))

    def _look_at(self, link: str) -> None:
        try:
            page = folded(link)
        except ValueError:  # as a port that is no number
            return
        if not page.startswith(self._scope.root) or not (may_be_page(page) or is_document(page)):
            return
        if "?" in link and self._scope.is_endless_query(page):
            self._leave_out(link, _QUERIES)
        if page != link:
            if page in self._looked_at:
                return
            self._looked_at.add(page)
        if page in self._taken:
            return
        reason = self._reason_against(page)
        if reason is not None:
            self._leave_out(page, reason)
            return
        self._accepted += 1
        if is_markdown(page):
            self._markdown.append(asked(link))
        else:
            self._sort(page, asked(link))

    def _reason_against(self, page: str) -> str | None:
        if not is_possible(page):
            return _IMPOSSIBLE
        return _TOO_MANY if self._accepted >= _MOST_KNOWN else self._scope.reason_against(page)

    def _sort(self, page: str, address: str) -> None:
        """Queue an address, unless it may lie in another edition of the site."""
        if not self._scope.is_chosen(page):
            if page in self._translated:
                self._leave_out(page, _TRANSLATIONS)
                return
            for candidate in candidates(self._scope.path_of(page)):
                is_read = self._verdicts.get(candidate)
                if is_read is None:
                    aside = self._aside.setdefault(candidate, _Aside())
                    aside.addresses.append(address)
                    aside.names.add(name_below(self._scope.path_of(page), candidate.folder))
                    return
                if not is_read:
                    self._leave_out(page, candidate.reason)
                    return
        self._take(page, address)

    def _take(self, page: str, address: str) -> None:
        if page not in self._taken:
            self._taken.add(page)
            self.waiting.append(address)

    def _translate(self, address: str, original: str) -> None:
        if self._scope.is_chosen(address):
            return
        path = self._scope.path_of(original)
        for candidate in candidates(self._scope.path_of(address)):
            if candidate.kind == "language" and not path.startswith(candidate.folder):
                if self._verdicts.get(candidate) is None:
                    self.decide(candidate, is_read=False)
                return
        if address not in self._taken and len(self._translated) < _MOST_TRANSLATED:
            self._translated.add(address)

    def _settle_markdown(self) -> None:
        pages = {bare(address) for address in self._taken}
        for address in self._markdown:
            if twin_key(address) not in pages:
                self._sort(folded(address), address)
        self._markdown.clear()
        for key, twin in self.twins.items():
            page = folded(without_markdown(twin))
            if key not in pages and page not in self._looked_at:
                self._instead[page] = twin
                self.add([page])

    def _settle_versions(self) -> None:
        versions = [one for one in self._aside if one.kind == "version"]
        for prefix in {one.prefix for one in versions}:
            names: dict[Candidate, Collection[str]] = {
                one: self._aside[one].names for one in versions if one.prefix == prefix
            }
            read = [
                one
                for one, is_read in self._verdicts.items()
                if is_read and one.kind == "version" and one.prefix == prefix
            ]
            names |= {one: self._names_beside(one.folder) for one in read}
            others, best = other_versions(names, self._names_beside(prefix))
            if any(one in others or one in best for one in read):
                others, best = others | best, set()
            for one in others - set(read):
                self.decide(one, is_read=False)
            for one in best - set(read):
                self.decide(one, is_read=True)

    def _probe(self) -> Probe | None:
        """Choose a page of a folder that has not shown what it is, the likeliest to be kept first."""
        unclear = [
            (one, aside)
            for one, aside in self._aside.items()
            if aside.addresses
            and aside.probes < (_MOST_PROBES if one.kind == "language" else 1)
            and self._probes[one.prefix] < _MOST_PROBES_SIDE_BY_SIDE
        ]
        if not unclear:
            return None
        candidate, aside = max(unclear, key=lambda pair: (pair[0].kind == "version", pair[0].rank))
        address = min(aside.addresses, key=len)
        aside.addresses.remove(address)
        aside.probes += 1
        self._probes[candidate.prefix] += 1
        self._taken.add(folded(address))
        return Probe(candidate, address)

    def _names_beside(self, prefix: str) -> set[str]:
        """The names of the pages that are read of a folder, those of other editions not counted."""
        around = self._scope.root + prefix
        return {
            name_below(self._scope.path_of(address), prefix)
            for address in self._taken
            if address.startswith(around)
        }
