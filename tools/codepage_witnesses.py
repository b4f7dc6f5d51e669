"""Code page tables as the libraries of this machine have them: ICU, OpenJDK, the C library's iconv command.

Promises: each witness gives, for a converter named in its own terms, a map from byte sequences to text and, for ICU, from
characters to byte sequences. The same readers serve the generator of the shipped tables and the tests that compare them.
Never: used at run time. Run as a command (`python -m tools.codepage_witnesses icu NAME...`) it prints the tables as JSON, so
that a test can ask in a process of its own, which a crash in a foreign library cannot take down with it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

CONTROLS = frozenset([*range(0x20), *range(0x7F, 0xA0)])
"""Code points of control characters: C0, DEL and C1."""


class WitnessMissing(Exception):
    """The library, the program or the converter is not there; the text says which."""


class Icu:
    """One converter of the installed libicuuc, opened by its exact name."""

    def __init__(self, name: str) -> None:
        self._library, suffix = _libicu()
        function = lambda stem: getattr(self._library, f"ucnv_{stem}{suffix}")  # noqa: E731
        opener = function("open")
        opener.restype = ctypes.c_void_p
        opener.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
        error = ctypes.c_int(0)
        self._converter = ctypes.c_void_p(opener(name.encode("ascii"), ctypes.byref(error)))
        if error.value > 0:
            raise WitnessMissing(f"libicu has no converter {name}")
        for stem, stop in (("setToUCallBack", "UCNV_TO_U_CALLBACK_STOP"), ("setFromUCallBack", "UCNV_FROM_U_CALLBACK_STOP")):
            setter = function(stem)
            setter.argtypes = [ctypes.c_void_p] * 6
            callback = ctypes.cast(getattr(self._library, f"{stop}{suffix}"), ctypes.c_void_p)
            setter(self._converter, callback, None, None, None, ctypes.byref(error))
        self._fallback = function("setFallback")
        self._fallback.argtypes = [ctypes.c_void_p, ctypes.c_byte]
        self._to_unicode = function("toUChars")
        self._from_unicode = function("fromUChars")
        for converting in (self._to_unicode, self._from_unicode):
            converting.restype = ctypes.c_int32
            converting.argtypes = [
                ctypes.c_void_p,
                ctypes.c_char_p,
                ctypes.c_int32,
                ctypes.c_char_p,
                ctypes.c_int32,
                ctypes.c_void_p,
            ]
        self._buffer = ctypes.create_string_buffer(64)

    def decode(self, data: bytes) -> str | None:
        """What the bytes mean, None when the page does not define them; fallbacks are off."""
        error = ctypes.c_int(0)
        self._fallback(self._converter, 0)
        length = self._to_unicode(self._converter, self._buffer, 32, data, len(data), ctypes.byref(error))
        return self._buffer.raw[: length * 2].decode("utf-16-le", "surrogatepass") if error.value <= 0 else None

    def encode(self, text: str) -> bytes | None:
        """The bytes for a text, None when the page lacks it (ICU passes over some invisible characters); one-way mappings are
        on.
        """
        error = ctypes.c_int(0)
        self._fallback(self._converter, 1)
        units = text.encode("utf-16-le")
        length = self._from_unicode(self._converter, self._buffer, 64, units, len(units) // 2, ctypes.byref(error))
        return self._buffer.raw[:length] if error.value <= 0 and length else None


def _libicu() -> tuple[ctypes.CDLL, str]:
    """The library and the suffix of its functions, which is its version."""
    found = ctypes.util.find_library("icuuc")
    if found is None:
        raise WitnessMissing("libicuuc is not installed")
    version = re.search(r"\.so\.(\d+)", found)
    suffix = f"_{version.group(1)}" if version else ""
    return ctypes.CDLL(found), suffix


def icu_single(name: str) -> dict[int, str]:
    """Byte -> character of a single-byte converter."""
    converter = Icu(name)
    pairs = ((byte, converter.decode(bytes([byte]))) for byte in range(256))
    return {byte: text for byte, text in pairs if text is not None}


def icu_host(name: str) -> tuple[dict[int, str], dict[int, str]]:
    """The single-byte and the double-byte half of an EBCDIC mixed converter."""
    converter = Icu(name)
    pairs = ((code, converter.decode(b"\x0e" + code.to_bytes(2, "big") + b"\x0f")) for code in _host_codes())
    shifts = {0x0E: "\x0e", 0x0F: "\x0f"}
    return icu_single(name) | shifts, {code: text for code, text in pairs if text}


def _host_codes() -> Iterator[int]:
    yield 0x4040
    yield from (high << 8 | low for high in range(0x41, 0xFF) for low in range(0x41, 0xFF))


def icu_encoder(name: str, characters: Iterable[str]) -> dict[str, bytes]:
    """Character -> bytes of a converter, for those of `characters` that it can write; graphics never become controls."""
    converter = Icu(name)
    found = {}
    for character in characters:
        data = converter.encode(character)
        if data is None or (len(data) == 1 and ord(character) not in CONTROLS and (data[0] < 0x20 or data[0] == 0x7F)):
            continue
        found[character] = data
    return found


def basic_plane() -> Iterator[str]:
    """Every character of the Basic Multilingual Plane but the surrogates and the two non-characters at its end."""
    yield from map(chr, range(0xD800))
    yield from map(chr, range(0xE000, 0xFFFE))


def alphabets() -> Iterator[str]:
    """The basic plane without its ideographs and Hangul syllables, which no single-byte page has."""
    yield from (text for text in basic_plane() if not ("\u3400" <= text <= "\u9fff" or "\uac00" <= text <= "\ud7a3"))


def characters() -> Iterator[str]:
    """Every character that a table may hold: the basic plane and the two ideographic ones."""
    yield from basic_plane()
    yield from map(chr, range(0x20000, 0x30000))


def iconv_single(name: str) -> dict[int, str]:
    """Byte -> character of an EBCDIC single-byte converter of the `iconv` command."""
    found = _iconv(name, [bytes([byte]) for byte in range(256)])
    return {byte: text for byte, text in enumerate(found) if text}


def iconv_graphics(name: str) -> dict[int, str]:
    """As `iconv_single`, without the controls, for a mixed converter too: its shift codes would change what follows."""
    codes = range(0x40, 0xFF)
    found = _iconv(name, [bytes([byte]) for byte in codes])
    return {byte: text for byte, text in zip(codes, found, strict=True) if text}


def iconv_double(name: str) -> dict[int, str]:
    """Code -> text of the double-byte half of an EBCDIC mixed converter of the `iconv` command."""
    codes = list(_host_codes())
    found = _iconv(name, [b"\x0e" + code.to_bytes(2, "big") + b"\x0f" for code in codes])
    return {code: text for code, text in zip(codes, found, strict=True) if text}


def _iconv(name: str, items: list[bytes]) -> list[str]:
    """The text of each item, "" where it is not defined. All go through one run, each between the digits 1 and 2."""
    if shutil.which("iconv") is None:
        raise WitnessMissing("the iconv command is not installed")
    data = b"".join(b"\xf1" + item + b"\xf2" for item in items)
    done = subprocess.run(["iconv", "-c", "-f", name, "-t", "UTF-16BE"], input=data, capture_output=True, check=False)
    found = re.findall("1(.{0,2}?)2(?=1|$)", done.stdout.decode("utf-16-be"), re.DOTALL)
    if len(found) != len(items):
        raise WitnessMissing(f"iconv has no converter {name}: {done.stderr[:100]!r}")
    return found


_JAVA = """
import java.nio.*; import java.nio.charset.*;
public class Dump {
  public static void main(String[] names) throws Exception {
    StringBuilder out = new StringBuilder();
    for (String name : names) {
      if (!Charset.isSupported(name)) continue;
      CharsetDecoder decoder = Charset.forName(name).newDecoder();
      out.append("=").append(name).append('\\n');
      boolean host = name.matches(".*(930|933|935|937|939|1364)");
      for (int code = 0; code < 65536; code++) {
        byte[] one = {(byte) code};
        byte[] two = {(byte) (code >> 8), (byte) code};
        byte[] shifted = {0x0e, (byte) (code >> 8), (byte) code, 0x0f};
        byte[] bytes = code < 256 ? one : host ? shifted : two;
        try {
          String text = decoder.decode(ByteBuffer.wrap(bytes)).toString();
          if (text.codePointCount(0, text.length()) != 1 || text.charAt(0) == 0xFFFD) continue;
          out.append(Integer.toHexString(code)).append(' ').append(Integer.toHexString(text.codePointAt(0))).append('\\n');
        } catch (CharacterCodingException undefined) { }
      }
    }
    System.out.print(out);
  }
}
"""


def _java(program: str, arguments: list[str]) -> str:
    """What a Java program prints."""
    if shutil.which("java") is None:
        raise WitnessMissing("the java command is not installed")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "Dump.java")
        source.write_text(program, "ascii")
        done = subprocess.run(["java", "-Xshare:auto", str(source), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise WitnessMissing(f"java cannot run the table program: {done.stderr[:200]}")
    return done.stdout


def java_tables(names: Iterable[str]) -> dict[str, dict[int, str]]:
    """Code (one byte below 256, else two) -> character for each charset of OpenJDK among `names`; codes 00xx are single bytes."""
    tables: dict[str, dict[int, str]] = {}
    current: dict[int, str] = {}
    for line in _java(_JAVA, list(names)).splitlines():
        if line.startswith("="):
            current = tables[line[1:]] = {}
        else:
            code, point = line.split()
            current[int(code, 16)] = chr(int(point, 16))
    return tables


_JAVA_ENCODER = """
import java.nio.*; import java.nio.charset.*;
public class Dump {
  public static void main(String[] names) throws Exception {
    CharsetEncoder encoder = Charset.forName(names[0]).newEncoder();
    StringBuilder out = new StringBuilder();
    for (int point = 0; point < 0xFFFE; point++) {
      if (point >= 0xD800 && point < 0xE000) continue;
      try {
        ByteBuffer bytes = encoder.encode(CharBuffer.wrap(new char[] {(char) point}));
        out.append(Integer.toHexString(point)).append(' ');
        while (bytes.hasRemaining()) out.append(String.format("%02x", bytes.get()));
        out.append('\\n');
      } catch (CharacterCodingException missing) { }
    }
    System.out.print(out);
  }
}
"""


def java_encoder(name: str) -> dict[str, bytes]:
    """Character of the basic plane -> bytes, for a charset of OpenJDK; graphics never become controls."""
    pairs = (line.split() for line in _java(_JAVA_ENCODER, [name]).splitlines())
    found = {chr(int(point, 16)): bytes.fromhex(data) for point, data in pairs}
    return {text: data for text, data in found.items() if ord(text) in CONTROLS or len(data) > 1 or 0x20 <= data[0] != 0x7F}


def main(arguments: list[str]) -> None:
    """`icu-single NAME...`, `icu-host NAME...`, `icu-encoder NAME...`, `icu-alphabets NAME...`: tables as one JSON object by
    name, None for a missing one.
    """
    kind, *names = arguments
    answer: dict[str, object] = {}
    for name in names:
        try:
            match kind:
                case "icu-single":
                    answer[name] = icu_single(name)
                case "icu-host":
                    answer[name] = icu_host(name)
                case _:
                    wanted = alphabets() if kind == "icu-alphabets" else basic_plane()
                    answer[name] = {text: data.hex() for text, data in icu_encoder(name, wanted).items()}
        except WitnessMissing:
            answer[name] = None
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
