"""Which file systems are other machines'."""

from pathlib import Path, PurePath

import pytest

from cssmtp.engine import localdisk
from cssmtp.engine.localdisk import network_type, on_network

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /mnt/share rw - nfs4 server:/x rw
31 22 0:41 / /mnt/with\\040blank rw shared:7 master:2 - cifs //server/x rw
32 30 254:1 / /mnt/share/local rw - xfs /dev/vdb rw
33 22 0:43 / /home rw - fuse.sshfs user@host: rw
34 22 0:44 / /run/x rw - fuse.mergerfs x rw
35 22 0:45 / /over rw - nfs server:/y rw
36 22 254:2 / /over rw - ext4 /dev/vdc rw
broken line
37 22 - nfs
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/cssmtp", ""),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/a/b", "nfs4"),
        ("/mnt/shared", ""),
        ("/mnt/with blank/x", "cifs"),
        ("/mnt/share/local/x", ""),
        ("/home/someone", "fuse.sshfs"),
        ("/run/x", ""),
        ("/over/x", ""),
    ],
)
def test_the_innermost_and_last_mount_decides(path: str, kind: str) -> None:
    assert network_type(PurePath(path), MOUNTS) == kind


def test_links_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mounts").write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {tmp_path}/real rw - nfs x rw\n")
    monkeypatch.setattr(localdisk, "MOUNTS", tmp_path / "mounts")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert on_network(tmp_path / "link") == "nfs"
    assert on_network(tmp_path) == ""


def test_what_cannot_be_found_out_counts_as_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localdisk, "MOUNTS", tmp_path / "missing")
    assert on_network(tmp_path) == ""
