"""From text to sparse vectors: the words of chunks and questions, weighted for BM25.

Pure functions. A chunk's vector holds BM25's term-frequency part and a question's vector the
weight of each of its terms; the store multiplies by IDF and adds up. Whatever changes a chunk's
vector, or what else is made of them, raises `LEXICAL_VERSION`, which is stored with each generation.

A chunk's words are stemmed in its own language, a question's in each that its sources are in.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import chain, pairwise
from typing import Concatenate, NamedTuple, ParamSpec, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

import snowballstemmer  # type: ignore[import-untyped]  # the package ships no types

from docbot.retrieval.language import ENGLISH, FUNCTION_WORDS, MARKS, language_of
from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.store import Sparse

LEXICAL_VERSION = 2

# What a word is searched by: its stem in each of several languages, none twice.
Stems: TypeAlias = tuple[str, ...]

P = ParamSpec("P")
T = TypeVar("T")
Result = TypeVar("Result")

# Terms of a usual chunk with its title and address counted twice (109 to 180 on four sites cut at
# 200 words). A constant, so that a chunk's vector depends on the chunk alone.
_AVERAGE_LENGTH = 150.0
_CONTEXT_SHARE = 0.3  # of a term that only the conversation so far holds

_MOST_ERROR_LINES = 5
_LONGEST_ERROR_LINE = 200  # characters; what follows is values and paths of one machine
_LONGEST_TERM = 64  # characters; beyond are hashes, keys and encoded blobs

# Scripts without spaces between words, without their punctuation: Chinese, Japanese and Korean, of
# which Korean has spaces, but endings too; then Thai, Lao, Burmese and Khmer.
_UNSPACED = (
    "\u3005-\u3007\u3040-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eff\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u17d7\u17dc-\u17e9"
)
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")
# A letter with the vowels and tones that stand above, below or behind it.
_LETTER = re.compile(rf".[{MARKS}]*")
_PIECE = rf"[^\W_]+(?:[{MARKS}]+[^\W_]*)*"
_WORD = re.compile(rf"(?<!\w)[CFcf](?:\+\+|#)(?!\w)|{_PIECE}(?:[-_./:\\@'+]{{1,3}}{_PIECE})*")
_MARK = re.compile(f"[{MARKS}]")
_JOINT = re.compile(r"[-_./:\\@'+]+")
_LEVEL = re.compile(r"[./:\\@+]+")  # separates names; the other joints stand inside one name
_SPELLING = re.compile(r"[-_']+")
_ACRONYM = re.compile(r"[A-Z]{2,}s")
_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_HUMP = re.compile(r"[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])|[A-Z][^\W\d_A-Z]+|\d+")
_VERSION = re.compile(r"[vV]?((\d+\.\d+)(?:\.\d+)*)")

_LINK = re.compile(r"(!?)\[([^\]\n]*)\]\([^)\n]*\)")
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"'`)\]]+", re.IGNORECASE)
_DISCORD_MARK = re.compile(r"<(?:@[!&]?|#|a?:\w+:|t:)-?\d+(?::\w)?>")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_ERROR_LINE = re.compile(
    r"error|exception|warning|traceback|fatal|panic|errno|fail(?:ed|ure)|cannot|denied|refused"
    r"|not found|undefined|unexpected|invalid|unknown",
    re.IGNORECASE,
)

_TITLE_TERMS = 3  # with fewer a title does not say what is asked ("Help with DAGs")

_STOP_WORD_LIST = """
    a about above after again against all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each few for from further had
    has have having he her here hers him his how i if in into is it its itself just me more most my
    myself no nor not now of off on once only or other our ours out over own same she should so some
    such than that the their theirs them then there these they this those through to too under until
    up upon very was we were what when where which while who whom why will with would you your yours
    yourself shall may might must cannot via etc eg ie im ive id dont doesnt didnt isnt cant wont

    hi hello hey dear thanks thank thx please pls plz help anyone anybody someone somebody everyone
    everybody guys folks sorry cheers regards appreciate appreciated advance wondering wonder kindly
    question questions suggestion suggestions idea ideas clue know want wants wanted trying try tried
    need needs looking look found seems seem like got get getting really actually currently maybe
    lot something anything way ways much many one ok okay
