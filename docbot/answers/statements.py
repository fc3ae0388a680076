"""What a sentence is to a reader: a statement, an instruction, a lead-in, a mere pointer.

Told by how it begins, in English; of other languages every sentence is a statement. And where
sentences end, and what Markdown in them may not be quoted.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from docbot.answers.markdown import spans
from docbot.answers.sentences import ends

ASIDE = 0.8  # of an admonition or in brackets, against the text around it
WEAK = 0.5  # of a question, a remark on the page itself, a story of earlier versions
_STRONG = 1.2  # of a definition or an instruction
_LEAST_CHARACTERS = 8  # where words are not told apart by spaces

_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_NUMBER = re.compile(r"[\[【]\s{0,3}(?:passages?|sources?)?\s?\^?\d", re.IGNORECASE)
_OF_MARKDOWN = ("`", "*", "[", "【")  # what may reach beyond a sentence
_LEADS_IN = re.compile(r"[:\uff1a][*_)\"”]*$")

_MARKS = "[\\s\"'“\u2018(*_]*"
# A sentence that begins so says something only behind the one before it.
_LEANING = re.compile(
    rf"""{_MARKS}(?:
      (?:this|that|these|those|its|they|their|such|both|same|however|but|also|and|or|so|yet|then
        |thus|hence|therefore|additionally|moreover|furthermore|similarly|likewise|otherwise
        |instead|conversely|consequently|accordingly|alternatively|meanwhile|nevertheless|besides
        |again|finally|next|afterwards?|second(?:ly)?|third(?:ly)?|lastly|here|he|she|example
        |nonetheless|subsequently)\b
    | it(?:['\u2019]s)?\b(?!\s(?:is\s)?(?:not\s)?(?:possible|recommended|important|necessary|best|better
        |common|good|advised|advisable|required)\b)
    | the\s(?:same|above|latter|former|following|previous|other|first|second|third|resulting)\b
    | for\s(?:example|instance|this|that|these)\b
    | in\s(?:this\scase|that|these|those|such|addition|contrast|other\swords|both|either|turn|fact)\b
    | as\s(?:a\sresult|such|mentioned|noted|shown|above|you\scan\ssee|before|an\sexample)\b
    | (?:if|when|once|while|since|after|because\sof|due\sto|with|by|unlike|to|from|of|on)
        \s(?:so|not|this|that|these|it|they|doing\s(?:so|this)|do\s(?:so|this|that|it))\b
    | note\sthat\s(?:this|it|these|they|the\sabove)\b
    | on\sthe\sother\shand\b|at\sthis\spoint\b|(?:once|now\sthat)\swe\b
    | [^,]{{0,40}}\b(?:this|that|these|those|it|them|doing\sso),
    | .{{0,60}}\b(?:them|these|those)\b
    | (?:you|we|it|they)\s(?:can|may|could|might|should|must)\salso\b|another\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_THE_HEADING = re.compile(rf"{_MARKS}(?:this|these|it|they)\b", re.IGNORECASE)
_POINTER = re.compile(
    rf"""{_MARKS}(?:
      (?:new|added|changed|deprecated|removed)\s(?:in|since)\s(?:version\s)?v?\d
    | click\b|see\b|learn\s(?:more|about|how|the)\b|read\s(?:more|about|the)\b|find\sout\b
    | (?:to|if\syou(?:['\u2019]d)?\s(?:want|wish|like|need)\sto)\s(?:learn|read|know|see)\s(?:more|about)
    | (?:you\scan\s)?(?:also\s)?(?:read|learn|find)\smore\b|(?:more|further)\s(?:info|details)
    | for\s(?:more|further|additional|full|a\s(?:full|complete|list|detailed|more))\b
    | for\s(?:the\s)?(?:full\s|complete\s)?(?:details|documentation|list)\b
    | (?:please\s)?(?:refer\sto|consult|check\sout|have\sa\slook|take\sa\slook|visit)\b
    | (?:for|to|if)\b.{{0,120}},\s(?:please\s)?(?:see|refer\sto|check\sout|read)\b
    | please\s(?:see|read|check)\b|details\s(?:can|are|on)\b
    | (?:previous|next|back|up|home)\s*(?:$|[:←→»«]|page\b|chapter\b|to\stop)
    | table\sof\scontents|on\sthis\spage|in\sthis\sarticle|edit\s(?:this|on)\b|last\supdated
    | source\scode\b.{{0,4}}:|copyright|©|view\s(?:source|on)\b|open\sin\b|skip\sto\b
    | download\s(?:this|the)\s(?:notebook|source|example)
    )
    | .*\bfor\s(?:more|further)\s(?:details|info|information|examples|options)\W*$
    | .*\b(?:click|see|look)\s(?:here|this\slink|below|above)\b
    | .*\b(?:described|explained|discussed|covered)\s(?:in\sdetail\s)?(?:in|here|below|later)\b.{{0,60}}$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OF_THE_PAGE = re.compile(
    rf"{_MARKS}(?:in\sthis\s|this\s(?:section|page|guide|tutorial|document|chapter|example|notebook"
    r"|article|doc)\b|we\s|we['\u2019]ll|let['\u2019]?s\b|let\sus\b|as\sof\s|previously|prior\sto|historically"
    r"|before\s(?:version\s)?v?\d|in\s(?:the\spast|earlier|older|previous)\b|imagine\b|suppose\b"
    r"|congrat|welcome|thank|now\b)",
    re.IGNORECASE,
)
_CHANGE = re.compile(r"\bPR #\d|\(#\d+\)|\bby @\w")  # an entry of release notes
_ELSEWHERE = re.compile(
    r"\b(?:above|below|earlier|here|the\s(?:previous|next|following|last))\b", re.IGNORECASE
)
_INSTRUCTION = re.compile(
    rf"{_MARKS}(?:you\s(?:can|could|must|should|need|have\sto|may)\b|to\s\w+|if\syou\b|in\sorder\sto\b"
    r"|use\b|set\b|run\b|add\b|install\b|configure\b|create\b|make\ssure\b|ensure\b|pass\b|call\b"
    r"|define\b|specify\b|enable\b|disable\b|declare\b|import\b|change\b|check\b|start\b|avoid\b"
    r"|do\snot\b|don['\u2019]t\b|never\b|always\b|put\b|replace\b|provide\b|consider\b)",
    re.IGNORECASE,
)
_DEFINITION = re.compile(
    rf"{_MARKS}(?:(?:an?|the)\s)?[\w`.\-*]+(?:\s[\w`.\-*]+){{0,4}}?\s(?:is|are)\s(?:an?|the|used|not|only)\b"
    rf"|{_MARKS}`[^`\n]+`\s(?:lets|allows|sets|makes|controls|takes|accepts|returns|runs|tells|specifies)\b",
    re.IGNORECASE,
)


def sentences(paragraph: str) -> list[str]:
    """Cut prose of one line into sentences; code and links are whole."""
    places = [0, *ends(paragraph), len(paragraph)]
    cut = (paragraph[start:end].strip() for start, end in pairwise(places))
    return [sentence for sentence in cut if sentence]


def leads_in(sentence: str) -> bool:
    """Tell whether it announces what comes, and says nothing without that."""
    return _LEADS_IN.search(sentence) is not None


def leans(sentence: str) -> bool:
    """Tell whether it is understood only behind the sentence before it."""
    return _LEANING.match(sentence) is not None and not is_of_the_page(sentence)


def leans_on_heading(sentence: str) -> bool:
    """Tell whether what it speaks of may be what the heading right above it names."""
    return _OF_THE_HEADING.match(sentence) is not None


def is_pointer(sentence: str) -> bool:
    """Tell whether it only leads elsewhere, or tells since when there is something."""
    return _POINTER.match(sentence) is not None


def is_of_the_page(sentence: str) -> bool:
    """Tell whether it speaks of the page itself, or of what was before."""
    return _OF_THE_PAGE.match(sentence) is not None


def worth(sentence: str, *, aside: bool) -> float:
    """Say what it is worth against a plain statement, above 0."""
    value = ASIDE if aside or sentence.startswith("(") else 1.0
    if _ELSEWHERE.search(sentence):
        value *= WEAK
    is_question = sentence.rstrip("*_\"'”)").endswith("?")
    if is_question or is_of_the_page(sentence) or _CHANGE.search(sentence):
        return value * WEAK
    if _INSTRUCTION.match(sentence) or _DEFINITION.match(sentence):
        return value * _STRONG
    return value


def is_long_enough(text: str, least_words: int) -> bool:
    """Tell whether it has so many words, or is of a script that has no spaces."""
    words = filter(_is_word, text.split())
    if not text.isascii() and len(text) >= _LEAST_CHARACTERS:
        least_words = 1
    return sum(1 for _ in islice(words, least_words)) == least_words


def may_cite(text: str) -> bool:
    """Tell whether it holds what might be taken for a citation."""
    return _NUMBER.search(text) is not None


def is_whole(text: str) -> bool:
    """Tell whether nothing in it reaches into what stands beside it: a fence, a lone mark."""
    if "```" in text or "~~~" in text:
        return False
    if not any(mark in text for mark in _OF_MARKDOWN):
        return True
    outside = "".join(_outside(text))
    return (
        "`" not in outside.replace("\\`", "")
        and outside.count("**") % 2 == 0
        and not may_cite(outside)
    )


def has_words_outside_links(text: str) -> bool:
    """Tell whether it holds words that no link holds: navigation has none."""
    outside = "".join(_outside(text, ("link", "image", "autolink", "address")))
    return any(map(_is_word, outside.split()))


def _is_word(piece: str) -> bool:
    return any(map(str.isalnum, piece))


def _outside(
    text: str, kinds: Sequence[str] = ("code", "link", "image", "autolink", "address")
) -> Iterator[str]:
    position = 0
    for span in spans(text):
        if span.kind in kinds:
            yield text[position : span.start]
            position = span.end
    yield text[position:]


def with_plain_links(text: str, depth: int = 3) -> str:
    """Write links as their words and leave images out: only the pages cited are linked."""
    if "[" not in text:
        return " ".join(text.split())
    parts: list[str] = []
    position = 0
    for span in spans(text):
        parts.append(text[position : span.start])
        position = span.end
        if span.kind == "link" and depth:
            parts.append(with_plain_links(span.text, depth - 1))
        elif span.kind != "image":
            parts.append(text[span.start : span.end])
    parts.append(text[position:])
    return " ".join("".join(parts).split())


def readable(markdown: str) -> str:
    """Write prose in one line, links as their words, and no code within bold, which is shown badly."""
    text = with_plain_links(markdown)
    return _BOLD.sub(lambda bold: bold[1] if "`" in bold[1] else bold[0], text)
