"""A scenario's file, run as a module: who loads, and how many there are when."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from kimi_conformance.errors import UsageError
from kimi_conformance.load.users.arrivals import share_of
from kimi_conformance.load.users.dispatch import Dispatcher
from kimi_conformance.load.users.kimi_user import KimiUser
from kimi_conformance.load.users.scenario import ScenarioHeader, read_header
from kimi_conformance.load.users.stages import Stages

__all__ = ["Loaded", "dispatchers", "load_scenario"]

Class = TypeVar("Class")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario that can be run.

    Attributes:
        header: What its docstring says.
        users: The classes of its users.
        shape: How many of them there are when; of the length of this run.
        digest: Of the file, in hex.
    """

    header: ScenarioHeader
    users: list[type[KimiUser]]
    shape: Stages
    digest: str


def load_scenario(path: Path, duration_s: float | None = None) -> Loaded:
    """Run the scenario's file and take from it what there is to run.

    Args:
        path: The file.
        duration_s: How long the run is to last, or None: as long as its stages.

    Raises:
        UsageError: It is no scenario, it raises, or a class has both arrivals and a time to wait.
    """
    header = read_header(path)
    module = _import(path)
    users = _subclasses(module, KimiUser)
    shapes = _subclasses(module, Stages)
    if not users or len(shapes) != 1:
        raise UsageError(
            f"{path.name} has {len(users)} users and {len(shapes)} stages: a scenario "
            "has at least one subclass of KimiUser and just one of Stages."
        )
    for user in users:
        if user.arrivals is not None and user.wait_time is not KimiUser.wait_time:
            raise UsageError(
                f"{user.__name__} has arrivals and wait_time. An open workload has arrivals "
                "only: who is free takes the next one."
            )
    shape = shapes[0]()
    if duration_s is not None:
        shape.last(duration_s)
    return Loaded(header, users, shape, hashlib.sha256(path.read_bytes()).hexdigest())


def dispatchers(
    loaded: Loaded, zero: float, number: int = 0, count: int = 1
) -> dict[type[KimiUser], Dispatcher]:
    """Who hands out the arrivals of each open workload.

    Args:
        loaded: The scenario.
        zero: When the schedules begin, on `time.perf_counter`.
        number: Which of several processes this is, from 0 on.
        count: How many there are.
    """
    shape = loaded.shape
    return {
        user: Dispatcher(
            share_of(user.arrivals.stretched(shape.scale), number, count), zero, shape.length
        )
        for user in loaded.users
        if user.arrivals is not None
    }


def _import(path: Path) -> ModuleType:
    """Run the scenario's file as a module of its own.

    Raises:
        UsageError: It raises.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"The scenario {path.name} raised {type(error).__name__}: {error}"
        ) from error
    return module


def _subclasses(module: ModuleType, kind: type[Class]) -> list[type[Class]]:
    """The concrete classes of this kind that the module itself defines."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, kind)
        and value.__module__ == module.__name__
        and not getattr(value, "abstract", False)
    ]
