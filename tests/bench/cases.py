"""The workloads of the whole-path benchmark, who runs them beside us, and the goals.

Promises: every number of a workload and every goal stands here and nowhere else. `share` keeps slow peers from needing minutes: a
peer sends that part of our mails and rates are compared.
Never: a goal that belongs to another workload.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.senders import (
    AIOSMTPLIB,
    MSMTP,
    POSTFIX,
    POSTFIX_QUEUE,
    SMTP_SOURCE,
    SMTPLIB,
    WITHOUT_CHECKPOINT,
)

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Against:
    """A peer in a case: how many mails it sends for each of ours; the least ratio of rates, and the most of CPU time a mail,
    that are goals (None = no goal, the ratio is reported all the same)."""

    peer: str
    share: float = 1
    goal: float | None = None
    cpu_goal: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One workload. `mails` of a round of the full run, `quick` of the quick one; `milliseconds` the server takes for an answer;
    `chunking`: it offers BDAT and 10 mails may be unanswered. With one connection, server and sender are pinned."""

    name: str
    text: str
    mails: int
    quick: int
    against: tuple[Against, ...]
    octets: int = KIB
    recipients: int = 1
    connections: int = 4
    milliseconds: float = 0
    chunking: bool = False
    small_files: bool = False

    @property
    def pinned(self) -> bool:
        return self.connections == 1

    @property
    def depth(self) -> int:
        return 10 if self.chunking else 1


CASES = (
    Case(
        "1k-1",
        "1 KiB, 1 connection",
        40_000,
        10_000,
        (Against(SMTP_SOURCE, 0.4), Against(SMTPLIB, 0.2), Against(AIOSMTPLIB, 0.2)),
        connections=1,
    ),
    Case(
        "1k-4",
        "1 KiB, 4 connections",
        60_000,
        20_000,
        (Against(SMTP_SOURCE, 0.7, 1.5), Against(AIOSMTPLIB, 0.1, 8), Against(WITHOUT_CHECKPOINT, 1, 0.85)),
    ),
    Case(
        "1k-10",
        "1 KiB, 10 connections",
        60_000,
        20_000,
        (Against(SMTP_SOURCE, 0.7, 1.5), Against(AIOSMTPLIB, 0.1)),
        connections=10,
    ),
    Case(
        "10k-1",
        "10 KiB, 1 connection",
        15_000,
        4_000,
        (Against(SMTP_SOURCE, 0.5), Against(AIOSMTPLIB, 0.2)),
        octets=10 * KIB,
        connections=1,
    ),
    Case("10k-4", "10 KiB, 4 connections", 30_000, 6_000, (Against(SMTP_SOURCE), Against(AIOSMTPLIB, 0.2, 4)), octets=10 * KIB),
    Case(
        "10k-10",
        "10 KiB, 10 connections",
        30_000,
        6_000,
        (Against(SMTP_SOURCE), Against(AIOSMTPLIB, 0.2)),
        octets=10 * KIB,
        connections=10,
    ),
    Case("1m-1", "1 MiB, 1 connection", 300, 80, (Against(SMTP_SOURCE, 3), Against(AIOSMTPLIB)), octets=MIB, connections=1),
    Case(
        "1m-4",
        "1 MiB, 4 connections",
        400,
        100,
        (Against(SMTP_SOURCE, 3), Against(AIOSMTPLIB, 0.5, 3), Against(POSTFIX, 1, 1.2)),
        octets=MIB,
    ),
    Case(
        "1m-10",
        "1 MiB, 10 connections",
        400,
        100,
        (Against(SMTP_SOURCE, 3), Against(AIOSMTPLIB, 0.5)),
        octets=MIB,
        connections=10,
    ),
    Case(
        "20-recipients",
        "1 KiB, 20 recipients, 4 connections",
        15_000,
        4_000,
        (Against(SMTP_SOURCE), Against(AIOSMTPLIB, 0.1)),
        recipients=20,
    ),
    Case(
        "small-files",
        "1 KiB, 4 connections, each mail a spool file of its own",
        5_000,
        1_000,
        (Against(SMTP_SOURCE, 4), Against(AIOSMTPLIB), Against(POSTFIX, 0.4)),
        small_files=True,
    ),
    Case("msmtp", "1 KiB, 4 connections; msmtp a process per mail", 40_000, 10_000, (Against(MSMTP, 0.01),)),
    Case(
        "5ms-1",
        "1 KiB, 1 connection, 5 ms",
        800,
        200,
        (Against(SMTP_SOURCE, 0.3), Against(AIOSMTPLIB, 0.3)),
        connections=1,
        milliseconds=5,
    ),
    Case(
        "5ms-4", "1 KiB, 4 connections, 5 ms", 3_000, 800, (Against(SMTP_SOURCE, 0.3), Against(AIOSMTPLIB, 0.3)), milliseconds=5
    ),
    Case(
        "5ms-10",
        "1 KiB, 10 connections, 5 ms",
        6_000,
        1_500,
        (Against(SMTP_SOURCE, 0.3), Against(AIOSMTPLIB, 0.3)),
        connections=10,
        milliseconds=5,
    ),
    Case(
        "1ms-data",
        "1 KiB, 1 connection, 1 ms, DATA",
        3_000,
        1_000,
        (Against(SMTP_SOURCE, 0.3, 3.8),),
        connections=1,
        milliseconds=1,
    ),
    Case(
        "1ms-chunking",
        "1 KiB, 1 connection, 1 ms, CHUNKING, 10 in flight",
        20_000,
        6_000,
        (Against(SMTP_SOURCE, 0.04, 25),),
        connections=1,
        milliseconds=1,
        chunking=True,
    ),
    Case(
        "relay",
        "1 KiB, 4 connections; Postfix with up to 20",
        60_000,
        20_000,
        (Against(POSTFIX_QUEUE, 0.1, 15), Against(POSTFIX, 0.05, 40, 1 / 25)),
    ),
)
