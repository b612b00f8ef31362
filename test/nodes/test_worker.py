# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The worker thread: newest item wins, commands are done once, nothing waits for ever."""

from concurrent.futures import CancelledError
import threading

import pytest

from sam_tracker.nodes.worker import Worker, WorkerStoppedError


class Bench:
    """A worker whose items take as long as the test wants."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.worker = Worker(self.process, 'worker under test')

    def process(self, item: int) -> None:
        self.begun.set()
        assert self.go_on.wait(10)
        self.done.append(item)

    def finish(self) -> None:
        self.go_on.set()
        self.worker.submit(lambda: None).result(10)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.go_on.set()
    assert bench.worker.stop(10)


def test_a_newer_item_replaces_the_one_that_waits(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(10)
    assert bench.worker.offer(2) is None
    assert bench.worker.offer(3) == 2
    assert bench.worker.offer(4) == 3
    bench.go_on.set()
    while len(bench.done) < 2:
        bench.worker.submit(lambda: None).result(10)
    assert bench.done == [1, 4]


def test_commands_go_before_the_waiting_item_and_keep_their_order(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(10)
    bench.worker.offer(2)
    seen = []
    futures = [bench.worker.submit(lambda i=i: seen.append((i, list(bench.done)))) for i in (0, 1)]
    bench.go_on.set()
    for future in futures:
        future.result(10)
    assert seen == [(0, [1]), (1, [1])]


def test_an_error_reaches_whoever_asked_and_the_worker_lives_on(bench):
    def fail() -> None:
        raise ValueError('the value 7')

    with pytest.raises(ValueError, match='the value 7'):
        bench.worker.submit(fail).result(10)
    assert bench.worker.submit(lambda: 5).result(10) == 5


def test_a_command_cancelled_in_time_is_never_done(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(10)
    done = []
    future = bench.worker.submit(lambda: done.append(1))
    assert future.cancel()
    bench.finish()
    assert done == []
    with pytest.raises(CancelledError):
        future.result(1)


def test_a_withdrawn_item_is_not_processed_but_a_newer_one_is(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(10)
    waiting, newer = object(), object()
    bench.worker.offer(waiting)
    bench.worker.withdraw(newer)
    assert bench.worker.offer(newer) is waiting
    bench.worker.withdraw(newer)
    bench.finish()
    assert bench.done == [1]


def test_stopping_answers_those_who_wait(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(10)
    future = bench.worker.submit(lambda: 1)
    assert not bench.worker.stop(0.05)
    with pytest.raises(WorkerStoppedError, match='was stopped'):
        future.result(10)
    with pytest.raises(WorkerStoppedError, match='not running'):
        bench.worker.submit(lambda: 1)
