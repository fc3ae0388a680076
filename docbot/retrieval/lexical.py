"""From text to sparse vectors: the words of chunks and questions, weighted for BM25.

Pure functions. A chunk's vector holds BM25's term-frequency part and a question's vector the
weight of each of its terms; the store multiplies by IDF and adds up. Whatever changes a chunk's
vector, or what else is made of them, raises `LEXICAL_VERSION`, which is stored with each generation.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple, ParamSpec, TypeVar
from urllib.parse import unquote, urlsplit

import snowballstemmer  # type: ignore[import-untyped]  # the package ships no types

from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.store import Sparse

LEXICAL_VERSION = 2

P = ParamSpec("P")
Result = TypeVar("Result")

# Measured on two documentation sites: with 3 a word's fifth use still counts, as befits chunks
# on one subject; the usual 1.2 found .04 and .02 fewer pages among the first five.
_K1 = 3.0
_B = 0.75
HIGHEST_WEIGHT = _K1 + 1  # of a term in a chunk that says nothing else, without end
# Terms of a usual chunk with its title and address counted twice (109 to 180 on four sites cut at
# 200 words). A constant, so that a chunk's vector depends on the chunk alone.
_AVERAGE_LENGTH = 150.0
_TITLE_COUNTS = 2  # words of title, headings and address, against 1 for the text's
_ASKED_COUNTS = 2  # words of a question's title, against 1 for its body's
_CONTEXT_SHARE = 0.3  # of a term that only the conversation so far holds

_MOST_ERROR_LINES = 5
_LONGEST_ERROR_LINE = 200  # characters; what follows is values and paths of one machine
_LONGEST_TERM = 64  # characters; beyond are hashes, keys and encoded blobs

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_CJK_RUN = re.compile(f"[{_CJK}]+")
_WORD = re.compile(r"(?<!\w)[CFcf](?:\+\+|#)(?!\w)|[^\W_]+(?:[-_./:\\@'+]{1,3}[^\W_]+)*")
_JOINT = re.compile(r"[-_./:\\@'+]+")
_LEVEL = re.compile(r"[./:\\@+]+")  # separates names; the other joints stand inside one name
_SPELLING = re.compile(r"[-_']+")
_ACRONYM = re.compile(r"[A-Z]{2,}s")
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
_STOP_WORDS = frozenset(_STOP_WORD_LIST.split())


def terms(text: str, stages: Stages = ALL_STAGES) -> list[str]:
    """Return the index terms of a text in order, repeated as often as they occur.

    Plain words are lower-cased and stemmed (Snowball English), stop words left out. An
    identifier, path, flag, error code or version gives its whole form, so spelt that
    `max_retries`, `max-retries` and `maxRetries` are one, and its parts. Chinese, Japanese and
    Korean runs give their pairs of neighbouring characters.
    """
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    found: list[str] = []
    start = 0
    for run in _CJK_RUN.finditer(text):
        found.extend(_spaced_terms(text[start : run.start()], stages))
        found.extend(_pairs(run.group()))
        start = run.end()
    found.extend(_spaced_terms(text[start:], stages))
    return found


def document_vector(
    title: str, heading_path: Sequence[str], url: str, text: str, stages: Stages = ALL_STAGES
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
    """
    headings = dict.fromkeys([title, *heading_path])
    heading = " ".join([*headings, _address_words(url)])
    counts = Counter(terms(_LINK.sub(r"\2", text), stages))
    for term in terms(heading, stages):
        counts[term] += _TITLE_COUNTS if stages.headings else 1
    length = counts.total()
    norm = _K1 * (1 - _B + _B * length / _AVERAGE_LENGTH)
    return _sparse((term, count * (_K1 + 1) / (count + norm)) for term, count in counts.items())


def query_vector(title: str, body: str, context: str = "", stages: Stages = ALL_STAGES) -> Sparse:
    """Return a question's vector: each term weighs 1 + ln(its count), 1 and up.

    The title counts twice. Of the body only prose and error lines count: code and addresses
    name the asker's things, not the documentation's. Terms that only `context` (the
    conversation so far) holds weigh a fixed share, so that they break ties and no more.
    """
    counts = Counter(terms(_said(body, stages), stages))
    for term in terms(_said(title, stages), stages):
        counts[term] += _ASKED_COUNTS if stages.question_title else 1
    weights = {
        term: 1 + math.log(count) if stages.damped else float(count)
        for term, count in counts.items()
    }
    for term in terms(_said(context, stages), stages):
        weights.setdefault(term, _CONTEXT_SHARE)
    return _sparse(weights.items())


