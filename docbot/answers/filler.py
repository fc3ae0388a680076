"""What a model says that tells nobody anything: greetings, praise of the question, offers of more.

Only whole sentences go, and openings such as "Sure, ..."; what holds code, a number or a citation
is none of it. In English: in other languages such a sentence mostly goes for citing nothing.
"""

import re

_YES = (
    r"certainly|sure(?:\s+thing)?|of\s+course|absolutely|definitely|gladly|no\s+problem|got\s+it"
    r"|okay|ok|alright|understood"
)
_PRAISE = (
    r"(?:(?:that(?:['’]s|\s+is)|this\s+is|what)\s+an?\s+)?(?:really\s+|very\s+)?"
    r"(?:great|good|excellent|interesting|nice|fair)\s+question"
)
_HELP = r"(?:help|assist)(?:\s+you)?(?:\s+(?:out|with\s+(?:this|that)))?"
# The end of an offer: nothing in it that could be looked for.
_ANY_WORDS = r"[^`\[\]\d]{0,120}"
_ASK = (
    r"(?:let\s+me\s+know|feel\s+free\s+to\s+(?:ask|reach\s+out|let\s+me\s+know)"
    r"|(?:don['’]t|do\s+not)\s+hesitate\s+to\s+(?:ask|reach\s+out))"
)
_FILLER = re.compile(
    rf"""\W*(?:
      {_YES}
    | {_PRAISE}
    | (?:hi|hello|hey|greetings)(?:\s+(?:there|all|everyone))?
    | (?:many\s+)?thank(?:s|\s+you)(?:\s+(?:so|very)\s+much)?
        (?:\s+for\s+(?:asking|reaching\s+out|(?:your|the|this)\s+(?:question|message|post|patience)))?
    | (?:i(?:['’]m|\s+am|['’]d\s+be|\s+would\s+be)\s+)?(?:very\s+)?(?:happy|glad)\s+to\s+{_HELP}
    | (?:i\s+(?:do\s+)?)?hope\s+(?:this|that|it)\s+(?:
          helps?(?:\s+you)?(?:\s+out)?|(?:is|was)\s+helpful|clarifies\s+(?:it|this|that|things)
        | answers\s+your\s+question|(?:solves|resolves|fixes)\s+(?:it|this|your\s+(?:problem|issue)))
    | (?:please\s+|just\s+)?{_ASK}(?:\s+(?:if|should|in\s+case)\b{_ANY_WORDS})?
    | if\s+you\s+(?:have|need|run\s+into|get\s+stuck|are\s+still)\b{_ANY_WORDS},\s+
        (?:please\s+|just\s+)?{_ASK}{_ANY_WORDS}
    | would\s+you\s+like\s+me\s+to\b{_ANY_WORDS}
    | is\s+there\s+anything\s+else\b{_ANY_WORDS}
    | (?:good\s+luck|happy\s+(?:coding|hacking|building|testing))(?:\s+with\b{_ANY_WORDS})?
    | have\s+a\s+(?:great|nice|good|wonderful)\s+(?:day|one|time)
    | you(?:['’]re|\s+are)\s+welcome
    )\W*""",
    re.IGNORECASE | re.VERBOSE,
)
_OPENING = re.compile(
    rf"""(?:
      (?:{_YES}|{_PRAISE})\s*(?:[,:]|\s[-–—])
    | (?:based\s+on|according\s+to|from)\s+the\s+(?:(?:provided|given)\s+)?
        (?:passages?|context|information)(?:\s+(?:provided|given|above))?,
    )\s+(?=\S)""",
    re.IGNORECASE | re.VERBOSE,
)
_PLAIN_WORD = re.compile(r"[a-z]+(?=[\s,])")


def is_filler(sentence: str) -> bool:
    """Tell whether a sentence could go from any answer."""
    return _FILLER.fullmatch(sentence) is not None


def without_opening(sentence: str) -> str:
    """Take "Sure, ..." or "Based on the provided passages, ..." off the first sentence."""
    rest = _OPENING.sub("", sentence, count=1) if _OPENING.match(sentence) else sentence
    begins = rest is not sentence and _PLAIN_WORD.match(rest)
    return f"{rest[0].upper()}{rest[1:]}" if begins else rest
