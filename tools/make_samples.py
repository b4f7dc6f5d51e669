"""Write `spool_samples/`: sample decks as a mainframe leaves them, and what the gateway must make of each.

Those in `spool_samples/pages/` are in many code pages, each for a target with a charset of its own.

    python -m tools.make_samples [DIRECTORY]

Promises: the same bytes every time (no clock, no randomness); expectations stated by the authors of the decks in
`tools/samples/`, never computed by the gateway.
Never: imports the gateway; removes a file (a sample that is no more is removed by hand, and a test finds it).

Each sample NAME is up to three files: `NAME`, the data as a file transfer leaves it; `NAME.json`, the sidecar for the drop zone
(jes-spool.md 11; missing on purpose for a few); `NAME.expect`, a JSON object:

    about               one line: what this sample shows
    framing             fixed | rdw | len4 | nl15 | lf25 | crlf | lf: declared in the sidecar, or what detection must find
    code_page           of the data: IBM-nnn, ASCII or UTF-8
    records             physical records in the file (0 when the file is unreadable)
    last_record         the last record that the language looks at: QUIT, the error that was one too many, or the end of the file
    configuration       what the configuration must say for these results, as {statement: value} or {block: {parameter: value}};
                        {} = any configuration with the defaults
    origin              JOBNAME.JOBID.DSID, the beginning of the id in generated headers; null without a sidecar
    mails               one object per mail whose DATA was accepted, in deck order:
      number              counts accepted MAIL FROM commands from 1; one ended by RSET or HELO keeps its number, unlisted
      verdict             deliverable: a good recipient at least; undeliverable: none; rejected: line too long, too large, cut
      hello, tls          domain of the HELO or EHLO in force; whether STARTTLS of the deck asks for TLS
      mail_from           reverse path without brackets; "" is the null path
      recipients          good ones, in deck order, at most 2000
      bad_recipients      what the deck has after "RCPT TO:", for each that is no path
      generated           which of Received, Date, Message-ID the gateway puts before the text ([]: nothing is sent)
      eml                 the lines the server must receive after these, without CRLF and without dot-stuffing; the bytes
                          of a line are written as the characters U+0000 to U+00FF ([]: nothing is sent)
    errors              one object per finding of the error report, in order:
      record              physical record from 1; 0: the file as a whole; null: the specification leaves it open
      mail                number of the mail begun and not yet ended, else 0
      reply               the literal text; for record 0 its beginning
      counted             whether it counts to JESSyntaxErrLimit
    counted_errors      how many of them count
    error_limit_reached whether the rest of the file was given up
    disposition         delete | hold (with BadSpoolDisp Hold)
    notices             [{mail, to, recipients}]: one notice per mail with bad recipients and a sender
    dead_letters        numbers of the mails that would need a notice and have no sender
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.samples import everyday, faults, language, national, world
from tools.samples.deck import Deck, dump

DIRECTORY = Path(__file__).resolve().parent.parent / "spool_samples"


def decks() -> Iterator[Deck]:
    """Every deck, built anew."""
    for module in (everyday, national, language, faults):
        yield from module.decks()


def page_decks() -> Iterator[Deck]:
    """The decks of `pages/`."""
    return world.decks()


def files(deck: Deck) -> dict[str, bytes]:
    """The files of one sample: name -> content."""
    made = {deck.name: deck.data(), f"{deck.name}.expect": dump(deck.expectation()).encode("ascii")}
    sidecar = deck.sidecar()
    if sidecar is not None:
        made[f"{deck.name}.json"] = dump(sidecar).encode("ascii")
    return made


def write(directory: Path, chosen: Iterable[Deck]) -> list[Path]:
    """Write samples into `directory` (made when missing); return the paths written."""
    directory.mkdir(parents=True, exist_ok=True)
    made: dict[str, bytes] = {}
    for deck in chosen:
        if deck.name in made:
            raise ValueError(f"two samples are called {deck.name}")
        made |= files(deck)
    for name, content in made.items():
        (directory / name).write_bytes(content)
    return [directory / name for name in made]


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY
    written = write(target, decks()) + write(target / "pages", page_decks())
    print(f"{len(written)} files, {sum(path.stat().st_size for path in written):,} bytes")
