"""
What a check asked of a mutant without a fault, put again to another mutant.

A mutant that overrides a call hands it on to the sound adapter, and does something before or
after. Here a stand-in takes the place of the sound adapter: it gives what that one gave, to
whoever asks the same, once. A mutant that then gives the very same to its user has changed
nothing; what the stand-in cannot tell of (another call, a look at the sound adapter's state, the
time, a line in a log, a changed setting, a memory of it) has to be seen in a run.
"""

import contextlib
import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant

__all__ = ["CALLS", "Call", "StandIn", "told"]

CALLS = frozenset(
    {
        *("list_models", "fetch_models", "list_embedding_models", "models_of"),
        *("chat", "check_key", "resolve", "config_of", "model_for"),
        *("list_providers", "bring_provider"),
        *("diagnosis", "configure_model", "suggest_models"),
    }
)

# Whose code a mutant may run while it is put to a call: it has no side effects of its own.
_STANDARD = Path(copy.__file__).parent
_CODE = (
    str(Path(__file__).parent.parent),  # adapters/
    *(str(_STANDARD / name) for name in ("contextlib.py", "copy.py", "dataclasses.py", "enum.py")),
    *(str(_STANDARD / name) for name in ("json", "re")),
    *("<string>", "<frozen _collections_abc>", "<frozen abc>"),
)
_OF_EVERY_MUTANT = {"binding", "doing", "read_settings", "settings", "policy", "sound"}
_BUILT_IN = frozenset({None, "builtins", "_json", "_functools", "_operator", "itertools", "math"})
_DOING_SOMETHING = frozenset({"print", "open", "setattr", "delattr", "exec", "eval", "input"})


def told(error: BaseException) -> tuple[object, ...]:
    """What an error says to whoever reads it."""
    return type(error), error.args, dict(vars(error)), error.__cause__


@dataclass(slots=True, eq=False)
class Call:
    """One call that a check made.

    Attributes:
        name: Of the method.
        args, options: What it was given, as it was then.
        begin, end: Where, in all that passed the adapter, that stands which passed meanwhile.
        alone: Whether no other call was under way meanwhile.
        over: Whether it came to an end.
        result: What it returned, as it was then.
        error: What it raised.
        said: What that said then.
    """

    name: str
    args: tuple[Any, ...]
    options: Mapping[str, Any]
    begin: int
    end: int = 0
    alone: bool = True
    over: bool = False
    result: Any = None
    error: Exception | None = None
    said: tuple[object, ...] = ()

    @classmethod
    def begun(
        cls, name: str, args: tuple[Any, ...], options: Mapping[str, Any], begin: int
    ) -> "Call":
        """A call that begins now; one that was given what nobody can copy is as if not alone."""
        try:
            args, options = copy.deepcopy((args, options))
        except Exception:  # noqa: BLE001 - somebody else's values
            return cls(name, args, options, begin, alone=False)
        return cls(name, args, options, begin)

    def returned(self, result: Any) -> None:
        """It has ended well; with what nobody can copy, it is as if it had not."""
        with contextlib.suppress(Exception):
            self.result = copy.deepcopy(result)
            self.over = True

    def raised(self, error: Exception) -> None:
        """It has ended in an error."""
        self.error, self.said, self.over = error, told(error), True


class StandIn:
    """In place of the sound adapter, for one mutant.

    Args:
        faulty: The mutant.

    Attributes:
        refused: Whether the mutant did what it cannot tell the outcome of.
    """

    network: Any

    def __init__(self, faulty: Mutant) -> None:
        self.refused = False
        self._faulty = faulty
        self._code = (*_CODE, str(sys.modules[type(faulty).__module__].__file__))
        self._call: Call | None = None
        self._meanwhile: Callable[[], bool] = bool
        self._given: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        if name in CALLS:
            return partial(self._answer, name)
        self.refused = True
        raise LookupError(f"a replay knows no '{name}' of the sound adapter")

    def ends_alike(
        self, call: Call, at_once: Callable[[Any], Any], meanwhile: Callable[[], bool]
    ) -> bool:
        """Whether the mutant asks the sound adapter what the check asked, and hands on its answer.

        Args:
            call: What is put to it.
            at_once: Gives the result of a coroutine that waits for nothing.
            meanwhile: Puts to it what passed the sound adapter meanwhile; whether that passes.
        """
        self._call, self._meanwhile, self._given = call, meanwhile, []
        args, options = copy.deepcopy((call.args, call.options))
        before, own = self._settings(), copy.deepcopy(self._own())
        try:
            with self._watched():
                result = at_once(getattr(self._faulty, call.name)(*args, **options))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            alike = error is call.error and told(error) == call.said
        else:
            alike = call.error is None and self._is_given(result, call)
        asked = len(self._given) == 1 and not self.refused
        # What it remembers takes memory, and a check may look at that.
        return alike and asked and self._settings() == before and _same(self._own(), own)

    async def _answer(self, name: str, *args: Any, **options: Any) -> Any:
        watching = sys.getprofile()
        sys.setprofile(None)
        try:
            call = self._call
            self.refused |= (
                call is None
                or name != call.name
                or bool(self._given)
                or not _same((args, options), (call.args, call.options))
                or not self._meanwhile()
            )
            if call is None or self.refused:
                raise LookupError(f"a replay knows no such '{name}'")
            self._given.append(copy.deepcopy(call.result))
            if call.error is not None:
                self.refused |= told(call.error) != call.said  # somebody has changed it since
                raise call.error
            return self._given[0]
        finally:
            sys.setprofile(watching)

    def _is_given(self, result: Any, call: Call) -> bool:
        """Whether it is what the stand-in gave: the thing itself, or a list of the same things."""
        if not self._given:
            return False
        given = self._given[0]
        if type(result) is list and type(given) is list:
            alike = len(result) == len(given) and all(map(_is, result, given))
        else:
            alike = _is(result, given)
        return alike and _same(result, call.result)

    def _settings(self) -> tuple[object, ...]:
        """What a mutant could change for the sound adapter."""
        settings, binding = self._faulty.settings, self._faulty.binding
        kept = [getattr(settings, field.name) for field in fields(settings)]
        return (*kept, self._faulty.policy, dict(binding.environment))

    def _own(self) -> Mapping[str, Any]:
        """What a mutant has besides what every mutant has."""
        kept = vars(self._faulty)
        return {name: kept[name] for name in sorted(kept.keys() - _OF_EVERY_MUTANT)}

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Refuses what runs other code than that which has no effect."""
        sys.setprofile(self._watch)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _watch(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            self.refused |= not frame.f_code.co_filename.startswith(self._code)
        elif event == "c_call":
            name, module = getattr(arg, "__name__", ""), getattr(arg, "__module__", None)
            known = module in _BUILT_IN or arg in (sys.getprofile, sys.setprofile)
            self.refused |= name in _DOING_SOMETHING or not known


def _is(one: Any, other: Any) -> bool:
    """Whether two are one, or nobody can tell them apart."""
    return one is other or (type(one) is type(other) and isinstance(one, str) and one == other)


def _same(one: Any, other: Any) -> bool:
    """Whether two are of the same types and values all through; unknown things only if one."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, str | bytes | int | float):
        return bool(one == other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return _same(list(one), list(other)) and all(_same(one[key], other[key]) for key in one)
    parts = getattr(type(one), "__dataclass_fields__", None)
    if parts is None:
        return False
    return all(_same(getattr(one, name), getattr(other, name)) for name in parts)
