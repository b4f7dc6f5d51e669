"""The CodePages block of the configuration language: choices about conversion and MIME that CSSMTP does not have.

Promises: with the defaults every mail is what CSSMTP sends. Part of `schema`'s table.
Never: holds a rule that spans statements (that is `codepage_rules`).
"""

from __future__ import annotations

from cssmtp.config import model
from cssmtp.config.extension import extension
from cssmtp.config.grammar import Block
from cssmtp.config.values import Choice, YesNo

CODE_PAGES = Block(
    "CodePages",
    "code_pages",
    model.CodePages,
    (
        extension(
            "Newline",
            "newline",
            Choice(model.Newline),
            "Zos",
            "What X'25' of a spool file is in text shown to people: a control character (Zos) or a line end (Cdra).",
            refreshable=True,
        ),
        extension(
            "Euro",
            "euro",
            Choice(model.Euro),
            "Sub",
            "The euro where the target has none: lost like any other (Sub), or the byte of the currency sign (A4).",
            refreshable=True,
        ),
        extension(
            "Unmappable",
            "unmappable",
            Choice(model.Unmappable),
            "Question",
            "What stands for a lost character: a question mark, or IBM's substitution character where that is printable.",
            refreshable=True,
        ),
        extension(
            "AllowApproximate",
            "allow_approximate",
            YesNo(),
            "No",
            "Take code pages whose table is not IBM's for certain.",
            refreshable=True,
        ),
        extension(
            "MimeLabel",
            "mime_label",
            Choice(model.MimeLabel),
            "No",
            "Label mail that has no MIME header with the target's charset (Yes), and correct wrong labels too (Force).",
            refreshable=True,
        ),
        extension(
            "EncodeHeaders",
            "encode_headers",
            YesNo(),
            "No",
            "Encode header text that is not ASCII as RFC 2047 says.",
            refreshable=True,
        ),
    ),
    "Choices about code pages and MIME; with the defaults mail goes out as from CSSMTP.",
    since="extension",
    extension=True,
    evidence="X",
)
