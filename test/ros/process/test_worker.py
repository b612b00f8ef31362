# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The worker thread: newest item wins, commands are done once, every wait ends."""

from concurrent.futures import CancelledError
import threading
import time

import pytest

from sam_tracker.ros.process.worker import (
    MOST_COMMANDS,
    MOST_SLICED,
    Worker,
    WorkerBusyError,
    WorkerStoppedError,
)


class Bench:
    """A worker whose items take as long as the test wants."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.worker = Worker(self.process, 'worker under test')

    def process(self, item: int) -> None:
        self.begun.set()
        assert self.go_on.wait(90)
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
    assert bench.begun.wait(90)
    assert bench.worker.offer(2) is None
    assert bench.worker.offer(3) == 2
    assert bench.worker.offer(4) == 3
    bench.go_on.set()
    while len(bench.done) < 2:
        bench.worker.submit(lambda: None).result(10)
    assert bench.done == [1, 4]


def test_commands_go_before_the_waiting_item_and_keep_their_order(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(90)
    bench.worker.offer(2)
    seen = []
    futures = [bench.worker.submit(lambda i=i: seen.append((i, list(bench.done)))) for i in (0, 1)]
    bench.go_on.set()
    for future in futures:
        future.result(10)
    assert seen == [(0, [1]), (1, [1])]


def test_urgent_commands_go_before_a_flood_of_others_and_have_places_of_their_own(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(90)
    seen = []
    flood = [
        bench.worker.submit(lambda i=i: seen.append(f'flood {i}')) for i in range(MOST_COMMANDS)
    ]
    with pytest.raises(WorkerBusyError, match=f'busy: {MOST_COMMANDS} commands wait'):
        bench.worker.submit(lambda: None)
    urgent = [
        bench.worker.submit(lambda i=i: seen.append(f'urgent {i}'), urgent=True) for i in (0, 1)
    ]
    bench.go_on.set()
    for future in [*flood, *urgent]:
        future.result(10)
    assert seen[:3] == ['urgent 0', 'urgent 1', 'flood 0']


def test_an_error_reaches_whoever_asked_and_the_worker_lives_on(bench):
    def fail() -> None:
        raise ValueError('the value 7')

    with pytest.raises(ValueError, match='the value 7'):
        bench.worker.submit(fail).result(10)
    assert bench.worker.submit(lambda: 5).result(10) == 5


def test_a_command_cancelled_in_time_is_never_done(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(90)
    done = []
    future = bench.worker.submit(lambda: done.append(1))
    assert future.cancel()
    bench.finish()
    assert done == []
    with pytest.raises(CancelledError):
        future.result(1)


def test_a_withdrawn_item_is_not_processed_but_a_newer_one_is(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(90)
    waiting, newer = object(), object()
    bench.worker.offer(waiting)
    bench.worker.withdraw(newer)
    assert bench.worker.offer(newer) is waiting
    bench.worker.withdraw(newer)
    bench.finish()
    assert bench.done == [1]


def test_stopping_answers_those_who_wait(bench):
    bench.worker.offer(1)
    assert bench.begun.wait(90)
    future = bench.worker.submit(lambda: 1)
    assert not bench.worker.stop(0.05)
    with pytest.raises(WorkerStoppedError, match='was stopped'):
        future.result(10)
    with pytest.raises(WorkerStoppedError, match='not running'):
        bench.worker.submit(lambda: 1)


class SlicedWork:
    """Writes what it does into the bench's list, one entry for each slice."""

    def __init__(self, done: list, name: str, slices: int) -> None:
        self.done, self.name, self.slices = done, name, slices
        self.closed = threading.Event()

    def __call__(self):
        try:
            for _ in range(self.slices):
                self.done.append(self.name)
                yield
            return f'result of {self.name}'
        finally:
            self.closed.set()


def held_up(bench: Bench) -> None:
    """Have the worker stand in a command until the bench lets it go on."""
    begun = threading.Event()

    def command() -> None:
        begun.set()
        assert bench.go_on.wait(90)

    bench.worker.submit(command)
    assert begun.wait(90)


def test_sliced_work_comes_to_its_result_when_nothing_else_is_to_do(bench):
    work = SlicedWork(bench.done, 'a', 3)
    assert bench.worker.submit_slices(work()).result(10) == 'result of a'
    assert bench.done == ['a', 'a', 'a']


