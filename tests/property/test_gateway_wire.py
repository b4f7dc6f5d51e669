"""Any bytes as a spool file: never an exception, and on the wire nothing but SMTP whose envelope stood in the deck."""

from __future__ import annotations

import asyncio
import io
import random
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.config.model import Options, RetryLimit
from cssmtp.engine.parcels import Parcel
from cssmtp.engine.reading import DeckReader
from cssmtp.errors import UnknownCodePage, UnreadableData
from cssmtp.model import Outcome
from cssmtp.observe.events import InternalError, SpoolFileEnded
from cssmtp.smtp.capabilities import Capabilities
from cssmtp.smtp.session import Broken, ClientSession, Ended, Send, SendBody, SessionEvent, Transaction
from cssmtp.smtp.verdict import Step
from cssmtp.spool.attributes import Attributes, from_json
from cssmtp.spool.framing import blocks
from cssmtp.spool.lines import alphabet_of, assemble
from tests import samples
from tests.enginekit import TARGET, Bench, FakeCourier, configuration, wire_of

COMMAND = re.compile(rb"MAIL FROM:<([ -~]*)>(?: SIZE=\d+)?\r\n|RCPT TO:<([ -~]+)>\r\n|DATA\r\n|RSET\r\n")
FORBIDDEN = re.compile(rb"(?<!\r)\n|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f]")

SMALL = [sample for sample in samples.load_all() if len(sample.path.read_bytes()) <= 4000]


class WireCourier(FakeCourier):
    """Sends every parcel over a session whose server answers as `dice` falls, and keeps what went over the wire."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.dice = dice
        self.commands: list[bytes] = []
        self.texts: list[bytes] = []

    def submit(self, parcel: Parcel) -> None:
        capabilities = Capabilities(True, size=self.dice.choice([None, 0, 10**6]), pipelining=self.dice.random() < 0.5)
        session = ClientSession(capabilities, "192.0.2.1")
        self.commands.append(session.begin(Transaction(parcel.reverse_path, parcel.recipients, parcel.size, parcel)))
        outcomes: tuple[Outcome, ...] | None = None
        while outcomes is None or session.waiting_for is not None:
            for event in session.receive(self._reply(session)):
                outcomes = self._follow(session, parcel, event) or outcomes
        parcel.ended(parcel, outcomes)

    def _follow(self, session: ClientSession, parcel: Parcel, event: SessionEvent) -> tuple[Outcome, ...] | None:
        match event:
            case Send(data):
                if data != b".\r\n":
                    self.commands.append(data)
            case SendBody():
                self.texts.append(wire_of(parcel))
                session.body_sent()
            case Ended(_, outcomes):
                return outcomes
            case Broken(failure):
                assert failure.text == "DATA was accepted for a mail whose sender was refused"  # this server may do that
            case _:
                raise AssertionError(f"unexpected: {event}")
        return None

    def _reply(self, session: ClientSession) -> bytes:
        good = b"354 go on" if session.waiting_for is Step.DATA else b"250 2.0.0 Ok"
        if session.waiting_for is Step.RSET:
            return good + b"\r\n"
        return self.dice.choice([good, good, good, b"451 4.3.0 later", b"550 5.1.1 no"]) + b"\r\n"


def lines_of(data: bytes, attributes: Attributes, bench: Bench) -> list[str]:
    """The deck's lines as text, [] when it cannot be read."""
    try:
        reader = DeckReader(io.BytesIO(data), len(data), attributes, bench.configuration)
        found = assemble(blocks(io.BytesIO(data), reader.framing), alphabet_of(reader.framing.encoding))
        return [reader.source.text(line) for some in found for line in some.lines]
    except (UnreadableData, UnknownCodePage):
        return []


def check_wire(courier: WireCourier, lines: list[str], at_sign: str) -> None:
    stood = [line.replace(at_sign, "@") for line in lines if len(line) < 1000]
    for sent in courier.commands:
        position = 0
        while position < len(sent):
            command = COMMAND.match(sent, position)
            assert command is not None, sent[position:]
            assert len(command[0]) <= 512
            address = (command[1] or command[2] or b"").decode("ascii")
            assert any(address in line for line in stood), address
            position = command.end()
    for text in courier.texts:
        assert text.endswith(b"\r\n.\r\n")
        assert text.count(b"\r\n.\r\n") == 1
        assert not text.startswith(b".\r\n")
        assert FORBIDDEN.search(text) is None
        for line in text.split(b"\r\n")[:-2]:
            assert not line.startswith(b".") or line.startswith(b"..")
            assert len(line) <= 998 + line.startswith(b"..")


