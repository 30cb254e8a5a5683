"""
Other people's load generators, where they are installed, for `load_reader`.

Each has an environment of its own, named by its `bin` folder. They are asked for the same streams
over the same connections, and their figures are taken from the file that they write. aiperf
wants a tokenizer for its prompts; it gets one of numbered words, put where it looks for cached
ones, so that nothing is fetched.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["TOOLS"]

NEEDED = 50  # seconds that they may take to start and to end, beside measuring
_COMMIT = "0" * 40
_WORDS = """
import sys
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
words = {"[UNK]": 0, **{f"w{number}": number for number in range(1, 2000)}}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
special = {"unk_token": "[UNK]", "bos_token": "[UNK]", "eos_token": "[UNK]"}
PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(sys.argv[1])
"""

Seen = dict[str, float]


def aiperf(programs: Path, base_url: str, streams: int, seconds: float, folder: Path) -> Seen:
    """Run aiperf; TTFT and the gaps between chunks, in seconds."""
    cache = folder / "hub" / "models--bench--words"
    snapshot = cache / "snapshots" / _COMMIT
    snapshot.mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(_COMMIT)
    _run([str(programs / "python"), "-c", _WORDS, str(snapshot)], folder)
    (snapshot / "config.json").write_text('{"model_type": "llama"}')
    command = [
        *(str(programs / "aiperf"), "profile", "-m", "kimi-k2.6"),
        *("--url", base_url.removesuffix("/v1"), "--endpoint-type", "chat", "--streaming"),
        *("--concurrency", str(streams), "--benchmark-duration", f"{seconds:g}"),
        *("--tokenizer", "bench/words", "--use-server-token-count", "--ui", "none"),
        *("--artifact-dir", str(folder / "out"), "--isl", "16", "--osl", "100"),
        *("--num-dataset-entries", "10"),
    ]
    _run(command, folder)
    told = json.loads((folder / "out" / "profile_export_aiperf.json").read_text())
    first, gaps = told["time_to_first_token"], told["inter_chunk_latency"]
    return {
        "ttft_mean": first["avg"] / 1e3,
        "ttft_p99": first["p99"] / 1e3,
        "itl_p99": gaps["p99"] / 1e3,
    }


def guidellm(programs: Path, base_url: str, streams: int, seconds: float, folder: Path) -> Seen:
    """Run guidellm; TTFT in seconds, and of the gaps the mean of each request, as it counts."""
    rows = "".join(f"Why is the sky blue {number}?\n" for number in range(20_000))
    (folder / "prompts.csv").write_text("prompt\n" + rows)
    backend = f"target={base_url.removesuffix('/v1')},model=kimi-k2.6"
    command = [
        *(str(programs / "guidellm"), "run", "--disable-progress"),
        *("--backend", f"kind=openai_http,{backend},request_format=/v1/chat/completions"),
        *("--profile", f"kind=concurrent,streams={streams}"),
        *("--constraint", f"kind=max_duration,seconds={seconds:g}"),
        *("--data", f"kind=csv_file,path={folder / 'prompts.csv'}"),
        *("--output", f"kind=json,path={folder / 'out.json'}"),
    ]
    _run(command, folder)
    metrics = json.loads((folder / "out.json").read_text())["benchmarks"][0]["metrics"]
    first = metrics["time_to_first_token_ms"]["successful"]
    gaps = metrics["inter_token_latency_ms"]["successful"]
    return {
        "ttft_mean": first["mean"] / 1e3,
        "ttft_p99": first["percentiles"]["p99"] / 1e3,
        "itl_p99": gaps["percentiles"]["p99"] / 1e3,
    }


TOOLS: Mapping[str, Callable[[Path, str, int, float, Path], Seen]] = {
    "aiperf": aiperf,
    "guidellm": guidellm,
}


def _run(command: list[str], folder: Path) -> None:
    offline = {"HF_HOME": str(folder), "HF_HUB_OFFLINE": "1"}
    subprocess.run(
        command,
        env={**os.environ, **offline},
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=NEEDED + 120,
    )
