"""
The configuration of the models, as `models` and `choose` are told of it.

It is made of an edition, the newest one unless told, of the file with a user's overrides, and,
where a lane is named, of what the API lists at this moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from kimi_conformance.adapters.reference.overrides import MODELS_FILE_VARIABLE, read
from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.gathering import gathered
from kimi_conformance.cli.asking.target import (
    DEFAULT_BASE_URL,
    UnusableTargetError,
    entries_of,
    listed_models,
)
from kimi_conformance.editions import Edition
from kimi_conformance.errors import UsageError
from kimi_conformance.models import Known, ModelBook, ModelFacts, Overrides, book_of
from kimi_conformance.simulator import Simulator
from kimi_conformance.suite import Suite
from kimi_conformance.wire.exchange import Request

__all__ = [
    "LANES",
    "Api",
    "Configuration",
    "configuration",
    "edition_option",
    "facts_answer",
    "file_option",
    "make_book",
    "overrides_file",
    "read_overrides",
    "the_edition",
]

LANES = ("simulator", "live")
_SIMULATED_KEY = "sk-x"

edition_option = click.option(
    "--edition", metavar="E", help="The API as of which date. Default: the newest."
)
file_option = click.option(
    "--file",
    envvar=MODELS_FILE_VARIABLE,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the overrides are. Default: models.toml in your configuration folder.",
)


@dataclass(frozen=True, slots=True)
class Api:
    """Whom to ask for a list of models.

    Attributes:
        lane: "simulator" or "live".
        base_url: Of a live one, or None: the documented one.
        api_key: Of a live one.
        simulated: The edition that the simulator serves, or None: that of the configuration.
    """

    lane: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    simulated: str | None = None

    @property
    def name(self) -> str:
        """For people."""
        return "the simulator" if self.lane == "simulator" else self._url

    @property
    def _url(self) -> str:
        return (self.base_url or DEFAULT_BASE_URL).rstrip("/")

    def entries(self, suite: Suite, edition: Edition) -> list[Any]:
        """The entries of its list, as they came.

        Raises:
            UsageError: There is no key, no such edition, or the URL is none.
            UnusableTargetError: Nobody answers, or what answers has no list of models.
        """
        if self.lane == "simulator":
            served = suite.edition(self.simulated) if self.simulated else edition
            found = _simulated(served)
        elif not self.api_key:
            raise UsageError(
                "The live API needs a key: set KIMI_API_KEY. Without one, ask the embedded "
                "simulator with --lane simulator."
            )
        else:
            found = listed_models(self._url, self.api_key)
        if found is None:
            raise UnusableTargetError(
                f"What {self.name} answers to GET /models is no list of models. Does the base "
                "URL end with /v1?"
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Of what the configuration is made.

    Attributes:
        edition: The edition's name, or None: the newest one.
        file: That of the overrides, or None: the user's.
        lane: Which API to ask too, "simulator" or "live", or None: nobody is asked.
        base_url: Of a live one, or None: the documented one.
        api_key: Of a live one.
    """

    edition: str | None
    file: Path | None
    lane: str | None
    base_url: str | None
    api_key: str | None = field(repr=False)

    def book(self, suite: Suite) -> ModelBook:
        """All that is known of the models.

        Raises:
            UsageError: There is no such edition, or the overrides cannot be read; or as
                `Api.entries` raises it.
            UnusableTargetError: As `Api.entries` raises it.
        """
        api = Api(self.lane, self.base_url, self.api_key) if self.lane else None
        edition = the_edition(suite, self.edition)
        return make_book(suite, edition, read_overrides(self.file), api)


configuration = gathered(
    "configuration",
    Configuration,
    edition_option,
    file_option,
    click.option(
        "--lane", type=click.Choice(LANES), help="Ask the API too, and which one. Default: nobody."
    ),
    options.endpoint,
)


def the_edition(suite: Suite, name: str | None) -> Edition:
    """The edition of this name, or the newest one.

    Raises:
        UsageError: There is none of this name.
    """
    return suite.edition(name) if name else list(suite.editions().values())[-1]


def overrides_file(file: Path | None) -> Path:
    """The file of the overrides: the one named, or that of the user."""
    return file or Path(click.get_app_dir("kimi-conformance")) / "models.toml"


def make_book(
    suite: Suite, edition: Edition, overrides: Overrides, api: Api | None = None
) -> ModelBook:
    """All that is known of the models; raises what `Api.entries` raises."""
    listed = None if api is None else api.entries(suite, edition)
    return book_of(edition, suite.editions().values(), overrides=overrides, listed=listed)


def facts_answer(facts: ModelFacts) -> dict[str, Any]:
    """A model for machines."""
    return {
        "id": facts.id,
        "handle": facts.handle,
        "offered": facts.offered,
        **{name: _fact(known) for name, known in facts.known.items()},
        "price_source": facts.price_source,
        "retired": facts.retired,
        "successor": facts.successor,
    }


def read_overrides(file: Path | None) -> Overrides:
    """The overrides of the file named, or of the user's; none where there is no file.

    Raises:
        UsageError: The file cannot be read, or holds something else.
    """
    return read(overrides_file(file))


def _fact(known: Known) -> Mapping[str, Any]:
    return {"value": known.value, "source": known.source}


def _simulated(edition: Edition) -> list[Any] | None:
    headers = (("Authorization", f"Bearer {_SIMULATED_KEY}"),)
    asked = Request(method="GET", path="/v1/models", headers=headers)
    answer = Simulator(edition, api_key=_SIMULATED_KEY).reply(asked)
    return entries_of(b"".join(frame.data for frame in answer.frames))
