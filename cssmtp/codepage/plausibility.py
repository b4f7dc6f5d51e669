"""How much a text looks like a mail written by people.

Promises: a number that is higher for the right reading of some bytes than for wrong ones, most of the time. It compares
readings of the same bytes and means nothing else.
Never: knows where the text came from.
"""

from __future__ import annotations

import re
from collections import Counter

_ADDRESS = re.compile(r"(?:MAIL FROM|RCPT TO): ?<([^<>]{1,64})>", re.IGNORECASE)
_GOOD_ADDRESS = re.compile(r"[A-Za-z0-9._+$#=-]+@[A-Za-z0-9.-]+")
_WORD_WITH_SYMBOL = re.compile(r"[^\W\d_][^\w\s'’.,:;/@&+*()<>=?\"%-]+[^\W\d_]")
_UNSPEAKABLE = re.compile(r"\b[b-df-hj-np-tv-xz]{4,}\b")
_TORN_WORD = re.compile(r"[^\W\d_][\\{}\[|~^¬¦¢¤§±¶`¨¯´¸]|[\\}\]|~^¬¦¢¤±¶¨¯´¸][^\W\d_]")
_LONE_LETTER = re.compile(r"(?<=[\]A-Za-z] )[^\W\d_a-zA-Zàâéèêóáíøåöæ](?= [A-Za-z])")
_NUMBERED = re.compile(r"[^\W\d_\x00-\u024f]\d|\d[^\W\d_\x00-\u024f]")
_SMALL = re.compile(r"[a-z]")
_WORD = re.compile(r"[^\W\d_]+")

_GOOD = (
    (re.compile(r"\[[^\[\]]{0,60}\]"), 3.0),
    (re.compile(r"\{[^{}]{0,60}\}"), 3.0),
    (re.compile(r"[^\W\d_]!(?=[\s!\"')]|$)"), 1.5),
    (re.compile(r"(?<=\s)\|(?=\s)"), 1.0),
    (re.compile(r"\\[A-Za-z]"), 0.7),
    (re.compile(r"#\d"), 1.0),
    (re.compile(r"[$£€¥] ?\d|\d ?[€£¥](?=[\s.,;)]|$)"), 1.5),
    (re.compile(r"[¿¡](?=[^\W\d_])"), 1.0),
    (re.compile(r"(?<=\d)[°§²³]|§ ?\d|[ªº](?=[\s.,]|$)"), 0.5),
    (re.compile(r"[«„“][^«»„“”]{1,60}[»“”]"), 1.0),
    (re.compile(r"(?<=\s)~?/[a-z]"), 0.5),
    (re.compile(r"(?<=\s)~\d"), 0.5),
    (re.compile(r"\d\^\d"), 1.0),
)
"""What people write on purpose, and what it is worth."""

_ODD_SYMBOLS = frozenset("¤¢¬¦¯¨´¸±¶×÷¼¾¹¥\ufffd^`¡¿‗·ªº¨˙˛ˇ˘˝")

_LANGUAGES = (
    "äöüß",
    "éèàçêôûîùâëïœÿ",
    "áéíóúñü",
    "ãõáéíóúâêôçà",
    "àèéìòù",
    "æøåé",
    "åäöé",
    "þðæöáéíóúý",
    "ąćęłńóśźż",
    "áčďéěíňóřšťúůýž",
    "áéíóöőúüű",
    "ăâîșțşţ",
    "čćšžđ",
    "äõöüšž",
    "ąčęėįšųūž",
    "āčēģīķļņšūž",
    "çğıöşüİ",
    "éëïöèó",
    "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "абвгдђежзијклљмнњопрстћуфхцчџш",
    "абвгдежзийклмнопрстуфхцчшщъьюя",
    "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "กขฃคฅฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮะัาำิีึืฺุูเแโใไๅๆ็่้๊๋์ํ",
    "ｦｧｨｩｪｫｬｭｮｯｰｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝﾞﾟ",
)
"""The letters beyond a to z of languages that hosts speak."""

_COMMON_CHINESE = frozenset(
    "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過发發"
    "后後作里裡请請您日月本公司报報告件号號经經部明天前电電话話邮郵谢謝附好员員工"
)


def single_byte_score(text: str) -> float:
    """The score of a text read in a single-byte page."""
    score = 0.0
    for address in _ADDRESS.findall(text):
        score += 6.0 if _GOOD_ADDRESS.fullmatch(address) else -6.0
    score += sum(worth * len(pattern.findall(text)) for pattern, worth in _GOOD)
    score -= 3.0 * len(_WORD_WITH_SYMBOL.findall(text)) + 1.5 * len(_TORN_WORD.findall(text))
    foreign = Counter(character for character in text if character > "\x7f")
    score -= sum(count for character, count in foreign.items() if character in _ODD_SYMBOLS)
    score -= 0.5 * sum(
        count for character, count in foreign.items() if not character.isalpha() and character not in "€«»„“”–…’ \xa0"
    )
    return (
        score
        + _language(foreign)
        + 1.25 * len(_SMALL.findall(text))
        - _strange_words(text)
        - 4.0 * len(_UNSPEAKABLE.findall(text))
        - 3.0 * len(_LONE_LETTER.findall(text))
        - _stray_letters(text)
    )


def _language(foreign: Counter[str]) -> float:
    """How well the letters beyond ASCII fit one language: those it has minus those it lacks, for the best one."""
    letters: Counter[str] = Counter()
    for character, count in foreign.items():
        if character.isalpha():
            letters[character if character == "İ" else character.lower()] += count
    total = sum(letters.values())
    if not total:
        return 0.0
    best = max(sum(letters[letter] for letter in language) for language in _LANGUAGES)
    return 1.2 * best - 1.5 * (total - best)


def _stray_letters(text: str) -> float:
    """Letters of another script that are few among small Latin letters, or stand by digits: signs that were read wrongly."""
    others = sum(character > "\u024f" and character.isalpha() for character in text)
    return 2.5 * others if others * 10 < len(_SMALL.findall(text)) else 2.0 * len(_NUMBERED.findall(text))


def _strange_words(text: str) -> float:
    """Words with a capital after a small letter, or with letters of two scripts."""
    strange = 0.0
    for word in set(_WORD.findall(text)):
        if word.isascii():
            continue
        small = [at for at, letter in enumerate(word) if letter.islower()]
        if small and any(letter.isupper() for letter in word[small[0] + 1 :]):
            strange += 2.0
        scripts = {"latin" if letter < "\u0250" else letter >= "\u0400" for letter in word if letter != "µ"}
        strange += 2.0 * (len(scripts) - 1)
    return strange


def double_byte_score(text: str) -> float:
    """The score of a text read in a mixed page."""
    score = 0.0
    for character, count in Counter(text).items():
        score += count * _worth(character)
    narrow = "".join(character if character < "\u3000" or character > "\uff60" else " " for character in text)
    return score + single_byte_score(narrow)


def _worth(character: str) -> float:
    """What one character of a mixed text says for its page."""
    if "\u3041" <= character <= "\u30fe" or "\uac00" <= character <= "\ud7a3" or character in _COMMON_CHINESE:
        return 1.0
    if character == "\ufffd":
        return -3.0
    if "\ue000" <= character <= "\uf8ff":
        return -1.0
    return 0.2 if "\u4e00" <= character <= "\u9fff" else 0.0
