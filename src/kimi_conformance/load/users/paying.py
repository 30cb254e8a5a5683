"""A client whose requests are paid for before they are sent."""

from collections.abc import Mapping

from locust.exception import StopUser

from kimi_conformance.errors import BudgetError
from kimi_conformance.load.client.client import Client, Pool
from kimi_conformance.load.client.incoming import Incoming
from kimi_conformance.load.client.reply import judge_reply
from kimi_conformance.load.users.spending import Account

__all__ = ["PayingClient"]


class PayingClient(Client):
    """Sends nothing that might lead beyond a limit.

    Args:
        pool: The connections.
        headers: Sent with every request.
        account: Who pays, or None: nobody counts.
    """

    def __init__(self, pool: Pool, headers: Mapping[str, str], account: Account | None) -> None:
        super().__init__(pool, headers)
        self._account = account

    def post(
        self,
        path: str,
        *body: bytes,
        streamed: bool = False,
        keep: bool = False,
        method: str = "POST",
    ) -> Incoming:
        """As in `Client`.

        Raises:
            StopUser: A limit might be passed: nothing was sent, and the user is to go.
        """
        account = self._account
        if account is None:
            return super().post(path, *body, streamed=streamed, keep=keep, method=method)
        try:
            paid = account.reserve(b"".join(body))
        except BudgetError as error:
            raise StopUser from error
        incoming = super().post(path, *body, streamed=streamed, keep=keep, method=method)
        reply = judge_reply(incoming, streamed=streamed)
        account.settle(paid, incoming.status, reply.prompt_tokens, reply.completion_tokens)
        return incoming
