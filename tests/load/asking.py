"""
Asks for what stands on stdin, with the client of the load laboratory, in a process of its own.

A line of JSON names the base URL, the limits, an optional certificate to trust, a pause after
each answer, and groups of paths: each group is asked by one client, one path after the other.
The answer is a line of JSON.
"""

import json
import ssl
import sys
from dataclasses import asdict
from typing import Any

import gevent

from kimi_conformance.load.client.client import Client, Pool
from kimi_conformance.load.client.incoming import Incoming, Limits


def told(incoming: Incoming) -> dict[str, Any]:
    scan = incoming.scan
    return {
        "status": incoming.status,
        "broken": incoming.broken,
        "body": incoming.body.decode(),
        "connected": incoming.connect_s is not None,
        "events": scan.events,
        "flaw": scan.flaw,
        "tokens": scan.completion_tokens,
        "times": [at - incoming.sent for at in scan.times],
        "kept": len(incoming.frames),
        "last": incoming.last - incoming.sent,
    }


def main() -> None:
    task = json.loads(sys.stdin.readline())
    tls = ssl.create_default_context(cafile=task["trust"]) if task.get("trust") else None
    answers = []
    for group in task["groups"]:
        pool = Pool(task["base_url"], Limits(**task["limits"]), most=task.get("most"), tls=tls)
        client = Client(pool, {"Authorization": "Bearer kept-out-of-everything"})
        body = [b"x" * task.get("size", 2)] * task.get("pieces", 1)
        found = []
        for path in group:
            found.append(told(client.post(path, *body, streamed=True, keep=True)))
            gevent.sleep(task.get("pause", 0))
        answers.append(found)
        counts = asdict(pool.counts)
        client.close()
    sys.stdout.write(json.dumps({"answers": answers, "counts": counts}) + "\n")


if __name__ == "__main__":
    main()