"""
_STOP_WORDS = {**FUNCTION_WORDS, ENGLISH: frozenset(_STOP_WORD_LIST.split())}
# Endings and particles, which are nearly everywhere.
_STOP_PAIR_LIST = """
    です ます まし した して する ませ せん から こと もの には では のは ので って いる ある いま すか
    くだ ださ さい れる られ よう うに ため との とは たい たら ない なに どう うす れば
    如何 怎么 什么 可以 我们 这个 一个 没有 为什 怎麼 什麼 我們 這個 一個 沒有 為什
    합니 니다 습니 입니 는데 에서 으로 하는 하고 나요 까요 어떻 떻게
"""
_STOP_PAIRS = frozenset(_STOP_PAIR_LIST.split())
# What is written onto the next word without its last vowel: l'utilisateur, dell'utente.
_ELISIONS = {
    "french": re.compile(r"(?:[cdjlmnst]|(?:jus|lors|puis|quoi|pres)?qu)'(?=\w)", re.IGNORECASE),
    "italian": re.compile(
        r"(?:[cdlmstv]|un|gl|[dns]?all|dell|[ns][eu]ll|que[sl]t|quell|anch|dov)'(?=\w)",
        re.IGNORECASE,
    ),
    "catalan": re.compile(r"[dlmnst]'(?=\w)", re.IGNORECASE),
}


def terms(text: str, stages: Stages = ALL_STAGES, language: str = ENGLISH) -> list[str]:
    """Return the index terms of a text in order, repeated as often as they occur.

    Plain words are lower-cased and stemmed (Snowball) in the language of the text, its stop words
    left out. An identifier, path, flag, error code or version gives its whole form, so spelt that
    `max_retries`, `max-retries` and `maxRetries` are one, and its parts, the same in every
    language. Scripts without spaces give their pairs of neighbouring letters.
    """
    rules = _rules(stages, language)

    def spaced(piece: str) -> Iterable[str]:
        return chain.from_iterable(_terms_of(word, rules) for word in _WORD.findall(piece))

    return _read(text, spaced, partial(_pairs, rules=rules))


def words(
    text: str,
    stages: Stages = ALL_STAGES,
    languages: Sequence[str] = (ENGLISH,),
    own: str | None = None,
) -> list[Stems]:
    """Return the words of a text that is searched for, each with what it is found by.

    Identifiers give several words, each found by one term, as those of `terms` are.

    Args:
        text: a question's, or a part of it.
        stages: those that take part.
        languages: those of the chunks that are searched; a word has its stem in each.
        own: the text's, whose stop words are left out beside the English ones.
    """
    if {*languages, own or ENGLISH} == {ENGLISH}:
        return [(term,) for term in terms(text, stages)]  # the same, and twice as fast
    rules = [_rules(stages, language) for language in languages]
    silent = [_rules(stages, language) for language in dict.fromkeys((ENGLISH, own or ENGLISH))]

    def spaced(piece: str) -> Iterable[Stems]:
        return chain.from_iterable(_stems_of(word, rules, silent) for word in _WORD.findall(piece))

    def unspaced(run: str) -> Iterable[Stems]:
        return ((pair,) for pair in _pairs(run, silent[0]))

    return _read(text, spaced, unspaced)


def document_language(title: str, heading_path: Sequence[str], text: str) -> str:
    """Return the language that a chunk's words are stemmed in: its own, or English."""
    language = language_of("\n".join([text, *heading_path, title]))
    return language or ENGLISH


