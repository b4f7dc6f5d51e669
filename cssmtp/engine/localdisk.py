"""Whether a path is on a file system of another machine, where locks and forced writes cannot be relied on.

Promises: the answer follows the kernel's own table of mounts; what cannot be found out counts as local.
Never: touches the path.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath

MOUNTS = Path("/proc/self/mountinfo")

NETWORK_TYPES = {
    *("9p", "acfs", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs"),
    *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs"),
}
"""File system types whose data is on, or shared with, other machines. Our list."""

NETWORK_FUSE = {
    *("ceph-fuse", "curlftpfs", "davfs2", "glusterfs", "goofys", "httpfs", "juicefs", "mfs", "moosefs"),
    *("rclone", "s3fs", "smbnetfs", "sshfs"),
}
"""The same for fuse.<name>."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def network_type(path: PurePath, mounts: str) -> str:
    """The type of the network file system that `path` (absolute, links resolved) is on; "" when it is a local one.

    `mounts` is the text of /proc/self/mountinfo. Of mounts on the same place the last one counts.
    """
    found, depth = "", -1
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ", 1)[0]
        if not separator or len(fields) < 5:
            continue
        point = PurePath(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = kind, len(point.parts)
    shared = found in NETWORK_TYPES or (found.startswith("fuse.") and found[5:] in NETWORK_FUSE)
    return found if shared else ""


def on_network(path: Path) -> str:
    """As `network_type`, for this machine as it is now."""
    try:
        return network_type(path.resolve(), MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return ""
