# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Demonstration in space: a moving camera with depth, the tracker and the localizer.

`make demo-3d` runs it. The camera is this program; tracker and localizer are processes of their
own, and everything goes through DDS. The positions are compared with those of the rendered boxes,
and drawn from above. Environment variables: OUTPUT, a folder; IMAGES, how many.
"""

from functools import partial
import os
from pathlib import Path
import sys
import time

import cv2
from graph import DemoError, Graph, exit_code, say
import numpy as np
from numpy.typing import NDArray
from robot import Robot
from scene import LABELS, RATE, Scene, SceneImage
from top_view import draw_top_view
from tqdm import tqdm

from sam_tracker.core.boxes import Region
from sam_tracker.localization.camera import Camera
from sam_tracker.localization.depth_image import DepthImage
from sam_tracker.localization.localizer import Localizer, SeenObject, View

OUTPUT = Path(os.environ.get('OUTPUT') or Path(__file__).resolve().parents[1] / 'out' / 'demo_3d')
IMAGES = int(os.environ.get('IMAGES') or 60)
IMAGE_TIMEOUT = 30.0
"""Seconds that tracking and placing one image may take."""
PICTURE = 'top_view.png'

Positions = dict[int, dict[int, NDArray[np.float64]]]
"""Position and velocity [2, 3] in the optical frame, by body and image number."""


def main() -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / PICTURE).unlink(missing_ok=True)
    with Graph(OUTPUT) as graph:
        say(f'tracker and localizer in ROS_DOMAIN_ID={graph.domain}')
        graph.start('tracker_node', image_reliability='reliable')
        graph.start('localizer_node', 'tracks:=sam_tracker/tracks', depth_reliability='reliable')
        robot = Robot()
        try:
            images, placed = drive(graph, robot)
        finally:
            robot.close()
        graph.end('localizer_node')
        graph.end('tracker_node')
    report(images, placed)


def drive(graph: Graph, robot: Robot) -> tuple[list[SceneImage], Positions]:
    """Prompt all boxes on the first image, then play the images, each after the one before."""
    scene = Scene()
    first = scene.image(0)
    graph.wait_for(lambda: robot.subscribed, 'subscriptions')
    robot.publish(first, 0)
    graph.wait_for(lambda: robot.places, 'places', meanwhile=lambda: robot.publish(first, 0))
    ids: dict[int, int] = {}
    for body_id, label in enumerate(LABELS, 1):
        answer = robot.prompt(first.box(body_id), label)
        graph.wait_for(answer.done, 'answer to a prompt')
        result = answer.result()
        if result is None or not result.success:
            raise DemoError(f'the prompt for {label} was refused: {result and result.message}')
        ids[result.track.object_id] = body_id
    images: list[SceneImage] = []
    placed: Positions = {body_id: {} for body_id in ids.values()}
    for number in tqdm(range(IMAGES), unit='image', disable=None):
        start = time.monotonic()
        image = scene.image(number) if number else first
        stamp = robot.publish(image, number)
        is_placed = partial(robot.places.__contains__, stamp)
        graph.wait_for(is_placed, f'places of image {number}', IMAGE_TIMEOUT)
        for track in robot.places[stamp].tracks:
            if track.method == track.METHOD_DEPTH and track.object_id in ids:
                placed[ids[track.object_id]][number] = np.array(
                    [
                        [each.x, each.y, each.z]
                        for each in (track.pose.pose.position, track.velocity)
                    ]
                )
        images.append(image)
        time.sleep(max(0.0, start + 1 / RATE - time.monotonic()))
    return images, placed


def report(images: list[SceneImage], placed: Positions) -> None:
    """
    Print errors, and draw the positions.

    :raises DemoError: a box was never placed.
    """
    exact = with_true_masks(images)
    for body_id, label in enumerate(LABELS, 1):
        if not placed[body_id]:
            raise DemoError(f'{label} was never placed; the logs are in {OUTPUT}')
        say(f'{label}: {errors(images, body_id, placed[body_id])}')
        say(f'{label}, true masks: {errors(images, body_id, exact[body_id])}')
    draw_top_view(OUTPUT / PICTURE, images, placed)
    say(str(OUTPUT / PICTURE))


def errors(
    images: list[SceneImage], body_id: int, positions: dict[int, NDArray[np.float64]]
) -> str:
    """Compare positions with the centre of the visible surface, velocities with the body's."""
    found, speeds = [], []
    for number, (position, velocity) in positions.items():
        image = images[number]
        truth = image.rendered.surface_centre(body_id, image.view)
        if truth is None:
            continue
        found.append((np.linalg.norm(position - truth), np.linalg.norm(truth)))
        # The filter of the velocity has the first half to settle.
        if len(images) / 2 <= number < len(images) - 1:
            before, after = (
                images[each].centres[body_id - 1] for each in (number - 1, number + 1)
            )
            speeds.append((velocity, (after - before) * RATE / 2))
    error, distance = np.array(found).T
    median, p95 = np.percentile(100 * error, [50, 95])
    share = 100 * np.median(error / distance)
    text = (
        f'on {len(found)} of {len(images)} images, median error {median:.1f} cm, 95 % {p95:.1f} '
        f'cm, {share:.2f} % of the distance'
    )
    if not speeds:
        return text
    measured, true = np.array(speeds).swapaxes(0, 1)
    speed = np.linalg.norm(true.mean(0))
    off = np.median(np.linalg.norm(measured - true, axis=1))
    mean_off = np.linalg.norm(measured.mean(0) - true.mean(0))
    return (
        f'{text}; velocity {100 * speed:.1f} cm/s, median error {100 * off:.1f} cm/s, that of the '
        f'mean over all images {100 * mean_off / speed:.0f} %'
    )


def with_true_masks(images: list[SceneImage]) -> Positions:
    """Return what the localizer finds with the same depth and the rendered masks."""
    localizer = Localizer()
    placed: Positions = {body_id: {} for body_id in range(1, len(LABELS) + 1)}
    for image in images:
        view = image.view
        camera = Camera.of((view.width, view.height), view.matrix, '', [])
        stamp = round(image.number / RATE * 1e9)
        seen = [true_object(image, body_id) for body_id in placed]
        depth = DepthImage(image.depth, 0.001)
        for place in localizer.places(View(stamp, camera, depth), seen):
            if place.measurement is not None:
                assert place.velocity is not None
                placed[place.object_id][image.number] = np.array(
                    [place.measurement.position, place.velocity]
                )
    return placed


def true_object(image: SceneImage, body_id: int) -> SeenObject:
    mask = (image.rendered.ids == body_id).astype(np.uint8)
    region = Region(*cv2.boundingRect(mask))
    return SeenObject(body_id, True, region, np.ascontiguousarray(mask[region.slices]))


if __name__ == '__main__':
    sys.exit(exit_code(main))