def document_vector(
    title: str,
    heading_path: Sequence[str],
    url: str,
    text: str,
    stages: Stages = ALL_STAGES,
    *,
    language: str | None = None,
) -> Sparse:
    """Return a chunk's vector: for each term BM25's share of its frequency.

    A weight is f * (k1 + 1) / (f + k1 * (1 - b + b * length / average length)), in (0, k1 + 1),
    where f counts a word of title, headings and address twice.

    Args:
        title: the page's.
        heading_path: from the outermost; may begin with the title, which then counts once.
        url: only its path counts; the host is the same for a whole site.
        text: Markdown.
        stages: those that take part.
        language: as `document_language` tells it, where that is known already.
    """
    language = language or document_language(title, heading_path, text)
    headings = dict.fromkeys([title, *heading_path])
    heading = " ".join([*headings, _address_words(url)])
    counts: dict[str, float] = defaultdict(
        float, Counter(terms(_LINK.sub(r"\2", text), stages, language))
    )
    for term in terms(heading, stages, language):
        counts[term] += stages.headings
    length = math.fsum(counts.values())
    norm = stages.k1 * (1 - stages.b + stages.b * length / _AVERAGE_LENGTH)
    most = highest_weight(stages)
    return _sparse((term, count * most / (count + norm)) for term, count in counts.items())


def query_vector(
    title: str,
    body: str,
    context: str = "",
    stages: Stages = ALL_STAGES,
    languages: Sequence[str] = (ENGLISH,),
) -> Sparse:
    """Return a question's vector: each term weighs 1 + ln(its count), 1 and up.

    The title counts twice. Of the body only prose counts: code and addresses name the asker's
    things, not the documentation's. Terms that only the error lines of its code or `context` (the
    conversation so far) hold weigh a fixed share, so that they break ties and no more, unless
    there is hardly anything else. All stems of a word in the `languages` of the sources weigh the
    same.
    """
    said = _said_in(title, body, context, stages, languages)
    counts: dict[str, float] = defaultdict(float, Counter(chain.from_iterable(said.body)))
    for term in chain.from_iterable(said.title):
        counts[term] += stages.question_title
    weights = {
        term: 1 + math.log(count) if stages.damped else count for term, count in counts.items()
    }
    for term in chain.from_iterable([*said.errors, *said.context]):
        weights.setdefault(term, _CONTEXT_SHARE)
    return _sparse(weights.items())


def highest_weight(stages: Stages = ALL_STAGES) -> float:
    """Return what a term weighs in a chunk that says nothing else, without end."""
    return stages.k1 + 1


def words_asked(
    title: str, body: str, stages: Stages = ALL_STAGES, languages: Sequence[str] = (ENGLISH,)
) -> set[Stems]:
    """Return the words of what is asked."""
    own = _own(title, body)
    return set(words(_asked_in(title, body, own), stages, languages, own))


def asked_in(title: str, body: str) -> str:
    """Return the prose that says what is asked: the title's, or all where it says too little."""
    return _asked_in(title, body, _own(title, body))


def _asked_in(title: str, body: str, own: str | None) -> str:
    said = prose(title)
    told = set(words(said, own=own))
    return said if len(told) >= _TITLE_TERMS else f"{said}\n\n{prose(body)}".strip()


def idf(holding: int, chunks: int) -> float:
    """Return what a term is worth that `holding` of the chunks hold: BM25's, as in the stores."""
    return math.log(1 + (chunks - holding + 0.5) / (holding + 0.5))


class _Said(NamedTuple):
    """The words of a question."""

    title: list[Stems]
    body: list[Stems]
    errors: list[Stems]
    context: list[Stems]


def _said_in(
    title: str, body: str, context: str, stages: Stages, languages: Sequence[str]
) -> _Said:
    own = _own(title, body) or language_of(context)
    title_words, body_words, error_words, context_words = (
        words(each, stages, languages, own)
        for each in (
            _said(title, stages),
            _said(body, stages),
            "\n".join(error_lines(body)) if stages.prose else "",
            _said(context, stages),
        )
    )
    if len({*title_words, *body_words}) < _TITLE_TERMS:
        return _Said(title_words, [*body_words, *error_words], [], context_words)
    return _Said(title_words, body_words, error_words, context_words)


def _own(title: str, body: str) -> str | None:
    return language_of(prose(f"{title}\n\n{body}"))


def _said(markdown: str, stages: Stages) -> str:
    return spoken(markdown) if stages.prose else markdown


def prose(markdown: str) -> str:
    """Return what a person says in a post, and the error lines of its code."""
    return "\n".join(filter(None, (spoken(markdown), *error_lines(markdown))))


