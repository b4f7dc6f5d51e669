"""The drop zone: where users put files, and how the gateway takes them (jes-spool.md 11, rules 5 and 7).

Promises: a file is taken once, whole, with its sidecar, by renames; what a user's file or sidecar has wrong goes to `bad` with a
reason that names file, key and remedy, or stays and is told once; a crash leaves it in the zone or the spool.
Never: follows links, opens devices, waits for a FIFO, believes a user who says to be somebody else.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from cssmtp.errors import SpoolError
from cssmtp.spool.attributes import UNSELECTED, Attributes, from_json, to_json
from cssmtp.spool.names import job_name, writer_name
from cssmtp.spool.store import Admission
from cssmtp.spool.tree import Tree

SIDECAR_LIMIT = 64 * 1024
"""Bytes of the largest sidecar that is read."""
DROP_MODE = 0o3733
"""A drop directory: everybody may add files, only owners may remove theirs, nobody may list it; files get its group."""
GROUP_DROP_MODE = 0o3770
"""A drop directory for the members of one group alone."""
_PRINTABLE = " !#$&'()+,;=@[]^`{}~:"
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Dropped:
    """One file seen in the zone: where, its state, and its sidecar's bytes (None: it has none)."""

    writer: str
    path: Path
    status: os.stat_result
    sidecar: bytes | None
    sidecar_stamp: _Stamp | None

    @property
    def shown(self) -> str:
        return shown_name(self.path)

    @property
    def sidecar_path(self) -> Path:
        return _sidecar_of(self.path)


class DropZone:
    """The directory `drop` of a spool. Remembers between two scans what has not settled yet and what has been told."""

    def __init__(self, tree: Tree, settle_seconds: float) -> None:
        self._tree = tree
        self._settle = settle_seconds
        self._waiting: dict[Path, tuple[object, float]] = {}
        self._told: set[tuple[Path, str]] = set()
        self._scan: _Scan | None = None

    def make(self, writer: str) -> Path:
        """Makes the drop directory of a writer: everybody may add files, only owners may remove theirs, nobody may list it.

        Raises `ValueError` for a name that no writer can have.
        """
        path = self._tree.drop / writer_name(writer)
        self._tree.disk.make_directory(path, DROP_MODE)
        return path

    @property
    def settling(self) -> bool:
        """Whether some file seen last time may still be growing."""
        return bool(self._waiting) or self.more

    @property
    def more(self) -> bool:
        """Whether the last `admit` stopped at its limit: the next one goes on where it was."""
        return self._scan is not None

    def admit(self, writer: str | None, arrived: frozenset[str] = frozenset(), limit: int = 0) -> list[Admission]:
        """Takes what is complete, of one writer or of all; see `SpoolStore.admit`."""
        scan = self._scan or _Scan(self._tree, self._settle, writer)
        self._scan = None
        for found in scan.found:
            if isinstance(found, _Dropped):
                problem = scan.take(found, found.path.name in arrived or self._settled(found, scan.waiting))
            else:
                problem = found
            if problem is not None:
                scan.told.add(problem)
            if len(scan.admitted) == limit > 0:
                self._scan = scan
                return scan.finish()
        of_others = [path for path in self._waiting if not scan.meant(path.parent)]
        news = scan.told - self._told
        self._waiting = scan.waiting | {path: self._waiting[path] for path in of_others}
        self._told = scan.told | {(path, problem) for path, problem in self._told if not scan.meant(path, path.parent)}
        return scan.finish() + [Admission("", shown_name(path), problem) for path, problem in sorted(news)]

    def _settled(self, found: _Dropped, waiting: dict[Path, tuple[object, float]]) -> bool:
        """True when the file, and its sidecar, have not changed for long enough."""
        now = self._tree.clock.monotonic()
        stamp = (_stamp(found.status), found.sidecar_stamp)
        seen, since = self._waiting.get(found.path, (None, now))
        if seen != stamp:
            since = now
        latest = max(found.status.st_mtime_ns, found.sidecar_stamp[1] if found.sidecar_stamp else 0) / 1e9
        if now - since >= self._settle or self._tree.clock.wall().timestamp() - latest >= self._settle:
            return True
        waiting[found.path] = (stamp, since)
        return False


def _stamp(status: os.stat_result) -> _Stamp:
    return (status.st_size, status.st_mtime_ns, status.st_ino)


