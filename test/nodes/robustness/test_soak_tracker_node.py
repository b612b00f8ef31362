# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A tracker node driven at random through its graph keeps running in bounded memory.

A few actions are made in every run, as many as fit in by `make soak MINUTES=60`.
"""

from collections.abc import Callable
from dataclasses import dataclass
import os
from pathlib import Path
import time

import numpy as np
import pytest

from sam_tracker.core.time import SECOND
from sam_tracker.msg import ImagePoint
from sam_tracker.ros.messages.stamps import nanoseconds
from sam_tracker.srv import SegmentImage

from ...conftest import wait_until

MINUTES = float(os.environ.get('SAM_TRACKER_SOAK_MINUTES', '0'))
SEED = int(os.environ.get('SAM_TRACKER_SOAK_SEED', '1'))
FEWEST_ACTIONS = 60
REPORTS = 20
WARM_UP_SHARE = 0.3
ALLOWED_GROWTH_MB = 24.0
ALLOWED_GROWTH = 4
"""Of open files and threads: answers and discovery come and go."""

pytestmark = pytest.mark.timeout(600 + 90 * MINUTES)

DEACTIVATE, ACTIVATE, CLEANUP, CONFIGURE = 4, 3, 2, 1


@dataclass(frozen=True)
class Usage:
    """What a process has of the machine."""

    resident_megabytes: float
    files: int
    threads: int
    shared_memory: int
    """Mappings of /dev/shm."""


def usage(pid: int) -> Usage:
    folder = Path(f'/proc/{pid}')
    pages = int((folder / 'statm').read_text().split()[1])
    return Usage(
        pages * os.sysconf('SC_PAGE_SIZE') / 1e6,
        len(list((folder / 'fd').iterdir())),
        len(list((folder / 'task').iterdir())),
        (folder / 'maps').read_text().count('/dev/shm/'),
    )


class Operator:
    """Does to a node what operators, cameras and their programs do."""

    def __init__(self, graph, tester, new_camera) -> None:
        self._random = np.random.default_rng(SEED)
        self._graph, self._tester, self._new_camera = graph, tester, new_camera
        self._camera = new_camera()
        self._segment = tester.node.create_client(SegmentImage, f'{tester.name}/segment_image')
        self.latencies: list[float] = []
        """Seconds that services took."""

    def act(self) -> str:
        """Do something, and return what."""
        actions: dict[Callable[[], None], float] = {
            self._prompt: 8.0,
            self._refine: 4.0,
            self._prompt_nonsense: 3.0,
            self._click: 2.0,
            self._remove: 3.0,
            self._reset: 0.5,
            self._pause: 1.0,
            self._set_parameter: 2.0,
            self._list: 3.0,
            self._segment_image: 1.0,
            self._restart_camera: 0.7,
            self._deactivate: 0.4,
            self._clean_up: 0.15,
        }
        weights = np.array(list(actions.values()))
        action = list(actions)[self._random.choice(len(actions), p=weights / weights.sum())]
        start = time.monotonic()
        action()
        self.latencies.append(time.monotonic() - start)
        return action.__name__

    def _box(self) -> tuple[float, float, float, float]:
        x, y = self._random.uniform(0, 100), self._random.uniform(0, 70)
        return x, y, x + 40, y + 40

    def _prompt(self) -> None:
        answer = self._tester.add_box(*self._box(), label='thing')
        assert answer.message

    def _refine(self) -> None:
        if ids := self._tester.object_ids():
            number = int(self._random.choice(ids))
            assert self._tester.add_box(*self._box(), object_id=number).message

    def _prompt_nonsense(self) -> None:
        prompt = self._tester.box_prompt(9.0, 9.0, 3.0, float('nan'))
        prompt.points = [ImagePoint(x=float('inf'), y=-1e30)]
        assert not self._tester.call('add_prompt', prompt=prompt).success

    def _click(self) -> None:
        self._tester.prompts.publish(self._tester.box_prompt(*self._box()))

    def _remove(self) -> None:
        ids = self._tester.object_ids() or [7]
        self._tester.call('remove_object', object_id=int(self._random.choice(ids)))

    def _reset(self) -> None:
        assert self._tester.call('reset').success

    def _pause(self) -> None:
        assert self._tester.call('set_paused', data=True).success
        assert self._tester.call('set_paused', data=False).success

    def _set_parameter(self) -> None:
        seconds = float(self._random.uniform(0.5, 2.0))
        assert self._tester.set('buffer.seconds', seconds).successful
        assert not self._tester.set('device', 'abacus').successful

    def _list(self) -> None:
        assert self._tester.call('get_objects', include_masks=True).success

    def _segment_image(self) -> None:
        prompts = [self._tester.box_prompt(*self._box())]
        future = self._segment.call_async(SegmentImage.Request(prompts=prompts))
        wait_until(future.done, 'an answer of segment_image')
        assert future.result().message or future.result().success

    def _restart_camera(self) -> None:
        self._camera.close()
        self._camera.close = lambda: None
        side = int(self._random.integers(4, 16)) * 10
        self._camera = self._new_camera(size=(160, side), rate=float(self._random.uniform(5, 30)))
        self._wait_for_tracks()

    def _deactivate(self) -> None:
        assert self._tester.change(DEACTIVATE)
        assert not self._tester.call('reset').success
        assert self._tester.change(ACTIVATE)
        self._wait_for_tracks()

    def _clean_up(self) -> None:
        for transition in (DEACTIVATE, CLEANUP, CONFIGURE, ACTIVATE):
            assert self._tester.change(transition)
        self._wait_for_tracks()

    def _wait_for_tracks(self) -> None:
        count = len(self._tester.tracks)
        wait_until(lambda: len(self._tester.tracks) > count, 'tracks')


def test_a_node_goes_on_and_its_needs_stay_what_they_are(
    graph, tester, tracker_program, new_camera, capsys
):
    operator = Operator(graph, tester, new_camera)
    operator._wait_for_tracks()
    process = tracker_program.process
    reports: list[Usage] = []
    start = time.monotonic()
    report_at = start
    actions = images = 0
    while actions < FEWEST_ACTIONS or time.monotonic() - start < 60 * MINUTES:
        action = operator.act()
        actions += 1
        assert process.poll() is None, f'the node died of {action}:\n{tracker_program.output}'
        now = time.monotonic()
        if MINUTES and now >= report_at:
            report_at += 60 * MINUTES / REPORTS
            reports.append(usage(process.pid))
            images += len(tester.tracks)
            ages = [nanoseconds(each.processing_latency) / SECOND for each in tester.tracks]
            # The test itself must not grow either.
            del tester.tracks[:-1], tester.diagnostics[:]
            slowest, operator.latencies = max(operator.latencies), []
            with capsys.disabled():
                print(
                    f'\n{now - start:6.0f} s, {actions} actions, {images} images, {reports[-1]}, '
                    f'slowest action {slowest:.2f} s, slowest image {max(ages, default=0):.2f} s',
                    end='',
                )
    assert 'Traceback' not in tracker_program.output
    assert tester.next_tracks()
    if MINUTES:
        _assert_flat(reports[int(WARM_UP_SHARE * len(reports)) :])


def _assert_flat(reports: list[Usage]) -> None:
    middle = len(reports) // 2
    for name, allowed in (
        ('resident_megabytes', ALLOWED_GROWTH_MB),
        ('files', ALLOWED_GROWTH),
        ('threads', ALLOWED_GROWTH),
        ('shared_memory', ALLOWED_GROWTH),
    ):
        values = [getattr(each, name) for each in reports]
        growth = max(values[middle:]) - max(values[:middle])
        assert growth <= allowed, f'{name} grows: {values}'
