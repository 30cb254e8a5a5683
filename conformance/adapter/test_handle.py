"""How models are named as "provider/model", and found by that name."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    ListsModels,
    NamesHandles,
    OpenAdapter,
    ResolvesHandles,
    Upstream,
    failing,
    failure_of,
    ids,
    needs,
    replies,
    requirement,
)

SEGMENT = st.text(
    st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=20
)


@requirement("HANDLE-01")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize("id", ["moonshot-v1-128k", "kimi-latest", "kimi-k2.5"])
async def test_a_handle_is_provider_slash_model(id: str, adapter: NamesHandles) -> None:
    """A user reads from a handle which provider serves the model."""
    handle = adapter.get_handle(id)

    assert handle == f"kimi/{id}"


@requirement("HANDLE-02")
@pytest.mark.usefixtures("upstream")
async def test_the_documented_example_holds(adapter: NamesHandles) -> None:
    """Who follows the guide sees what the guide shows."""
    handle = adapter.get_handle("kimi-k2-0905-preview")

    assert handle == "kimi/kimi-k2-0905-preview"


@requirement("HANDLE-03")
@pytest.mark.usefixtures("upstream")
@given(path=st.lists(SEGMENT, min_size=1, max_size=4), last=SEGMENT)
async def test_only_the_last_segment_of_an_id_enters_its_handle(
    path: list[str], last: str, adapter: NamesHandles
) -> None:
    """A handle has one slash, so it can be taken apart."""
    handle = adapter.get_handle("/".join([*path, last]))

    assert handle == f"kimi/{last}"


@requirement("HANDLE-04")
@pytest.mark.usefixtures("upstream")
async def test_is_embedding_and_base_name_are_taken(adapter: NamesHandles) -> None:
    """Code written for other providers works with this one."""
    handle = adapter.get_handle("kimi-latest", is_embedding=True, base_name="kimi")

    assert isinstance(handle, str)


@requirement("HANDLE-05")
@needs("models")
async def test_listed_models_carry_their_handles(adapter: ListsModels, upstream: Upstream) -> None:
    """A user copies the handle from the menu into a setting."""
    upstream.replies(replies.model_list(["moonshot-v1-128k", "kimi-k2.5"]))

    models = await adapter.list_models()

    handles = {model.id: model.handle for model in models}
    assert handles
    assert handles == {id: f"kimi/{id}" for id in handles}


@requirement("HANDLE-06")
async def test_a_handle_is_split_at_its_first_slash(
    adapter: ResolvesHandles, upstream: Upstream
) -> None:
    """A slash in the model's id does not turn into part of the provider's name."""
    upstream.replies(replies.model_list(["kimi-k2.5"]))

    failure = await failing(adapter.resolve("nobody/kimi-a/b"))

    assert failure.kind == "value"
    assert "nobody" in failure.message
    assert "nobody/kimi-a" not in failure.message


@requirement("HANDLE-07")
async def test_a_model_is_found_by_its_handle(adapter: ResolvesHandles, upstream: Upstream) -> None:
    """What the menu shows can be typed in."""
    upstream.replies(replies.model_list(["moonshot-v1-auto", "kimi-team/k2-tuned"]))

    model = await adapter.resolve("kimi/k2-tuned")

    assert model.id == "kimi-team/k2-tuned"


@requirement("HANDLE-07")
@given(family=st.sampled_from(["moonshot-", "kimi-"]), tail=SEGMENT)
async def test_every_id_without_a_slash_comes_back_by_its_handle(
    family: str, tail: str, adapter: ResolvesHandles, upstream: Upstream
) -> None:
    """A handle is another way to write an id, and loses nothing of it."""
    upstream.replies(replies.model_list(["moonshot-v1-auto", family + tail]))

    model = await adapter.resolve(f"kimi/{family}{tail}")

    assert model.id == family + tail


@requirement("HANDLE-08")
async def test_a_model_is_found_by_its_id_where_no_handle_fits(
    adapter: ResolvesHandles, upstream: Upstream
) -> None:
    """Who knows the API's id and not the handle finds the model too."""
    upstream.replies(replies.model_list(["moonshot-v1-auto", "kimi-team/k2-tuned"]))

    model = await adapter.resolve("kimi/kimi-team/k2-tuned")

    assert model.id == "kimi-team/k2-tuned"