def spoken(markdown: str) -> str:
    """Return what a person says in a post: no code blocks, no addresses.

    Inline code stays: it names what the question is about.
    """
    return _plain("\n".join(line for line, is_code in _lines(markdown) if not is_code))


def error_lines(markdown: str) -> list[str]:
    """Return what the code blocks of a post say of errors, from their last lines."""
    errors = [
        line.strip()[:_LONGEST_ERROR_LINE]
        for line, is_code in _lines(markdown)
        if is_code and _ERROR_LINE.search(line)
    ]
    # The last lines of a trace name the fault, the first ones the way to it.
    return [plain for line in errors[-_MOST_ERROR_LINES:] if (plain := _plain(line))]


def _plain(text: str) -> str:
    text = _LINK.sub(lambda link: "" if link[1] else link[2], text)
    return _DISCORD_MARK.sub(" ", _ADDRESS.sub(" ", text)).strip()


def _lines(markdown: str) -> Iterable[tuple[str, bool]]:
    """Give each line and whether it is code: fenced, or indented by 4 after a blank line."""
    fence = ""
    indented = False
    after_blank = True
    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
            else:
                yield line, True
            continue
        if mark:
            fence = mark[1]
            continue
        blank = not line.strip()
        indented = line.startswith(("    ", "\t")) and (indented or after_blank)
        after_blank = blank
        yield line, indented


def _read(
    text: str, spaced: Callable[[str], Iterable[T]], unspaced: Callable[[str], Iterable[T]]
) -> list[T]:
    """Give what is found in the text with spaces between its words, and without, in order."""
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u00ad", "")
    found: list[T] = []
    start = 0
    for run in _UNSPACED_RUN.finditer(text):
        found.extend(spaced(text[start : run.start()]))
        found.extend(unspaced(run.group()))
        start = run.end()
    found.extend(spaced(text[start:]))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """What is done to a word; there is one of each, which is known faster than by its values."""

    stemming: bool
    stop_words: bool
    identifiers: bool
    language: str

    def of_english(self) -> "_Rules":
        return _the_rules(self.stemming, self.stop_words, self.identifiers, ENGLISH)


_the_rules = lru_cache(maxsize=None)(_Rules)  # 8 for each language


def _rules(stages: Stages, language: str) -> _Rules:
    return _the_rules(stages.stemming, stages.stop_words, stages.identifiers, language)


def _pairs(run: str, rules: _Rules) -> Iterable[str]:
    """Without spaces between words, neighbouring letters stand in for them."""
    letters = _LETTER.findall(run)
    if len(letters) == 1:
        return (run,)
    pairs = map("".join, pairwise(letters))
    return (pair for pair in pairs if not (rules.stop_words and pair in _STOP_PAIRS))


def _stems_of(word: str, rules: Sequence[_Rules], silent: Sequence[_Rules]) -> Iterable[Stems]:
    if not all(_terms_of(word, each) for each in silent):
        return ()
    found = dict.fromkeys(filter(None, (_terms_of(word, each) for each in rules)))
    if len({len(each) for each in found}) == 1:
        return (tuple(dict.fromkeys(stems)) for stems in zip(*found, strict=True))
    # One language reads one word where another reads an identifier: l'utilisateur.
    stems = tuple(dict.fromkeys(chain.from_iterable(found)))
    return (stems,) if stems else ()


def _remembered(
    most: int,
) -> Callable[[Callable[Concatenate[str, P], Result]], Callable[Concatenate[str, P], Result]]:
    """Keep the results for so many words; long ones are no words, and would fill the memory."""

    def remembering(
        function: Callable[Concatenate[str, P], Result],
    ) -> Callable[Concatenate[str, P], Result]:
        known = lru_cache(maxsize=most)(function)

        def remembered(word: str, /, *given: P.args, **named: P.kwargs) -> Result:
            # The cache asks for what can be hashed, which strings and rules can.
            short = len(word) <= _LONGEST_TERM
            return known(word, *given, **named) if short else function(word, *given, **named)  # type: ignore[arg-type]

        return remembered

    return remembering


