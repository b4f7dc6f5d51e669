"""From a claimed spool file to what its deck says, slice by slice.

Promises: one place where framing, lines and the interpreter are put together, used alike by delivery, test mode and
`cssmtp check`; memory is bounded by one block whatever the size of the file.
Never: waits, sends or writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from cssmtp.bsmtp.body import read_body
from cssmtp.bsmtp.interpreter import Event as Finding
from cssmtp.bsmtp.interpreter import Gate, Interpreter, Observer, Rules
from cssmtp.codepage.registry import lookup
from cssmtp.codepage.transcode import Conversion, SourceText, source_text
from cssmtp.config.model import Configuration, Euro, Newline, TargetServer, Unmappable
from cssmtp.errors import UnknownCodePage, UnreadableData
from cssmtp.mail.compose import WireFormat
from cssmtp.model import BodySpan
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.framing import Framing, blocks, detect
from cssmtp.spool.lines import Alphabet, Lines, alphabet_of, assemble

AUTO = "auto"
TEXT_PAGES = {"ascii": "US-ASCII", "utf-8": "UTF-8"}


def code_page_of(framing: Framing, attributes: Attributes, configuration: Configuration) -> str:
    """The code page of a spool file's text.

    Text that is plainly ASCII or UTF-8 is that; otherwise the page that the file's attributes name (an extension of
    ours), otherwise the Translate statement (mail-processing.md 9.1). Raises UnknownCodePage when they name one that is
    none of spool files, UnreadableData when it is approximate and that is not allowed.
    """
    if framing.encoding in TEXT_PAGES:
        return TEXT_PAGES[framing.encoding]
    declared = attributes.encoding
    if declared and declared.lower() not in {AUTO, "ebcdic", *TEXT_PAGES}:
        page = lookup(declared)
        if "translate" not in page.roles:
            raise UnknownCodePage(declared)
        if not page.exact and not configuration.code_pages.allow_approximate:
            raise UnreadableData(f"no public table of code page {page.name} is IBM's for certain (CodePages AllowApproximate)")
        return page.name
    return configuration.translate


def target_charset(target: TargetServer, configuration: Configuration) -> str:
    """The code page in which mail goes to `target`: MBCharset when MBCS is on, else Charset.

    So it is for every file: one whose attributes name a single-byte page goes out in MBCharset too, because that is what this
    target is said to take, and MBCharset is ignored while MBCS is off whatever page a file is in (configuration.md 10).
    """
    return target.mbcharset if configuration.mbcs else target.charset


def conversion_of(configuration: Configuration) -> Conversion:
    """The options of every conversion, from the CodePages block."""
    options = configuration.code_pages
    return Conversion(
        newline="cdra" if options.newline is Newline.CDRA else "zos",
        euro="A4" if options.euro is Euro.A4 else "sub",
        unmappable="ibm" if options.unmappable is Unmappable.IBM else "?",
    )


def wire_format(page: str, charset: str, configuration: Configuration) -> WireFormat:
    """How mail of a file in `page` is written for a target that gets `charset`."""
    options, code_pages = configuration.options, configuration.code_pages
    return WireFormat(
        page,
        charset,
        conversion_of(configuration),
        at_sign=options.at_sign,
        replace_subject_at_sign=options.replace_subject_at_sign,
        label=code_pages.mime_label,
        encode_headers=code_pages.encode_headers,
    )


class Progress(NamedTuple):
    """How far a deck is read.

    `records` were passed; `counted_errors` count to JESSyntaxErrLimit, `limit_reached` says that they were too many.
    """

    records: int = 0
    counted_errors: int = 0
    limit_reached: bool = False
    finished: bool = False


class DeckReader:
    """Reads one spool file's data from `stream` (seekable, at its start, `size` bytes).

    Raises UnreadableData from the constructor when the framing cannot be understood, and from `next_slice` when the data
    breaks off in a way that only reading shows; UnknownCodePage when the attributes name a page that nobody knows. `observer` is
    told of every command, in the thread that reads, and `gate` is asked there; `private` tells that there is one of them, so that
    nobody else can read the deck in our place. `progress` is how far we are, or who else does the reading (`reading_ahead`).
    """

    def __init__(
        self,
        stream: BinaryIO,
        size: int,
        attributes: Attributes,
        configuration: Configuration,
        observer: Observer | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.framing = detect(stream, size, attributes)
        self.page = code_page_of(self.framing, attributes, configuration)
        self.source: SourceText = source_text(self.page, conversion_of(configuration))
        self.rules = Rules.from_configuration(configuration)
        self.progress = Progress()
        self._alphabet: Alphabet = alphabet_of(self.framing.encoding)
        self.asks = gate is not None
        self.private = self.asks or observer is not None
        self._interpreter = Interpreter(self.rules, self.source, self._alphabet, observer, gate)
        self._lines: Iterator[Lines] | None = assemble(blocks(stream, self.framing), self._alphabet, mixed=self.source.mixed)

    def next_slice(self) -> list[Finding] | None:
        """The findings of the next block in deck order (may be empty), or None after the end of the file."""
        if self._lines is None:
            return None
        interpreter = self._interpreter
        records = self.progress.records
        lines = None if interpreter.ended else next(self._lines, None)
        if lines is None:
            self._lines = None
            findings = interpreter.finish()
        else:
            records = lines.first - 1 + (sum(lines.spans) if lines.spans else len(lines.lines))
            findings = interpreter.feed(lines)
        self.progress = Progress(records, interpreter.counted_errors, interpreter.limit_reached, lines is None)
        return findings

    def body_blocks(self, span: BodySpan, stream: BinaryIO) -> Iterator[bytes]:
        """The stuffed lines of a large body, read again from `stream`."""
        truncate = self.rules.data_line_truncation
        return read_body(span, stream, self.framing, self._alphabet, mixed=self.source.mixed, truncate=truncate)