@requirement("HANDLE-09")
async def test_an_unknown_handle_is_reported_with_those_that_there_are(
    adapter: ResolvesHandles, upstream: Upstream
) -> None:
    """A user who mistyped sees what could have been meant."""
    upstream.replies(replies.model_list(["moonshot-v1-auto", "kimi-k2.5"]))

    failure = await failing(adapter.resolve("kimi/kimi-k25"))

    assert failure.kind == "handle_not_found"
    assert "kimi/moonshot-v1-auto" in failure.message
    assert "kimi/kimi-k2.5" in failure.message


@requirement("HANDLE-10")
async def test_of_several_models_the_first_is_given_or_none(
    adapter: ResolvesHandles, upstream: Upstream
) -> None:
    """The same handle means the same model at every call."""
    twins = [{"id": "kimi-k2.5", "context_length": window} for window in (111_111, 222_222)]
    upstream.replies(replies.model_list(twins))

    [outcome] = await asyncio.gather(adapter.resolve("kimi/kimi-k2.5"), return_exceptions=True)

    given = getattr(outcome, "context_window", None)
    assert given == 111_111 or failure_of(as_error(outcome)).kind == "value"


def as_error(outcome: Any) -> BaseException:
    """What a call raised; a result is no error of any kind."""
    return outcome if isinstance(outcome, BaseException) else AssertionError(repr(outcome))


@requirement("HANDLE-11")
async def test_an_unknown_provider_is_reported_with_the_supported_ones(
    adapter: ResolvesHandles, upstream: Upstream
) -> None:
    """A user learns which providers are set up here."""
    upstream.replies(replies.model_list(["kimi-k2.5"]))

    failure = await failing(adapter.resolve("elsewhere/k2.5"))

    assert failure.kind == "value"
    assert "elsewhere" in failure.message
    assert "kimi" in failure.message


@requirement("HANDLE-12")
@pytest.mark.parametrize("provider", ["Kimi", "KIMI", "kim", "kimi2"])
async def test_a_provider_is_found_by_its_exact_name(
    provider: str, adapter: ResolvesHandles, upstream: Upstream
) -> None:
    """Two providers whose names differ in case stay two."""
    upstream.replies(replies.model_list(["kimi-k2.5"]))

    failure = await failing(adapter.resolve(f"{provider}/kimi-k2.5"))

    assert failure.kind == "value"


@requirement("HANDLE-13")
async def test_a_handle_without_a_slash_is_refused(
    adapter: ResolvesHandles, upstream: Upstream
) -> None:
    """A bare model id is not taken for something that it is not."""
    upstream.replies(replies.model_list(["kimi-k2.5"]))

    failure = await failing(adapter.resolve("kimi-k2.5"))

    assert failure.kind == "value"


@requirement("HANDLE-14")
@pytest.mark.usefixtures("upstream")
async def test_providers_from_the_environment_come_before_those_of_users(
    open_adapter: OpenAdapter,
) -> None:
    """What an operator set up is found before what a user brought under the same name."""
    environment = {"KIMI_API_KEY": "sk-of-the-operator"}

    providers = await open_adapter(api_key=None, environment=environment).list_providers()

    categories = [provider.category for provider in providers]
    assert "base" in categories
    assert categories == sorted(categories)  # "base" sorts before "byok"


@requirement("HANDLE-15")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "categories",
    [
        pytest.param(["base"], id="base"),
        pytest.param(["byok"], id="byok"),
        pytest.param(["base", "byok"], id="both"),
    ],
)
async def test_naming_categories_gives_the_providers_of_those(
    categories: list[str], open_adapter: OpenAdapter
) -> None:
    """A page about one's own keys does not list the operator's."""
    adapter = open_adapter(api_key=None, environment={"KIMI_API_KEY": "sk-of-the-operator"})

    everybody = await adapter.list_providers()
    asked = await adapter.list_providers(categories)

    assert everybody
    assert list(asked) == [each for each in everybody if each.category in categories]


@requirement("HANDLE-16")
@pytest.mark.parametrize(
    ("type", "shown"),
    [
        pytest.param("kimi", ["kimi-k2.5"], id="kimi"),
        pytest.param("lmstudio_openai", ["gpt-4o", "kimi-k2.5"], id="lmstudio_openai"),
    ],
)
async def test_a_provider_that_a_user_brings_does_what_its_type_does(
    type: str, shown: list[str], adapter: Any, upstream: Upstream
) -> None:
    """A user's own Kimi is a Kimi, and a user's own server is not."""
    upstream.replies(replies.model_list(["gpt-4o", "kimi-k2.5"]))
    await adapter.bring_provider(
        {
            "name": "mine",
            "provider_type": type,
            "provider_category": "byok",
            "api_key": "sk-of-a-user",
            "base_url": upstream.base_url,
        }
    )

    models = await adapter.models_of("mine")

    assert ids(models) == shown
