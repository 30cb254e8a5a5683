"""
The laws of every exchange, and the judge who applies them.

A check asserts one thing; the laws hold in all exchanges of all checks, so they find what
no check was looking for. Each law is a requirement in `requirements/wire.toml` of the same
id. Where the documents and the recordings of the live API disagree, a law accepts both, in
each edition; fields that nobody knows are allowed everywhere. One fault should break one
law: an answer that broke off is judged only by what had arrived.
"""

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.exchange import Exchange
from kimi_conformance.wire.law import Finding, Law
from kimi_conformance.wire.laws import LAWS
from kimi_conformance.wire.reading import Reading

__all__ = ["LAWS", "Finding", "Law", "judge"]

_OF_PLANE = {plane: tuple(law for law in LAWS if law.plane is plane) for plane in Plane}


def judge(exchange: Exchange, plane: Plane) -> list[Finding]:
    """What each law of this plane says of the exchange, in the order of `LAWS`.

    It never raises, however broken the exchange is.
    """
    reading = Reading(exchange)
    return [law.find(reading) for law in _OF_PLANE[plane]]
