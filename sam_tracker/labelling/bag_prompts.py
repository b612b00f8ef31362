# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads prompts from a bag: those of an operator, or the detections of a detector.

Messages are read in the order of their recording. What cannot be used is left out, and named.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sam_tracker.core.object_ids import LARGEST_ID, next_object_id
from sam_tracker.core.prompt import Prompt, PromptError
from sam_tracker.core.time import SECOND
from sam_tracker.labelling.bag_recording import BagRecording
from sam_tracker.labelling.instructions import Instructions
from sam_tracker.labelling.message_types import DETECTIONS, PROMPT
from sam_tracker.labelling.prompts import ObjectPrompts
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.ros.messages.detections import detections_of_message
from sam_tracker.ros.messages.prompt_messages import only_names, prompt_of_message

if TYPE_CHECKING:
    from sam_tracker.msg import Prompt as PromptMessage

MOST_PROBLEMS = 20
"""Problems of a topic that are listed; further ones are counted."""


def recorded_prompts(
    recording: BagRecording, topic: str | None, minimum_score: float
) -> Instructions:
    """
    Read the prompts or detections of a bag.

    :param topic: of ``sam_tracker/msg/Prompt`` or ``vision_msgs/msg/Detection2DArray``; None: the
        only one of these types.
    :param minimum_score: of a detection, 0 to 1.
    :raises LabellingError: there is no such topic, more than one to choose from, or nothing usable
        on it.
    """
    topics = recording.bag.topics((PROMPT, DETECTIONS))
    listed = ', '.join(topics) or 'none'
    if topic is None and len(topics) == 1:
        topic = next(iter(topics))
    if topic not in topics:
        reason = f'topic {topic!r} has none' if topic else 'choose one with --prompts-from-bag'
        raise LabellingError(
            f'prompts in {str(recording.bag.path)!r}: {reason}; topics with prompts or detections:'
            f' {listed}'
        )
    reader = _Reader(recording)
    read = reader.read_prompts if topics[topic] == PROMPT else reader.read_detections
    read(topic, minimum_score)
    if not reader.prompts:
        reasons = '; '.join(reader.problems) or 'it is empty'
        raise LabellingError(f'no prompt of topic {topic!r} can be used: {reasons}')
    return Instructions(reader.prompts, frozenset(reader.corrections), reader.named_problems())


