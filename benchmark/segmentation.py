# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Duration of a segmentation slice, and latency of tracks while automatic mode runs.

    python benchmark/segmentation.py            # --slices, --latency for one of them

Slices are measured in this process, in processor time of their thread, relative to tracking one
object on an image of the same size: an image waits for at most one slice.

For the latency, this process publishes images at a steady rate to a tracker node in another
process, alternately without other work and with continuous requests in automatic mode, so that
other load on the machine affects both alike. Latency is the time from the stamp of an image to the
arrival of its tracks here.
"""

import argparse
from collections.abc import Callable, Generator
from functools import partial
import os
import signal
import statistics
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
import torch

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.msg import ImageBox, TrackArray
from sam_tracker.msg import Prompt as PromptMessage
from sam_tracker.networks.runtime import choose_runtime
from sam_tracker.networks.weights.loading import load_network
from sam_tracker.nodes.segmenter.segment_slices import generator_settings, masks_at_once, prompted
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages.stamps import nanoseconds, time_message
from sam_tracker.ros.parameters.segmentation import EverythingParameters
from sam_tracker.segmentation.image_segmenter import ImageSegmenter
from sam_tracker.segmentation.mask_generator import MaskGenerator
from sam_tracker.srv import AddPrompt, SegmentImage
from sam_tracker.tracking.settings import TrackerSettings
from sam_tracker.tracking.tracker import Tracker
from sam_tracker.video.test_pattern import draw_frame_number, pattern_background, square_box

WIDTH, HEIGHT = 640, 480
SLICED_SIZES = ((640, 480), (1920, 1080), (3840, 2160))
FRAME_PERIOD = 33_000_000
"""Nanoseconds."""
FRAMES = 240
"""Frames after which the pattern repeats."""
PATIENCE = 120.0
"""Seconds."""


def pattern(width: int, height: int, number: int) -> NDArray[np.uint8]:
    picture = pattern_background(width, height)
    draw_frame_number(picture, number)
    return picture


def milliseconds(work: Callable[[], object]) -> float:
    """Return the processor time of this thread in ms; the network has no other thread."""
    start = time.thread_time()
    work()
    return (time.thread_time() - start) * 1000


def tracked_image(tracker: Tracker, width: int, height: int) -> float:
    """Return the median time of tracking an image with one object, in ms."""
    box = Prompt(box=np.array(square_box(width, height, 0)))
    tracker.add_prompt(Frame(pattern(width, height, 0), 0), box)

    def step(picture: NDArray[np.uint8], number: int) -> None:
        for track in tracker.step(Frame(picture, number * FRAME_PERIOD)):
            _ = track.mask_crop

    times = [
        milliseconds(partial(step, pattern(width, height, number), number))
        for number in range(1, 25)
    ]
    tracker.reset()
    # The first frames have fewer memories.
    return statistics.median(times[10:])


def slice_times(slices: Generator[object, None, object]) -> list[float]:
    """Return the time of each slice, in ms."""
    times, ended = [], False

    def advance() -> None:
        nonlocal ended
        ended = next(slices, advance) is advance

    while not ended:
        times.append(milliseconds(advance))
    return times


def measure_slices() -> None:
    torch.set_num_threads(1)
    runtime = choose_runtime('cpu', 'auto', False)
    network = runtime.place(load_network('nano'))
    segmenter = ImageSegmenter(network, runtime)
    tracker = Tracker(network, TrackerSettings.for_network(network.suited_settings), runtime)
    print('slices of nano on one core, as shares of tracking an image with one object')
    print(
        f'{"size":10} {"tracking":>12} {"what":>24} {"slices":>7} {"median":>7} {"most":>7} '
        f'{"in all":>7}'
    )
    for width, height in SLICED_SIZES:
        tracking = tracked_image(tracker, width, height)
        picture = pattern(width, height, 0)
        settings = generator_settings(EverythingParameters(), 'nano', width, height)
        places = np.random.default_rng(0).random((16, 2)) * (width, height)
        prompts = [Prompt(points=place[None], labels=np.array([1])) for place in places]
        count = masks_at_once(width, height)
        batches = [prompts[start : start + count] for start in range(0, len(prompts), count)]
        for what, slices in (
            ('everything', MaskGenerator(segmenter, settings).steps(picture)),
            (
                '16 prompts, 3 masks each',
                prompted(segmenter, picture, batches, several=True, keep=list),
            ),
        ):
            shares = [each / tracking for each in slice_times(slices)]
            print(
                f'{f"{width}x{height}":10} {tracking:9.1f} ms {what:>24} {len(shares):7} '
                f'{statistics.median(shares):7.2f} {max(shares):7.2f} {sum(shares):7.1f}'
            )


class Bench:
    """Publishes images, receives their tracks, and requests automatic segmentation."""

    def __init__(self, rate: float) -> None:
        rclpy.init()
        self.node = rclpy.create_node('bench')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.rate = rate
        self.camera = self.node.create_publisher(Image, 'image', QoSProfile(depth=5))
        self.node.create_subscription(
            TrackArray, 'sam_tracker/tracks', self._on_tracks, QoSProfile(depth=10)
        )
        self.add_prompt = self.node.create_client(AddPrompt, 'sam_tracker/add_prompt')
        self.segment_image = self.node.create_client(SegmentImage, 'sam_tracker/segment_image')
        self.latencies: list[float] = []
        """Milliseconds from image to tracks."""
        self.sent = 0
        """Images, in this turn."""
        self.answers: list[SegmentImage.Response] = []

    def _on_tracks(self, message: TrackArray) -> None:
        self.latencies.append((time.time_ns() - nanoseconds(message.header.stamp)) / 1e6)

    def publish(self, picture: NDArray[np.uint8]) -> None:
        header = Header(stamp=time_message(time.time_ns()))
        self.camera.publish(image_message(picture, 'bgr8', header))
        self.sent += 1

    def spin_until(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f'{what} did not happen within {PATIENCE:g} s')
            self.executor.spin_once(timeout_sec=0.05)

    def prepare(self, picture: NDArray[np.uint8], corners: tuple[int, int, int, int]) -> None:
        """Wait until images arrive, and prompt one object."""

        def arrived() -> bool:
            self.publish(picture)
            return bool(self.latencies)

        self.spin_until(arrived, 'the first tracks')
        x_min, y_min, x_max, y_max = map(float, corners)
        box = ImageBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
        future = self.add_prompt.call_async(AddPrompt.Request(prompt=PromptMessage(box=box)))
        self.spin_until(future.done, 'an answer of add_prompt')
        if not future.result().success:
            raise SystemExit(future.result().message)

    def run(self, pictures: list[NDArray[np.uint8]], seconds: float, everything: bool) -> None:
        """Publish for a while, with a request in automatic mode pending or without."""
        self.latencies.clear()
        self.sent = 0
        pending = None
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            due = time.monotonic() + 1 / self.rate
            self.publish(pictures[self.sent % len(pictures)])
            if everything and (pending is None or pending.done()):
                pending = self.segment_image.call_async(
                    SegmentImage.Request(mode=SegmentImage.Request.MODE_EVERYTHING)
                )
                pending.add_done_callback(lambda done: self.answers.append(done.result()))
            while (left := due - time.monotonic()) > 0:
                self.executor.spin_once(timeout_sec=left)
        # Wait, or the pending request would disturb the next turn.
        if pending is not None:
            self.spin_until(pending.done, 'an answer of segment_image')

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown()


def measure_latency(bench: Bench, seconds: float, turns: int) -> None:
    pictures = [pattern(WIDTH, HEIGHT, number) for number in range(FRAMES)]
    bench.prepare(pictures[0], square_box(WIDTH, HEIGHT, 0))
    latencies: dict[bool, list[float]] = {False: [], True: []}
    published = {False: 0, True: 0}
    for _ in range(turns):
        for everything in (False, True):
            bench.run(pictures, seconds, everything)
            latencies[everything] += bench.latencies
            published[everything] += bench.sent
    for answer in bench.answers:
        if not answer.success:
            raise SystemExit(answer.message)
    print(f'{"":22} {"images":>7} {"tracked":>8} {"median":>8} {"p95":>8} {"most":>8}')
    figures = {}
    for everything, name in ((False, 'tracking alone'), (True, 'and everything')):
        values = sorted(latencies[everything])
        middle, high = statistics.median(values), values[int(0.95 * len(values))]
        figures[everything] = middle, high
        print(
            f'{name:22} {published[everything]:7} {len(values):8} {middle:8.1f} {high:8.1f} '
            f'{values[-1]:8.1f}'
        )
    ratios = (with_it / alone for alone, with_it in zip(*figures.values(), strict=True))
    print(f'{"ratio":38} ' + ' '.join(f'{ratio:8.2f}' for ratio in ratios))
    print(f'{len(bench.answers)} times everything; the last: {bench.answers[-1].message}')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--slices', action='store_true', help='only the slices')
    parser.add_argument('--latency', action='store_true', help='only the latency')
    parser.add_argument('--rate', type=float, default=10.0, help='images per second')
    parser.add_argument('--seconds', type=float, default=6.0, help='for each turn')
    parser.add_argument('--turns', type=int, default=5, help='with and without, each')
    parser.add_argument('--threads', type=int, default=1, help='of the network, on the CPU')
    arguments = parser.parse_args()
    if not arguments.latency:
        measure_slices()
    if arguments.slices:
        return 0
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    print(
        f'latency at {WIDTH}x{HEIGHT} and {arguments.rate:g} Hz, nano on the CPU with '
        f'{arguments.threads} thread(s), one object; ms'
    )
    command = [sys.executable, '-m', 'sam_tracker.nodes.tracker.tracker_node', '--ros-args']
    command += ['-p', 'device:=cpu', '-p', f'cpu_threads:={arguments.threads}']
    node = subprocess.Popen([*command, '--log-level', 'warn'])
    bench = Bench(arguments.rate)
    try:
        measure_latency(bench, arguments.seconds, arguments.turns)
    finally:
        bench.close()
        node.send_signal(signal.SIGINT)
        node.wait(PATIENCE)
    return 0


if __name__ == '__main__':
    sys.exit(main())
