"""A sidecar that cannot be used goes to `bad`; data that is not what a good sidecar says is the reader's affair."""

from __future__ import annotations

from pathlib import Path

from cssmtp.clock import SystemClock
from cssmtp.spool.directory import DirectorySpool


def admitted(root: Path, sidecar: bytes, data: bytes) -> dict[str, int]:
    spool = DirectorySpool(root, clock=SystemClock(), node="TEST", settle_seconds=0.0)
    spool.initialise("CSSMTP")
    (root / "drop" / "CSSMTP" / "deck.json").write_bytes(sidecar)
    (root / "drop" / "CSSMTP" / "deck").write_bytes(data)
    try:
        spool.admit()
        return {state: count for state, count in spool.counts().items() if count}
    finally:
        spool.close()


def test_data_that_contradicts_the_declared_framing_is_admitted(tmp_path: Path) -> None:
    assert admitted(tmp_path, b'{"framing": "rdw"}', b"\x00\x50\x00\x00cut off") == {"ready": 1}


def test_framing_and_encoding_that_contradict_each_other_are_admitted(tmp_path: Path) -> None:
    assert admitted(tmp_path, b'{"framing": "nl15", "encoding": "ascii"}', b"HELO mvsa\n") == {"ready": 1}


def test_a_sidecar_that_is_not_json_goes_to_bad(tmp_path: Path) -> None:
    assert admitted(tmp_path, b"framing: rdw", b"HELO mvsa\n") == {"bad": 1}


def test_a_sidecar_with_an_unknown_framing_goes_to_bad(tmp_path: Path) -> None:
    assert admitted(tmp_path, b'{"framing": "tape"}', b"HELO mvsa\n") == {"bad": 1}


def test_a_sidecar_with_a_wrong_number_of_bytes_goes_to_bad(tmp_path: Path) -> None:
    assert admitted(tmp_path, b'{"bytes": 3}', b"HELO mvsa\n") == {"bad": 1}
