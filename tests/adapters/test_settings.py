"""The settings: what counts as a key, a base URL and a switch."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.adapters.reference import (
    DEFAULT_BASE_URL,
    InvalidBaseUrlError,
    InvalidKeyError,
    KimiSettings,
    MissingKeyError,
)

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
SPACE = st.text(" \t\r\n")


@pytest.mark.parametrize("environment", [{}, {"KIMI_BASE_URL": ""}, {"KIMI_BASE_URL": " \n"}])
def test_the_documented_base_url_is_the_default(environment: dict[str, str]) -> None:
    assert KimiSettings.from_environment(environment).base_url == DEFAULT_BASE_URL


@pytest.mark.parametrize(
    ("given", "expected"), [(None, "from-environment"), ("own", "own"), ("", None)]
)
def test_a_key_that_is_given_goes_before_the_environment(
    given: str | None, expected: str | None
) -> None:
    settings = KimiSettings.from_environment({"KIMI_API_KEY": "from-environment"}, api_key=given)

    assert settings.api_key == expected


@pytest.mark.parametrize(
    ("value", "disabled"),
    [
        (None, False),
        ("", False),
        ("0", False),
        ("false", False),
        ("no", False),
        ("1", True),
        ("true", True),
        ("TRUE", True),
        (" True\n", True),
    ],
)
def test_only_true_and_1_switch_kimi_off(value: str | None, disabled: bool) -> None:
    environment = {} if value is None else {"LETTA_DISABLE_KIMI_PROVIDER": value}

    assert KimiSettings.from_environment(environment).disabled is disabled


@given(VISIBLE, SPACE, SPACE)
def test_space_around_a_key_is_dropped(key: str, before: str, after: str) -> None:
    assert KimiSettings(api_key=before + key + after).usable_key("") == key


@given(VISIBLE, st.characters(exclude_characters=string.printable), VISIBLE)
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(
    before: str, wrong: str, after: str
) -> None:
    key = f"SECRET-{before}{wrong}{after}"

    with pytest.raises(InvalidKeyError) as caught:
        KimiSettings(api_key=key).usable_key("")

    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("inside", ["\n", "\r", "\t", " ", "\0"])
def test_a_key_with_a_break_inside_is_refused(inside: str) -> None:
    with pytest.raises(InvalidKeyError, match="character 3 "):
        KimiSettings(api_key=f"sk{inside}x").usable_key("")


@pytest.mark.parametrize("key", [None, "", "  \n"])
def test_no_key_is_said_in_the_words_of_who_asked(key: str | None) -> None:
    with pytest.raises(MissingKeyError, match=r"^No API key provided$"):
        KimiSettings(api_key=key).usable_key("No API key provided")


def test_the_key_is_not_in_the_repr() -> None:
    assert "sk-secret" not in repr(KimiSettings(api_key="sk-secret"))


segments = st.lists(st.text("abc-_~é%20", min_size=1).map(lambda s: s.replace("%", "%25")))


@given(
    scheme=st.sampled_from(["http", "https", "HTTP"]),
    host=st.sampled_from(["Api.Example.com", "127.0.0.1", "[::1]", "API.MOONSHOT.CN"]),
    port=st.sampled_from(["", ":1", ":8443"]),
    path=segments,
    slashes=st.text("/", max_size=3),
    query=st.sampled_from(["", "?a=1", "?a=%2F&b"]),
)
def test_every_base_url_gives_exactly_one_models(
    scheme: str, host: str, port: str, path: list[str], slashes: str, query: str
) -> None:
    prefix = "".join(f"/{segment}" for segment in path)
    settings = KimiSettings(base_url=f"{scheme}://{host}{port}{prefix}{slashes}{query}")

    url = settings.url("models")

    assert url.path.endswith("/models")
    assert url.path.count("/") == len(path) + 1
    assert url.query.decode() == query.removeprefix("?")
    assert f"[{url.host}]" in host.lower() or url.host == host.lower()


@pytest.mark.parametrize(
    "base_url",
    [
        "api.moonshot.cn/v1",
        "//api.moonshot.cn/v1",
        "ftp://api.moonshot.cn/v1",
        "https://",
        "https:///v1",
        "http://localhost:port/v1",
        "http://[::1/v1",
        "not a url",
        "http://a\0b/",
    ],
)
def test_what_is_no_base_url_is_refused_with_an_example(base_url: str) -> None:
    with pytest.raises(
        InvalidBaseUrlError, match=r"It looks like this: https://api\.moonshot\.cn/v1"
    ):
        KimiSettings(base_url=base_url)


def test_a_base_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidBaseUrlError) as caught:
        KimiSettings(base_url="https://me:hunter2@api.moonshot.cn/v1")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "official"),
    [
        ("https://api.moonshot.cn/v1", True),
        ("https://api.moonshot.cn/v1/", True),
        ("https://API.Moonshot.CN:443/v1", True),
        ("http://api.moonshot.cn/v1", False),
        ("https://api.moonshot.ai/v1", False),
        ("https://api.moonshot.cn", False),
        ("https://api.moonshot.cn/v1/proxy", False),
        ("https://api.moonshot.cn/anthropic/v1", False),
        ("https://api.moonshot.cn:8443/v1", False),
        ("https://api.moonshot.cn.example.com/v1", False),
        ("https://my-api.moonshot.cn/v1", False),
        ("http://proxy/api.moonshot.cn/v1", False),
        ("http://proxy/https://api.moonshot.cn/v1", False),
    ],
)
def test_only_the_documented_api_is_official(base_url: str, official: bool) -> None:
    assert KimiSettings(base_url=base_url).official is official
