"""Framing as the other layers see it: what framings there are, how a file's framing is found, reading and writing records.

Promises: the whole public interface between bytes and records in one place.
Never: holds logic; that is `records` and `lengths` (reading), `writing` and `detection`.
"""

from cssmtp.spool.detection import detect
from cssmtp.spool.records import Framing, FramingKind, RecordBlock, blocks
from cssmtp.spool.writing import encode

__all__ = ["Framing", "FramingKind", "RecordBlock", "blocks", "detect", "encode"]
