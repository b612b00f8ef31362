# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Time that the node adds to its tracker, from publishing an image to receiving its tracks.

    python benchmark/node.py
    python benchmark/node.py --masks run_lengths
    python benchmark/node.py --rate 60 --minutes 10

Images are published by this process, tracked by a tracker node in another, and the tracks come
back here, over DDS, with and without config/fastdds_large_images.xml. The node's diagnostics
report the time that the tracker and its network take for an image; it is subtracted. The "rest" is
transport in both directions and the node itself; "in the node" is its part from the arrival of
the image in the node to the publication of its tracks.

With ``--minutes`` images come faster than the node tracks them, and what counts is how old they
are when their tracks arrive. The age is divided by the mean time of a frame while it passed, that
of the last two intervals between tracks: below two, the image came after the tracks before those
before. So the figure says whether images wait in a queue, also where other processes share the
cores and every frame takes another time.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
import os
from pathlib import Path
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from numpy.typing import NDArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger
import torch

from sam_tracker.core.run_length import MASK_ENCODINGS
from sam_tracker.msg import ImageBox, Prompt, TrackArray
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.weights.catalogue import CheckpointError, find_checkpoint
from sam_tracker.ros.camera.image_statistics import WINDOW
from sam_tracker.ros.images.conversion import image_message
from sam_tracker.ros.messages.stamps import nanoseconds, time_message
from sam_tracker.ros.process.fast_dds import large_image_environment
from sam_tracker.srv import AddPrompt

SIZES = ((640, 480), (1280, 720))
HEADINGS = (
    f'{"size":9} {"Fast DDS":8} {"objects":>7} {"returned":>11} {"trip":>8} {"tracker":>8} '
    f'{"rest":>8} {"in node":>8} {"share":>8} {"memcpys":>8}'
)
PATIENCE = 60.0
"""Seconds."""
SHORTEST_RUN = 6.0
"""Seconds after which the node's diagnostics only cover the current run."""


@dataclass
class Trip:
    """Medians over images, in ms, and the number of images whose tracks came back."""

    there_and_back: float
    in_the_node: float
    tracking: float
    sent: int
    received: int


class Bench:
    """Publishes images and listens for their tracks."""

    def __init__(self, rate: float) -> None:
        rclpy.init()
        self.node = rclpy.create_node('bench')
        self.rate = rate
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.camera = self.node.create_publisher(Image, 'image', QoSProfile(depth=5))
        self.node.create_subscription(
            TrackArray, 'sam_tracker/tracks', self._on_tracks, QoSProfile(depth=10)
        )
        self.node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, QoSProfile(depth=10)
        )
        self.add_prompt = self.node.create_client(AddPrompt, 'sam_tracker/add_prompt')
        self.reset = self.node.create_client(Trigger, 'sam_tracker/reset')
        self.sent: dict[int, int] = {}
        self.returned: list[tuple[int, int, int]] = []
        """Time of arrival of tracks, total latency, and latency in the node; ns."""
        self.diagnostics: dict[str, str] = {}

    def _on_tracks(self, message: TrackArray) -> None:
        now = time.monotonic_ns()
        start = self.sent.get(nanoseconds(message.header.stamp))
        if start is not None:
            self.returned.append((now, now - start, nanoseconds(message.processing_latency)))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics = {each.key: each.value for each in message.status[0].values}

    def publish(self, picture: NDArray[np.uint8]) -> None:
        stamp = time.time_ns()
        message = image_message(picture, 'bgr8', Header(stamp=time_message(stamp)))
        self.sent[stamp] = time.monotonic_ns()
        self.camera.publish(message)

    def spin_until(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f'{what} did not happen within {PATIENCE:g} s')
            self.executor.spin_once(timeout_sec=0.05)

    def ask(self, client: rclpy.client.Client, request: object) -> object:
        future = client.call_async(request)
        self.spin_until(future.done, f'an answer of {client.srv_name}')
        return future.result()

    def prepare(self, picture: NDArray[np.uint8], objects: int) -> None:
        """Wait until images arrive, and prompt this many objects."""
        self.returned.clear()

        def arrived() -> bool:
            self.publish(picture)
            return bool(self.returned)

        self.spin_until(arrived, 'the first tracks')
        self.ask(self.reset, Trigger.Request())
        height, width = picture.shape[:2]
        box = ImageBox(x_min=0.3 * width, y_min=0.3 * height, x_max=0.6 * width)
        box.y_max = 0.6 * height
        for _ in range(objects):
            answer = self.ask(self.add_prompt, AddPrompt.Request(prompt=Prompt(box=box)))
            if not answer.success:
                raise SystemExit(answer.message)

    def run(self, picture: NDArray[np.uint8], objects: int, seconds: float) -> Trip:
        self.prepare(picture, objects)
        self.publish_for(picture, max(seconds, SHORTEST_RUN))
        sent = len(self.sent)
        self.diagnostics.clear()
        self.spin_until(lambda: self.diagnostics, 'diagnostics')
        # The images that the diagnostics cover.
        begin = time.monotonic_ns() - WINDOW
        there_and_back, in_the_node = zip(
            *(times for when, *times in self.returned if when > begin), strict=True
        )
        return Trip(
            statistics.median(there_and_back) / 1e6,
            statistics.median(in_the_node) / 1e6,
            float(self.diagnostics['tracking median (ms)']),
            sent,
            len(self.returned),
        )

    def publish_for(self, picture: NDArray[np.uint8], seconds: float) -> None:
        self.sent.clear()
        self.returned.clear()
        end = due = time.monotonic()
        end += seconds
        while due < end:
            self.publish(picture)
            # Images that could not be sent in time are left out, not sent all at once.
            due = max(due + 1 / self.rate, time.monotonic())
            while (left := due - time.monotonic()) > 0:
                self.executor.spin_once(timeout_sec=left)
            self.executor.spin_once(timeout_sec=0)

    def overload(self, picture: NDArray[np.uint8], minutes: float) -> None:
        """Print how old images are when their tracks arrive, with one object."""
        self.prepare(picture, 1)
        self.publish_for(picture, 60 * minutes)
        arrivals, ages, inside = (
            np.array(each) / 1e6 for each in zip(*self.returned, strict=True)
        )
        between = float(np.median(np.diff(arrivals)))
        print(
            f'{len(self.sent)} images in {minutes:g} minutes, tracks of {len(ages)}, one every'
            f' {between:.1f} ms (median)'
        )
        lately = (arrivals[2:] - arrivals[:-2]) / 2
        print(
            'age over the mean of the last two intervals: median {:.2f}, 95 % {:.2f}'.format(
                *np.percentile(ages[2:] / lately, [50, 95])
            )
        )
        for what, times in (
            ('age when the tracks arrive', ages),
            ('of it in the node', inside),
            ('of it on the way', ages - inside),
            ('between two tracks', np.diff(arrivals)),
        ):
            middle, late, worst = np.percentile(times, [50, 95, 100])
            print(f'{what:27} median {middle:6.1f} ms, 95 % {late:6.1f} ms, worst {worst:6.1f} ms')

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown()


