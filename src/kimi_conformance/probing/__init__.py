"""
One small request an interval, remembered at once: what a service was like between the nights.

    schedule ─► request ─► endpoint
        └► history, metrics
"""