class _Reader:
    """The prompts that were read so far."""

    def __init__(self, recording: BagRecording) -> None:
        self._recording = recording
        self._by_stamp = {image.stamp: number for number, image in enumerate(recording.images)}
        self._last_id = 0
        self.prompts: dict[int, ObjectPrompts] = {}
        self.corrections: set[tuple[int, int]] = set()
        self.problems: list[str] = []

    def read_prompts(self, topic: str, minimum_score: float) -> None:  # noqa: ARG002
        """
        Read the prompts of an operator.

        Ids that prompts give are kept; a new object gets the id after the largest so far. A prompt
        of an object that no earlier prompt made, such as one from before the recording, is read as
        the first of that object, and named.
        """
        for index, received, message in self._messages(topic):
            with self._named(f'prompt {index} is left out'):
                self._add_prompt(message, received, index)

    def read_detections(self, topic: str, minimum_score: float) -> None:
        """
        Read the detections of a detector.

        Detections with an id prompt their object where it was seen first and last. Without ids
        nothing says which are the same object, so only the first image with usable detections
        counts.
        """
        by_identity: dict[str, int] = {}
        last: dict[int, tuple[int, Prompt]] = {}
        first_without: int | None = None
        for index, received, message in self._messages(topic):
            with self._named(f'detections {index} are left out'):
                frame = self._frame(message.header, received)
                for number, each in enumerate(message.detections):
                    where = f'detection {number} of message {index} is left out'
                    with self._named(where):
                        found, wrong = detections_of_message(replace(message, detections=[each]))
                        self.problems += [
                            f'{where}: {text.removeprefix("detection 0: ")}' for text in wrong
                        ]
                        if not len(found) or found.scores[0] < minimum_score:
                            continue
                        prompt = Prompt(box=found.boxes[0])
                        if each.id in by_identity:
                            self._validate(prompt, frame)
                            last[by_identity[each.id]] = frame, prompt
                        elif each.id:
                            object_id = self._added(0, frame, prompt, found.labels[0])
                            by_identity[each.id] = object_id
                        elif first_without in (None, index):
                            self._added(0, frame, prompt, found.labels[0])
                            first_without = index
        for object_id, (frame, prompt) in last.items():
            if frame not in self.prompts[object_id].by_frame:
                self.prompts[object_id] = self.prompts[object_id].added(frame, prompt)

    def named_problems(self) -> tuple[str, ...]:
        """Return the problems; a long list is cut short."""
        more = len(self.problems) - MOST_PROBLEMS
        return (
            *self.problems[:MOST_PROBLEMS],
            *([f'{more} more of these messages are left out'] if more > 0 else []),
        )

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Record an error as a problem."""
        try:
            yield
        except PromptError as error:
            self.problems.append(f'{what}: {error}')

    def _messages(self, topic: str) -> Iterator[tuple[int, int, Any]]:
        """Yield the messages that can be read, with their numbers and times of recording."""
        for index, (received, message) in enumerate(self._recording.bag.messages(topic)):
            if message is None:
                self.problems.append(f'message {index} of topic {topic!r} is damaged')
            else:
                yield index, received, message

    def _frame(self, header: Any, received: int) -> int:  # noqa: ANN401
        """
        Return the frame that a header names; without a stamp, the newest that was recorded.

        :raises PromptError: there is no such image.
        """
        stamp = header.stamp.sec * SECOND + header.stamp.nanosec
        if stamp:
            if stamp not in self._by_stamp:
                raise PromptError(f'no image has the stamp {stamp}')
            return self._by_stamp[stamp]
        before = bisect_right(self._recording.received, received)
        if not before:
            raise PromptError('it has no stamp, and was recorded before the first image')
        return before - 1

    def _add_prompt(self, message: PromptMessage, received: int, index: int) -> None:
        object_id = message.object_id
        if only_names(message):
            if object_id not in self.prompts:
                raise PromptError(f'there is no object {object_id}')
            self.prompts[object_id] = replace(self.prompts[object_id], label=message.label)
            return
        frame = self._frame(message.header, received)
        image = self._recording.images[frame]
        prompt = prompt_of_message(message, image.width, image.height)
        known = object_id in self.prompts
        self._added(object_id, frame, prompt, message.label)
        if object_id and not known:
            self.problems.append(
                f'prompt {index} is of object {object_id}, which no earlier prompt made: it is'
                ' read as the first of this object'
            )

    def _added(self, object_id: int, frame: int, prompt: Prompt, label: str) -> int:
        """
        Add a prompt, and return the id of its object.

        :param object_id: 0: a new object.
        :raises PromptError: the prompt does not fit its image.
        """
        known = self.prompts.get(object_id, ObjectPrompts())
        if not object_id and len(self.prompts) == LARGEST_ID:
            raise PromptError(f'there are {LARGEST_ID} objects already')
        # Points refine the track until then; a box or a mask replaces it.
        refines = bool(known.by_frame) and prompt.box is None and prompt.mask is None
        self._validate(prompt, frame, refines)
        if not object_id:
            self._last_id = object_id = next_object_id(self._last_id, self.prompts)
        self._last_id = max(self._last_id, object_id)
        if not refines:
            self.corrections.discard((object_id, frame))
        elif frame not in known.by_frame:
            self.corrections.add((object_id, frame))
        self.prompts[object_id] = replace(known.added(frame, prompt), label=label or known.label)
        return object_id

    def _validate(self, prompt: Prompt, frame: int, refines: bool = False) -> None:
        """
        Check that a prompt fits its image.

        :param refines: it refines what was tracked until then.
        :raises PromptError: it does not.
        """
        image = self._recording.images[frame]
        prompt.validate(image.width, image.height, refining=refines)
