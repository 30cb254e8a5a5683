"""The file of overrides, and a client that goes by it while others change it."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.adapters.protocol import Binding, ModelConfig
from kimi_conformance.adapters.reference import ReferenceAdapter, open_adapter
from kimi_conformance.adapters.reference.overrides import (
    MODELS_FILE_VARIABLE,
    OverridesFile,
    read,
    write,
)
from kimi_conformance.errors import UsageError
from kimi_conformance.models import Overrides
from kimi_conformance.stage import Script, Stage, replies
from kimi_conformance.stage.server import Lane

LARGE = "kimi-k2.5"
LISTED = replies.model_list([{"id": LARGE, "context_length": 262144}, "moonshot-v1-8k"])
SAID = Overrides().set(LARGE, {"context_window": 65536, "max_tokens": 500})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


@pytest.fixture
def lane(stage: Stage) -> Iterator[Lane]:
    lane = stage.open_lane(Script([LISTED]))
    yield lane
    stage.close_lane(lane)


@pytest.fixture
def client(lane: Lane) -> Callable[..., ReferenceAdapter]:
    def open_client(**environment: str) -> ReferenceAdapter:
        return open_adapter(
            Binding(base_url=lane.base_url, api_key="sk-x", environment=environment)
        )

    return open_client


async def listed(adapter: ReferenceAdapter) -> dict[str, tuple[int | None, int | None]]:
    return {each.id: (each.context_window, each.max_tokens) for each in await adapter.list_models()}


def spoil(file: Path) -> None:
    file.write_text("not toml at all")


def content_of(file: Path) -> str:
    return file.read_text()


def test_a_file_that_is_not_there_says_nothing(file: Path) -> None:
    assert read(file) == Overrides()
    assert OverridesFile(file).current() == Overrides()


def test_what_is_kept_is_there_for_everybody(file: Path) -> None:
    one, other = OverridesFile(file), OverridesFile(file)

    one.keep(SAID)

    assert one.current() == other.current() == read(file) == SAID


def test_every_change_is_seen_even_within_one_tick_of_the_clock(file: Path) -> None:
    watched = OverridesFile(file)
    seen = []
    for window in (10, 20, 30):
        write(file, Overrides().set(LARGE, {"context_window": window}))
        os.utime(file, (0, 0))
        seen.append(watched.current().of(LARGE)["context_window"])

    assert seen == [10, 20, 30]


def test_a_file_that_is_taken_away_says_nothing_any_more(file: Path) -> None:
    write(file, SAID)
    watched = OverridesFile(file)

    file.unlink()

    assert watched.current() == Overrides()


def test_a_file_that_became_unreadable_leaves_what_was_read_and_is_told_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, SAID)
    watched = OverridesFile(file)
    file.write_text("[models")

    with caplog.at_level(logging.WARNING):
        kept = [watched.current(), watched.current()]

    assert kept == [SAID, SAID]
    assert len(caplog.records) == 1
    assert "stay as they were" in caplog.text


@pytest.mark.parametrize("content", [b"[models", b"\xff\xfe", b"colour = 1\n"])
def test_what_cannot_be_read_is_not_overwritten(file: Path, content: bytes) -> None:
    watched = OverridesFile(file)
    file.write_bytes(content)

    with pytest.raises(UsageError, match=str(file)):
        watched.keep(SAID)
    with pytest.raises(UsageError, match=str(file)):
        OverridesFile(file)

    assert file.read_bytes() == content


def test_a_folder_in_place_of_the_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read(tmp_path)
    with pytest.raises(UsageError, match="cannot be written"):
        write(tmp_path, SAID)

    assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.parent.glob(f"{tmp_path.name}.*")) == []


def test_a_write_that_fails_leaves_the_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, SAID)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UsageError, match="No space left"):
        write(file, Overrides())

    assert read(file) == SAID
    assert list(file.parent.iterdir()) == [file]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.toml"
    target.parent.mkdir()
    file.symlink_to(target)

    write(file, SAID)

    assert file.is_symlink()
    assert read(target) == SAID


async def test_a_client_goes_by_the_file_while_it_changes(
    client: Callable[..., ReferenceAdapter], file: Path
) -> None:
    async with client(KIMI_MODELS_FILE=str(file)) as adapter:
        before = await listed(adapter)
        write(file, SAID)
        after = await listed(adapter)
        write(file, Overrides())
        again = await listed(adapter)

    assert before == again == {LARGE: (262144, None), "moonshot-v1-8k": (8192, None)}
    assert after == {LARGE: (65536, 500), "moonshot-v1-8k": (8192, None)}


async def test_a_configuration_that_was_looked_up_takes_the_change(
    client: Callable[..., ReferenceAdapter], file: Path
) -> None:
    async with client(KIMI_MODELS_FILE=str(file)) as adapter:
        before = await adapter.config_of(f"kimi/{LARGE}")
        write(file, SAID)
        after = await adapter.config_of(f"kimi/{LARGE}")
        mine = await adapter.config_of(f"kimi/{LARGE}", max_tokens=7)

    assert [each.context_window for each in (before, after, mine)] == [262144, 65536, 65536]
    assert [each.max_tokens for each in (before, after, mine)] == [None, 500, 7]


async def test_a_file_broken_while_a_client_works_does_not_stop_it(
    client: Callable[..., ReferenceAdapter], file: Path
) -> None:
    write(file, SAID)
    async with client(KIMI_MODELS_FILE=str(file)) as adapter:
        spoil(file)
        shown = await listed(adapter)
        with pytest.raises(ValueError, match="not TOML"):
            await adapter.configure_model(f"kimi/{LARGE}", {"max_tokens": 1})

    assert shown[LARGE] == (65536, 500)
    assert content_of(file) == "not toml at all"


async def test_what_is_configured_lasts_beyond_the_client(
    client: Callable[..., ReferenceAdapter], file: Path
) -> None:
    async with client(KIMI_MODELS_FILE=str(file)) as adapter:
        await adapter.configure_model(f"kimi/{LARGE}", {"context_window": 1000})
    async with client(KIMI_MODELS_FILE=str(file)) as adapter:
        shown = await listed(adapter)

    assert shown[LARGE] == (1000, None)


async def test_without_a_file_it_lasts_as_long_as_the_client_also_through_a_reload(
    client: Callable[..., ReferenceAdapter],
) -> None:
    async with client() as adapter:
        await adapter.configure_model(LARGE, {"context_window": 1000})
        adapter.reload({})
        kept = await listed(adapter)
    async with client() as other:
        fresh = await listed(other)

    assert (kept[LARGE], fresh[LARGE]) == ((1000, None), (262144, None))


async def test_a_reload_takes_another_file_or_leaves_all_as_it_was(
    client: Callable[..., ReferenceAdapter], file: Path, tmp_path: Path
) -> None:
    write(file, SAID)
    broken = tmp_path / "broken.toml"
    broken.write_text("[models")
    async with client() as adapter:
        adapter.reload({MODELS_FILE_VARIABLE: str(file)})
        with pytest.raises(UsageError):
            adapter.reload({MODELS_FILE_VARIABLE: str(broken)})
        shown = await listed(adapter)

    assert shown[LARGE] == (65536, 500)


async def test_callers_that_are_not_asynchronous_see_the_same(
    client: Callable[..., ReferenceAdapter], file: Path
) -> None:
    write(file, SAID)
    async with client(KIMI_MODELS_FILE=str(file)) as adapter:
        models = adapter.list_models_sync()

    assert [model.context_window for model in models] == [65536, 8192]


async def test_what_is_offline_is_overridden_too(
    client: Callable[..., ReferenceAdapter], file: Path
) -> None:
    async with client(KIMI_MODELS_FILE=str(file)) as adapter:
        await adapter.list_models()
        adapter.go_offline()
        write(file, SAID)
        shown = await listed(adapter)

    assert shown[LARGE] == (65536, 500)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"colour": None}, "no setting 'colour'"),
        ({"context_window": 262145}, "by the API, not of 262145"),
    ],
)
async def test_a_refusal_says_what_was_wrong(
    settings: dict[str, Any], told: str, client: Callable[..., ReferenceAdapter]
) -> None:
    async with client() as adapter:
        with pytest.raises(ValueError, match=told):
            await adapter.configure_model(f"kimi/{LARGE}", settings)


async def test_a_model_that_is_not_there_cannot_be_configured(
    client: Callable[..., ReferenceAdapter],
) -> None:
    async with client() as adapter:
        with pytest.raises(Exception, match="kimi/kimi-k9") as caught:
            await adapter.configure_model("kimi/kimi-k9", {"max_tokens": 1})

    assert type(caught.value).__name__ == "HandleNotFoundError"


async def test_the_table_that_stands_in_for_the_list_is_overridden_too(
    stage: Stage, file: Path
) -> None:
    write(file, Overrides().set("kimi-latest", {"context_window": 99}))
    lane = stage.open_lane(Script([replies.server_error()]))
    binding = Binding(
        base_url=lane.base_url, api_key="sk-x", environment={MODELS_FILE_VARIABLE: str(file)}
    )
    async with open_adapter(binding) as adapter:
        with pytest.warns(UserWarning, match="hardcoded"):
            models: list[ModelConfig] = list(await adapter.list_models())
    stage.close_lane(lane)

    assert {each.id: each.context_window for each in models}["kimi-latest"] == 99
