"""What a run of the gateway left behind, compared with what the samples expect: mails, notices, files, reports, dead letters.

Promises: each difference is one line that names the sample; [] means equal. Never: looks into the gateway.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from tests import samples
from tests.gateways import ReceivedMail, Spool
from tests.reports import listed
from tests.samples import Sample


def job_of(sample: Sample) -> str:
    """The job name: the sidecar's, else made of the file name (jes-spool.md 11)."""
    return str(sample.attributes.get("jobname") or sample.name.upper()[:8].replace("-", "#"))


def mail_differences(chosen: list[Sample], received: tuple[ReceivedMail, ...]) -> list[str]:
    """How the received mails differ from all the mails, notices included, that these samples must give."""
    at_hand: dict[tuple[str, tuple[str, ...]], list[ReceivedMail]] = defaultdict(list)
    for mail in received:
        at_hand[mail.sender, mail.recipients].append(mail)
    problems = []
    for sample in chosen:
        for expected in sample.sent():
            candidates = at_hand[expected.mail_from, expected.recipients]
            differences = ["not received"]
            for mail in candidates:
                differences = samples.matches(expected, mail.content)
                if not differences:
                    candidates.remove(mail)
                    if expected.tls and not mail.tls:
                        differences = ["came without TLS"]
                    break
            problems += [f"{sample.name} mail {expected.number}: {difference}" for difference in differences]
        for notice in sample.notices:
            wanted = at_hand["", (notice.to,)]
            fits = [mail for mail in wanted if notice_fits(mail.content, job_of(sample), notice)]
            if len(fits) == 1:
                wanted.remove(fits[0])
            else:
                problems.append(f"{sample.name}: {len(fits)} notices about mail {notice.mail} to {notice.to}")
    problems += [f"surplus mail: {mail}" for left in at_hand.values() for mail in left]
    return problems


def notice_fits(content: bytes, job: str, notice: samples.Notice) -> bool:
    lines = content.decode("iso8859-1").split("\r\n")
    named = [line.removeprefix("Recipient: ") for line in lines if line.startswith("Recipient: ")]
    about = any(line.startswith(f"Job: {job} ") and line.endswith(f"Mail: {notice.mail}") for line in lines)
    return about and tuple(named) == notice.recipients and "---- Original mail follows ----" in lines


def aftermath_differences(chosen: list[Sample], spool: Spool) -> list[str]:
    """How held files, reports and dead letters differ from what these samples must leave."""
    problems = []
    entries = {entry.jobname: entry for entry in spool.entries()}
    reports = spool.reports()
    letters = Counter(name.partition(".")[0] for name in spool.letters())
    for sample in chosen:
        job = job_of(sample)
        state = entries[job].state if job in entries else "delete"
        if state != {"hold": "held"}.get(sample.disposition, sample.disposition):
            problems.append(f"{sample.name}: {sample.disposition} expected, is {state}")
        if (job in reports) != (sample.disposition == "hold"):
            problems.append(f"{sample.name}: {'a' if job in reports else 'no'} report")
        if job in reports:
            problems += [f"{sample.name}: {difference}" for difference in report_differences(sample, reports[job])]
        if letters[job] != len(sample.dead_letters):
            problems.append(f"{sample.name}: {letters[job]} dead letters")
    if len(entries) != sum(sample.disposition == "hold" for sample in chosen):
        problems.append(f"entries left: {sorted(entries)}")
    return problems


def report_differences(sample: Sample, report: str) -> list[str]:
    found = listed(report)
    limits = [error for error in sample.errors if error.reply.startswith("Exceeded")]
    others = [error for error in sample.errors if error not in limits]
    expected = [*others, *limits]
    if len(expected) != len(found):
        return [f"the report lists {len(found)} errors, expected {len(expected)}: {found}"]
    problems = []
    for one, (record, mail, reply) in zip(expected, found, strict=True):
        if one in limits:
            same = record == -1 and reply == one.reply
        else:
            same = samples.same_error(one, {"record": record, "mail": mail, "reply": reply, "counted": one.counted})
        problems += [] if same else [f"expected {one}, the report has {(record, mail, reply)}"]
    return problems
