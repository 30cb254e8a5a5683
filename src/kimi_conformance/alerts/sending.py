"""Sends alerts: to GitHub by its REST API, and to a webhook."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from kimi_conformance.alerts.issue import LABEL, MARK, Issue, IssueCall
from kimi_conformance.errors import KimiConformanceError, UsageError
from kimi_conformance.http import httpx, ssl_context

__all__ = ["API", "GitHub", "SendError", "send_webhook"]

SECONDS = 20.0
API = "https://api.github.com"


class SendError(KimiConformanceError):
    """Whom alerts are for was not reached, or refused them."""


class GitHub:
    """The issues of one repository.

    Args:
        repository: "owner/name".
        token: May write issues; it goes into a header and nowhere else.
        api: Of the server, for GitHub Enterprise.

    Raises:
        UsageError: The repository or the address has not the form of one.
    """

    def __init__(self, repository: str, token: str, api: str = API) -> None:
        owner, _, name = repository.partition("/")
        if not owner or not name or "/" in name:
            raise UsageError(f"'{repository}' is no repository. It looks like: owner/name")
        self._base = f"{_http_url(api).rstrip('/')}/repos/{owner}/{name}"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def rolling_issue(self) -> Issue | None:
        """The issue that is open, if there is one; a pull request of that label is none.

        Raises:
            SendError: GitHub did not say.
        """
        found = self._call("GET", f"issues?state=open&labels={LABEL}&per_page=100", None)
        ours = [
            entry
            for entry in (found if isinstance(found, list) else [])
            if MARK in (entry.get("body") or "") and "pull_request" not in entry
        ]
        return Issue(min(entry["number"] for entry in ours)) if ours else None

    def make(self, calls: Sequence[IssueCall]) -> None:
        """Make the calls, in order.

        Raises:
            SendError: One failed; those after it were not made.
        """
        for call in calls:
            self._call(call.method, call.path, call.body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        answer = _send(method, f"{self._base}/{path}", body, self._headers)
        try:
            return answer.json()
        except ValueError as error:
            raise SendError(f"GitHub answered {method} {path} with no JSON.") from error


def send_webhook(url: str, payload: Mapping[str, Any]) -> None:
    """Tell a webhook; its address is a secret, and in no message.

    Raises:
        UsageError: It is no http(s) URL.
        SendError: It was not reached, or refused.
    """
    _send("POST", _http_url(url, secret=True), payload, {}, called="The webhook")


def _send(
    method: str,
    url: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
    called: str = "GitHub",
) -> httpx.Response:
    try:
        with httpx.Client(verify=ssl_context(), timeout=SECONDS, trust_env=False) as client:
            answer = client.request(method, url, json=body, headers=dict(headers))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SendError(f"{called} was not reached: {type(error).__name__}.") from None
    if not answer.is_success:
        raise SendError(
            f"{called} answered {method} with {answer.status_code}. May the token write issues?"
            if called == "GitHub"
            else f"{called} answered with {answer.status_code}."
        )
    return answer


def _http_url(url: str, *, secret: bool = False) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = "The webhook's address" if secret else f"'{url}'"
        raise UsageError(f"{shown} is no http(s) URL.")
    return url
