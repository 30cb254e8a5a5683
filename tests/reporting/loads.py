"""Load records as they could have been."""

import math
from typing import Any


def objective(name: str, target: float, value: float | None, **more: Any) -> dict[str, Any]:
    """An objective as a load record holds it; its interval is 4 % around the value."""
    return {
        "name": name,
        "metric": more.get("metric", name),
        "target": target,
        "comparison": more.get("comparison", "at_most"),
        "value": value,
        "low": more.get("low", None if value is None else round(value * 0.96, 4)),
        "high": more.get("high", None if value is None else round(value * 1.04, 4)),
        "verdict": more.get("verdict", "met"),
        "definition": more.get("definition", "mean of the values of each second"),
        "needed": more.get("needed"),
    }


def load_record(**changes: Any) -> dict[str, Any]:
    """A load record with thirty seconds of samples."""
    wave = [math.sin(second / 4) for second in range(30)]
    return {
        "record": "load",
        "scenario": "steady_chat",
        "question": "Does the first token still come soon at a pace that the service should bear?",
        "workload": "closed; 20 users, one question every 10 s each, so 2 requests/s offered",
        "target": {"kind": "simulator", "base_url": "http://127.0.0.1:4010/v1", "model": "kimi-k2"},
        "started": "2026-11-21T08:13:40+00:00",
        "duration_s": 30.0,
        "complete": True,
        "valid": True,
        "invalid_because": [],
        "requests": 1212,
        "objectives": [
            objective(
                "success_rate",
                0.99,
                0.9967,
                metric="success_share",
                comparison="at_least",
                low=0.9916,
                high=0.9987,
                definition="share of logical calls that brought a usable and complete body",
            ),
            objective("mean_response_s", 2.0, 1.214, metric="response_s"),
            objective("memory_percent", 80.0, 41.3),
            objective("cpu_percent", 70.0, 68.2, verdict="undecided"),
            objective(
                "ttft",
                0.99,
                0.962,
                metric="ttft_share",
                comparison="at_least",
                low=0.951,
                high=0.971,
                verdict="missed",
                definition="share at or under 0.8 s of: time to the first token",
            ),
        ],
        "timing": {
            "ttft_s": {
                "n": 1208, "mean": 0.412, "p50": 0.38, "p90": 0.61, "p95": 0.79, "p99": 1.12,
                "max": 1.9,
            },
            "itl_s": {
                "n": 20114, "mean": 0.021, "p50": 0.019, "p90": 0.034, "p95": 0.041,
                "p99": 0.088, "max": 0.41,
            },
            "response_s": {
                "n": 1208, "mean": 1.214, "p50": 1.17, "p90": 1.62, "p95": 1.88, "p99": 2.41,
                "max": 3.2,
            },
        },
        "errors": {"rate_limited": 3, "cut_short": 1},
        "warm_up_s": 5.0,
        "failures": [
            {"class": "rate_limited", "detail": "429 rate_limit_reached_error", "count": 3},
            {"class": "cut_short", "detail": "the body ended without [DONE]", "count": 1},
        ],
        "resources": {
            "host": {
                "cpu_percent": {"mean": 74.1, "peak": 91.0},
                "memory_percent": {"mean": 52.0, "peak": 53.2},
            },
            "load": {
                "cpu_percent": {"mean": 68.2, "peak": 83.5},
                "memory_percent": {"mean": 41.3, "peak": 42.0},
            },
            "target": None,
        },
        "series": {
            "second": [float(second) for second in range(30)],
            "requests": [40 + round(4 * w) for w in wave],
            "failures": [1 if second in {7, 8, 19, 26} else 0 for second in range(30)],
            "mean_response_s": [round(1.2 + 0.25 * w, 3) for w in wave],
            "p95_response_s": [
                None if n == 12 else round(1.8 + 0.5 * w, 3) for n, w in enumerate(wave)
            ],
            "mean_ttft_s": [round(0.41 + 0.08 * w, 3) for w in wave],
            "cpu_percent": [round(74 + 9 * w, 1) for w in wave],
            "load_cpu_percent": [round(61 + 8 * w, 1) for w in wave],
            "memory_percent": [round(50 + n * 0.08, 1) for n in range(30)],
            "offered": [41 + round(4 * w) for w in wave],
            "in_flight": [round(48 + 9 * w) for w in wave],
            "errors": {"rate_limited": [1 if second in {7, 8, 19} else 0 for second in range(30)]},
        },
        "samples": {"file": "steady_chat.samples", "sha256": "0" * 64},
        **_beyond(),
        **changes,
    }  # fmt: skip