@_remembered(100_000)  # a site's vocabulary; stemming is 20 times slower than a look-up
def _terms_of(word: str, rules: _Rules) -> tuple[str, ...]:
    if rules.language in _ELISIONS:
        word = _ELISIONS[rules.language].sub("", word, count=1)
    word = _without_contraction(word)
    if _is_stop_word(word.lower(), rules):
        return ()
    if _is_plain(word):
        return (_stem(word.lower(), rules),) if len(word) <= _LONGEST_TERM else ()
    if len(word) == 1 or word[-1] in "+#":
        return (word.lower(),)
    return tuple(dict.fromkeys(each for each in _parts(word, rules) if len(each) <= _LONGEST_TERM))


def _is_plain(word: str) -> bool:
    letters = _MARK.sub("", word)
    return letters.isalpha() and bool(
        letters[1:].islower()
        or letters.isupper()
        or letters.lower() == letters.upper()  # of a script that has no capitals
        or _ACRONYM.fullmatch(letters)
    )


def _parts(word: str, rules: _Rules) -> Iterable[str]:
    """Give the terms of what is not one plain word."""
    # Code is English. Only a compound may be prose: Docker-Containern.
    of_names = rules.of_english()
    of_parts = rules if _COMPOUND.fullmatch(word) else of_names
    if not rules.identifiers:
        return [_stem(part.lower(), of_parts) for part in _JOINT.split(word) if part]
    version = _VERSION.fullmatch(word)
    if version:
        return (version[1], version[2])
    names = [name for name in _LEVEL.split(word) if name]
    found = [_whole(word, of_names)]
    for name in names:
        found.append(_whole(name, of_names))
        found.extend(_stem(hump, of_parts) for hump in _humps(name, of_parts))
    # One occurrence counts once for each of its terms; a lone letter or digit says nothing.
    return [each for each in found if len(each) > 1 and not _is_stop_word(each, of_names)]


def _is_stop_word(word: str, rules: _Rules) -> bool:
    return rules.stop_words and word in _STOP_WORDS[rules.language]


def _without_contraction(word: str) -> str:
    """`isn't` is a stop word whatever its verb; of `it's` and `we'll` the first word stays."""
    head, mark, tail = word.rpartition("'")
    if not mark or len(tail) > 2 or not tail.isalpha():
        return word
    return "not" if tail.lower() == "t" else head


def _whole(name: str, rules: _Rules) -> str:
    """All spellings of one identifier meet in one term."""
    return _stem(_SPELLING.sub("", name).lower(), rules)


def _humps(name: str, rules: _Rules) -> list[str]:
    """`XComArg_v2` as `x`, `com`, `arg`, `v`, `2`."""
    pieces: list[str] = []
    for piece in _JOINT.split(name):
        humps = [piece] if _ACRONYM.fullmatch(piece) else _HUMP.findall(piece)
        pieces.extend(hump.lower() for hump in humps)
    return [piece for piece in pieces if not _is_stop_word(piece, rules)]


@_remembered(50_000)  # the words within identifiers are those of the prose
def _stem(word: str, rules: _Rules) -> str:
    if not (rules.stemming and _MARK.sub("", word).isalpha()):
        return word
    # A stemmer holds the word it works on: one for each call keeps this safe in threads.
    return str(snowballstemmer.stemmer(rules.language).stemWord(word)) or word


def _address_words(url: str) -> str:
    path = unquote(urlsplit(url).path)
    return re.sub(r"\.html?$", "", path).replace("/", " ").removesuffix("index")


def _sparse(weighted: Iterable[tuple[str, float]]) -> Sparse:
    """Terms become ids; two terms of one id (1 pair in 2**32) share a weight."""
    weights: dict[int, float] = {}
    for term, weight in weighted:
        its_id = term_id(term)
        weights[its_id] = weights.get(its_id, 0.0) + weight
    ids = sorted(weights)
    return Sparse(tuple(ids), tuple(weights[each] for each in ids))


@_remembered(100_000)
def term_id(term: str) -> int:
    """Return a 32-bit id that is the same in every process and version of Python."""
    return int.from_bytes(blake2b(term.encode(), digest_size=4).digest(), "big")
