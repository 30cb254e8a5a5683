"""Which entries of the API's list a client shows."""

import operator
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    ChatRequest,
    ListsModels,
    OpenAdapter,
    Upstream,
    ids,
    needs,
    replies,
    requirement,
)

# One of each family, neither in the documented table: seen together, the list is the API's.
KEPT = ("moonshot-v1-auto", "kimi-k2.5")
K2_FAMILY = (
    "kimi-k2-0905-preview",
    "kimi-k2-0711-preview",
    "kimi-k2-turbo-preview",
    "kimi-thinking-preview",
    "kimi-latest",
)
OF_TODAY = ("kimi-k3", "kimi-k2.6", "kimi-k2.7-code", "kimi-k2.7-code-highspeed")
SOME_IDS = (
    *("moonshot-v1-8k", "moonshot-v1-128k", "kimi-latest", "kimi-k2.6", "kimi-k3"),
    *("gpt-4", "claude-3", "moonshot", "text-embedding-3"),
)


@requirement("FILTER-01")
@pytest.mark.parametrize("id", ["moonshot-v2-8k", "moonshot-next"])
async def test_ids_that_begin_with_moonshot_are_kept(
    id: str, adapter: ListsModels, upstream: Upstream
) -> None:
    """A user can choose every model of the moonshot family, also a new one."""
    upstream.replies(replies.model_list([id, *KEPT]))

    models = await adapter.list_models()

    assert id in ids(models)


@requirement("FILTER-02")
@pytest.mark.parametrize("id", ["kimi-k2-thinking", "kimi-next"])
async def test_ids_that_begin_with_kimi_are_kept(
    id: str, adapter: ListsModels, upstream: Upstream
) -> None:
    """A user can choose every model of the kimi family, also a new one."""
    upstream.replies(replies.model_list([id, *KEPT]))

    models = await adapter.list_models()

    assert id in ids(models)


TAIL = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FAMILIES = ("moonshot-", "kimi-")
FAMILY = st.sampled_from(FAMILIES)


@pytest.mark.parametrize(
    "family",
    [
        pytest.param("moonshot-", marks=requirement("FILTER-01"), id="moonshot"),
        pytest.param("kimi-", marks=requirement("FILTER-02"), id="kimi"),
    ],
)
@given(tails=st.lists(TAIL, min_size=1, max_size=4))
async def test_whatever_follows_the_name_of_the_family_is_kept(
    tails: list[str], family: str, adapter: ListsModels, upstream: Upstream
) -> None:
    """A name that nobody has thought of yet is no reason to hide a model."""
    listed = [*KEPT, *(family + tail for tail in tails)]
    upstream.replies(replies.model_list(listed))

    models = await adapter.list_models()

    assert {id for id in ids(models) if id.startswith(family)} == {
        id for id in listed if id.startswith(family)
    }


VENDOR = st.sampled_from(["", "gpt-", "claude-", "text-embedding-", "qwen3-"])
FOREIGN = st.builds(operator.add, VENDOR, TAIL.filter(lambda text: "m" not in text.lower()))


@requirement("FILTER-03")
@given(foreign=st.lists(FOREIGN, max_size=6))
async def test_no_foreign_id_changes_the_list(
    foreign: list[str], adapter: ListsModels, upstream: Upstream
) -> None:
    """What others add to a list is nothing that a user of Kimi notices."""
    upstream.replies(replies.model_list([*foreign, *KEPT, *foreign]))

    models = await adapter.list_models()

    assert models
    assert set(ids(models)) <= set(KEPT)


@requirement("FILTER-03")
@pytest.mark.parametrize("id", ["gpt-4", "text-embedding-3", "moonshot"])
async def test_every_other_id_is_dropped(id: str, adapter: ListsModels, upstream: Upstream) -> None:
    """A user is not offered a model that this provider cannot serve."""
    upstream.replies(replies.model_list([id, *KEPT]))

    models = await adapter.list_models()

    assert models
    assert set(ids(models)) <= set(KEPT)


@requirement("FILTER-04")
@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"object": "model", "owned_by": "moonshot"}, id="none"),
        pytest.param({"id": None, "object": "model"}, id="null"),
        pytest.param({"id": 7, "object": "model"}, id="a number"),
    ],
)
async def test_an_entry_without_an_id_is_dropped_in_silence(
    entry: Mapping[str, Any], adapter: ListsModels, upstream: Upstream
) -> None:
    """One odd entry does not cost a user the others."""
    upstream.replies(replies.model_list([entry, *KEPT]))

    models = await adapter.list_models()

    assert models
    assert set(ids(models)) <= set(KEPT)


