"""Where other libraries differ from the shipped tables, and why: the tests accept these points and no others."""

from __future__ import annotations

REASONS = {
    "C library": "the C library's table differs from IBM's, which libicu and OpenJDK have (code-pages.md 5.1)",
    "left undefined": "the C library leaves points of this old page undefined, and differs at a few (code-pages.md 5.2)",
    "full width": "the C library gives full-width kana for IBM's half-width ones",
    "base letters": "the C library gives base letters for IBM's presentation forms",
    "codec": "the table differs from IBM's (code-pages.md 5.1)",
    "C1": "the C1 controls of the IBM page are undefined here",
    "SUB": "undefined points are SUB here",
    "windows": "another page of the same name: the Windows page here, plain TIS 620 there or the other way round",
    "rotated": "pages of IBM's PC family rotate three controls (code-pages.md 2.2)",
    "both": "rotated controls, and choices of Microsoft's",
    "microsoft": "OpenJDK takes Microsoft's choices for look-alikes (code-pages.md 5.3)",
    "private": "IBM's two private characters are standard ones here",
    "ours": "libicu has the lira sign of 2012; the other witnesses, and we, have the ordinal indicator (code-pages.md 5.1)",
}

Differences = dict[str, tuple[str, str]]
"""Page -> (why, bytes or codes in hex)."""

ICU: Differences = {"IBM-1026": ("ours", "9A"), "IBM-1155": ("ours", "9A")}
"""libicu 72, everything."""

ICONV: Differences = {
    "IBM-1026": ("C library", "9D BC"),
    "IBM-1132": ("C library", "70"),
    "IBM-256": ("C library", "DA E1"),
    "IBM-274": (
        "left undefined",
        "41 42 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 59 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 80 8A "
        "8B 8C 8D 8E 8F 90 9A 9B 9C 9D 9E 9F A0 AA AB AC AD AE AF B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF CA CB "
        "CC CD CE CF DA DB DC DD DE DF E1 EA EB EC ED EE EF FA FB FC FD FE",
    ),
    "IBM-275": (
        "left undefined",
        "41 42 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 59 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 80 8A "
        "8B 8C 8D 8E 8F 90 9A 9B 9C 9D 9E 9F A0 AA AB AC AD AE AF B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF CA CB "
        "CC CD CE CF DA DB DC DD DE DF E1 EA EB EC ED EE EF FA FB FC FD FE",
    ),
    "IBM-278": ("C library", "71 E0"),
    "IBM-281": (
        "left undefined",
        "41 42 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 59 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 80 8A "
        "8B 8C 8D 8E 8F 90 9A 9B 9C 9D 9E 9F A0 AA AB AC AD AE AF B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF CA CB "
        "CC CD CE CF DA DB DC DD DE DF E1 EA EB EC ED EE EF FA FB FC FD FE",
    ),
    "IBM-285": ("C library", "A1"),
    "IBM-290": (
        "full width",
        "41 42 43 44 45 46 47 48 49 51 52 53 54 55 56 58 62 63 64 65 66 67 68 69 6A 70 71 72 73 74 75 76 77 78 80 81 82 "
        "83 84 85 86 87 88 89 8A 8B 8C 8D 8E 8F 90 91 92 93 94 95 96 97 98 99 9A 9B 9D 9E 9F A0 A2 A3 A4 A5 A6 A7 A8 A9 "
        "AA AB AC AD AE AF B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF C0 D0",
    ),
    "IBM-420": ("C library", "45"),
    "IBM-424": ("C library", "78 8F B3 BC"),
    "IBM-870": ("C library", "B0"),
    "IBM-871": ("C library", "4A C0"),
    "IBM-875": ("C library", "6A 74 DD"),
    "IBM-880": ("left undefined", "41 45 55 64 6A 73 74 79 A1 C0 D0"),
    "IBM-918": (
        "base letters",
        "45 46 48 49 52 53 54 55 57 58 59 63 65 66 67 69 70 71 72 73 74 75 76 77 78 79 8A 8B 8C 8D 8E 8F 90 9A 9C 9E A0 "
        "AB AC AD B1 B5 B7 B9 BC BD BE BF CB CC CE CF DB DC DD DE DF E1 EA EB EC ED EE EF FA FB FC FD",
    ),
}
"""glibc 2.36, EBCDIC single-byte pages."""

JAVA_SINGLE: Differences = {
    "IBM-1122": ("codec", "BC"),
    "IBM-1252": ("C1", "81 8D 8F 90 9D"),
    "IBM-437": ("both", "1A 1C 7F E6"),
    "IBM-850": ("rotated", "1A 1C 7F"),
    "IBM-858": ("rotated", "1A 1C 7F"),
    "IBM-874": ("both", "1A 1C 7F 80"),
    "TIS-620": (
        "windows",
        "80 81 82 83 84 85 86 87 88 89 8A 8B 8C 8D 8E 8F 90 91 92 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F DB DC DD DE FC FD FE FF",
    ),
}
"""OpenJDK 17, single-byte pages and charsets (but X'15' and X'25', see code-pages.md 2.3)."""

JAVA_DOUBLE: Differences = {
    "IBM-930": ("microsoft", "426A 43A1 444A 447C"),
    "IBM-939": ("microsoft", "4260 426A 43A1 444A 447C"),
}
"""OpenJDK 17, double-byte halves."""

JAVA_TARGET: Differences = {
    "IBM-1383": ("private", "FEEE FEF4"),
    "IBM-942": ("both", "1A 1C 7F 815C 8160 8161 817C FA55"),
    "IBM-943": ("both", "1A 1C 7F 815C 8160 8161 817C FA55"),
    "IBM-949": ("rotated", "1A 1C 7F"),
    "IBM-950": ("rotated", "1A 1C 7F"),
    "IBM-970": ("microsoft", "A1A4 A1A9 A1AA A1AD A2A6 A2C1"),
}
"""OpenJDK 17, multi-byte targets; codes that are read but never written count as equal."""

STDLIB: Differences = {
    "IBM-1250": ("C1", "81 83 88 90 98"),
    "IBM-1251": ("C1", "98"),
    "IBM-1252": ("C1", "81 8D 8F 90 9D"),
    "IBM-1253": ("C1", "81 88 8A 8C 8D 8E 8F 90 98 9A 9C 9D 9E 9F AA"),
    "IBM-1254": ("C1", "81 8D 8E 8F 90 9D 9E"),
    "IBM-1255": ("C1", "81 8A 8C 8D 8E 8F 90 9A 9C 9D 9E 9F"),
    "IBM-1257": ("C1", "81 83 88 8A 8C 90 98 9A 9C 9F"),
    "IBM-1258": ("C1", "81 8A 8D 8E 8F 90 9A 9D 9E"),
    "IBM-273": ("codec", "BC"),
    "IBM-424": ("codec", "B3 BC"),
    "IBM-437": ("both", "1A 1C 7F E6"),
    "IBM-850": ("rotated", "1A 1C 7F"),
    "IBM-858": ("rotated", "1A 1C 7F"),
    "IBM-874": ("both", "1A 1C 7F 80 85 91 92 93 94 95 96 97 A0 DB DC DD DE FC FD FE FF"),
    "IBM-875": ("SUB", "DC E1 EC ED FC FD"),
    "TIS-620": ("windows", "80 85 91 92 93 94 95 96 97 A0 DB DC DD DE FC FD FE FF"),
}
"""CPython 3.11's codecs."""
