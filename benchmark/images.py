# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Cost of image conversion and transport: messages to arrays and back, and between two processes.

    python benchmark/images.py

The first table compares a 1280x720 image going into and out of a message with a memcpy of the same
bytes. The second lets video_node send 1280x720 images at 30 Hz to image_monitor_node in another
process, with and without config/fastdds_large_images.xml.
"""

import argparse
from collections.abc import Callable
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam_tracker import programs
from sam_tracker.ros.images.colour_conversion import colour_converter
from sam_tracker.ros.images.conversion import compressed_image_message, image_message, rgb_image
from sam_tracker.ros.process.fast_dds import large_image_environment

WIDTH, HEIGHT, RATE = 1280, 720, 30


def milliseconds(action: Callable[[], object], repetitions: int) -> float:
    """Return the median time of an action in ms, after five repetitions to warm up."""
    times = []
    for repetition in range(repetitions + 5):
        start = time.perf_counter()
        action()
        if repetition >= 5:
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def measure_conversions(repetitions: int) -> None:
    generator = np.random.default_rng(0)
    colour = generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    grey = np.ascontiguousarray(colour[..., 0])
    header = Header()
    destination = np.empty_like(colour)
    memcpy = milliseconds(lambda: np.copyto(destination, colour), repetitions)
    print(f'{WIDTH}x{HEIGHT}; {colour_converter().description}')
    print(f'{"":34}   ms   of a memcpy')
    print(f'{"memcpy of the bytes of bgr8":34} {memcpy:5.3f}  {1:5.1f}')

    bgr, rgb, mono = (
        image_message(colour, 'bgr8', header),
        image_message(colour, 'rgb8', header),
        image_message(grey, 'mono8', header),
    )
    padded = padded_message(colour)
    packed = {
        encoding: packed_message(generator, encoding, size)
        for encoding, size in {'bayer_rggb8': 1, 'yuyv': 2, 'nv12': 1.5, 'bgra8': 4}.items()
    }
    jpeg = compressed_image_message(colour, 'bgr8', header)
    actions: dict[str, Callable[[], object]] = {
        'bgr8 array into a message': lambda: image_message(colour, 'bgr8', header),
        'mono8 array into a message': lambda: image_message(grey, 'mono8', header),
        'rgb8 message as RGB': lambda: rgb_image(rgb),
        'bgr8 message as RGB': lambda: rgb_image(bgr),
        'bgr8 message, padded rows, as RGB': lambda: rgb_image(padded),
        'mono8 message as RGB': lambda: rgb_image(mono),
        **{
            f'{encoding} message as RGB': lambda message=message: rgb_image(message)
            for encoding, message in packed.items()
        },
        'bgr8 array into a jpeg message': lambda: compressed_image_message(colour, 'bgr8', header),
        'jpeg message as RGB': lambda: rgb_image(jpeg),
    }
    for name, action in actions.items():
        slow = 'jpeg' in name
        time_ = milliseconds(action, max(repetitions // 10, 5) if slow else repetitions)
        print(f'{name:34} {time_:5.3f}  {time_ / memcpy:5.1f}')


def padded_message(colour: np.ndarray) -> Image:
    wide = np.zeros((HEIGHT, WIDTH * 3 + 7), np.uint8)
    wide[:, : WIDTH * 3] = colour.reshape(HEIGHT, -1)
    message = Image(encoding='bgr8', width=WIDTH, height=HEIGHT, step=wide.shape[1])
    message.data.frombytes(wide.data.cast('B'))
    return message


def packed_message(generator: np.random.Generator, encoding: str, pixel_bytes: float) -> Image:
    message = Image(encoding=encoding, width=WIDTH, height=HEIGHT)
    message.step = WIDTH * (1 if encoding == 'nv12' else int(pixel_bytes))
    message.data.frombytes(generator.bytes(int(WIDTH * HEIGHT * pixel_bytes)))
    return message


def measure_transport(seconds: float, domain: int) -> None:
    frames = round(seconds * RATE)
    print(f'\n{WIDTH}x{HEIGHT} bgr8 at {RATE} Hz from video_node to image_monitor_node')
    print('                             sent  received   lost   latency ms: median    p95    most')
    for reliability in ('best_effort', 'reliable'):
        for name, environment in (('default', {}), ('profile', large_image_environment())):
            figures = send(reliability, environment, frames, domain)
            latency = figures['latency'] or {'median': np.nan, 'p95': np.nan, 'most': np.nan}
            lost = frames - figures['received']
            print(
                f'{f"{reliability}, {name}":26} {frames:6} {figures["received"]:9} '
                f'{100 * lost / frames:5.0f} % {latency["median"]:19.1f} {latency["p95"]:6.1f} '
                f'{latency["most"]:7.1f}'
            )


def send(reliability: str, environment: dict[str, str], frames: int, domain: int) -> dict:
    """Run sender and receiver, and return the report of the receiver."""
    variables = {
        **{name: value for name, value in os.environ.items() if 'PROFILES_FILE' not in name},
        'ROS_DOMAIN_ID': str(domain),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        **environment,
    }
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / 'report.json'
        receiver = start(
            'image_monitor_node', variables, report=report, reliability=reliability, patience=5.0
        )
        sender = start(
            'video_node',
            variables,
            width=WIDTH,
            height=HEIGHT,
            rate=RATE,
            frames=frames,
            reliability=reliability,
            wait_for_subscribers=1,
        )
        try:
            if sender.wait(timeout=120):
                raise SystemExit(f'video_node ended with exit code {sender.returncode}')
            receiver.wait(timeout=120)
        finally:
            sender.kill()
            receiver.kill()
        return json.loads(report.read_text())


def start(
    module: str, environment: dict[str, str], **parameters: object
) -> subprocess.Popen[bytes]:
    command = [sys.executable, '-m', getattr(programs, module).args[0], '--ros-args']
    command += ['--log-level', 'warn']
    for name, value in parameters.items():
        command += ['-p', f'{name}:={value}']
    return subprocess.Popen(command, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--repetitions', type=int, default=200, help='of every conversion')
    parser.add_argument('--seconds', type=float, default=6.0, help='of images for every transport')
    parser.add_argument('--domain', type=int, default=89, help='DDS domain to send in')
    options = parser.parse_args()
    measure_conversions(options.repetitions)
    measure_transport(options.seconds, options.domain)


if __name__ == '__main__':
    main()
