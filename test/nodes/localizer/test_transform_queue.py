# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""How long images wait for their transform."""

import numpy as np

from sam_tracker.localization.rigid_transform import RigidTransform
from sam_tracker.nodes.localizer.transform_queue import MOST_WAITING, TransformQueue
from sam_tracker.ros.camera.transforms import TransformError

PATIENCE = 200


class Transforms:
    """Knows those of some images, by number."""

    def __init__(self, *known: int) -> None:
        self.known = set(known)
        self.queue: TransformQueue[int] = TransformQueue(self.look_up, PATIENCE)

    def look_up(self, number: int) -> RigidTransform:
        if number not in self.known:
            raise TransformError(f'no transform for image {number}')
        return RigidTransform(np.eye(3), np.full(3, float(number)))

    def ready(self, now: int) -> list[tuple[int, str]]:
        return [
            (
                item,
                str(found) if isinstance(found, TransformError) else f'{found.translation[0]:g}',
            )
            for item, found in self.queue.ready(now)
        ]


def test_an_image_whose_transform_comes_late_is_placed_when_it_has_come():
    transforms = Transforms()
    transforms.queue.add(1, now=0)
    assert transforms.ready(0) == [] and transforms.queue.first == 1
    transforms.known.add(1)
    assert transforms.ready(150) == [(1, '1')]
    assert transforms.queue.first is None and len(transforms.queue) == 0


def test_images_stay_in_order():
    transforms = Transforms(2, 3)
    for number in (1, 2, 3):
        transforms.queue.add(number, now=0)
    assert transforms.ready(0) == []
    transforms.known.add(1)
    assert transforms.ready(1) == [(1, '1'), (2, '2'), (3, '3')]


def test_an_image_is_given_up_after_its_own_time_and_costs_the_next_nothing():
    transforms = Transforms(2)
    transforms.queue.add(1, now=0)
    transforms.queue.add(2, now=10)
    transforms.queue.add(3, now=50)
    assert transforms.ready(PATIENCE - 1) == []
    assert transforms.ready(PATIENCE) == [(1, 'no transform for image 1'), (2, '2')]
    assert transforms.ready(PATIENCE + 49) == []
    assert transforms.ready(PATIENCE + 50) == [(3, 'no transform for image 3')]


def test_few_images_wait():
    transforms = Transforms()
    for number in range(MOST_WAITING + 2):
        transforms.queue.add(number, now=0)
        given_up = [item for item, _ in transforms.ready(0)]
        assert given_up == ([number - MOST_WAITING] if number >= MOST_WAITING else [])
    assert len(transforms.queue) == MOST_WAITING
