"""cssmtp.smtp.capabilities: what EHLO lines say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cssmtp.smtp.capabilities import PLAIN_SMTP, read_capabilities


def test_keywords_in_any_case_and_order() -> None:
    found = read_capabilities(["size 1000", "PIPELINING", "StartTLS", "8bitmime", "CHUNKING", "XFOO bar", "AUTH PLAIN login", ""])
    assert found.esmtp
    assert (found.size, found.size_limit) == (1000, 1000)
    assert found.pipelining
    assert found.starttls
    assert found.eightbitmime
    assert found.chunking
    assert found.auth == ("PLAIN", "LOGIN")
    assert found.keywords == ("SIZE", "PIPELINING", "STARTTLS", "8BITMIME", "CHUNKING", "XFOO", "AUTH")


def test_nothing_offered() -> None:
    found = read_capabilities([])
    assert found.esmtp
    assert found.size is None
    assert found == replace(PLAIN_SMTP, esmtp=True)
    assert not PLAIN_SMTP.esmtp


@pytest.mark.parametrize("line", ["SIZE", "SIZE 0", "SIZE x", "SIZE -5", "SIZE 9" + "9" * 18, "SIZE " + "1" * 30, "SIZE ²"])
def test_size_without_a_usable_number_means_no_limit_known(line: str) -> None:
    found = read_capabilities([line])
    assert found.size == 0
    assert found.size_limit == 0


def test_old_form_of_auth() -> None:
    assert read_capabilities(["AUTH=PLAIN LOGIN", "AUTH LOGIN XOAUTH2"]).auth == ("PLAIN", "LOGIN", "XOAUTH2")


@pytest.mark.parametrize("line", ["STARTTLSX", "XPIPELINING", "PIPE LINING"])
def test_only_whole_keywords_count(line: str) -> None:
    found = read_capabilities([line])
    assert not found.starttls
    assert not found.pipelining
