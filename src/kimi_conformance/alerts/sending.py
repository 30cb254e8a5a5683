"""
Sends alerts: to GitHub by its REST API, and to a webhook.

Who answers may be anybody: an answer has an end, no redirect is followed, and nothing of an
answer, nor the address of a webhook, goes into a message.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.alerts.issue import LABEL, MARK, Issue, IssueCall
from kimi_conformance.errors import KimiConformanceError, TransportError, UsageError
from kimi_conformance.http import Fetched, fetch, httpx, is_address
from kimi_conformance.wire.json_values import NOT_JSON, elements, is_count, members, parse_json

__all__ = ["API", "GitHub", "SendError", "send_webhook"]

SECONDS = 20.0
API = "https://api.github.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")


class SendError(KimiConformanceError):
    """Whom alerts are for was not reached, or refused them."""


class GitHub:
    """The issues of one repository.

    Args:
        repository: "owner/name".
        token: May write issues; it goes into a header and nowhere else.
        api: Of the server, for GitHub Enterprise.

    Raises:
        UsageError: The repository or the address has not the form of one, or no header can
            carry the token.
    """

    def __init__(self, repository: str, token: str, api: str = API) -> None:
        if not _REPOSITORY.fullmatch(repository) or {".", ".."} & {*repository.split("/")}:
            raise UsageError(f"'{repository}' is no repository. It looks like: owner/name")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError(
                "GITHUB_TOKEN holds a character that no header can carry (a line end, a space, or "
                "one beyond ASCII). Set it again, without them."
            )
        self._base = f"{_http_url(api).rstrip('/')}/repos/{repository}"
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
            entry["number"]
            for entry in map(members, elements(found))
            if MARK in str(entry.get("body")) and "pull_request" not in entry
            if is_count(entry.get("number"))
        ]
        return Issue(min(ours)) if ours else None

    def make(self, calls: Sequence[IssueCall]) -> None:
        """Make the calls, in order.

        Raises:
            SendError: One failed; those after it were not made.
        """
        for call in calls:
            self._call(call.method, call.path, call.body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        answer = _send(method, f"{self._base}/{path}", body, self._headers)
        found = parse_json(answer.body)
        if found is NOT_JSON:
            raise SendError(f"GitHub answered {method} {path} with no JSON.")
        return found


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
) -> Fetched:
    try:
        answer = fetch(method, url, headers=headers, json=body, seconds=SECONDS)
    except TransportError as error:
        # None but our own: the library's may quote what was sent, or what came.
        theirs = isinstance(error.__cause__, httpx.HTTPError | httpx.InvalidURL)
        why = type(error.__cause__).__name__ if theirs else str(error)
        raise SendError(f"{called} was not reached: {why}.") from None
    if not 200 <= answer.status < 300:
        raise SendError(
            f"{called} answered {method} with {answer.status}. May the token write issues?"
            if called == "GitHub"
            else f"{called} answered with {answer.status}."
        )
    return answer


def _http_url(url: str, *, secret: bool = False) -> str:
    if not is_address(url):
        shown = "The webhook's address" if secret else f"'{url}'"
        raise UsageError(f"{shown} is no http(s) URL.")
    return url
