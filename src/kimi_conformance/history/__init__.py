"""
What was found in earlier runs, and what follows from all of them together.

    run.jsonl ─► importing ─► store (one SQLite file) ─► comparison, trend, service level
    probe ──────────────────────┘

Only `store` and `migrations` know SQLite; all else is pure.
"""
