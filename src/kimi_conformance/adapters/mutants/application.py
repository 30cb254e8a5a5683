"""Applications that are wrong in one place: the reference application with one text replaced."""

from typing import ClassVar

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ApplicationRun
from kimi_conformance.adapters.reference.adapter import APPLICATION

__all__ = ["MUTANTS", "OtherApplication"]


class OtherApplication(Mutant):
    """Runs the reference application with `wrong` where it has `right`, which is there once."""

    right: ClassVar[str]
    wrong: ClassVar[str]

    @classmethod
    def source(cls) -> str:
        """The program.

        Raises:
            ValueError: The reference application no longer has that text, or has it twice.
        """
        sound = APPLICATION.read_text("utf-8")
        if sound.count(cls.right) != 1:
            raise ValueError(f"{APPLICATION.name} has not once: {cls.right}")
        return sound.replace(cls.right, cls.wrong)

    async def run_application(self, prompt: str) -> ApplicationRun:
        """Run that."""
        return await self.sound.run_python(["-c", self.source(), "--prompt", prompt])


class AsksWhereItAlwaysAsked(OtherApplication):
    """Has a base URL of its own."""

    breaks = frozenset(
        {"APP-01", "APP-02", "APP-03", "APP-04", "APP-05", "APP-06", "APP-07", "APP-08"}
    )
    right = 'os.environ["KIMI_BASE_URL"]'
    wrong = '"http://127.0.0.1:9/v1"'


class SendsAKeyOfItsOwn(OtherApplication):
    """Has been given a key by its maker, and uses that."""

    breaks = frozenset({"APP-02"})
    right = 'os.environ["KIMI_API_KEY"]'
    wrong = '"sk-of-its-maker"'


class AsksWhatItLikes(OtherApplication):
    """Forgets what its user asked."""

    breaks = frozenset({"APP-03"})
    right = '"content": prompt'
    wrong = '"content": "Tell me something."'


class AsksInASCII(OtherApplication):
    """Drops of a question what is not ASCII."""

    breaks = frozenset({"APP-03"})
    right = '"content": prompt'
    wrong = '"content": prompt.encode("ascii", "ignore").decode()'


class ReadsItsPromptAsACommand(OtherApplication):
    """Takes a question apart as a shell does, and loses its quotes."""

    breaks = frozenset({"APP-03"})
    right = '"content": prompt'
    wrong = '"content": prompt.replace(chr(34), "").replace("$HOME", "/")'


class KeepsTheAnswerToItself(OtherApplication):
    """Prints no answer."""

    breaks = frozenset({"APP-04", "APP-08"})
    right = "                show(piece)"
    wrong = "                len(piece)"


class PrintsInASCII(OtherApplication):
    """Prints a question mark for what is not ASCII."""

    breaks = frozenset({"APP-04"})
    right = 'text.encode("utf-8")'
    wrong = 'text.encode("ascii", "replace")'


class EndsWellWithoutAKey(OtherApplication):
    """Says that a key was refused, and ends as if all were well."""

    breaks = frozenset({"APP-05"})
    right = 'return fail(f"the API refuses: {error.code} {error.reason}")'
    wrong = 'return fail("the API refuses") * (error.code != 401)'


class EndsWithoutAWord(OtherApplication):
    """Fails and does not say that it does."""

    breaks = frozenset({"APP-05"})
    right = 'sys.stderr.write(f"Sorry, {why}.\\n")'
    wrong = "str(why)"


class NamesTheKeyThatWasRefused(OtherApplication):
    """Shows the key with what went wrong."""

    breaks = frozenset({"APP-06"})
    right = "{error.code} {error.reason}"
    wrong = "{os.environ['KIMI_API_KEY']}"


class LogsItsHeaders(OtherApplication):
    """Prints what it sends, for those who look for mistakes."""

    breaks = frozenset({"APP-06"})
    right = "    with build_opener("
    wrong = "    sys.stderr.write(str(request.headers))\n    with build_opener("


class TakesWhatCameForAll(OtherApplication):
    """Prints the beginning of an answer as if it were the whole one."""

    breaks = frozenset({"APP-07"})
    right = 'raise ValueError("it broke off")'
    wrong = "return"


class GivesUpQuietly(OtherApplication):
    """Prints nothing where the API has no time, and ends as if all were well."""

    breaks = frozenset({"APP-08"})
    right = "            if error.code != 429"
    wrong = "            if error.code == 429:\n                return 0\n            if error.code"


MUTANTS = (
    AsksWhereItAlwaysAsked,
    SendsAKeyOfItsOwn,
    AsksWhatItLikes,
    AsksInASCII,
    ReadsItsPromptAsACommand,
    KeepsTheAnswerToItself,
    PrintsInASCII,
    EndsWellWithoutAKey,
    EndsWithoutAWord,
    NamesTheKeyThatWasRefused,
    LogsItsHeaders,
    TakesWhatCameForAll,
    GivesUpQuietly,
)