def _beyond() -> dict[str, Any]:
    """What a load record has beside objectives, timing and series."""
    few = {"n": 300, "mean": 0.4, "p50": 0.38, "p95": 0.8}
    step = {"requests": 40, "attempts": 40, "refused": 0, "ttft_s": few, "response_s": few}
    return {
        "error_budgets": [
            {
                "name": "success_rate", "budget": 0.01, "values": 1212, "bad": 4, "spent": 0.33,
                "burn_rate": [2.5 if second in {7, 8, 19, 26} else 0.0 for second in range(30)],
                "spent_by": [0.08 * sum(n in {7, 8, 19, 26} for n in range(s)) for s in range(30)],
            },
            {
                "name": "ttft", "budget": 0.01, "values": 1208, "bad": 46, "spent": 3.808,
                "burn_rate": [None if second == 12 else 3.8 for second in range(30)],
                "spent_by": [round(3.8 * second / 29, 3) for second in range(30)],
            },
        ],
        "throughput": {
            "window_s": 25.0, "requests_per_s": 40.4, "completed_per_s": 40.3,
            "tokens_per_s": 1290.0,
            "goodput": {
                "bounds": {"ttft_s": 0.8}, "good": 1162, "share": 0.9587,
                "requests_per_s": 38.7, "tokens_per_s": 1240.0,
            },
        },
        "histogram": {
            "ttft_s": {
                "edges": [0.1, 0.2, 0.4, 0.8, 1.6], "counts": [0, 12, 640, 510, 40, 6],
            },
            "itl_s": {"edges": [0.01, 0.02, 0.05], "counts": [10, 12000, 8000, 104]},
        },
        "steps": [
            {
                "name": f"step {number}", "begin": 5.0 * number, "end": 5.0 * number + 5,
                "rate": rate, "judged": True, "broke": "ttft" if rate > 8 else "", **step,
                "offered_per_s": float(rate), "goodput_per_s": min(float(rate), 9.0),
                "success_share": 1.0 if rate < 9 else 0.93,
            }
            for number, rate in enumerate((2, 4, 8, 16, 11))
        ],
        "saturation": {
            "rate": 8, "broke": "ttft", "broke_at": 11, "tried": 16, "answered": True,
            "words": "8 requests/s; at 11 requests/s ttft broke.",
        },
        "by_name": {
            name: {
                "requests": count, "success_share": 0.997, "attempts": count, "ttft_s": few,
                "response_s": few, "mean_prompt_tokens": 20.0, "mean_completion_tokens": 31.0,
            }
            for name, count in (("chat/greeting", 900), ("chat/long", 312))
        },
        "trend": {
            "response_s": {
                "n": 25, "begin": 1.2, "end": 1.25, "per_hour": 7.2, "low": -0.1, "high": 14.5,
            },
            "ttft_s": None,
        },
        "recovery": [{"after": "the fault", "seconds": 3.0}],
        "not_counted": [
            {"class": "server", "detail": "503", "count": 7, "why": "the scenario caused it"}
        ],
        "distrusted": {"itl_s": "a fifth of the chunks came two at a time"},
        "notes": ["The machine was busy with other work, too."],
        "tokens": {"prompt": 24240, "completion": 37572},
        "conformance": {"judged": 66, "violating": 2},
    }  # fmt: skip
