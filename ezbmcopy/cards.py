"""JCL cards: from the bytes of a deck to statements with name, operation and parameter field (ezbmcopy.md 4.1, 4.2).

Promises: any bytes give statements and problems, never an exception; every character of a parameter field knows its card.
Never: knows what an operation means, but for in-stream data behind DD * and DD DATA.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CARD = 80
"""Columns of a card; 73 to 80 hold a sequence number that is not looked at."""
LAST = 71
"""The last column that carries the statement; column 72 says that a comment goes on."""
RESUME = 15
"""Where text in apostrophes goes on, counted from 0: column 16. Other text starts in columns 4 to 16."""
DECK_LIMIT = 1 << 20
"""Bytes of the largest deck that is read: some 13,000 cards."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong on a card (counted from 1; 0: no card in particular). A warning does not stop the copying. `follows`: it
    may be no more than what another error on the same card leads to."""

    card: int
    text: str
    warning: bool = False
    follows: bool = False


def without_consequences(problems: list[Problem]) -> list[Problem]:
    """In the order of the cards, without what only follows from another error on its card."""
    causes = {problem.card for problem in problems if not problem.warning and not problem.follows}
    kept = (problem for problem in problems if not problem.follows or problem.card not in causes)
    return sorted(kept, key=lambda problem: problem.card)


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of a parameter field; `cards` has the card of each character, `card` where it begins."""

    text: str
    cards: tuple[int, ...]
    card: int

    def part(self, start: int, end: int) -> Text:
        """The characters from `start` up to, not including, `end`."""
        return Text(self.text[start:end], self.cards[start:end], self.cards[start] if start < len(self.cards) else self.card)


@dataclass(frozen=True, slots=True)
class Statement:
    """One JCL statement. `data` counts the in-stream cards that follow it."""

    card: int
    name: str
    operation: str
    field: Text
    data: int = 0


def plain(text: str, card: int = 0) -> Text:
    """Text that stands on one card, or on none."""
    return Text(text, (card,) * len(text), card)


def card_images(data: bytes) -> list[str]:
    """The cards of a deck: lines of text, or EBCDIC in lines or in records of 80 bytes. Every byte becomes one character."""
    if data[:2] == b"\x61\x61":
        text = data.translate(_NEWLINE).decode("cp037")
        lines = text.split("\n") if "\n" in text else [text[at : at + CARD] for at in range(0, len(text), CARD)]
    else:
        lines = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")
    images = [line.removesuffix("\r").rstrip(" ") for line in lines]
    while images and not images[-1]:
        images.pop()
    return images


