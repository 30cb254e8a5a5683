"""`kimi-conformance selfcheck`."""

from pathlib import Path

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.checking.every_sut import run_matrix
from kimi_conformance.cli.keeping.proof import Proof, prove
from kimi_conformance.cli.keeping.run_folder import RunFolder
from kimi_conformance.cli.showing import show
from kimi_conformance.verdicts import RunVerdict

__all__ = ["selfcheck"]


@command("selfcheck --edition 2026-09")
@options.edition
@options.out
@options.json_file
def selfcheck(edition: str | None, out: Path, json_file: str | None) -> int:
    """Show that every check can fail, and only when it should.

    Runs every check against every mutant and fault, every benign variant, and every vacuum;
    with --edition, in that edition only.
    """
    suite = suites.find()
    editions = [edition] if edition else list(suite.editions())
    folder = RunFolder.begin(
        out,
        "selfcheck",
        lane="simulator",
        source="embedded simulator",
        edition=editions[0],
        configuration={},
    )
    with show.progress("cells") as progress:
        proof = prove(run_matrix(suite, editions, folder.folder, progress=progress))
    folder.append(proof.record())
    verdict = RunVerdict.CONFORMANT if proof.holds else RunVerdict.NOT_CONFORMANT
    sentence = _sentence(proof)
    folder.end(verdict, sentence)
    for line in _lines(proof):
        show.say(line, json_file)
    show.say(sentence, json_file)
    show.answer(proof.record(), json_file)
    return verdict.exit_code


def _sentence(proof: Proof) -> str:
    record = proof.record()
    return (
        f"{record['killed']} of {record['checks']} checks are failed by a mutant; "
        f"{len(proof.alive)} mutants alive, {len(proof.benign_red)} checks red on a benign "
        f"variant, {len(proof.vacuum_passes)} green in a vacuum, "
        f"{len(proof.sound_red)} not green on a sound SUT."
    )


def _lines(proof: Proof) -> list[str]:
    sections = {
        "Mutant that nothing notices": proof.alive,
        "Check that no mutant fails": proof.unkilled,
        "Red on a benign variant": proof.benign_red,
        "Green in a vacuum": proof.vacuum_passes,
        "Not green on a sound SUT": proof.sound_red,
    }
    return [f"{title}: {each}" for title, found in sections.items() for each in found]
