import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.load.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1m30s", 90),
        ("0.5s", 0.5),
        ("1.5m", 90),
        (" 7s ", 7),
        ("30.000000s", 30),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0s", "-1s", "30", "1d", "30 s", "1s1m", "infs", "1e3s"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="is no duration above zero") as raised:
        parse_duration(text)

    assert "1m30s" in str(raised.value)


def test_a_lone_number_is_asked_for_its_unit() -> None:
    with pytest.raises(UsageError, match="Did you mean '30s'"):
        parse_duration("30")
