import io

from cssmtp.observe.bus import Bus
from cssmtp.observe.console import Console, put_line
from cssmtp.observe.events import ConfigurationRemark, Debug, GatewayReady, Severity, TestModeWithoutReport


def test_only_flagged_messages_reach_the_console() -> None:
    stream = io.StringIO()
    bus = Bus()
    bus.subscribe(Console(stream))
    bus.publish(Debug("here", "text"))
    bus.publish(ConfigurationRemark("a default was taken", Severity.INFORMATION))
    bus.publish(ConfigurationRemark("line 7: only four\nare used"))
    bus.publish(GatewayReady(1, test_mode=True))
    assert stream.getvalue().splitlines() == [
        "BMG0102W configuration: line 7: only four\\x0aare used",
        "BMG0003W initialization is complete in test mode: no mail will be sent",
    ]
    assert not bus.wanted(Debug)


def test_mode_without_report_is_warned_of_as_ezd1841i() -> None:
    stream = io.StringIO()
    Console(stream).handle(TestModeWithoutReport())
    assert stream.getvalue().startswith("EZD1841I ")


def test_a_terminal_that_lacks_a_character_gets_it_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    put_line(stream, "10 €")
    assert raw.getvalue() == b"10 \\u20ac\n"