def test_an_item_is_held_up_by_one_slice_at_most(bench):
    held_up(bench)

    def work():
        for _ in range(6):
            bench.done.append('slice')
            # As quick as any camera: an item comes during each slice.
            bench.worker.offer('item')
            yield

    future = bench.worker.submit_slices(work())
    bench.go_on.set()
    future.result(10)
    bench.finish()
    assert bench.done[:12] == ['slice', 'item'] * 6


def test_sliced_work_gets_on_although_an_item_always_waits():
    done: list[str] = []

    def process(item: str) -> None:
        done.append(item)
        if len(done) < 100:
            worker.offer('item')

    worker = Worker(process, 'worker under test')
    worker.offer('item')
    try:
        worker.submit_slices(SlicedWork(done, 'slice', 5)()).result(10)
    finally:
        assert worker.stop(10)
    first = done.index('slice')
    assert done[first : first + 9] == ['slice', *['item', 'slice'] * 4]


def test_commands_go_before_the_next_slice(bench):
    held_up(bench)
    future = bench.worker.submit_slices(SlicedWork(bench.done, 'slice', 2)())
    command = bench.worker.submit(lambda: bench.done.append('command'))
    bench.go_on.set()
    future.result(10)
    command.result(10)
    assert bench.done == ['command', 'slice', 'slice']


def test_several_pieces_of_sliced_work_take_turns(bench):
    held_up(bench)
    short = SlicedWork(bench.done, 'short', 1)
    long = bench.worker.submit_slices(SlicedWork(bench.done, 'long', 50)())
    quick = bench.worker.submit_slices(short())
    bench.go_on.set()
    assert quick.result(10) == 'result of short'
    assert long.result(10) == 'result of long'
    assert bench.done.index('short') == 1


def test_cancelled_sliced_work_is_closed_instead_of_its_next_slice(bench):
    work = SlicedWork(bench.done, 'slice', 10**9)
    future = bench.worker.submit_slices(work())
    while len(bench.done) < 3:
        time.sleep(0.001)
    assert future.cancel()
    assert work.closed.wait(90)
    count = len(bench.done)
    assert bench.worker.submit(lambda: 5).result(10) == 5
    assert len(bench.done) == count


def test_an_error_in_a_slice_reaches_whoever_asked_and_the_worker_lives_on(bench):
    def work():
        yield
        raise ValueError('the value 7')

    with pytest.raises(ValueError, match='the value 7'):
        bench.worker.submit_slices(work()).result(10)
    assert bench.worker.submit_slices(SlicedWork(bench.done, 'a', 1)()).result(10) == 'result of a'


def test_an_error_while_closing_abandoned_work_ends_nothing(bench):
    begun = threading.Event()

    def work():
        try:
            while True:
                begun.set()
                yield
        finally:
            raise RuntimeError('clumsy')

    future = bench.worker.submit_slices(work())
    assert begun.wait(90)
    assert future.cancel()
    assert bench.worker.submit_slices(SlicedWork(bench.done, 'a', 1)()).result(10) == 'result of a'


def test_more_sliced_work_than_the_bound_is_refused_by_it_until_there_is_room(bench):
    held_up(bench)
    works = [SlicedWork(bench.done, 'a', 1) for _ in range(MOST_SLICED)]
    futures = [bench.worker.submit_slices(work()) for work in works]
    refused = SlicedWork(bench.done, 'refused', 1)
    with pytest.raises(WorkerBusyError, match=f'{MOST_SLICED} long pieces of work'):
        bench.worker.submit_slices(refused())
    bench.go_on.set()
    for future in futures:
        future.result(10)
    assert bench.worker.submit_slices(SlicedWork(bench.done, 'b', 1)()).result(10) == 'result of b'
    assert 'refused' not in bench.done


def test_stopping_fails_sliced_work_that_waits_and_that_is_at_a_slice(bench):
    at_a_slice = threading.Event()

    def stubborn():
        at_a_slice.set()
        assert bench.go_on.wait(90)
        yield
        bench.done.append('after the end')

    current = bench.worker.submit_slices(stubborn())
    assert at_a_slice.wait(90)
    waiting_work = SlicedWork(bench.done, 'waiting', 1)
    waiting = bench.worker.submit_slices(waiting_work())
    assert not bench.worker.stop(0.05)
    with pytest.raises(WorkerStoppedError, match='was stopped'):
        waiting.result(10)
    assert not current.done()
    bench.go_on.set()
    with pytest.raises(WorkerStoppedError, match='was stopped'):
        current.result(10)
    with pytest.raises(WorkerStoppedError, match='not running'):
        bench.worker.submit_slices(waiting_work())
    assert bench.done == []
