"""Any bytes are answered with diagnostics; what is written is read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cssmtp.config import model
from cssmtp.config.build import build, complete
from cssmtp.config.diagnostic import Severity
from cssmtp.config.load import load
from cssmtp.config.refresh import refresh
from cssmtp.config.schema import SCHEMA
from cssmtp.config.values import RESERVED_WRITERS
from cssmtp.config.write import write
from cssmtp.console.display import configuration_display
from tests.config_pages import FakePages

KEYWORDS = [row.name for row in SCHEMA.statements] + [row.name for block in SCHEMA.blocks() for row in block.parameters]
SNIPPETS = [
    *KEYWORDS,
    "{",
    "}",
    "{ x",
    "Yes",
    "No",
    "5",
    "30",
    "99999",
    "#",
    "a@b.c",
    "/x",
    "192.0.2.1",
    "::1",
    "IBM-939",
    "Sysout",
    "=",
    "\t",
]
LINES = st.lists(st.lists(st.sampled_from(SNIPPETS), max_size=3).map(" ".join), max_size=30).map("\n".join)
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ$@"
SYMBOLS = "abzABZ059!$%&'*+=?^_`{|}~"
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
NAMES = st.builds(str.__add__, st.sampled_from(CAPITALS), st.text(CAPITALS + "0123456789#", max_size=7))
WRITERS = NAMES.filter(lambda name: name not in RESERVED_WRITERS)
HOSTS = st.lists(st.text("abcxyz", min_size=1, max_size=8), min_size=1, max_size=4).map(".".join)
PATHS = st.text(PRINTABLE, max_size=40).map("/".__add__)
MAILBOXES = st.builds("{}@{}".format, st.text(SYMBOLS, min_size=1, max_size=64), HOSTS)
SECONDS = st.integers(30, 1200)


MODEST = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine must not fail a test."""


@given(st.binary(max_size=600))
@settings(MODEST, max_examples=200)
def test_any_bytes_as_a_file_never_cause_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "any.conf"
    path.write_bytes(data)
    for environ in ({}, {"CSSMTP_CODEPAGE_CONFIG": "IBM-037"}):
        loaded = load(path, environ=environ, pages=FakePages())
        assert all(str(diagnostic).isprintable() for diagnostic in loaded.diagnostics)
        assert (loaded.configuration is None) == any(d.severity is Severity.ERROR for d in loaded.diagnostics)


@given(LINES)
@settings(MODEST, max_examples=200)
def test_any_arrangement_of_our_own_words_is_answered(text: str) -> None:
    configuration, diagnostics = build(text, file="f", pages=FakePages(), strict=True)
    assert (configuration is None) == any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    assert all(str(diagnostic).isprintable() for diagnostic in diagnostics)
    if configuration is not None:
        assert build(write(configuration), file="f", pages=FakePages())[0] == configuration


@st.composite
def configurations(draw: st.DrawFn) -> model.Configuration:
    """Any consistent configuration, complete as `build` leaves it."""
    addresses = st.one_of(
        st.ip_addresses()
        .filter(lambda a: not (a.is_multicast or a.is_unspecified or str(a) == "255.255.255.255"))
        .map(lambda a: model.TargetAddress(model.AddressKind.IP, str(a))),
        HOSTS.map(lambda name: model.TargetAddress(model.AddressKind.NAME, name)),
    )
    found = draw(st.lists(addresses, min_size=1, max_size=4, unique=True))
    cut = draw(st.integers(1, len(found)))
    server = st.builds(
        model.TargetServer,
        addresses=st.just(()),
        connect_port=st.integers(1, 65535),
        max_msg_sent=st.integers(0, 65535),
        secure=st.just(True),
        charset=st.sampled_from(["ISO8859-1", "IBM-1252"]),
        mbcharset=st.just("IBM-943"),
        tls_ca_file=st.just("") | PATHS,
        auth_file=st.just("") | PATHS | st.just("credential:relay"),
        auth_mechanism=st.sampled_from(model.AuthMechanism),
        chunking=st.booleans(),
        pipeline_depth=st.integers(1, 100),
        tls_server_name=st.just("") | HOSTS,
    )
    targets = [replace(draw(server), addresses=tuple(part)) for part in (found[:cut], found[cut:]) if part]
    mbcs = draw(st.booleans())
    administrators = tuple(draw(st.lists(MAILBOXES, max_size=4, unique=True)))
    reports = [model.Report(), model.Report(model.ReportTo.SYSOUT, "A"), model.Report(model.ReportTo.SYSOUT, "*")]
    reports += [model.Report(model.ReportTo.ADMIN)] * bool(administrators)
    configuration = model.Configuration(
        tuple(targets),
        ext_writer_name=draw(WRITERS),
        bad_spool_disp=draw(st.sampled_from(model.BadSpoolDisp)),
        checkpoint_limit=draw(st.integers(64000, 512000)),
        extended_retry=draw(
            st.none() | st.builds(model.ExtendedRetry, st.integers(0, 365), st.integers(0, 1440), st.just("") | PATHS)
        ),
        header=draw(st.builds(model.Header, st.booleans(), st.booleans())),
        jes_job_size=draw(st.sampled_from([0, 1_000_000])),
        jes_msg_size=draw(st.integers(0, 1_000_000)),
        log_level=draw(st.integers(0, 255)),
        mail_administrators=administrators,
        mbcs=mbcs,
        options=draw(
            st.builds(
                model.Options,
                st.booleans(),
                st.just(False),
                st.booleans(),
                st.sampled_from("@$!\u00a7"),
                st.booleans(),
                st.booleans(),
            )
        ),
        report=draw(st.sampled_from(reports)),
        report_mail_from=draw(st.just("") | MAILBOXES),
        retry_limit=draw(st.builds(model.RetryLimit, st.integers(0, 84), st.integers(0, 85))),
        smf119=draw(st.builds(model.Smf119, *[st.booleans()] * 5)),
        timeout=draw(st.builds(model.Timeout, SECONDS, st.integers(0, 1200), *[SECONDS] * 7)),
        translate="IBM-939" if mbcs else "IBM-1047",
        undeliverable=draw(
            st.builds(model.Undeliverable, st.booleans(), st.sampled_from(model.DeadLetterAction), st.just("") | PATHS)
        ),
        user_exit=draw(st.sampled_from(model.UserExitLevel)),
        system=draw(
            st.builds(model.System, spool=PATHS, job_name=NAMES, node_name=st.just("") | NAMES, domain=st.just("") | HOSTS)
        ),
        source="f",
    )
    return complete(configuration)


@given(configurations())
@settings(MODEST, max_examples=100)
def test_a_written_configuration_reads_back_equal(configuration: model.Configuration) -> None:
    again, diagnostics = build(write(configuration), file="f", pages=FakePages())
    assert diagnostics == ()
    assert again == configuration


@given(configurations(), configurations())
@settings(MODEST, max_examples=50)
def test_refresh_is_stable(running: model.Configuration, new: model.Configuration) -> None:
    effective, _ = refresh(running, new)
    assert refresh(effective, effective) == (effective, [])
    for name in ("translate", "mbcs", "ext_writer_name", "checkpoint_limit", "system"):
        assert getattr(effective, name) == getattr(running, name)
    assert effective.options.test_mode == running.options.test_mode


@given(configurations())
@settings(MODEST, max_examples=50)
def test_the_display_is_printable_lines(configuration: model.Configuration) -> None:
    lines = configuration_display(configuration, "c").splitlines()
    assert all(line.isprintable() and line == line.rstrip() for line in lines)
