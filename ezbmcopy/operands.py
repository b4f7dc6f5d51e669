"""The parameter field of a statement: positional parameters and KEYWORD=value, lists and apostrophes (ezbmcopy.md 4.3).

Promises: any text gives operands and problems, never an exception, however deep its parentheses are.
Never: knows a keyword.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ezbmcopy.cards import Problem, Text

DEPTH = 8
"""How deep lists may stand in lists; no parameter of JCL needs more than three."""
SYMBOL_LIMIT = 255
"""Characters of the longest value of a symbol: SET cards that double each other must not fill the memory."""
FIELD_LIMIT = 1 << 16
"""Characters of the longest parameter field after its symbols have been replaced."""

_KEYWORD = re.compile(r"([A-Z$#@][A-Z0-9$#@]{0,31}(?:\.[A-Z$#@][A-Z0-9$#@]{0,7})?)=", re.ASCII)
_SYMBOL = re.compile(r"&&|&([A-Z$#@][A-Z0-9$#@]{0,7})\.?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Word:
    """One value: `text` without its apostrophes, those inside it single."""

    text: str
    card: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list in parentheses."""

    items: tuple[Word | Items, ...]
    card: int


Value = Word | Items


@dataclass(frozen=True, slots=True)
class Operand:
    """One parameter; `keyword` is "" for a positional one."""

    keyword: str
    value: Value
    card: int


def words(value: Value) -> tuple[Word, ...]:
    """A value as a list of words: one word is a list of one; lists inside become empty words, which nothing takes."""
    if isinstance(value, Word):
        return (value,)
    return tuple(item if isinstance(item, Word) else Word("", item.card) for item in value.items)


def operands(field: Text) -> tuple[list[Operand], list[Problem]]:
    """The operands of a parameter field in their order, and what is wrong with it."""
    problems: list[Problem] = []
    found = []
    for piece in _split(field, problems) if field.text else ():
        keyword = _KEYWORD.match(piece.text)
        start = keyword.end() if keyword else 0
        value = _value(piece.part(start, len(piece.text)), problems, 1)
        found.append(Operand(keyword[1] if keyword else "", value, piece.card))
    return found, problems


def _split(text: Text, problems: list[Problem]) -> list[Text]:
    """The parts between the commas that stand in no parentheses and no apostrophes."""
    parts = []
    depth = begin = 0
    quoted = False
    for at, character in enumerate(text.text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                problems.append(Problem(text.cards[at], "a right parenthesis has no left one; expected as many of each"))
                depth = 0
        elif character == "," and not depth:
            parts.append(text.part(begin, at))
            begin = at + 1
    if depth:
        problems.append(Problem(text.card, "a left parenthesis has no right one; expected as many of each"))
    return [*parts, text.part(begin, len(text.text))]


def _value(text: Text, problems: list[Problem], depth: int) -> Value:
    """The value written as `text`."""
    shown = text.text
    if shown.startswith("(") and shown.endswith(")"):
        if depth > DEPTH:
            problems.append(Problem(text.card, f"parentheses stand more than {DEPTH} deep; expected a simple list"))
            return Word("", text.card)
        parts = _split(text.part(1, len(shown) - 1), problems)
        return Items(tuple(_value(part, problems, depth + 1) for part in parts), text.card)
    if len(shown) >= 2 and shown[0] == shown[-1] == "'" and "'" not in shown[1:-1].replace("''", ""):
        return Word(shown[1:-1].replace("''", "'"), text.card)
    return Word(shown, text.card)


def substitute(field: Text, symbols: Mapping[str, str]) -> tuple[Text, list[Problem]]:
    """The field with &NAME and &NAME. replaced, in apostrophes too; && is left alone. An unknown symbol is a problem."""
    if "&" not in field.text:
        return field, []
    problems = []
    characters: list[str] = []
    cards: list[int] = []
    begin = 0
    for found in _SYMBOL.finditer(field.text):
        card = field.cards[found.start()]
        value = symbols.get(found[1]) if found[1] else found[0]
        if value is None:
            problems.append(Problem(card, f"the symbol &{found[1]} has no value; expected it on PROC, EXEC or a SET statement"))
            value = ""
        characters += [field.text[begin : found.start()], value]
        cards += [*field.cards[begin : found.start()], *(card for _ in value)]
        begin = found.end()
        if len(cards) > FIELD_LIMIT:
            problems.append(Problem(card, f"with its symbols the field has more than {FIELD_LIMIT} characters; expected less"))
            break
    characters.append(field.text[begin:])
    cards += field.cards[begin:]
    return Text("".join(characters), tuple(cards), field.card), problems