@requirement("FILTER-05")
@pytest.mark.parametrize(
    "id", ["Kimi-K2", "MOONSHOT-V1-8K", "my-kimi-x", "xmoonshot-1", "moonshotai/kimi-k2"]
)
async def test_a_prefix_counts_at_the_start_and_in_lower_case_only(
    id: str, adapter: ListsModels, upstream: Upstream
) -> None:
    """Models of others that bear a similar name are not taken for Kimi's."""
    upstream.replies(replies.model_list([id, *KEPT]))

    models = await adapter.list_models()

    assert models
    assert set(ids(models)) <= set(KEPT)


@requirement("FILTER-05")
@given(before=TAIL.filter(bool), family=FAMILY, after=TAIL, loud=st.booleans())
async def test_no_prefix_counts_in_another_place_or_case(
    before: str, family: str, after: str, loud: bool, adapter: ListsModels, upstream: Upstream
) -> None:
    """A name inside a name, or one that is shouted, is another name."""
    similar = (family.upper() if loud else before + family) + after
    upstream.replies(replies.model_list([similar, *KEPT]))

    models = await adapter.list_models()

    assert models
    assert set(ids(models)) <= {*KEPT, *([similar] if similar.startswith(FAMILIES) else [])}


@requirement("FILTER-06")
@given(listed=st.lists(st.sampled_from((*SOME_IDS, *KEPT)), max_size=12))
async def test_the_order_of_the_list_is_kept(
    listed: list[str], adapter: ListsModels, upstream: Upstream
) -> None:
    """The API's order is a recommendation; a menu that shuffles it misleads."""
    given = [*listed, *KEPT, *listed]
    upstream.replies(replies.model_list(given))

    shown = ids(await adapter.list_models())

    assert shown
    assert shown == [id for id in given if id in set(shown)]


@requirement("FILTER-07")
async def test_the_kimi_family_is_not_lost_beside_the_moonshot_family(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """The fault that the guide repairs does not come back."""
    upstream.replies(replies.model_list(["moonshot-v1-auto", "kimi-k2.5", "kimi-k2.6"]))

    models = await adapter.list_models()

    assert {"kimi-k2.5", "kimi-k2.6"} <= set(ids(models))


@requirement("FILTER-08")
@pytest.mark.parametrize("id", K2_FAMILY)
async def test_a_documented_k2_model_is_recognised(
    id: str, adapter: ListsModels, upstream: Upstream
) -> None:
    """The models that the roadmap promises are there, from the API and not from a table."""
    upstream.replies(replies.model_list([id, *KEPT]))

    shown = ids(await adapter.list_models())

    assert id in shown
    assert set(shown) <= {id, *KEPT}


@pytest.fixture
def internet() -> Iterator[respx.MockRouter]:
    """Every host in the world, as far as httpx in this process can see it."""
    with respx.mock(assert_all_called=False) as router:
        yield router


@requirement("FILTER-09")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "base_url",
    [
        pytest.param("https://api.moonshot.cn/v1", id="official"),
        pytest.param("https://api.moonshot.ai/v1", id="international"),
        pytest.param("https://gateway.invalid/kimi/v1", id="gateway"),
    ],
)
async def test_the_filter_is_the_same_at_every_base_url(
    base_url: str, internet: respx.MockRouter, open_adapter: OpenAdapter
) -> None:
    """A user behind a gateway sees the menu that everybody sees."""
    entries = [{"id": id, "object": "model"} for id in ("claude-3", *KEPT)]
    internet.get(path__regex="/models$").respond(json={"object": "list", "data": entries})

    models = await open_adapter(base_url=base_url, context_cache=False).list_models()

    assert models
    assert set(ids(models)) <= set(KEPT)


@pytest.mark.parametrize(
    "id",
    [
        *(pytest.param(id, id=id, marks=requirement("FILTER-10")) for id in K2_FAMILY),
        *(pytest.param(id, id=id, marks=requirement("FILTER-12")) for id in OF_TODAY),
    ],
)
@needs("models")
async def test_a_model_can_be_listed_and_used(id: str, adapter: Any, upstream: Upstream) -> None:
    """What a user picks from the menu is what answers."""
    upstream.answers("GET /v1/models", replies.model_list([id, *KEPT]))
    upstream.answers("POST /v1/chat/completions", replies.completion())
    menu = await adapter.list_models()

    await adapter.chat(ChatRequest(model=id, messages=[{"role": "user", "content": "Hello"}]))

    assert id in ids(menu)
    assert upstream.sent("POST /v1/chat/completions")[0].json["model"] == id


@requirement("FILTER-11")
async def test_unknown_fields_of_an_entry_do_no_harm(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """Clients of today survive what the API adds tomorrow."""
    entry = {
        "id": "moonshot-v1-auto",
        "object": "model",
        "context_length": 131072,
        "x_price": {"input": [1, 2], "output": None},
        "模型": "自动",
    }
    upstream.replies(replies.model_list([entry, "kimi-k2.5"]))

    models = await adapter.list_models()

    assert models
    assert set(ids(models)) <= set(KEPT)
