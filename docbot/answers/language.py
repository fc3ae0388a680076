"""Whether a text is English, as far as a check of words needs to know."""

import re

_LATIN = 0x24F  # the last letter of the Latin script's first blocks
_FEWEST = 2  # words of another language that tell it

_ENGLISH_WORDS = """
    the of and is are to with that this it you your can when by not from at which how for be has
    have do does if or as an will on in no
"""
# Of the languages that most who do not ask in English ask in; none that is English too.
_OTHER_WORDS = """
    der das und ist nicht ein eine mit auf wird werden du sie wenn f\u00fcr von den dem kann auch
    le les des une est et pas que pour dans avec vous sur qui il ce cette peut sont
    el los las una es para con por se del puede como cuando su
    os um uma n\u00e3o com voc\u00ea pode quando isso da
    lo gli che di un \u00e8 sono pu\u00f2 nel della
    het een en niet van voor je wordt als zijn
    na nie si\u0119 jest jak mo\u017cna gdy dla przez
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHER = frozenset(_OTHER_WORDS.split()) - _ENGLISH
_CODE = re.compile(r"`[^`]*`")
_LETTERS = re.compile(r"[^\W\d_]+")


def is_foreign(text: str) -> bool:
    """Tell whether prose is of a language other than English; of a few words it is never told."""
    words = _LETTERS.findall(_CODE.sub(" ", text).lower())
    letters = sum(map(len, words))
    if sum(len(word) for word in words if ord(word[0]) > _LATIN) > letters / 2:
        return True
    other = sum(word in _OTHER for word in words)
    return other >= _FEWEST and other > sum(word in _ENGLISH for word in words)
