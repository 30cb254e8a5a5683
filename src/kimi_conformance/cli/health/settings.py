"""What the environment says of the endpoint, its key, and files of the user."""

import ipaddress
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from kimi_conformance.cli.health.finding import Finding, broken, hint, well
from kimi_conformance.errors import KimiConformanceError

__all__ = [
    "Settings",
    "file_findings",
    "findings",
    "key_findings",
    "observe",
    "shown",
    "url_findings",
]

_SQLITE = b"SQLite format 3\0"
_QUOTES = "\"'`“”‘’"
_PLACEHOLDER = re.compile(
    r"x{5,}|\.{3}|…|[<>{}$*]|your|placeholder|change.?me|example|replace|insert|dummy",
    re.IGNORECASE,
)
_SET_KEY = "read -rs KIMI_API_KEY && export KIMI_API_KEY  # paste the key, Enter"
_SCHEMES = ("http", "https")
_OPERATION = re.compile(r"/(chat/completions|completions|models|embeddings|messages|files)$")
_VERSION = re.compile(r"/v\d+[a-z0-9]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was set.

    Attributes:
        key: KIMI_API_KEY; never shown.
        base_url: KIMI_BASE_URL.
        models_file: The overrides of models, and why they cannot be read or "".
        models_named: Whether the environment names that file.
        history: The history, and why it cannot be used or "".
    """

    key: str | None = field(repr=False)
    base_url: str | None
    models_file: tuple[Path, str]
    models_named: bool
    history: tuple[Path, str]


def observe() -> Settings:
    """What this process was given."""
    from kimi_conformance.adapters.reference.overrides import MODELS_FILE_VARIABLE
    from kimi_conformance.cli.asking.configuration import overrides_file
    from kimi_conformance.cli.keeping.history_file import DEFAULT

    models = os.environ.get(MODELS_FILE_VARIABLE, "").strip()
    history = Path(os.environ.get("KIMI_HISTORY") or DEFAULT)
    file = overrides_file(Path(models) if models else None)
    return Settings(
        key=os.environ.get("KIMI_API_KEY"),
        base_url=os.environ.get("KIMI_BASE_URL"),
        models_file=(file, _wrong_overrides(file)),
        models_named=bool(models),
        history=(history, _wrong_history(history)),
    )


def _wrong_overrides(file: Path) -> str:
    from kimi_conformance.adapters.reference.overrides import read

    try:
        read(file)
    except KimiConformanceError as error:
        return str(error)
    return ""


def _wrong_history(file: Path) -> str:
    """Why a history cannot be used. It is not opened, since that would bring an old one up."""
    try:
        with file.open("rb") as content:
            begins = content.read(len(_SQLITE))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return str(error.strerror)
    if begins and begins != _SQLITE:
        return "it is no SQLite file"
    return "" if os.access(file, os.W_OK) else "it cannot be written"


def findings(seen: Settings) -> Iterator[Finding]:
    """What is to be said of it."""
    yield from key_findings(seen.key)
    yield from url_findings(seen.base_url)
    yield from file_findings(seen)


def key_findings(key: str | None) -> Iterator[Finding]:
    """What is to be said of a key; it is never shown, nor any part of it."""
    if key is None:
        yield well("key", "KIMI_API_KEY is not set: only live runs need it")
        return
    for wrong, means in _ailments(key):
        yield broken("key", f"KIMI_API_KEY {wrong}", means, _SET_KEY)
        return
    if not key.startswith("sk-"):
        yield hint(
            "key",
            "KIMI_API_KEY does not begin with sk-",
            "Keys of Moonshot do; another provider's may look otherwise.",
            "kimi-conformance doctor --live  # asks the endpoint",
        )
    else:
        yield well("key", "KIMI_API_KEY is set, and looks like a key")


def _ailments(key: str) -> Iterator[tuple[str, str]]:
    refused = "The endpoint would refuse every request."
    bare = key.strip()
    if not bare:
        yield "is set, but blank", "Live runs find no key."
    elif bare != key:
        yield "has a space or a line end around it", refused
    elif bare[0] in _QUOTES or bare[-1] in _QUOTES:
        yield "has quotes around it, which belong to the shell", refused
    elif bare.lower().startswith("bearer "):
        yield "begins with 'Bearer', which the suite adds itself", refused
    elif not bare.isascii() or not bare.isprintable() or " " in bare:
        yield "holds a character that no header can carry", "No request could be sent."
    elif _PLACEHOLDER.search(bare) or len(bare) < 8:
        yield "looks like a placeholder", refused


def url_findings(url: str | None) -> Iterator[Finding]:
    """What is to be said of a base URL; a name, password or query in it is not shown."""
    if url is None:
        yield well("endpoint", "KIMI_BASE_URL is not set: live runs ask https://api.moonshot.cn/v1")
        return
    found = _read(url)
    if found is None:
        yield broken(
            "endpoint",
            "KIMI_BASE_URL is no URL: it needs http:// or https:// and a host, without quotes",
            "Live runs end before anything is sent.",
            "export KIMI_BASE_URL=https://api.moonshot.cn/v1",
        )
        return
    wrong = [*_way(found), *_path(found)]
    yield from wrong or [well("endpoint", f"KIMI_BASE_URL is {found.shown}")]


def shown(url: str) -> str:
    """A base URL without name, password, query and fragment; "" for what is none."""
    found = _read(url)
    return found.shown if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Url:
    """A base URL, taken apart.

    Attributes:
        scheme: "http" or "https".
        host: Without its port.
        place: Host, port and path, without a slash at the end.
        more: Whether it has a name, a password, a query or a fragment.
    """

    scheme: str
    host: str
    place: str
    more: bool

    @property
    def shown(self) -> str:
        """What may be printed of it."""
        return f"{self.scheme}://{self.place}"

    @property
    def mended(self) -> str:
        """What was probably meant: encrypted unless it is near, and down to the version."""
        scheme = self.scheme if _is_near(self.host) else "https"
        place = _OPERATION.sub("", self.place)
        return f"{scheme}://{place}{'' if _VERSION.search(place) else '/v1'}"


def _read(url: str) -> _Url | None:
    """The parts of a URL; None: it is none, or has spaces or quotes around it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or url != url.strip(" \t\r\n" + _QUOTES) or parts.scheme not in _SCHEMES:
        return None
    authority = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return _Url(
        scheme=parts.scheme,
        host=host,
        place=f"{authority}{parts.path.rstrip('/')}",
        more=any((parts.username, parts.password, parts.query, parts.fragment)),
    )


def _way(url: _Url) -> Iterator[Finding]:
    if url.more:
        yield hint(
            "endpoint",
            f"KIMI_BASE_URL has more to it than {url.shown}",
            "Whatever it holds besides (a password, a query) goes into reports.",
            f"export KIMI_BASE_URL={url.mended}",
        )
    if url.scheme == "http" and not _is_near(url.host):
        yield hint(
            "endpoint",
            f"{url.host} is spoken to by http",
            "Whoever is on the way can read the key.",
            f"export KIMI_BASE_URL={url.mended}",
        )


def _path(url: _Url) -> Iterator[Finding]:
    if _OPERATION.search(url.place):
        yield broken(
            "endpoint",
            f"KIMI_BASE_URL is {url.shown}, the address of one operation",
            "The suite appends the operations itself, and would be answered 404.",
            f"export KIMI_BASE_URL={url.mended}",
        )
    elif not _VERSION.search(url.place):
        yield hint(
            "endpoint",
            f"KIMI_BASE_URL is {url.shown}, which does not end with a version as /v1",
            "Most endpoints then answer 404, or with a web page.",
            f"export KIMI_BASE_URL={url.mended}",
        )


def _is_near(host: str) -> bool:
    """Whether a host is this machine, or one of a network of one's own."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal", ".lan"))


def file_findings(seen: Settings) -> Iterator[Finding]:
    """What is to be said of the user's files."""
    file, wrong = seen.models_file
    if wrong:
        yield broken(
            "models file",
            wrong,
            "The commands models and choose end with it, and clients do not see a change.",
            "Mend the file, or move it away and type: kimi-conformance models set",
        )
    elif seen.models_named and not file.exists():
        yield hint(
            "models file",
            f"KIMI_MODELS_FILE names {file}, which is not there",
            "Nothing is overridden.",
            "kimi-conformance models set MODEL KEY=VALUE, or: unset KIMI_MODELS_FILE",
        )
    elif file.exists():
        yield well("models file", f"{file} can be read")
    history, wrong = seen.history
    if wrong:
        yield broken(
            "history",
            f"{history}: {wrong}",
            "Runs are judged, but not remembered; trend, notify and sla --from do not work.",
            "Move that file away, and type: kimi-conformance history import reports/out/*",
        )
