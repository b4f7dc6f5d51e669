"""The directories of a spool on disk, and how an entry is built, published and read (jes-spool.md 11).

Promises: an entry appears in a state directory by one rename, complete and forced to disk; whoever dies in between leaves a
directory in `tmp` or `busy` that carries the name of its owner.
Never: looks into the drop zone; decides what becomes of an entry.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cssmtp.clock import Clock
from cssmtp.spool.attributes import Attributes, from_json, to_json
from cssmtp.spool.disk import Disk, spool_error
from cssmtp.spool.names import assigned_job_id, entry_id
from cssmtp.spool.owner import Owner
from cssmtp.spool.store import SpoolEntry, selectable

CRASHES_ALLOWED = 2
"""How many gateways in a row may end while they work on a file without having got further in it; the next crash holds it
(architecture: the third one). A large file that was in work during three power cuts has done nothing wrong."""

FORGETTING = (b"release", b"copying")
"""Journal words after which earlier crashes do not count: an operator looked at the file; it is only copied, so no crash is its
fault."""


class Tree:
    """The spool's directories below `root`, as seen by this process."""

    def __init__(self, root: Path, clock: Clock, node: str, disk: Disk) -> None:
        self.root = root
        self.clock = clock
        self.node = node
        self.disk = disk
        self.drop = root / "drop"
        self.tmp = root / "tmp"
        self.ready = root / "ready"
        self.busy = root / "busy"
        self.owners = root / "owners"
        self.reports = root / "reports"
        self.ready_changed = True
        self._owner: Owner | None = None
        self._lock = threading.Lock()

    def initialise(self) -> None:
        """Makes what is missing of the tree. Only `drop` can be reached by others than the gateway's user."""
        self.disk.make_directory(self.root, 0o755)
        self.disk.make_directory(self.drop, 0o755)
        for name in ("tmp", "ready", "held", "busy", "done", "bad", "owners", "reports"):
            self.disk.make_directory(self.root / name)

    def owner(self) -> str:
        """The name under which this process claims and builds; made when first needed."""
        with self._lock:
            if self._owner is None:
                self._owner = Owner(self.owners)
            return self._owner.name

    def close(self) -> None:
        """Ends this process's ownership."""
        if self._owner is not None:
            self._owner.close()
            self._owner = None

    def names(self, directory: Path) -> list[str]:
        """The names in a directory in order, hidden ones left out; empty when it does not exist."""
        try:
            return sorted(name for name in os.listdir(directory) if not name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as fault:
            raise spool_error(fault, directory) from fault

    def complete(self, attributes: Attributes) -> tuple[str, Attributes]:
        """An id for a new entry, and its attributes with what every entry has: job id, creation time, node, names."""
        now = self.clock.wall()
        job_id = attributes.jobid or assigned_job_id(self._next_job_number())
        id = entry_id(now, job_id, attributes.dsid, os.urandom(4))
        owner, job = attributes.owner or "?", attributes.jobname or "SPOOLED"
        node = attributes.origin_node or self.node
        return id, replace(
            attributes,
            jobid=job_id,
            jobname=job,
            origin_node=node,
            created=attributes.created or now.isoformat(),
            dsname=attributes.dsname or f"{node}.{owner[:8]}.{job}.{job_id}.D{attributes.dsid:07d}.?",
            token=attributes.token or id,
        )

    def _next_job_number(self) -> int:
        """Counts the job ids that this spool has given out; a lost count begins again, since job ids may repeat."""
        path = self.root / "jobid"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                text = os.pread(descriptor, 16, 0)
                number = int(text) + 1 if text.strip().isdigit() else 1
                os.pwrite(descriptor, b"%015d\n" % number, 0)
            finally:
                os.close(descriptor)
        except OSError as fault:
            raise spool_error(fault, path) from fault
        return number

    def build(self, purpose: str, id: str) -> Path:
        """A new directory in the building area: "create" or "admit", the id, and whose it is."""
        path = self._building(purpose, id)
        self.disk.make_directory(path)
        return path

    def _building(self, purpose: str, id: str) -> Path:
        return self.tmp / f"{purpose}.{id}@{self.owner()}"

    def home(self, id: str, attributes: Attributes) -> Path:
        """Where an entry with these attributes belongs: ready when it can be selected, else held."""
        if selectable(attributes):
            directory = self.ready / f"{255 - attributes.priority:03d}"
            if not directory.exists():
                self.disk.make_directory(directory)
                self.disk.sync_path(self.ready)
            return directory / id
        return self.root / "held" / id

    def publish(self, built: Path, target: Path) -> None:
        """Moves an entry to its place in one step. The caller forces the directories to disk."""
        self.disk.sync_path(built)
        self.disk.move(built, target)
        self._arrived(target)

    def move(self, source: Path, target: Path) -> None:
        """Moves an entry and forces both directories to disk. Raises `FileNotFoundError` when it is gone."""
        self.disk.move(source, target)
        self._arrived(target)
        self.disk.sync_path(target.parent)
        self.disk.sync_path(source.parent)

    def _arrived(self, target: Path) -> None:
        if target.parent.parent == self.ready:
            self.ready_changed = True

    def purge(self, path: Path, id: str) -> None:
        """Deletes an entry: first out of sight, then for good."""
        grave = self._building("purge", id)
        self.disk.move(path, grave)
        self.disk.sync_path(path.parent)
        self.disk.remove(grave)

    def read(self, path: Path) -> Attributes | None:
        """The attributes of the entry at `path`, None when they cannot be understood. Raises `FileNotFoundError`: it is gone."""
        try:
            data = (path / "attrs.json").read_bytes()
        except FileNotFoundError:
            if path.exists():
                return None
            raise
        except OSError as fault:
            raise spool_error(fault, path) from fault
        attributes, problems = from_json(data, Attributes())
        return None if problems else attributes

    def entry(self, path: Path, id: str, state: str) -> SpoolEntry | None:
        """The entry at `path` as it is now; None when it is gone. Broken attributes show as defaults with the reason."""
        try:
            attributes = self.read(path)
        except FileNotFoundError:
            return None
        if attributes is None:
            attributes = Attributes(hold="system", hold_reason="attrs.json cannot be understood")
        return SpoolEntry(id, attributes, state, path)

    def places(self, state: str) -> Iterator[tuple[str, Path]]:
        """Id and path of every entry in a state, in name order (which for ready is work order)."""
        directory = self.root / state
        for name in self.names(directory):
            if state == "ready":
                for id in self.names(directory / name):
                    yield id, directory / name / id
            else:
                yield name.rpartition("@")[0] if state == "busy" else name, directory / name

    def crashes(self, path: Path) -> int:
        """How many crashes the journal of the entry at `path` tells of since the last of the `FORGETTING` words, or since a crash
        at which another number of mails was recorded than at the one before: the file got further then."""
        number = recorded = 0
        try:
            for line in (path / "journal").read_bytes().splitlines():
                word, *more = line.split(b" ")
                if word in FORGETTING:
                    number = 0
                elif word == b"crash":
                    mark = int(more[1]) if len(more) > 1 and more[1].isdigit() else recorded
                    number = number + 1 if mark == recorded else 0
                    recorded = mark
            return number
        except FileNotFoundError:
            return 0
        except OSError as fault:
            raise spool_error(fault, path / "journal") from fault

    def write_attributes(self, path: Path, attributes: Attributes) -> None:
        """Gives the entry at `path` new attributes; durable."""
        self.disk.replace(path / "attrs.json", to_json(attributes))