def _sidecar_of(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def shown_name(path: Path) -> str:
    """A file of the zone as `writer/name`, with everything but plain printable characters escaped as in a URL."""
    return quote_from_bytes(os.fsencode(path.parent.name + "/" + path.name), safe="/" + _PRINTABLE)


class _Scan:
    """One pass over the zone, of one writer's directory or of all: finds files, takes them, remembers what to force to disk.

    `found` gives them one by one, oldest first in each directory, as they are when they are given: there may be very many.
    """

    def __init__(self, tree: Tree, settle_seconds: float, writer: str | None) -> None:
        self._tree = tree
        self._writer = writer.upper() if writer is not None else None
        self._lonely_since = tree.clock.wall().timestamp() - settle_seconds
        self._touched: set[Path] = set()
        self.waiting: dict[Path, tuple[object, float]] = {}
        self.told: set[tuple[Path, str]] = set()
        self.admitted: list[Admission] = []
        self.found = self._look()

    def meant(self, *directories: Path) -> bool:
        """Whether the pass looks at one of these directories of the zone."""
        return self._writer is None or any(each.name.upper() == self._writer for each in directories)

    def _look(self) -> Iterator[_Dropped | tuple[Path, str]]:
        for name in self._tree.names(self._tree.drop):
            directory = self._tree.drop / name
            if self.meant(directory):
                yield from self._look_into(directory)

    def _look_into(self, directory: Path) -> Iterator[_Dropped | tuple[Path, str]]:
        """The files of one writer's directory, and the problems of what is no file to take."""
        try:
            if not stat.S_ISDIR(os.lstat(directory).st_mode):
                yield (directory, "is no directory; make one with the name of a writer in its place")
                return
            writer = writer_name(directory.name)
            names = {name for name in os.listdir(directory) if not name.startswith(".") and not name.endswith(".tmp")}
        except ValueError as fault:
            yield (directory, str(fault))
            return
        except OSError as fault:
            yield (directory, f"cannot be read: {os.strerror(fault.errno or 0)}; let the gateway's user read it")
            return
        for name in sorted(names, key=lambda name: (_age(directory / name), name)):
            found = self._look_at(writer, directory / name, names)
            if found is not None:
                yield found

    def _look_at(self, writer: str, path: Path, names: set[str]) -> _Dropped | tuple[Path, str] | None:
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return None
        if path.name.endswith(".json"):
            lonely = path.name.removesuffix(".json") not in names and status.st_mtime <= self._lonely_since
            return (path, "is a sidecar without its data file; add the file or remove the sidecar") if lonely else None
        if not stat.S_ISREG(status.st_mode):
            return (path, "is a link, directory or device; only plain files are taken, so remove it and copy the file itself")
        if status.st_nlink > 1:
            return (path, "has more than one name (hard link); remove the other names or copy the file")
        sidecar: bytes | None = None
        stamp: _Stamp | None = None
        if path.name + ".json" in names:
            try:
                sidecar, stamp = _read_sidecar(_sidecar_of(path))
            except FileNotFoundError:
                return None
            except OSError as fault:
                return (_sidecar_of(path), f"cannot be read as a plain file: {os.strerror(fault.errno or 0)}; replace it")
        return _Dropped(writer, path, status, sidecar, stamp)

    def take(self, found: _Dropped, settled: bool) -> tuple[Path, str] | None:
        """Takes one file when it is complete; returns the problem when it has to stay."""
        attributes, problems, complete = _attributes(found, self._tree.node)
        if not (settled or complete):
            return None
        id, attributes = self._tree.complete(attributes)
        attributes = replace(attributes, extra={**attributes.extra, "drop": found.shown})
        built = self._tree.build("admit", id)
        try:
            self._tree.disk.write(built / "attrs.json", [to_json(attributes)])
        except SpoolError:
            self._tree.disk.remove(built)
            raise
        try:
            if found.sidecar is not None:
                self._tree.disk.move(found.sidecar_path, built / "sidecar.json")
            self._tree.disk.move(found.path, built / "data")
        except FileNotFoundError:
            undo_admission(self._tree, built)
            return None
        except SpoolError as fault:
            undo_admission(self._tree, built)
            return (found.path, f"cannot be taken: {fault}")
        problems = problems or _check(built / "data", found)
        try:
            self._publish(id, built, attributes, found.shown, problems)
        except SpoolError:
            undo_admission(self._tree, built)
            raise
        return None

    def _publish(self, id: str, built: Path, attributes: Attributes, shown: str, problems: list[str]) -> None:
        """The last step for a file that is ours now."""
        tree = self._tree
        drop = attributes.extra["drop"]
        if problems:
            tree.disk.write(built / "reason", ["".join(f"{shown}: {problem}\n" for problem in problems).encode()])
            target = tree.root / "bad" / id
        elif attributes.outdisp == "PURGE":
            tree.purge(built, id)
            self.admitted.append(Admission(id, drop))
            return
        else:
            tree.disk.sync_path(built / "data")
            target = tree.home(id, attributes)
        tree.publish(built, target)
        self._touched |= {target.parent, tree.tmp}
        self.admitted.append(Admission(id, drop, "; ".join(problems)))

    def finish(self) -> list[Admission]:
        """Forces the directories to disk that the pass has changed since the last time; what it has taken since."""
        for directory in sorted(self._touched):
            self._tree.disk.sync_path(directory)
        self._touched.clear()
        admitted, self.admitted = self.admitted, []
        return admitted


def _age(path: Path) -> int:
    """When a file was changed last; 0 for one that is gone."""
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return 0


def _read_sidecar(path: Path) -> tuple[bytes, _Stamp]:
    descriptor = os.open(path, _OPEN)
    with open(descriptor, "rb", buffering=0) as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(22, "not a plain file")
        return stream.read(SIDECAR_LIMIT + 1) or b"", _stamp(status)


def _attributes(found: _Dropped, node: str) -> tuple[Attributes, list[str], bool]:
    """The attributes for a dropped file, the problems of its sidecar, and whether the sidecar proves the file complete."""
    status = found.status
    owner = owner_name(status.st_uid)
    defaults = Attributes(
        writer=found.writer,
        jobname=job_name(os.fsencode(found.path.name)),
        owner=owner,
        origin_node=node,
        created=datetime.fromtimestamp(status.st_mtime, UTC).isoformat(),
        bytes=-1,
    )
    if found.sidecar is None:
        return replace(defaults, bytes=status.st_size), [], False
    if len(found.sidecar) > SIDECAR_LIMIT:
        attributes, problems = defaults, [f"it is larger than {SIDECAR_LIMIT} bytes; leave out what is not needed"]
    else:
        attributes, problems = from_json(found.sidecar, defaults)
        if not attributes.writer and not attributes.dest_user:
            problems.append(UNSELECTED)
    trusted = status.st_uid in (0, os.geteuid())
    if not trusted and (attributes.owner.upper() != owner or attributes.origin_node != node):
        problems.append(f'key "owner" or "origin_node" is not {owner} and {node}: the file belongs to {owner}; leave both out')
        attributes = replace(attributes, owner=owner, origin_node=node)
    complete = not problems and attributes.bytes == status.st_size
    if attributes.bytes not in (-1, status.st_size):
        wrong = attributes.bytes
        problems.append(f'key "bytes" says {wrong}, the file has {status.st_size}; write the right number or leave the key out')
    return replace(attributes, bytes=status.st_size), [f"sidecar: {problem}" for problem in problems], complete


def owner_name(uid: int) -> str:
    """The file's owner as a user id: the user name in upper case, or UIDn for a user without a (plain) name."""
    try:
        name = pwd.getpwuid(uid).pw_name.upper()
    except KeyError:
        return f"UID{uid}"
    return name if name.isascii() and name.isprintable() and " " not in name and len(name) <= 32 else f"UID{uid}"


def _check(data: Path, found: _Dropped) -> list[str]:
    """What is wrong with the file, now that nobody can replace it: another file, or not readable.

    Whether the data is what the sidecar says is not asked here: who reads it finds out, holds it and reports it.
    """
    try:
        descriptor = os.open(data, _OPEN)
        with open(descriptor, "rb"):
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or _stamp(status) != _stamp(found.status):
                return ["it was changed while it was taken; put it into the drop directory again"]
    except OSError as fault:
        return [f"it cannot be read: {os.strerror(fault.errno or 0)}; let the gateway's group read the file"]
    return []


def undo_admission(tree: Tree, built: Path) -> None:
    """Gives back what an unfinished admission has taken: sidecar and data return to the drop zone under their names.

    Data whose place is not known any more goes to `bad`.
    """
    attributes = tree.read(built)
    taken = (built / "data").exists()
    if attributes is not None and isinstance(attributes.extra.get("drop"), str):
        writer, name = os.fsdecode(unquote_to_bytes(attributes.extra["drop"])).split("/", 1)
        place = tree.drop / writer / name
        if taken and place.exists():
            place = place.with_name(f"{name}.{os.urandom(4).hex()}")
        for part, target in (("sidecar.json", _sidecar_of(place)), ("data", place)):
            if (built / part).exists():
                tree.disk.move(built / part, target)
    elif taken:
        id = built.name.removeprefix("admit.").rpartition("@")[0]
        tree.disk.replace(
            built / "reason", b"the machine stopped while this file was taken, and its name is lost; drop the data again\n"
        )
        tree.move(built, tree.root / "bad" / id)
        return
    tree.disk.remove(built)
