"""What a browser shows by style alone, written out: raised and lowered signs, abbreviations, lines."""

import re

from lxml import etree

from docbot.knowledge.html.tree import HEADINGS, attribute, classes, line_of, select, text_of

_MINUS = "\u2212"
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
# What is raised by custom, and reads the same when it is not.
_AS_IT_STANDS = frozenset({"st", "nd", "rd", "th", "tm", "r", "©", "®", "™", "sm", "er", "e"})
_NOT_IN = frozenset({*HEADINGS, "code", "pre", "kbd", "samp"})


_PICTURE = re.compile(r"\S+\.(?:png|svg|gif|jpe?g|webp|avif)", re.IGNORECASE)
# What generators and editors write where a person wrote nothing.
_NO_WORDS = frozenset({"true", "image", "img", "alt", "picture"})


def spell_out(main: etree._Element) -> None:
    for element in list(main.iter("em", "strong", "i", "b")):
        _join_following(element)
    for element in main.iter("sup", "sub"):
        _write_script(element)
    _explain_abbreviations(main)
    for quoted in main.iter("q"):
        _set_in_quotes(quoted)
    for block in select(main, ".//div[contains(@class, 'line-block')]"):
        _join_lines(block)
    for term in main.iter("dt"):
        _write_classifiers(term)
    for picture in main.iter("img"):
        _keep_words_only(picture)
        _part_from_neighbours(picture)
    for figure in main.iter("figure"):
        _name_once(figure)


def _join_following(element: etree._Element) -> None:
    """Make one emphasis of several side by side, whose marks would meet."""
    parent = element.getparent()
    if parent is None:  # joined to the one before it
        return
    pieces: list[str] = []  # the text since the last element within it
    while not (element.tail or "").strip():
        following = element.getnext()
        if following is None or following.tag != element.tag:
            break
        pieces += [element.tail or "", following.text or ""]
        if len(following):
            _append_text(element, "".join(pieces))
            pieces = []
            element.extend(list(following))
        element.tail = following.tail
        following.tail = None
        parent.remove(following)
    _append_text(element, "".join(pieces))


def _append_text(element: etree._Element, text: str) -> None:
    if text and len(element):
        element[-1].tail = (element[-1].tail or "") + text
    elif text:
        element.text = (element.text or "") + text


def _write_script(element: etree._Element) -> None:
    """Write 10⁶, H₂O, x_i and a^(b c); "106" would be another number."""
    text = line_of(element)
    if not text or text.startswith("[") or select(element, ".//a[@href]|.//img|.//sup|.//sub"):
        return
    is_raised = element.tag == "sup"
    written = text.replace(_MINUS, "-").translate(_RAISED if is_raised else _LOWERED)
    if any(sign.isascii() for sign in written):
        if is_raised and text.lower() in _AS_IT_STANDS:
            return
        mark = "^" if is_raised else "_"
        written = f"{mark}{text}" if text.isalnum() else f"{mark}({text})"
    for child in list(element):
        element.remove(child)
    element.text = written


def _explain_abbreviations(main: etree._Element) -> None:
    """Write what an abbreviation means behind it, where it first stands in the text."""
    explained: set[tuple[str, str]] = set()
    for element in main.iter("abbr"):
        short, meaning = line_of(element), " ".join(attribute(element, "title").split())
        if not meaning or (short, meaning) in explained or not short[:1].isalnum():
            continue
        if any(outer.tag in _NOT_IN for outer in element.iterancestors()):
            continue
        explained.add((short, meaning))
        if meaning.lower() not in (element.tail or "")[: len(meaning) + 4].lower():
            element.tail = f" ({meaning}){element.tail or ''}"


def _join_lines(block: etree._Element) -> None:
    """Make one paragraph of a block of lines, as of a poem or an address."""
    outer = block.getparent()
    if outer is not None and "line-block" in classes(outer):
        return
    for line in list(select(block, ".//div[contains(@class, 'line')]")):
        if "line" in classes(line):
            etree.SubElement(line, "br")
        line.tag = "span"
    block.tag = "p"


def _write_classifiers(term: etree._Element) -> None:
    """Set what a term is behind it: `**limit** (int, optional)`."""
    classifiers = [part for part in term if "classifier" in classes(part)]
    if not classifiers:
        return
    before = etree.Element("strong")
    before.text, term.text = (term.text or "").rstrip().removesuffix(":"), ""
    for part in list(term)[: list(term).index(classifiers[0])]:
        if part.tag in {"strong", "b"}:
            part.tag = "span"
        before.append(part)
    if len(before) and before[-1].tail:
        before[-1].tail = before[-1].tail.rstrip().removesuffix(":").rstrip()
    term.insert(0, before)
    for classifier in classifiers:
        classifier.text = f" ({(classifier.text or '').lstrip()}"
        if len(classifier):
            classifier[-1].tail = f"{(classifier[-1].tail or '').rstrip()})"
        else:
            classifier.text = f"{classifier.text.rstrip()})"
        classifier.tail = ""
    term.set("data-docbot-term", text_of(before).strip())


def _name_once(figure: etree._Element) -> None:
    """Drop the words of a picture that its caption repeats."""
    captions = {line_of(caption) for caption in figure.iter("figcaption")}
    for picture in figure.iter("img"):
        if " ".join(attribute(picture, "alt").split()) in captions:
            picture.set("alt", "")


def _keep_words_only(picture: etree._Element) -> None:
    """Drop a file's name in place of words, and a link that only shows the picture larger."""
    words = attribute(picture, "alt").strip()
    if words.lower() in _NO_WORDS or _PICTURE.fullmatch(words):
        picture.set("alt", "")
    link = picture.getparent()
    if link is not None and link.tag == "a" and _PICTURE.fullmatch(attribute(link, "href")):
        link.tag = "span"


def _part_from_neighbours(picture: etree._Element) -> None:
    """Set spaces around a picture's words: between pictures, or a picture and a word, is none."""
    words, parent, before = attribute(picture, "alt"), picture.getparent(), picture.getprevious()
    if parent is None or not words:
        return
    ahead = parent.text if before is None else before.tail
    after = picture.tail or ""
    is_against = (ahead or "")[-1:].isalnum() or (before is not None and not ahead)
    is_followed = after[:1].isalnum() or (not after and picture.getnext() is not None)
    if is_against and words[:1].isalnum():
        picture.set("alt", f" {words}")
    if is_followed and words[-1:].isalnum():
        picture.set("alt", f"{attribute(picture, 'alt')} ")


def _set_in_quotes(quoted: etree._Element) -> None:
    quoted.text = f"\u201c{quoted.text or ''}"
    if len(quoted):
        quoted[-1].tail = f"{quoted[-1].tail or ''}\u201d"
    else:
        quoted.text += "\u201d"
