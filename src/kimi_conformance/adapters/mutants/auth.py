"""Clients that mislead their user about the key."""

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ChatRequest, Completion
from kimi_conformance.adapters.reference import LLMAuthenticationError, LLMError
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]

UNAUTHORIZED = 401


class ChecksNoKey(Mutant):
    """Leaves it to the API to notice that there is no key to check."""

    breaks = frozenset({"AUTH-01", "CONFIG-18"})

    async def check_key(self) -> object:
        """Send an empty promise for a key."""
        if self.settings.api_key is None:
            object.__setattr__(self.sound.settings, "api_key", "none")
        return await super().check_key()


class ChecksTheBalance(Mutant):
    """Checks the key where its balance is kept."""

    breaks = frozenset({"AUTH-02"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Ask at another path."""
        if self.doing == "check_key":
            path = request.url.path.replace("/models", "/users/me/balance")
            request.url = request.url.copy_with(path=path)
        return request


class ChecksWithAnotherScheme(Mutant):
    """Checks the key under a scheme that no request will use."""

    breaks = frozenset({"AUTH-03", "AUTH-04", "CONFIG-17", "SENT-003"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Say Token in place of Bearer."""
        if self.doing == "check_key":
            request.headers["Authorization"] = f"Token {self.settings.api_key}"
        return request


class ChecksWithoutContentType(Mutant):
    """Names no content type, there being no content."""

    breaks = frozenset({"AUTH-03"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Leave the header out."""
        if self.doing == "check_key":
            del request.headers["Content-Type"]
        return request


class ChecksWithAValue(Mutant):
    """Returns True for a good key."""

    breaks = frozenset({"AUTH-04"})

    async def check_key(self) -> object:
        """A value where none is expected."""
        await super().check_key()
        return True


class SwallowsARefusedKey(Mutant):
    """Calls every key good that the API answers."""

    breaks = frozenset({"AUTH-05", "AUTH-06", "AUTH-11", "AUTH-12"})

    async def check_key(self) -> object:
        """Nothing on 401."""
        try:
            return await super().check_key()
        except LLMAuthenticationError:
            return None


class FlattensARefusedKey(Mutant):
    """Turns the authentication error into a plain one, as the guide's code does."""

    breaks = frozenset({"AUTH-05", "AUTH-11"})

    async def check_key(self) -> object:
        """A plain LLM error on 401."""
        try:
            return await super().check_key()
        except LLMAuthenticationError as error:
            raise LLMError(f"Error: {error}") from error


class ForgetsTheCode(Mutant):
    """Raises the authentication error without its code."""

    breaks = frozenset({"AUTH-05"})

    async def check_key(self) -> object:
        """The same error, code taken off."""
        try:
            return await super().check_key()
        except LLMAuthenticationError as error:
            error.code = None
            raise


class RefusesWithoutWords(Mutant):
    """Raises the authentication error with a message that explains nothing."""

    breaks = frozenset({"AUTH-06"})

    async def check_key(self) -> object:
        """The same error in other words."""
        try:
            return await super().check_key()
        except LLMAuthenticationError as error:
            raise LLMAuthenticationError("Something went wrong", status=error.status) from error


class TrustsEveryOtherStatus(Mutant):
    """Looks at 401 alone, so that any other answer proves the key."""

    breaks = frozenset({"AUTH-07"})

    async def check_key(self) -> object:
        """Nothing on 403, 404, 429, 5xx."""
        try:
            return await super().check_key()
        except LLMAuthenticationError:
            raise
        except LLMError as error:
            if error.message.startswith("HTTP error"):
                return None
            raise


class BlamesTheKey(Mutant):
    """Takes any HTTP error for the key's fault."""

    breaks = frozenset({"AUTH-07"})

    async def check_key(self) -> object:
        """The authentication error on every status."""
        try:
            return await super().check_key()
        except LLMError as error:
            if error.message.startswith("HTTP error"):
                raise LLMAuthenticationError(error.message, status=error.status) from error
            raise


class ChecksWithRawErrors(Mutant):
    """Lets the network's error through."""

    breaks = frozenset({"AUTH-08"})

    async def check_key(self) -> object:
        """Raise what the network raised."""
        try:
            return await super().check_key()
        except LLMError as error:
            if error.message.startswith("Error"):
                raise OSError(error.message) from error
            raise


class ChatsWithoutAKey(Mutant):
    """Sends a chat that cannot be answered."""

    breaks = frozenset({"AUTH-09"})

    async def chat(self, request: ChatRequest) -> Completion:
        """Send an empty promise for a key."""
        if self.settings.api_key is None:
            object.__setattr__(self.sound.settings, "api_key", "none")
        return await super().chat(request)


class FlattensARefusedChat(Mutant):
    """Turns the authentication error of a chat into a plain one."""

    breaks = frozenset({"AUTH-10", "ERR-02", "ERR-08"})

    async def chat(self, request: ChatRequest) -> Completion:
        """A plain LLM error on 401."""
        try:
            return await super().chat(request)
        except LLMAuthenticationError as error:
            raise LLMError(error.message, status=error.status) from error


class AuthenticationError(Exception):
    """An error beside the tree of LLM errors."""

    code = "UNAUTHENTICATED"


class RefusesOutsideTheTree(Mutant):
    """Raises an authentication error that is no LLM error."""

    breaks = frozenset({"AUTH-12"})

    async def check_key(self) -> object:
        """A class of its own on 401."""
        try:
            return await super().check_key()
        except LLMAuthenticationError as error:
            raise AuthenticationError(error.message) from error


class TriesARefusedKeyAgain(Mutant):
    """Sends a chat once more that was answered with 401."""

    breaks = frozenset({"AUTH-14", "RETRY-07"})

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """Retry on 401."""
        response = await super().carry(request)
        if response.status_code != UNAUTHORIZED or self.doing != "chat":
            return response
        await response.aclose()
        return await super().carry(request)


class SaysNothingOfTheKey(Mutant):
    """Leaves out of its diagnosis whether the key is good."""

    breaks = frozenset({"AUTH-13"})

    async def diagnosis(self) -> str:
        """Without that line."""
        lines = (await super().diagnosis()).splitlines()
        return "\n".join(line for line in lines if not line.startswith("API key"))


class TrustsItsKey(Mutant):
    """Takes a key for good because there is one."""

    breaks = frozenset({"AUTH-13"})

    async def diagnosis(self) -> str:
        """No error of any key."""
        lines = (await super().diagnosis()).splitlines()
        return "\n".join("API key is valid" if "API key error" in line else line for line in lines)


MUTANTS = (
    ChecksNoKey,
    ChecksTheBalance,
    ChecksWithAnotherScheme,
    ChecksWithoutContentType,
    ChecksWithAValue,
    SwallowsARefusedKey,
    FlattensARefusedKey,
    ForgetsTheCode,
    RefusesWithoutWords,
    TrustsEveryOtherStatus,
    BlamesTheKey,
    ChecksWithRawErrors,
    ChatsWithoutAKey,
    FlattensARefusedChat,
    RefusesOutsideTheTree,
    TriesARefusedKeyAgain,
    SaysNothingOfTheKey,
    TrustsItsKey,
)
