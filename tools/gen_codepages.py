"""Writes the tables of cssmtp/codepage/data from the libraries of a developer's machine, to the byte.

Promises: the same libraries give the same files; what no library has is put together by the patches below. Prints a SHA-256 per
table.
Never: needed to install or to run the gateway. Needs libicu 72, OpenJDK 17 and glibc's iconv (`python -m tools.gen_codepages`).
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from tools import codepage_witnesses as witnesses
from tools import gen_codepages_double as double

DATA = Path(__file__).parent.parent / "cssmtp" / "codepage" / "data"
UNDEFINED = 0xFFFF

SINGLE_ICU = {
    **{
        f"IBM-{n:03}": f"ibm-{n}_P100-1995"
        for n in (37, 273, 277, 278, 280, 284, 285, 297, 500, 871, 1047, 290, 424, 838, 870, 875, 918)
    },
    **{f"IBM-{n}": f"ibm-{n}_P100-1997" for n in range(1140, 1150)},
    **{f"IBM-{n}": f"ibm-{n}_P100-1995" for n in (1025, 1026, 1097, 1112, 1123, 850, 437, 874)},
    **{f"IBM-{n}": f"ibm-{n}_P100-1999" for n in (803, 1122, 1137, *range(1153, 1159), 1160, 1164, 4971)},
    "IBM-420": "ibm-420_X120-1999",
    "IBM-1130": "ibm-1130_P100-1997",
    "IBM-1132": "ibm-1132_P100-1998",
    "IBM-12712": "ibm-12712_P100-1998",
    "IBM-16804": "ibm-16804_X110-1999",
    "ISO8859-1": "ISO-8859-1",
    **{f"ISO8859-{n}": f"ibm-{ccsid}_P100-1995" for n, ccsid in ((2, 912), (4, 914), (5, 915), (6, 1089), (9, 920), (13, 921))},
    "ISO8859-7": "ibm-9005_X110-2007",
    "ISO8859-8": "ibm-5012_P100-1999",
    "ISO8859-15": "ibm-923_P100-1998",
    "IBM-1250": "ibm-5346_P100-1998",
    "IBM-1251": "ibm-5347_P100-1998",
    "IBM-1252": "ibm-5348_P100-1997",
    "IBM-1253": "ibm-5349_P100-1998",
    "IBM-1254": "ibm-5350_P100-1998",
    "IBM-1255": "ibm-9447_P100-2002",
    "IBM-1256": "ibm-9448_X100-2005",
    "IBM-1257": "ibm-9449_P100-2002",
    "IBM-1258": "ibm-5354_P100-1998",
    "IBM-858": "ibm-858_P100-1997",
    "TIS-620": "windows-874-2000",
    "KOI8-R": "ibm-878_P100-1996",
    "US-ASCII": "US-ASCII",
}
"""Single-byte tables that libicu has, by our name."""

HOST_ICU = {
    "IBM-930": "ibm-930_P120-1999",
    "IBM-933": "ibm-933_P110-1995",
    "IBM-935": "ibm-935_P110-1999",
    "IBM-937": "ibm-937_P110-1999",
    "IBM-939": "ibm-939_P120-1999",
    "IBM-1364": "ibm-1364_P110-2007",
    "IBM-1371": "ibm-1371_P100-1999",
    "IBM-1388": "ibm-1388_P103-2001",
    "IBM-1390": "ibm-1390_P110-2003",
    "IBM-1399": "ibm-1399_P110-2003",
}
"""EBCDIC mixed pages; both halves are taken."""

SINGLE_ICONV = {"IBM-423": "IBM423", "IBM-905": "IBM905"}
"""Pages that only the C library has; they are marked as not exact."""

PATCHES: dict[str, tuple[str, str]] = {
    "IBM-281": ("IBM-037", "4A=A3 5B=A5 A1=203E E0=24"),
    "IBM-282": (
        "IBM-037",
        "46=7B 48=7E 4A=5B 4F=21 5A=5D 5F=5E 66=23 68=5C 6A=F5 7B=C3 7C=D5 A1=E7 B0=A2 BA=AC BB=7C "
        "BE=7D C0=E3 CF=A6 D0=B4 E0=C7 EF=40",
    ),
    "IBM-924": ("IBM-1047", "4A=DD 6A=160 9D=17E 9F=20AC B0=A2 B7=152 B8=153 B9=178 BA=AC BB=161 BE=17D"),
    "IBM-880": ("IBM-1025", "E1=A4"),
    "IBM-256": ("IBM-500", "B3=20A7 B4=192 BF=2017 DA=131 E1=2007"),
    "IBM-274": ("IBM-297", "4A=5B 5A=5D 79=60 7B=23 90=B0 A0=B5 B1=A3 B5=A7"),
    "IBM-275": (
        "IBM-500",
        "46=60 48=A6 4A=C9 51=7D 5A=24 5B=C7 66=40 68=5D 6A=E7 71=5B 79=E3 7B=D5 7C=C3 C0=F5 CF=7B D0=E9 EF=23",
    ),
    "IBM-1166": (
        "IBM-1154",
        "42=4D9 43=493 48=49B 51=4A3 52=4E9 53=4B1 54=4AF 56=4BB 59=4D8 62=492 67=49A 69=4A2 70=4E8 71=4B0 72=4AE 75=4BA",
    ),
    "IBM-1026": ("IBM-1026", "9A=AA"),
    "IBM-1155": ("IBM-1155", "9A=AA"),
}
"""Table -> (base, byte=code point ...), code-pages.md 5.2. 1026 and 1155: the lira sign is younger than the pages; other
witnesses have U+00AA.
"""

PC_AND_WINDOWS = frozenset(f"IBM-{ccsid}" for ccsid in (437, 850, 858, 874, *range(1250, 1259)))
TARGETS_SINGLE = [name for name in SINGLE_ICU if not name.startswith("IBM-") or name in PC_AND_WINDOWS]


def singles() -> dict[str, list[int]]:
    """Every single-byte table: 256 code points, `UNDEFINED` where there is none."""
    maps = {name: witnesses.icu_single(icu) for name, icu in SINGLE_ICU.items()}
    maps |= {name: witnesses.icu_host(icu)[0] for name, icu in HOST_ICU.items()}
    maps |= {name: witnesses.iconv_single(own) for name, own in SINGLE_ICONV.items()}
    tables = {name: [ord(found.get(byte, "\uffff")) for byte in range(256)] for name, found in maps.items()}
    for name, (base, changes) in PATCHES.items():
        table = list(tables[base])
        for change in changes.split():
            byte, point = (int(part, 16) for part in change.split("="))
            table[byte] = point
        tables[name] = table
    return dict(sorted(tables.items()))


def packed(data: bytes) -> bytes:
    """Compressed as small as zlib can; the same on every zlib that follows the reference algorithm."""
    return zlib.compress(data, 9)


def write(name: str, data: bytes) -> None:
    """One data file, with its SHA-256 on standard output."""
    (DATA / name).write_bytes(packed(data))
    print(hashlib.sha256(data).hexdigest(), name, len((DATA / name).read_bytes()))


def write_singles(tables: dict[str, list[int]]) -> None:
    """single.bin: a line of names, then the low bytes of all tables, then the high bytes."""
    points = [point for table in tables.values() for point in table]
    head = " ".join(tables).encode("ascii") + b"\n"
    write("single.bin", head + bytes(p & 0xFF for p in points) + bytes(p >> 8 for p in points))


def double_files() -> tuple[dict[str, bytes], dict[str, dict[int, str]], dict[str, double.Encoder]]:
    """Every double-byte file, the single bytes of the multi-byte targets, and what these targets write but do not read back."""
    tables = double.DoubleTables()
    files, targets_single, one_way = {}, {}, {}
    for name, (converter, base) in double.HOST_DOUBLE.items():
        files[name] = tables.add(name, base, {b"": witnesses.icu_host(converter)[1]})
    for name, (converter, base) in double.TARGETS.items():
        encoder, decode = double.icu_target(converter) if converter else double.java_target("x-" + name.replace("-", ""))
        targets_single[name], planes, one_way[name] = double.split_target(encoder, decode)
        files[name] = tables.add(name, base, planes)
    return files, targets_single, one_way


def main() -> None:
    """Write every file."""
    files, targets_single, one_way = double_files()
    tables = singles()
    for name, found in targets_single.items():
        tables[name] = [ord(found.get(byte, "\uffff")) for byte in range(256)]
    for name in TARGETS_SINGLE:
        encoder = witnesses.icu_encoder(SINGLE_ICU[name], witnesses.basic_plane())
        inverse = {point: byte for byte, point in reversed(list(enumerate(tables[name])))}
        one_way[name] = {text: data for text, data in encoder.items() if inverse.get(ord(text)) != data[0]}
    write_singles(dict(sorted(tables.items())))
    lines = []
    for name, extra in sorted(one_way.items()):
        items = (f"{ord(text):x}={data.hex()}" for text, data in extra.items())
        lines.append(f"{name} {' '.join(items)}\n")
    write("oneway.bin", "".join(lines).encode("ascii"))
    for name, data in files.items():
        write(f"{name}.bin", data)


if __name__ == "__main__":
    main()
