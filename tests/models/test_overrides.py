"""What may be said of a model, and what a file of it looks like."""

import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.errors import UsageError
from kimi_conformance.models import SETTINGS, Overrides, Setting, Value, checked, value_of

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,40}", fullmatch=True)


def values(setting: Setting) -> st.SearchStrategy[Value]:
    """Every value that a setting takes."""
    if setting.kind is bool:
        return st.booleans()
    if setting.kind is int:
        return st.integers(int(setting.lowest), int(setting.highest))
    return st.floats(setting.lowest, setting.highest)


SETTINGS_OF_A_MODEL = st.fixed_dictionaries(
    {}, optional={name: values(setting) for name, setting in SETTINGS.items()}
).filter(bool)


@given(st.dictionaries(IDS, SETTINGS_OF_A_MODEL))
def test_a_file_says_what_was_written_into_it(
    models: dict[str, dict[str, Value]],
) -> None:
    overrides = Overrides(models)

    text = overrides.render()

    assert Overrides.parse(text, "models.toml") == overrides
    assert tomllib.loads(text).get("models", {}) == models


@given(st.dictionaries(IDS, SETTINGS_OF_A_MODEL), IDS, SETTINGS_OF_A_MODEL)
def test_what_is_set_can_be_taken_back(
    models: dict[str, dict[str, Value]], id: str, said: dict[str, Value]
) -> None:
    before = Overrides({other: values for other, values in models.items() if other != id})

    assert before.set(id, said).of(id) == said
    assert before.set(id, said).unset(id) == before
    assert before.set(id, said).unset(id, list(said)) == before


def test_setting_more_leaves_the_rest_and_the_value_before_as_they_were() -> None:
    before = Overrides().set("kimi-k3", {"tools": False, "max_tokens": 10})

    after = before.set("kimi-k3", {"max_tokens": 20})

    assert after.of("kimi-k3") == {"tools": False, "max_tokens": 20}
    assert before.of("kimi-k3") == {"tools": False, "max_tokens": 10}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("context_window", "131072", 131072),
        ("context_window", "131_072", 131072),
        ("context_window", "128K", 131072),
        ("context_window", "1m", 1048576),
        ("context_window", "0.5K", 512),
        ("price_output", "2.50", 2.5),
        ("price_output", "3", 3.0),
        ("tools", "true", True),
        ("tools", "No", False),
    ],
)
def test_a_value_as_people_write_it(name: str, text: str, value: Value) -> None:
    read = value_of(name, text)

    assert read == value
    assert type(read) is SETTINGS[name].kind


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("context_window", "0"),
        ("context_window", "-1"),
        ("context_window", "1.5"),
        ("context_window", "17M"),
        ("context_window", "many"),
        ("context_window", ""),
        ("context_window", "128KB"),
        ("context_window", "1e6"),
        ("context_window", "١٢٨"),
        ("price_output", "2K"),
        ("price_output", "nan"),
        ("price_output", "-0.1"),
        ("tools", "1"),
        ("tools", "perhaps"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_could(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is .*not {SETTINGS[name].expected}"):
        value_of(name, text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context_window", True),
        ("context_window", 8192.0),
        ("context_window", "8192"),
        ("context_window", None),
        ("tools", 1),
        ("price_input", True),
        ("price_input", math.nan),
        ("price_input", math.inf),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=name):
        checked(name, value, "here")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[models", "is not TOML"),
        ("models = 3", "models is no table"),
        ("[modles.x]\ntools = true", "Did you mean 'models'"),
        ('[models."kimi-k3"]\ncontxt_window = 1', "Did you mean 'context_window'"),
        ('[models."kimi-k3"]\ncontext_window = 0', "about 'kimi-k3': context_window is 0"),
        ('[models."a b"]\ntools = true', "'a b' is no id of a model"),
        ('models."kimi-k3" = 3', "is 3, not a table"),
    ],
)
def test_a_wrong_file_is_refused_whole(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=r"my\.toml") as refused:
        Overrides.parse(text, "my.toml")

    assert told in str(refused.value)


def test_taking_back_what_is_not_there_names_what_is() -> None:
    overrides = Overrides().set("kimi-k3", {"max_tokens": 10})

    with pytest.raises(UsageError, match="Did you mean 'kimi-k3'"):
        overrides.unset("kimi-k2")
    with pytest.raises(UsageError, match="Did you mean 'max_tokens'"):
        overrides.unset("kimi-k3", ["max_token"])