def memcpy_milliseconds(picture: NDArray[np.uint8]) -> float:
    destination = np.empty_like(picture)
    times = []
    for _ in range(50):
        start = time.perf_counter()
        np.copyto(destination, picture)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def bench_checkpoint(folder: Path) -> Path:
    """Return the bundled weights, or random ones of the same network, which take the same time."""
    try:
        return find_checkpoint('nano')
    except CheckpointError:
        network = Sam2Network(configuration_named('nano'))
        torch.save({'model': network.state_dict()}, folder / 'random.pt')
        return folder / 'random.pt'


def measure(arguments: argparse.Namespace) -> None:
    """Measure in the environment of this process and print the rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            '-m',
            'sam_tracker.nodes.tracker.tracker_node',
            '--ros-args',
            '-p',
        ]
        command += [f'checkpoint:={bench_checkpoint(Path(folder))}', '-p', 'device:=cpu']
        command += ['-p', f'cpu_threads:={arguments.threads}']
        command += ['-p', f'mask_encoding:={arguments.masks}', '--log-level', 'warn']
        node = subprocess.Popen(command)
        bench = Bench(arguments.rate)
        try:
            if arguments.minutes:
                width, height = SIZES[0]
                noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
                bench.overload(noise, arguments.minutes)
                return
            for width, height in SIZES:
                picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
                memcpy = memcpy_milliseconds(picture)
                for objects in (0, 1):
                    trip = bench.run(picture, objects, arguments.seconds)
                    rest = trip.there_and_back - trip.tracking
                    inside = trip.in_the_node - trip.tracking
                    share = f'{rest / trip.tracking:8.0%}' if objects else f'{"":8}'
                    print(
                        f'{f"{width}x{height}":9} {os.environ["BENCH_PROFILE"]:8} {objects:7} '
                        f'{trip.received:5}/{trip.sent:<5} {trip.there_and_back:8.2f} '
                        f'{trip.tracking:8.2f} {rest:8.2f} {inside:8.2f} {share} '
                        f'{rest / memcpy:8.1f}'
                    )
        finally:
            bench.close()
            node.send_signal(signal.SIGINT)
            node.wait(PATIENCE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--rate', type=float, default=10.0, help='images per second')
    parser.add_argument('--seconds', type=float, default=8.0, help='for each row')
    parser.add_argument('--minutes', type=float, help='of images that come too fast, instead')
    parser.add_argument('--threads', type=int, default=1, help='of the network, on the CPU')
    parser.add_argument('--masks', choices=MASK_ENCODINGS, default='bytes', help='how sent')
    parser.add_argument('--one-environment', action='store_true', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one_environment:
        measure(arguments)
        return 0
    print(
        f'bgr8 at {arguments.rate:g} Hz, nano on the CPU with {arguments.threads} thread(s), masks'
        f' as {arguments.masks}; ms'
    )
    environments = {'default': {}, 'profile': large_image_environment()}
    if arguments.minutes:
        del environments['default']
    else:
        print(HEADINGS)
    plain = {key: value for key, value in os.environ.items() if 'DEFAULT_PROFILES' not in key}
    os.environ.clear()
    os.environ.update(plain)
    for name, profile in environments.items():
        environment = {**plain, **profile, 'BENCH_PROFILE': name}
        environment.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        command = [sys.executable, __file__, *sys.argv[1:], '--one-environment']
        subprocess.run(command, env=environment, check=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
