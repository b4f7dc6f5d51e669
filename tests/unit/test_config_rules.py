"""Defaults, values and the rules that span statements (configuration.md 3 to 10)."""

from __future__ import annotations

import pytest

from cssmtp.config.build import OVERRIDABLE, NoPages, build, complete, with_overrides
from cssmtp.config.diagnostic import Diagnostic
from cssmtp.config.grammar import Parameter
from cssmtp.config.model import AddressKind, Configuration, Report, ReportTo, TargetAddress, TargetServer
from cssmtp.config.schema import SCHEMA
from cssmtp.config.values import CodePageName
from cssmtp.errors import UnknownCodePage, UsageError
from tests.config_pages import FakePages

TARGET = "TargetServer\n{\nTargetName relay.example.net\n}\n"


def target(*parameters: str) -> str:
    return "\n".join(["TargetServer", "{", *parameters, "}", ""])


def block(name: str, *parameters: str) -> str:
    return "\n".join([name, "{", *parameters, "}", ""])


def read(text: str, **options: bool) -> tuple[Configuration | None, tuple[Diagnostic, ...]]:
    return build(text, file="f", pages=FakePages(), **options)  # type: ignore[arg-type]


def built(text: str) -> Configuration:
    configuration, diagnostics = read(text)
    assert diagnostics == ()
    assert configuration is not None
    return configuration


def test_the_default_of_everything_is_the_models() -> None:
    wanted = complete(Configuration((TargetServer((TargetAddress(AddressKind.NAME, "relay.example.net"),)),), source="f"))
    assert built(TARGET) == wanted


def test_writer_name_defaults_to_the_job_name_and_fills_the_directories() -> None:
    configuration = built(TARGET + block("System", "JobName MAILER") + block("ExtendedRetry"))
    assert configuration.ext_writer_name == "MAILER"
    assert configuration.undeliverable.dead_letter_directory == "/var/cssmtp/MAILER/deadletter/"
    assert configuration.extended_retry is not None
    assert configuration.extended_retry.mail_directory == "/var/cssmtp/MAILER/mail/"


def test_writer_name_is_folded_to_upper_case() -> None:
    assert built(TARGET + "ExtWrtName mail#1\n").ext_writer_name == "MAIL#1"


def test_without_its_statement_extended_retry_is_off() -> None:
    assert built(TARGET).extended_retry is None


def test_a_block_may_hold_several_targets_and_its_values_apply_to_all() -> None:
    configuration = built(target("TargetIp 192.0.2.1", "TargetName a.example.net", "ConnectPort 2525"))
    assert [address.value for address in configuration.targets[0].addresses] == ["192.0.2.1", "a.example.net"]
    assert configuration.targets[0].connect_port == 2525


def test_only_the_first_four_targets_of_the_file_are_used() -> None:
    text = target("TargetIp 192.0.2.1", "TargetIp 192.0.2.2", "TargetIp 192.0.2.3") + target("TargetIp ::1", "TargetIp ::2")
    configuration, diagnostics = read(text + target("TargetName e.example.net"))
    assert configuration is not None
    assert [len(server.addresses) for server in configuration.targets] == [3, 1]
    assert [diagnostic.severity.value for diagnostic in diagnostics] == ["warning", "warning"]


def test_an_ip_address_is_kept_in_its_shortest_spelling() -> None:
    assert built(target("TargetIp 2001:DB8:0:0::25")).targets[0].addresses[0].value == "2001:db8::25"


def test_target_mx_stands_alone() -> None:
    assert built(target("TargetMx example.net")).targets[0].addresses == (TargetAddress(AddressKind.MX, "example.net"),)


@pytest.mark.parametrize(("job", "message"), [(0, 5000), (5000, 0), (5000, 5000), (0, 0)])
def test_jes_message_size_is_at_most_the_job_size_and_zero_is_infinite(job: int, message: int) -> None:
    assert built(f"JESJobSize {job}\nJESMsgSize {message}\n" + TARGET).jes_msg_size == message


@pytest.mark.parametrize(("count", "interval"), [(120, 60), (7200, 1), (0, 7200), (7200, 0)])
def test_count_times_interval_may_reach_7200_minutes(count: int, interval: int) -> None:
    assert built(block("RetryLimit", f"Count {count}", f"Interval {interval}") + TARGET).retry_limit.count == count


def test_a_bad_value_is_not_reported_a_second_time_by_a_rule() -> None:
    text = block("RetryLimit", "Count many", "Interval 7000") + "MBCS Perhaps\nTranslate IBM-939\nReport Nowhere\n"
    _, diagnostics = read(text + block("Options", "TestMode Yes") + target("TargetIp here", "Charset x", "MBCharset y"))
    assert [diagnostic.line for diagnostic in diagnostics] == [3, 6, 8, 15, 16, 17]


