"""Names in an answer (identifiers, flags, settings, commands, paths) that stand in no passage.

A name is known as a whole and letter for letter, whatever quotes, brackets and values stand
around it. What a reader names themselves, such as `my_dag` or `<name>`, is no invention.
"""

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from docbot.answers.markdown import spans

_SPLIT = re.compile(r"[\s,;|<>(){}\[\]\"'\u201c\u201d\u2018\u2019=]+")
_AROUND = ".,:!?*&#$%`~^+\\"
_DOTTED = re.compile(r"(?<![\w$.\-/])[A-Za-z_$][\w$-]*(?:\.[A-Za-z_$][\w$-]*)+(?![\w$])")
FLAG = re.compile(r"(?<![\w-])--[A-Za-z][\w-]*")
_WORD = re.compile(r"[A-Za-z_$][\w$]*(?:-[\w$]+)*")
_SIMPLE = re.compile(r"[A-Za-z0-9$]+(?:_[A-Za-z0-9$]+)*")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_HAS_VALUE = re.compile(r"([A-Za-z_$][\w$]*)\s*[(=:]")  # it is called, or set
# In prose only what can be nothing else is taken for a name.
_IN_PROSE = re.compile(
    r"(?<![\w-])--[A-Za-z][\w-]+"
    r"|(?<![\w./@-])[A-Za-z_][A-Za-z0-9]*_\w*[A-Za-z0-9](?:\.\w+)*"
    r"|(?<![\w./@-])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\(\)"
    r"|(?<![\w.:@/])(?:~|\.{1,2})?/[A-Za-z][\w.-]*(?:/[\w.-]+)+"
    r"|(?<![\w./@-])[\w-]+\.(?:py|js|ts|jsx|tsx|mjs|cjs|json|ya?ml|toml|ini|cfg|conf|env|sh|sql"
    r"|html|md|txt|xml|css|rs|go|java|log)\b"
    r"|(?<![\w./@-])[a-z]+[A-Z]\w+(?:\.\w+)*"
    # Two humps are a product's name as often, two dotted words a file's or a site's.
    r"|(?<![\w./@-])(?:[A-Z][a-z0-9]+){3,}\b"
    r"|(?<![\w./@-])[a-z]\w+(?:\.[A-Za-z_]\w+){2,}\b(?!/)"
)
_OWN = re.compile(
    r"(?:my|your|our|some|foo|bar|baz|qux|example|sample|test|demo|placeholder|xxx+)(?:[\W_\d]|$)"
    r"|(?-i:(?:my|your)[A-Z])|.*example\.(?:com|org|net)|.*(?:<.*>|\.\.\.|…)",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_PROGRAM_LIST = """
    pip pip3 python python3 npm npx pnpm yarn bun node docker docker-compose kubectl helm git curl
    wget cd ls cat echo export source mkdir rm cp mv touch chmod chown sudo apt apt-get brew conda uv
    poetry systemctl service ssh grep sed awk tail head tee set env which kill ps psql mysql sqlite3
    make
"""
# Programs that are seldom the documented project; what follows them is theirs.
PROGRAMS = frozenset(_PROGRAM_LIST.split())
_LANGUAGE_WORD_LIST = """
    true false null undefined none self cls this super const let var function return await async
    export import default new typeof console log error warn map filter reduce forEach push pop then
    catch finally require module exports process env args kwargs main name init length toString JSON
    parse stringify Promise Object Array Math Date Error window document fetch string number boolean
    any void bash sh python python3 pip localhost http https
"""
# Names of the languages themselves.
KNOWN_WORDS = frozenset(
    {
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        *(name for kind in (str, bytes, list, dict, set, tuple, int) for name in dir(kind)),
        *_LANGUAGE_WORD_LIST.split(),
    }
)


class Vocabulary:
    """What names the passages and the question hold."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._text = "\n".join(texts)
        words = _WORD.findall(self._text)
        self.words = {*words, *(part for word in words for part in word.split("-"))}
        self.words.update(_SIMPLE.findall(self._text))
        self._lower = {word.lower() for word in self.words}
        self.in_code = {word for code in _CODE.findall(self._text) for word in _WORD.findall(code)}
        self._flags = set(FLAG.findall(self._text))
        dotted = _DOTTED.findall(self._text)
        self.attributes = {part for name in dotted for part in name.split(".")[1:]}
        self.attributes.update(_HAS_VALUE.findall(self._text))

    def knows(self, name: str) -> bool:
        """Tell whether a name stands in a passage or the question, or is a reader's own."""
        name = name.strip(".,:;!?").removesuffix("()")
        if not name or name in self.words or is_own(name):
            return True
        if name.startswith("--"):
            return name in self._flags
        if name.startswith("-"):
            return self._has(name, r"[\w-]")
        if "/" in name or not (_WORD.fullmatch(name) or "." in name):
            return self._has_path(name)
        if "." in name:
            return self._has(name, r"[\w$]") or self._has_parts(name.split("."))
        return name.islower() and name.isalpha() and name in self._lower

    def unknown(self, sentence: str) -> list[str]:
        """Give the names in a sentence, marked as code or plainly names, that are not known."""
        found: list[str] = []
        position = 0
        for span in spans(sentence):
            found.extend(self._unknown_plain(sentence[position : span.start]))
            position = span.end
            if span.kind == "code":
                found.extend(self._unknown_marked(span.text.strip()))
            elif span.kind == "link":
                found.extend(self.unknown(span.text))
        found.extend(self._unknown_plain(sentence[position:]))
        return list(dict.fromkeys(found))

    def unknown_command(self, code: str) -> str | None:
        """Find two words of a command that follow each other nowhere, before any flag or value."""
        words = code.split()
        if len(words) < 2 or words[0] in PROGRAMS:
            return None
        for first, second in pairwise(words):
            if not (_PLAIN.fullmatch(first) and _PLAIN.fullmatch(second)):
                return None
            both = rf"(?<!\w){re.escape(first)}\s+{re.escape(second)}(?!\w)"
            if re.search(both, self._text) is None:
                return f"{first} {second}"
        return None

    def _unknown_plain(self, text: str) -> Iterator[str]:
        for match in _IN_PROSE.finditer(text):
            if not self.knows(match[0]):
                yield match[0].rstrip(".")

    def _unknown_marked(self, code: str) -> Iterator[str]:
        if code in self._text or _OWN.match(code):
            return
        command = self.unknown_command(code)
        if command is not None:
            yield command
            return
        for piece in (each.strip(_AROUND) for each in _SPLIT.split(code)):
            if not piece or piece[0].isdigit() or not any(each.isalpha() for each in piece):
                continue
            parts = [part for part in re.split("[:@]", piece) if part]
            if not self.knows(piece) and not (len(parts) > 1 and all(map(self.knows, parts))):
                yield piece

    def _has(self, name: str, letters: str) -> bool:
        """Tell whether a name stands somewhere with none of these letters around it."""
        pattern = rf"(?<!{letters}){re.escape(name)}(?!{letters})"
        return re.search(pattern, self._text) is not None

    def _has_parts(self, parts: list[str]) -> bool:
        """Of a reader's own object the last part must be known as what is called, set or had."""
        begun = rf"(?<!\w){re.escape(parts[0])}\."
        if re.search(rf"{begun}\w", self._text) and not re.search(
            rf"{begun}{re.escape(''.join(parts[1:2]))}", self._text
        ):
            return False  # other parts of that name are told, and not this one
        known = all(part in self.words or part in KNOWN_WORDS for part in parts if part)
        return known and (parts[-1] in self.attributes or parts[-1] in KNOWN_WORDS)

    def _has_path(self, name: str) -> bool:
        if name in self._text:
            return True
        parts = [part for part in re.split(r"[/\\:]", name) if part.strip(".~")]
        together = [f"{one}/{other}" for one, other in pairwise(parts) if not _OWN.match(one)]
        return all(part in self._text or _OWN.match(part) for part in (*parts, *together))


def is_own(name: str) -> bool:
    """Tell whether a name is a reader's own by its look, or one of a language."""
    return name in KNOWN_WORDS or _OWN.match(name) is not None