def asked_in(title: str, body: str) -> str:
    """Return the prose that says what is asked: the title's, or all where it says too little."""
    said = prose(title)
    return said if len(set(terms(said))) >= _TITLE_TERMS else f"{said}\n\n{prose(body)}".strip()


def idf(holding: int, chunks: int) -> float:
    """Return what a term is worth that `holding` of the chunks hold: BM25's, as in the stores."""
    return math.log(1 + (chunks - holding + 0.5) / (holding + 0.5))


def _said(markdown: str, stages: Stages) -> str:
    return prose(markdown, stages) if stages.prose else markdown


def prose(markdown: str, stages: Stages = ALL_STAGES) -> str:
    """Return what a person says in a post: no code blocks but their error lines, no addresses.

    Inline code stays: it names what the question is about.
    """
    spoken: list[str] = []
    errors: list[str] = []
    for line, is_code in _lines(markdown):
        if not is_code:
            spoken.append(line)
        elif _ERROR_LINE.search(line):
            errors.append(line.strip()[:_LONGEST_ERROR_LINE])
    # The last lines of a trace name the fault, the first ones the way to it.
    text = "\n".join([*spoken, *(errors[-_MOST_ERROR_LINES:] if stages.error_lines else ())])
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


def _spaced_terms(text: str, stages: Stages) -> Iterable[str]:
    rules = _Rules(stages.stemming, stages.stop_words, stages.identifiers)
    return chain.from_iterable(_terms_of(word, rules) for word in _WORD.findall(text))


def _pairs(run: str) -> Iterable[str]:
    """Without spaces between words, neighbouring characters stand in for them."""
    if len(run) == 1:
        return (run,)
    return (run[at : at + 2] for at in range(len(run) - 1))


class _Rules(NamedTuple):
    """What is done to a word; hashed faster than a dataclass."""

    stemming: bool = True
    stop_words: bool = True
    identifiers: bool = True


def _remembered(most: int) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Keep the results for so many words; long ones are no words, and would fill the memory."""

    def remembering(function: Callable[P, Result]) -> Callable[P, Result]:
        known = lru_cache(maxsize=most)(function)

        def remembered(*given: P.args, **named: P.kwargs) -> Result:
            short = len(str(given[0])) <= _LONGEST_TERM
            # The cache asks for what can be hashed, which strings and named tuples can.
            return known(*given, **named) if short else function(*given, **named)  # type: ignore[arg-type]

        return remembered

    return remembering


@_remembered(100_000)  # a site's vocabulary; stemming is 20 times slower than a look-up
def _terms_of(word: str, rules: _Rules) -> tuple[str, ...]:
    word = _without_contraction(word)
    if _is_stop_word(word.lower(), rules):
        return ()
    if word.isalpha() and (word[1:].islower() or word.isupper() or _ACRONYM.fullmatch(word)):
        return (_stem(word.lower(), rules),)
    if len(word) == 1 or word[-1] in "+#":
        return (word.lower(),)
    if not rules.identifiers:
        return tuple(_stem(part.lower(), rules) for part in _JOINT.split(word) if part)
    version = _VERSION.fullmatch(word)
    if version:
        return tuple(dict.fromkeys((version[1], version[2])))
    names = [name for name in _LEVEL.split(word) if name]
    found = [_whole(word, rules)]
    for name in names:
        found.extend([_whole(name, rules), *(_stem(hump, rules) for hump in _humps(name, rules))])
    # One occurrence counts once for each of its terms; a lone letter or digit says nothing.
    kept = {each: None for each in found if 1 < len(each) <= _LONGEST_TERM}
    return tuple(each for each in kept if not _is_stop_word(each, rules))


def _is_stop_word(word: str, rules: _Rules) -> bool:
    return rules.stop_words and word in _STOP_WORDS


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
    if not (rules.stemming and word.isalpha()):
        return word
    # A stemmer holds the word it works on: one for each call keeps this safe in threads.
    return str(snowballstemmer.stemmer("english").stemWord(word))


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
