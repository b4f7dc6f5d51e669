"""The values of System LogFile and MetricsAddress."""

import pytest

from cssmtp.config.build import NoPages
from cssmtp.config.values import BadValue, LogPlace, NetworkAddress


@pytest.mark.parametrize(("word", "value"), [("syslog", "SYSLOG"), ("Journal", "JOURNAL"), ("/var/log/x", "/var/log/x")])
def test_places_of_the_log(word: str, value: str) -> None:
    assert LogPlace().parse([word], NoPages()) == value
    assert LogPlace().parse([LogPlace().show(value)], NoPages()) == value


@pytest.mark.parametrize(("word", "part"), [("syslogd", "SYSLOG"), ("log.txt", "does not begin with /")])
def test_what_is_no_place_for_a_log(word: str, part: str) -> None:
    with pytest.raises(BadValue) as caught:
        LogPlace().parse([word], NoPages())
    assert part in caught.value.text + caught.value.remedy


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("127.0.0.1:9119", "127.0.0.1:9119"),
        ("[::1]:9119", "[::1]:9119"),
        ("[0:0::1]:0080", "[::1]:80"),
        ("0.0.0.0:1", "0.0.0.0:1"),
    ],
)
def test_addresses_to_listen_on(word: str, value: str) -> None:
    assert NetworkAddress().parse([word], NoPages()) == value


@pytest.mark.parametrize(
    "word",
    ["9119", ":9119", "localhost:9119", "::1:9119", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x"],
)
def test_what_is_no_address_to_listen_on(word: str) -> None:
    with pytest.raises(BadValue, match="allowed: an IP address and a port"):
        NetworkAddress().parse([word], NoPages())