def through(data: bytes, attributes: dict[str, Any], dice: random.Random, options: Options) -> None:
    """One spool file through the engine to the wire, and all that must hold afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        bench = Bench(root, configuration(root, retry_limit=RetryLimit(0, 0), options=options))
        courier = bench.courier = WireCourier(dice)
        bench.flow.courier = cast(Any, courier)
        try:
            result = asyncio.run(bounded(bench, data, attributes))
            plain = replace(Attributes(), **attributes)
            check_wire(courier, lines_of(data, plain, bench), options.at_sign)
            assert bench.told(InternalError) == []
            assert len(bench.told(SpoolFileEnded)) == 1
            assert bench.state() == (["held"] if result else [])
            assert len(bench.reports()) == result
        finally:
            bench.close()


async def bounded(bench: Bench, data: bytes, attributes: dict[str, Any]) -> bool:
    async with asyncio.timeout(20):
        return (await bench.task(data, **attributes).run()).bad


OPTIONS = st.builds(
    Options,
    null_truncation=st.booleans(),
    data_line_truncation=st.booleans(),
    at_sign=st.sampled_from(["@", "@", "§", "!"]),
    replace_subject_at_sign=st.booleans(),
)
FRAMING = st.sampled_from(["auto", "fixed", "rdw", "len4", "nl15", "lf25", "crlf", "lf"])
ENCODING = st.sampled_from(["auto", "auto", "ascii", "utf-8", "IBM-1047", "IBM-273", "IBM-1140"])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000), FRAMING, ENCODING, st.randoms(use_true_random=False), OPTIONS)
def test_any_bytes(data: bytes, framing: str, encoding: str, dice: random.Random, options: Options) -> None:
    through(data, {"framing": framing, "encoding": encoding}, dice, options)


EDIT = st.tuples(
    st.sampled_from(["replace", "insert", "delete", "repeat", "cut"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 200),
    st.one_of(
        st.binary(min_size=1, max_size=8), st.sampled_from([b"\x15", b"\x25", b"\x0d", b"\x4b\x15", b"\x4c", b"\x00", b"\n.\n"])
    ),
)


def edited(data: bytes, edits: list[tuple[str, float, int, bytes]]) -> bytes:
    for kind, where, length, new in edits:
        at = int(where * (len(data) + 1))
        match kind:
            case "replace":
                data = data[:at] + new + data[at + len(new) :]
            case "insert":
                data = data[:at] + new + data[at:]
            case "delete":
                data = data[:at] + data[at + length :]
            case "repeat":
                data = data[: at + length] + data[at:]
            case "cut":
                data = data[:at] if length > 150 else data
    return data


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(SMALL), st.lists(EDIT, max_size=5), st.booleans(), st.randoms(use_true_random=False), OPTIONS)
def test_damaged_samples(
    sample: samples.Sample, edits: list[tuple[str, float, int, bytes]], declared: bool, dice: random.Random, options: Options
) -> None:
    sidecar = sample.sidecar.read_bytes() if sample.sidecar and declared else b"{}"
    attributes, _ = from_json(sidecar, Attributes())
    given_ = {name: getattr(attributes, name) for name in ("framing", "encoding", "recfm", "lrecl")}
    through(edited(sample.path.read_bytes(), edits), given_, dice, options)


WORDS = ["HELO mvsa", "helo", "EHLO a b", "STARTTLS", "RSET", "QUIT", "DATA", "DATA", ".", "..", ". ", "", "x" * 999, "<" * 80]
WORDS += ["MAIL FROM:<a@b.example>", "MAIL FROM:<>", "MAIL FROM:<a@b.example> SIZE=1", 'MAIL FROM:<"a\\" b>"@b.example>', "MAIL"]
WORDS += [
    "RCPT TO:<c@d.example>",
    "RCPT TO:<@x.example,@y.example:c@d.example>",
    'RCPT TO:<"> RCPT TO:<x"@d.example>',
    "RCPT TO:<c@d",
]
WORDS += [
    "RCPT TO:<c@[127.0.0.1]>",
    "RCPT TO: c@d.example",
    "Subject: x",
    " folded",
    "Date: now",
    "a\rb",
    "a\nb",
    "\u00e4\u20ac\u65e5",
]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=25),
    st.sampled_from(["nl15", "rdw", "lf"]),
    st.randoms(use_true_random=False),
    OPTIONS,
)
def test_decks_of_wrong_words(words: list[str], framing: str, dice: random.Random, options: Options) -> None:
    page, end = ("utf-8", b"\n") if framing == "lf" else ("cp1140", b"\x15")
    records = [word.encode(page, "replace") for word in ["HELO mvsa", *words]]
    if framing == "rdw":
        data = b"".join((len(record) + 4).to_bytes(2, "big") + b"\0\0" + record for record in records)
    else:
        data = b"".join(record + end for record in records)
    through(data, {"framing": framing, "encoding": "utf-8" if framing == "lf" else "IBM-1140"}, dice, options)


def test_the_target_of_these_tests_is_the_default_one() -> None:
    assert TARGET.charset == "ISO8859-1"
