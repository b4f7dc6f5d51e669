"""The rows of the System block: what a Linux machine needs to know beside IBM's statements. Part of THE table in `schema`.

Promises: as `schema`; every row is an extension of ours.
"""

from __future__ import annotations

from cssmtp.config import model
from cssmtp.config.grammar import Parameter
from cssmtp.config.values import AbsolutePath, Choice, HostName, Integer, Kind, LogPlace, MvsName, NetworkAddress, YesNo

NO_DEFAULT = ""
"""Shown for what is simply absent when not written."""


def extension(name: str, field: str, kind: Kind, default: str, meaning: str, *, refreshable: bool) -> Parameter:
    """A parameter that CSSMTP does not have."""
    return Parameter(name, field, kind, default, meaning, refreshable, since="extension", extension=True, evidence="X")


SYSTEM: tuple[Parameter, ...] = (
    extension("Spool", "spool", AbsolutePath(), "/var/spool/cssmtp", "The spool.", refreshable=False),
    extension(
        "Checkpoint",
        "checkpoint",
        AbsolutePath("file"),
        NO_DEFAULT,
        "File of the checkpoint, on a local disk; without it a crash has partly processed spool files done again.",
        refreshable=False,
    ),
    extension("Socket", "socket", AbsolutePath("file"), NO_DEFAULT, "Socket of the operator commands.", refreshable=False),
    extension(
        "LogFile",
        "log_file",
        LogPlace(),
        NO_DEFAULT,
        "Where the log goes; default: standard error.",
        refreshable=False,
    ),
    extension(
        "LogFormat",
        "log_format",
        Choice(model.LogFormat),
        "Text",
        "Lines of the log as text, or as JSON objects.",
        refreshable=False,
    ),
    extension("SmfFile", "smf_file", AbsolutePath("file"), NO_DEFAULT, "File of the SMF records.", refreshable=False),
    extension(
        "SmfInterval",
        "smf_interval_minutes",
        Integer(1, 1440, "minutes"),
        "30",
        "How often the statistics record (subtype 52) is written.",
        refreshable=False,
    ),
    extension(
        "SmfSocket",
        "smf_socket",
        AbsolutePath("file"),
        NO_DEFAULT,
        "Unix socket where programs get SMF records as they arise, whatever SMF119 says.",
        refreshable=False,
    ),
    extension(
        "SmfSocketMail",
        "smf_socket_mail",
        YesNo(),
        "No",
        "Whether SmfSocket gives the record of each mail (subtype 50) too.",
        refreshable=False,
    ),
    extension(
        "MetricsAddress",
        "metrics_address",
        NetworkAddress(),
        NO_DEFAULT,
        "Where Prometheus may ask for metrics; best one that only this machine reaches, as 127.0.0.1:9119.",
        refreshable=False,
    ),
    extension(
        "UserExitFile",
        "user_exit_file",
        AbsolutePath("file"),
        NO_DEFAULT,
        "Python file with the user exit; default: one that is installed as an entry point cssmtp.exits.",
        refreshable=False,
    ),
    extension("JobName", "job_name", MvsName(job=True), "CSSMTP", "The gateway's job name.", refreshable=False),
    extension("SystemName", "system_name", MvsName(), NO_DEFAULT, "Name of the system.", refreshable=False),
    extension("NodeName", "node_name", MvsName(), NO_DEFAULT, "Name of the JES node.", refreshable=False),
    extension(
        "HostName",
        "host_name",
        HostName(),
        NO_DEFAULT,
        "Host part of our own name; default: the machine's.",
        refreshable=False,
    ),
    extension(
        "Domain",
        "domain",
        HostName(),
        NO_DEFAULT,
        "Domain part of our own name; default: the machine's.",
        refreshable=False,
    ),
)
