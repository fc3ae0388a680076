"""Names in a block of code that stand in no passage.

Only what belongs to the documented project counts as invented: its options, imports, attributes
and commands. Variables, functions and texts of the block's own do not; what may be anyone's, such
as another library, is only unfamiliar.
"""

import re
import sys
from dataclasses import dataclass, field

from docbot.answers.markdown import Fence
from docbot.answers.names import FLAG, KNOWN_WORDS, PROGRAMS, Vocabulary, is_own

_STRING = re.compile(r"\"\"\".*?\"\"\"|'''.*?'''|\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`", re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//)[^\n]*")
_IMPORT = re.compile(
    r"^\s*from\s+(?P<from>[\w.]+)\s+import\s+(?P<names>\([^()]*\)|[^\n]+)"
    r"|^\s*import\s+(?P<modules>[\w.]+(?:\s*,\s*[\w.]+)*)(?:\s+as\s+(?P<alias>\w+))?\s*$"
    r"|^\s*import\s+(?:type\s+)?\{?(?P<js_names>[\w\s,*]+?)\}?\s+from\s+[\"'](?P<js_from>[^\"']+)[\"']",
    re.MULTILINE,
)
_KEYWORD_ARGUMENT = re.compile(r"(?<=[(,])\s*([A-Za-z_]\w*)\s*=(?!=)")
_ATTRIBUTE = re.compile(r"(?<![\w.$])([A-Za-z_$][\w$]*)((?:\.[A-Za-z_$][\w$]*)+)")
_DECORATOR = re.compile(r"^\s*@([\w.]+)", re.MULTILINE)
_CALL = re.compile(r"(?<![\w.$@])([A-Za-z_$][\w$]*)\s*\(")
_DEFINED = re.compile(
    r"\b(?:def|class|function|const|let|var|interface|type|for|as|with)\s+([\w$]+)"
    r"|^\s*([\w$]+(?:\s*,\s*[\w$]+)*)\s*(?::[^=\n]+)?=(?!=)|\bdef\s+\w+\(([^)]*)\)"
    r"|\bfunction\s*\w*\(([^)]*)\)|\(([^()]*)\)\s*=>",
    re.MULTILINE,
)
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_KEY = re.compile(r"^\s*(?:-\s+)?[\"']?([A-Za-z_][\w.-]*)[\"']?\s*[:=](?!/)", re.MULTILINE)
_VARIABLE = re.compile(r"(?:^|(?<=\s))([A-Z][A-Z0-9_]{2,})=")
_COMMAND = re.compile(
    r"^\s*(?:[$>]\s+)?(?:[A-Z_][A-Z0-9_]*=\S+\s+)*(?:sudo\s+)?(?P<program>[a-z][\w.-]*)(?P<rest>[^\n]*)",
    re.MULTILINE,
)
_PROGRAM_LINE = re.compile(
    r"^\s*(?:def|class|from|import|const|let|async|@\w)\b|^\s*@\w|\w\(", re.MULTILINE
)
_OPTION_SHAPE = re.compile(r"[_.-]|[a-z][A-Z]")

_SHELLS = frozenset({"", "bash", "sh", "shell", "console", "zsh", "powershell", "bat", "text"})
_SETTINGS = frozenset(
    {"yaml", "yml", "toml", "ini", "cfg", "conf", "json", "jsonc", "json5", "env", "dotenv"}
)


@dataclass(frozen=True, slots=True)
class CodeNames:
    """Names that no passage has: `invented` are the project's, `unfamiliar` may be anyone's."""

    invented: tuple[str, ...] = ()
    unfamiliar: tuple[str, ...] = ()


def unknown_in(fence: Fence, known: Vocabulary) -> CodeNames:
    code = "\n".join(line.removeprefix(fence.prefix) for line in fence.lines)
    language = fence.info.split()[0].lower().strip("{}.") if fence.info.split() else ""
    reading = _Reading(known, _COMMENT.sub("", code))
    if language in _SETTINGS:
        reading.settings()
    elif language in _SHELLS and not _PROGRAM_LINE.search(reading.code):
        reading.commands()
    else:
        reading.program()
    return CodeNames(
        tuple(dict.fromkeys(reading.invented)), tuple(dict.fromkeys(reading.unfamiliar))
    )


@dataclass(slots=True)
class _Reading:
    """One block, and what was found in it so far; `own` are the block's own names."""

    known: Vocabulary
    code: str
    own: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)  # of other libraries
    invented: list[str] = field(default_factory=list)
    unfamiliar: list[str] = field(default_factory=list)

    def program(self) -> None:
        plain = _STRING.sub('""', self.code)
        for match in _DEFINED.finditer(plain):
            for group in match.groups():
                self.own.update(_IDENTIFIER.findall(group or ""))
        for match in _IMPORT.finditer(self.code):
            self._import(match)
        self.own |= self.foreign
        for name in _KEYWORD_ARGUMENT.findall(plain):
            # A word of prose is no parameter yet.
            if not (name in self.own or name in self.known.in_code or is_own(name)):
                self.invented.append(name)
        for name in _DECORATOR.findall(plain):
            if name.split(".")[0] not in self.own and not self.known.knows(name):
                self.invented.append(name)
        for match in _ATTRIBUTE.finditer(plain):
            self._attribute(match[1], match[2])
        for name in _CALL.findall(plain):
            if name not in self.own and not self.known.knows(name):
                self.invented.append(name)

    def commands(self) -> None:
        for name in _VARIABLE.findall(self.code):
            self._variable(name)
        for match in _COMMAND.finditer(self.code):
            self._command(match["program"], match["rest"])

    def settings(self) -> None:
        for key in _KEY.findall(self.code):
            if key.isupper():
                self._variable(key)
            elif not self.known.knows(key):
                of_project = _OPTION_SHAPE.search(key) is not None
                (self.invented if of_project else self.unfamiliar).append(key)

    def _import(self, match: re.Match[str]) -> None:
        listed = match["from"] or match["modules"] or match["js_from"]
        modules = [each.strip() for each in listed.split(",")]
        names = _imported(match["names"] or match["js_names"] or "")
        roots = {re.split(r"[./]", module.lstrip("@./"))[0] for module in modules}
        if roots & self.known.words:
            self.invented += [each for each in (*modules, *names) if not self.known.knows(each)]
            return
        self.foreign |= {*roots, *names, *filter(None, [match["alias"]])}
        if not roots <= sys.stdlib_module_names and not is_own(modules[0]):
            self.unfamiliar += modules

    def _attribute(self, root: str, path: str) -> None:
        last = path.rsplit(".", 1)[1]
        if root in self.foreign or last in KNOWN_WORDS or last in self.own:
            return
        if last in self.known.attributes or self.known.knows(f"{root}{path}"):
            return
        of_block = root in self.own and root not in self.known.words
        (self.unfamiliar if of_block else self.invented).append(f"{root}{path}")

    def _command(self, program: str, rest: str) -> None:
        flags = [flag for flag in FLAG.findall(rest) if not self.known.knows(flag)]
        if program in PROGRAMS:
            self.unfamiliar += flags if program in self.known.words else []
        elif program in self.known.words:
            command = self.known.unknown_command(f"{program}{rest}")
            self.invented += [*flags, *([command] if command is not None else [])]
        elif rest.strip() and not self.known.knows(program):
            (self.invented if flags else self.unfamiliar).append(program)

    def _variable(self, name: str) -> None:
        """Sort a variable of the environment: one that begins like the project's own is meant so."""
        if not self.known.knows(name):
            prefix = f"{name.split('_', 1)[0]}_"
            of_project = any(word.startswith(prefix) for word in self.known.words)
            (self.invented if of_project else self.unfamiliar).append(name)


def _imported(listed: str) -> list[str]:
    each_alone = listed.strip("() ").replace("\n", ",").split(",")
    found = [each.strip().split(" as ")[0].strip() for each in each_alone]
    return [each for each in found if each and each != "*"]
