"""Every reader, fed with what is committed after somebody tampered with it, and with noise."""

from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzzing.few import FEW
from tests.fuzzing.readers import READERS
from tests.fuzzing.tokens import TOKENS

PLACES = st.integers(0, 1_000_000)
EDITS = st.lists(
    st.tuples(PLACES, st.integers(0, 40), st.sampled_from(TOKENS) | st.binary(max_size=6)),
    min_size=1,
    max_size=3,
)


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    return tuple(READERS[name].seeds())


@pytest.mark.parametrize("name", READERS)
def test_what_is_committed_has_the_property(name: str) -> None:
    assert seeds(name)
    for seed in seeds(name):
        READERS[name].property(seed)


@pytest.mark.parametrize("name", READERS)
@settings(FEW, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_was_tampered_with_has_the_property(name: str, data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(seeds(name)))
    for place, size, new in data.draw(EDITS):
        start = place % (len(content) + 1)
        content = content[:start] + new + content[start + size :]

    READERS[name].property(content)


@pytest.mark.parametrize("name", READERS)
@FEW
@given(noise=st.binary(max_size=200))
def test_noise_has_the_property(name: str, noise: bytes) -> None:
    READERS[name].property(noise)
