"""What the probes of this process have seen, for Prometheus and whatever speaks OpenMetrics."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from kimi_conformance.errors import UsageError
from kimi_conformance.history.past import Probe

__all__ = ["Metrics", "serve"]

_SECONDS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counts probes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._probes = Counter(
            "kimi_probe_requests",
            "Probes by how they ended.",
            ("model", "error"),
            registry=self.registry,
        )
        self._ttft = Histogram(
            "kimi_probe_ttft_seconds",
            "Time to the first generated content, of good probes.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._response = Histogram(
            "kimi_probe_response_seconds",
            "Time to the last byte, of good probes.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._last = Gauge(
            "kimi_probe_last_timestamp_seconds",
            "When the last probe was sent.",
            ("model",),
            registry=self.registry,
        )
        self._up = Gauge(
            "kimi_probe_up",
            "1 if the last probe was good, 0 if it was bad.",
            ("model",),
            registry=self.registry,
        )

    def take(self, probe: Probe) -> None:
        """Count a probe."""
        self._probes.labels(probe.model, probe.error).inc()
        self._last.labels(probe.model).set(probe.at)
        self._up.labels(probe.model).set(int(probe.ok))
        if probe.ok:
            self._response.labels(probe.model).observe(probe.response_s)
            if probe.ttft_s is not None:
                self._ttft.labels(probe.model).observe(probe.ttft_s)


@contextmanager
def serve(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """Answer GET /metrics; gives the port, which 0 lets the system choose.

    Raises:
        UsageError: The port is not to be had.
    """
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except (OSError, OverflowError, UnicodeError) as error:
        raise UsageError(
            f"Metrics cannot be served on {host}:{port}: {error}. Name another --metrics-port."
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