_NEWLINE = bytes.maketrans(b"\x15", b"\x25")
"""Both newline bytes of EBCDIC become the one that the codec takes for a line feed."""
_NAME = re.compile(r"[A-Z$#@][A-Z0-9$#@]{0,7}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INSTREAM = re.compile(r"(\*|DATA)(?:,(?:.*,)?DLM=(?:'(..)'|(..))|,|$)")
_COMPARED = 72


def statements(data: bytes) -> tuple[list[Statement], list[Problem]]:
    """The statements of a deck up to its null statement, and what is wrong with its cards."""
    reader = _Reader(card_images(data[:DECK_LIMIT]))
    if len(data) > DECK_LIMIT:
        reader.error(0, f"the deck has more than {DECK_LIMIT} bytes; expected a procedure for EZBMCOPY")
    reader.read()
    return reader.statements, reader.problems


class _Reader:
    """Goes through the cards once."""

    def __init__(self, images: list[str]) -> None:
        self._images = images
        self._next = 0
        self.statements: list[Statement] = []
        self.problems: list[Problem] = []

    def error(self, card: int, text: str) -> None:
        self.problems.append(Problem(card, text))

    def read(self) -> None:
        while self._next < len(self._images):
            image, card = self._take()
            if image.startswith("//*") or not image:
                continue
            if image.startswith("//"):
                if not image[2:LAST].strip():
                    if any(self._images[self._next :]):
                        self.problems.append(Problem(card, "the null statement ends the deck; cards after it are ignored", True))
                    return
                self._statement(image, card)
            elif image.startswith("/*"):
                if image != "/*":
                    self.problems.append(Problem(card, "JES2 control statements are ignored", warning=True))
            else:
                self.error(card, "this is no JCL statement; expected // or /* in columns 1 and 2")

    def _take(self) -> tuple[str, int]:
        """The next card and its number; what cannot stand on a card is told."""
        image = self._images[self._next]
        self._next += 1
        if len(image) > CARD:
            self.error(self._next, f"the card has {len(image)} columns; expected at most {CARD}")
        if control := _CONTROL.search(image[:_COMPARED]):
            what = "a tab" if control[0] == "\t" else f"the control character X'{ord(control[0]):02X}'"
            self.error(self._next, f"{what} stands in column {control.start() + 1}; expected blanks and printable characters")
        return image, self._next

    def _statement(self, image: str, card: int) -> None:
        """One statement with its continuation cards, and the in-stream data behind it."""
        name, _, rest = image[2:LAST].partition(" ")
        operation = rest.split(maxsplit=1)[0] if rest.strip() else ""
        start = image.find(operation, 2 + len(name)) + len(operation)
        field = self._field(image, card, start)
        parts = _upper(name).split(".", 1) if _upper(operation) == "DD" else [_upper(name)]
        if name and not all(_NAME.fullmatch(part) for part in parts):
            self.error(card, f"the name {name} is wrong; expected 1 to 8 characters of A-Z, 0-9, $, # and @, no digit first")
        if not operation:
            self.error(card, "there is no operation; expected PROC, EXEC, OUTPUT or DD after the name and a blank")
            return
        if name != _upper(name) or operation != _upper(operation) or field != _fold(field):
            self.problems.append(Problem(card, "JCL is written in capital letters; small ones are taken for them", warning=True))
            field = _fold(field)
        found = _INSTREAM.match(field.text) if _upper(operation) == "DD" else None
        count = self._instream(found) if found else 0
        self.statements.append(Statement(card, _upper(name), _upper(operation), field, count))

    def _field(self, image: str, card: int, start: int) -> Text:
        """The parameter field from column `start` + 1 on, over all its cards."""
        first = card
        characters: list[str] = []
        cards: list[int] = []
        quoted = False
        while True:
            row = image[:LAST].ljust(LAST)
            at = start if quoted else start + len(row[start:]) - len(row[start:].lstrip(" "))
            while at < LAST and (quoted or row[at] != " "):
                quoted ^= row[at] == "'"
                characters.append(row[at])
                cards.append(card)
                at += 1
            if at == LAST and row[LAST - 1] == "'":
                self.error(card, "an apostrophe stands in column 71; expected it further left, or the value on the next card")
            goes_on = quoted or (characters and characters[-1] == ",")
            if not goes_on:
                self._comment(image, card, full=at == LAST and row[LAST - 1] != " ")
                break
            resumed = self._continuation(card, quoted)
            if resumed is None:
                break
            image, card, start = resumed
        return Text("".join(characters), tuple(cards), first)

    def _comment(self, image: str, card: int, *, full: bool) -> None:
        """Skips the cards on which a comment goes on: column 72 says so, the next card has no name."""
        if full and image[LAST : LAST + 1].strip():
            self.error(card, "the parameter field runs into column 72; expected its end, or a comma, at column 71 at the latest")
        while image[LAST : LAST + 1].strip() and self._peek().startswith("// "):
            image, card = self._take()

    def _peek(self) -> str:
        return self._images[self._next] if self._next < len(self._images) else ""

    def _continuation(self, card: int, quoted: bool) -> tuple[str, int, int] | None:
        """The card on which a field goes on, its number, and where (counted from 0); None when there is none."""
        while self._peek().startswith("//*"):
            self._take()
        why = "text in apostrophes is not ended" if quoted else "the field ends in a comma"
        if not self._peek().startswith("// "):
            self.error(card, f"{why}, but no continuation follows; expected a card with // and a blank in column 3")
            return None
        image, number = self._take()
        blanks = len(image[2:LAST]) - len(image[2:LAST].lstrip(" "))
        if quoted and 2 + blanks < RESUME:
            self.error(number, "text in apostrophes goes on in column 16; expected blanks in columns 3 to 15")
        elif not quoted and (2 + blanks > RESUME or not image[2:LAST].strip()):
            self.error(number, "the continuation is out of place; expected it to begin in columns 4 to 16")
        return image, number, RESUME if quoted else 3

    def _instream(self, found: re.Match[str]) -> int:
        """Skips in-stream data; returns how many cards it has."""
        delimiter = found[2] or found[3] or "/*"
        begin = self._next
        while self._next < len(self._images):
            image = self._images[self._next]
            if image[:2] == delimiter:
                self._next += 1
                return self._next - 1 - begin
            if found[1] == "*" and image.startswith("//"):
                break
            self._next += 1
        return self._next - begin


def _fold(field: Text) -> Text:
    """The field in capital letters, but for what stands in apostrophes."""
    parts = [part if number % 2 else _upper(part) for number, part in enumerate(field.text.split("'"))]
    return Text("'".join(parts), field.cards, field.card)


def _upper(text: str) -> str:
    """Capital letters, one for each character: the length must not change."""
    return "".join(each.upper() if each.isascii() else each for each in text)
