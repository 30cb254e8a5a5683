"""How often a model calls the tools that it should, and how: shares, judged by interval."""

from kimi_conformance.checks import (
    Sampling,
    f1_finding,
    read_prompts,
    requirement,
    share_finding,
)

PROMPTS = read_prompts()
CALLED_FOR = [prompt for prompt in PROMPTS if prompt.tool is not None]


@requirement("EP-ACCURACY-01")
async def test_the_arguments_of_calls_are_what_the_schema_allows(sampling: Sampling) -> None:
    """An agent can hand the arguments to its tool as they come."""
    trials = await sampling.ask(CALLED_FOR)

    calls = sum(len(trial.calls) for trial in trials)
    valid = sum(trial.valid_calls() for trial in trials)

    sampling.judge(share_finding(valid, calls, sampling.at_least))


@requirement("EP-ACCURACY-02")
async def test_tools_are_called_where_they_are_called_for(sampling: Sampling) -> None:
    """An agent acts when it is asked to, and does not act when it is asked something."""
    trials = await sampling.ask(PROMPTS)

    rightly = sum(bool(trial.calls) for trial in trials if trial.is_called_for)
    missing = sum(not trial.calls for trial in trials if trial.is_called_for)
    needless = sum(bool(trial.calls) for trial in trials if not trial.is_called_for)

    sampling.judge(f1_finding(rightly, needless, missing, sampling.at_least))


@requirement("EP-ACCURACY-03")
async def test_answers_end_for_the_expected_reason(sampling: Sampling) -> None:
    """A client that goes by the finish_reason goes the right way."""
    trials = await sampling.ask(PROMPTS)

    agreed = sum(trial.ends_as_expected for trial in trials)

    sampling.judge(share_finding(agreed, len(trials), sampling.at_least))
