# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The tracker on a live stream: the newest image, and prompts made on earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
from dataclasses import dataclass, replace
from itertools import chain
import time
from typing import TYPE_CHECKING

import numpy as np

from sam_tracker.core.frame import Frame
from sam_tracker.core.prompt import Prompt
from sam_tracker.nodes.tracker.track_output import TrackedFrame
from sam_tracker.ros.camera.image_buffer import ImageBuffer
from sam_tracker.ros.camera.received_image import ReceivedImage
from sam_tracker.ros.images.conversion import ImageError, rgb_image
from sam_tracker.ros.messages.prompt_messages import prompt_of_message

if TYPE_CHECKING:
    from sam_tracker.msg import Prompt as PromptMessage
    from sam_tracker.tracking.track import Track
    from sam_tracker.tracking.tracker import Tracker


@dataclass(frozen=True, eq=False)
class PromptAnswer:
    """What became of a prompt."""

    track: Track
    tracked: TrackedFrame
    """The newest image, which ``track`` describes."""
    prompted_stamp: int
    """Nanoseconds: the image that the prompt was made on."""


class LiveTracker:
    """
    Applies images and prompts to a tracker in the order of time.

    All objects always stand on one image, ``newest``. Belongs to one thread; others may read
    ``newest``.
    """

    def __init__(self, tracker: Tracker, buffer: ImageBuffer) -> None:
        self._tracker = tracker
        self._buffer = buffer
        self.newest: TrackedFrame | None = None
        """The image that all objects stand on; None before the first."""

    def step(self, frame: ReceivedImage) -> TrackedFrame:
        """
        Bring all objects to an image.

        Raises ``ImageError`` when it cannot be read; nothing has changed then.
        """
        pixels = rgb_image(frame.message)
        start = time.monotonic_ns()
        tracks = self._tracker.step(Frame(pixels, frame.stamp))
        if tracks:
            # The masks of all of them are worked out with the first that is asked for.
            _ = tracks[0].mask_crop
        self.newest = TrackedFrame(frame, pixels, tracks, time.monotonic_ns() - start)
        return self.newest

    def prompt(
        self, message: PromptMessage, frame: ReceivedImage, catch_up_frames: int
    ) -> PromptAnswer:
        """
        Apply a prompt to the image it was made on, and bring its object to the present.

        An image that is newer than ``newest`` must have been given to ``step`` before.

        :param catch_up_frames: images between then and now to go by, at most.

        Raises ``PromptError`` or ``ImageError``; nothing has changed then.
        """
        newest = self.newest
        assert newest is not None
        assert not frame.is_after(newest.frame)
        if frame is newest.frame:
            pixels = newest.pixels
            later: Iterator[Frame] = iter(())
        else:
            pixels = rgb_image(frame.message)
            between = self._buffer.between(frame.stamp, newest.frame.stamp, catch_up_frames)
            last = Frame(newest.pixels, newest.frame.stamp)
            later = chain(_readable(between[:-1]), [last])
        height, width = pixels.shape[:2]
        track = self._tracker.add_prompt(
            Frame(pixels, frame.stamp),
            prompt_of_message(message, width, height),
            object_id=message.object_id or None,
            label=message.label,
            later=later,
        )
        self.newest = replace(newest, tracks=self._tracker.objects)
        return PromptAnswer(track, self.newest, frame.stamp)

    def remove(self, object_id: int) -> None:
        """Forget an object; raises ``PromptError`` when there is none of this id."""
        self._tracker.remove(object_id)
        if self.newest is not None:
            self.newest = replace(self.newest, tracks=self._tracker.objects)

    def reset(self) -> int:
        """Forget all objects and return how many there were."""
        count = len(self._tracker.objects)
        self._tracker.reset()
        if self.newest is not None:
            # The tracker has forgotten the image as well, but takes it again for a prompt.
            self.newest = replace(self.newest, tracks=[])
        return count


def warm_up(tracker: Tracker, width: int = 640, height: int = 480, steps: int = 2) -> None:
    """
    Have a tracker without objects follow one for a few images, and forget it.

    What libraries load and devices prepare at the first use is then done before the first image.
    """
    image = np.zeros((height, width, 3), np.uint8)
    box = np.array([width / 4, height / 4, width / 2, height / 2])
    tracker.add_prompt(Frame(image, 0), Prompt(box=box))
    for step in range(steps):
        for track in tracker.step(Frame(image, step + 1)):
            _ = track.mask_crop
    tracker.reset()


def _readable(images: Sequence[ReceivedImage]) -> Iterator[Frame]:
    """Decode one image at a time; leave out those that cannot be read, as when they came."""
    for image in images:
        with contextlib.suppress(ImageError):
            yield Frame(rgb_image(image.message), image.stamp)