def test_first_four_administrators_in_order_without_duplicates() -> None:
    boxes = ["d@x.org", "c@x.org", "d@x.org", "b@x.org", "a@x.org", "z@x.org"]
    configuration, diagnostics = read("".join(f"MailAdministrator {box}\n" for box in boxes) + TARGET)
    assert configuration is not None
    assert configuration.mail_administrators == ("d@x.org", "c@x.org", "b@x.org", "a@x.org")
    assert [diagnostic.line for diagnostic in diagnostics] == [3, 6]


def test_mailboxes_that_differ_in_letter_case_are_different() -> None:
    assert len(built("MailAdministrator a@x.org\nMailAdministrator A@x.org\n" + TARGET).mail_administrators) == 2


def test_report_admin_without_administrators_behaves_as_none() -> None:
    configuration, diagnostics = read("Report Admin\n" + TARGET)
    assert configuration is not None
    assert configuration.report == Report(ReportTo.NONE)
    assert len(diagnostics) == 1


def test_report_sysout_without_a_class_uses_our_default() -> None:
    assert built("Report Sysout\n" + TARGET).report == Report(ReportTo.SYSOUT, "A")
    assert built("Report Sysout *\n" + TARGET).report == Report(ReportTo.SYSOUT, "*")


def test_test_mode_with_a_report_draws_no_warning() -> None:
    assert built("Report Sysout A\n" + block("Options", "TestMode Yes") + TARGET).options.test_mode


def test_mbcs_yes_with_multi_byte_pages() -> None:
    text = "MBCS Yes\nTranslate ibm-939\n" + target("TargetName a.example.jp", "MBCharset IBM-943")
    assert built(text).translate == "IBM-939"


def test_mbcharset_is_legal_while_mbcs_is_no() -> None:
    assert built(target("TargetName a.example.jp", "MBCharset IBM-943")).targets[0].mbcharset == "IBM-943"


@pytest.mark.parametrize("symbol", ["@", "$", "!", "\u00a7", "\u00d8", "\u00e0"])
def test_at_sign_may_be_a_symbol_or_a_national_letter(symbol: str) -> None:
    assert built(block("Options", f"AtSign {symbol}") + TARGET).options.at_sign == symbol


def test_strict_reports_every_extension() -> None:
    text = target("TargetIp 192.0.2.1", "TlsServerName a.example.net") + block("System", "Spool /spool", "Domain example.net")
    configuration, diagnostics = read(text, strict=True)
    assert configuration is not None
    assert [str(diagnostic).split("warning: ")[1].split()[0] for diagnostic in diagnostics] == [
        "TlsServerName",
        "System",
        "Spool",
        "Domain",
    ]
    assert read(text)[1] == ()


def test_overrides_replace_values_before_defaults_are_derived() -> None:
    configuration, _ = build(TARGET, file="f", pages=FakePages(), overrides={"job_name": "night", "spool": "/s", "domain": None})
    assert configuration is not None
    assert configuration.ext_writer_name == "NIGHT"
    assert configuration.system.spool == "/s"
    assert configuration.undeliverable.dead_letter_directory == "/var/cssmtp/NIGHT/deadletter/"


def test_a_bad_override_is_a_finding_of_the_build() -> None:
    configuration, diagnostics = build(TARGET, file="f", pages=FakePages(), overrides={"log_level": "999"})
    assert configuration is None
    assert "LogLevel on the command line" in str(diagnostics[0])


def test_with_overrides_refuses_what_cannot_be_overridden() -> None:
    with pytest.raises(UsageError, match="translate cannot be overridden"):
        with_overrides(built(TARGET), translate="IBM-037")
    with pytest.raises(UsageError, match=r"Spool on the command line.*write the whole path"):
        with_overrides(built(TARGET), spool="spool")
    with pytest.raises(UsageError, match="holds a control character"):
        with_overrides(built(TARGET), spool="/spool\n")


def test_overrides_name_no_code_pages() -> None:
    rows = [row for row in SCHEMA.statements if row.field in OVERRIDABLE]
    assert not any(isinstance(row.kind, CodePageName) for row in rows if isinstance(row, Parameter))
    with pytest.raises(UnknownCodePage):
        NoPages().lookup("IBM-037", "translate")


def test_too_many_findings_are_counted_not_shown() -> None:
    _, diagnostics = read("Foo\n" * 150)
    assert len(diagnostics) == 101
    assert "51 more findings" in str(diagnostics[-1])
    _, diagnostics = read(block("Options", *["Foo"] * 150))
    assert len(diagnostics) == 101


def test_the_broadcast_address_is_no_target() -> None:
    _, diagnostics = read(target("TargetIp 255.255.255.255"))
    assert "not the address of one server" in str(diagnostics[0])
