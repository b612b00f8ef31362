# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Cases without end from hypothesis: a few in every run of the tests, as many as one asks for."""

from collections.abc import Callable
from itertools import count
import os
import time

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

SECONDS = float(os.environ.get('SAM_TRACKER_FUZZ_SECONDS', '0'))
"""Of each test; 0: one round."""
SEED = int(os.environ.get('SAM_TRACKER_FUZZ_SEED', '1'))
"""Of the first round; each later one has the next."""
ROUND = 40
"""Cases."""


def fuzz(check: Callable[[object], None], cases: SearchStrategy) -> int:
    """Check cases until the time is over, and return their number."""
    checked = 0

    def counted(case: object) -> None:
        nonlocal checked
        checked += 1
        check(case)

    end = time.monotonic() + SECONDS
    for number in count(SEED):
        # A failure is told with its seed; shrinking would drive a node that is broken already.
        rules = settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        try:
            seed(number)(rules(given(cases)(counted)))()
        except BaseException:
            print(f'round with SAM_TRACKER_FUZZ_SEED={number} failed')
            raise
        if time.monotonic() >= end:
            break
    print(f'{checked} cases, seeds {SEED} to {number}')
    return checked
