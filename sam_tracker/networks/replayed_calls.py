# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A network whose calls are captured and replayed, by a given ``Capture`` (``cuda_graphs``).

A captured call reads its arguments from fixed tensors and leaves its result in fixed tensors, so
that there is one for each layout of the arguments. Objects that come and go change layouts: rows
are padded to a few numbers, and a layout is captured only when it has occurred often.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields, is_dataclass
import logging
import threading
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor

from sam_tracker.networks.api import ImageFeatures, MaskCandidates, Memory, PromptableNetwork

Result = TypeVar('Result')

PADDED_ROWS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Numbers of rows (objects or images) that are captured; a call with more is not padded."""
CALLS_BEFORE_CAPTURE = 4
"""
Calls of a layout that are executed normally before one is captured. Layouts of prompts are rare,
and a capture costs as much as three calls.
"""
MOST_CAPTURED = 16
"""Layouts of one method that are captured at a time: bounds the memory that they take."""
MOST_COUNTED = 128
"""Layouts of one method whose calls are counted."""


class Capture(Protocol):
    """Captures a call."""

    def __call__(
        self, function: Callable[..., Result], arguments: tuple[Any, ...]
    ) -> Callable[[], Result]:
        """
        Return a function that repeats the call with the current contents of the same tensors.

        The next captured call may overwrite its result.

        :raises RuntimeError: the call cannot be captured.
        """


class ReplayedNetwork:
    """
    A network whose four slow methods are captured; all else is the network's own.

    Results are those of the network but for rounding: a padded batch may be computed by other
    kernels. Threads may share it as long as all of them use one stream and one precision.
    """

    def __init__(self, network: PromptableNetwork, capture: Capture) -> None:
        self._network: Any = network
        lock = threading.Lock()
        self._encode_image = ReplayedCall(network.encode_image, capture, lock)
        self._decode = ReplayedCall(network.decode, capture, lock)
        # A network for single images has neither, and neither is called.
        self._attend = ReplayedCall(getattr(network, 'attend_to_memory', None), capture, lock)
        self._remember = ReplayedCall(getattr(network, 'encode_memory', None), capture, lock)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the network has
        return getattr(self._network, name)

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """Encode images [B, 3, S, S] as the network does."""
        return self._encode_image(images)

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        prompts: object,
        several: bool,
    ) -> MaskCandidates:
        """Decode candidate masks for O objects as the network does."""
        return self._decode(features, conditioned, prompts, several)

    def attend_to_memory(self, embedding: Tensor, memory: Memory) -> Tensor:
        """
        Condition an image on what O objects remember, as the network does.

        Memories that still grow are padded to one layout, which is captured once for all objects:
        unpadded, each length would occur once for each object. A memory of a single frame is not
        padded: verification reads only that, and attention to seven would take longer.
        """
        layout = self._network.memory_layout
        memories, pointers = memory.tokens.shape[1], memory.pointers.shape[1]
        # With one conditioning frame; those of more grow to larger layouts.
        most = layout.recent_memories + 1, layout.recent_pointers + 1
        growing = memories < most[0] or pointers < most[1]
        if growing and (memories, pointers) != (1, 1):
            memory = memory.padded(max(memories, most[0]), max(pointers, most[1]))
        return self._attend(embedding, memory)

    def encode_memory(self, embedding: Tensor, mask: Tensor, object_logit: Tensor) -> Tensor:
        """Encode the memory of a frame for O objects as the network does."""
        return self._remember(embedding, mask, object_logit)


@dataclass(frozen=True, eq=False)
class _Captured:
    """A captured call, and the tensors that it reads."""

    inputs: list[Tensor]
    replay: Callable[[], Any]


class ReplayedCall:
    """
    One method of a network, captured for each layout of its arguments that occurs often.

    All tensors of its arguments and results have either a row for each object (or image), or one
    row for all. Rows are independent of each other, so padded ones may hold anything.
    """

    def __init__(
        self, function: Callable[..., Any] | None, capture: Capture, lock: threading.Lock
    ) -> None:
        """
        Wrap a method.

        :param function: None: it is never called.
        :param lock: of all calls that share ``capture``.
        """
        self._function = function
        self._capture: Capture | None = capture
        """None: a call could not be captured, and no other one will be."""
        self._lock = lock
        self._counts: OrderedDict[Hashable, int] = OrderedDict()
        self._captured: OrderedDict[Hashable, _Captured] = OrderedDict()
        """Captures by layout, the least recently used first; ``_counts`` has the same order."""

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 -- as the method has them
        assert self._function is not None
        rows = max(len(each) for each in tensors(arguments))
        padded = next((size for size in PADDED_ROWS if size >= rows), rows)
        key = padded, layout(arguments, rows)
        with self._lock:
            captured = self._captured.get(key)
            if captured is None and self._often(key):
                captured = self._capture_call(key, arguments, rows, padded)
            if captured is not None:
                self._captured.move_to_end(key)
                for place, given in zip(captured.inputs, tensors(arguments), strict=True):
                    place[: len(given)].copy_(given)
                result = captured.replay()
                # The next replay overwrites what this one has made.
                return with_tensors(result, (each[:rows].clone() for each in tensors(result)))
        return self._function(*arguments)

    def _often(self, key: Hashable) -> bool:
        """Count a call, and return whether it is worth capturing."""
        self._counts[key] = self._counts.get(key, 0) + 1
        self._counts.move_to_end(key)
        if len(self._counts) > MOST_COUNTED:
            self._counts.popitem(last=False)
        return self._counts[key] > CALLS_BEFORE_CAPTURE

    def _capture_call(
        self, key: Hashable, arguments: tuple[Any, ...], rows: int, padded: int
    ) -> _Captured | None:
        """Capture a call; None: it cannot be."""
        assert self._function is not None
        if self._capture is None:
            return None
        del self._counts[key]
        if len(self._captured) == MOST_CAPTURED:
            self._captured.popitem(last=False)
        try:
            inputs = [with_rows(each, rows, padded) for each in tensors(arguments)]
            replay = self._capture(self._function, with_tensors(arguments, iter(inputs)))
        except RuntimeError as error:
            # Such as no memory for it, or an operation that waits for the device.
            self._capture = None
            logging.getLogger(__name__).warning(
                '%s is not captured any more, which is slower: %s',
                getattr(self._function, '__name__', self._function),
                error,
            )
            return None
        captured = self._captured[key] = _Captured(inputs, replay)
        return captured


def with_rows(tensor: Tensor, rows: int, padded: int) -> Tensor:
    """
    Copy a tensor, and repeat the last of its rows.

    :param tensor: [rows, ...], or [1, ...] for all rows, which stays as it is.
    :returns: [padded, ...] or [1, ...].
    """
    if len(tensor) != rows or rows == padded:
        return tensor.clone()
    more = (padded - rows, *(-1 for _ in tensor.shape[1:]))
    longer = torch.cat((tensor, tensor[-1:].expand(more)))
    if tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return longer.contiguous(memory_format=torch.channels_last)
    return longer


def layout(value: Any, rows: int) -> Hashable:  # noqa: ANN401
    """
    Return what makes two values alike but for the numbers in their tensors.

    :param rows: how many a tensor has that is not one for all; their number does not count.
    """
    if isinstance(value, Tensor):
        return len(value) == rows, tuple(value.shape[1:]), value.stride()[1:], value.dtype
    if is_dataclass(value):
        return type(value), *(layout(part, rows) for part in _parts(value))
    if isinstance(value, tuple):
        return tuple(layout(part, rows) for part in value)
    return cast(Hashable, value)


def tensors(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    """Yield the tensors in a tensor, a tuple or a dataclass, however deep."""
    if isinstance(value, Tensor):
        yield value
    elif is_dataclass(value) or isinstance(value, tuple):
        for part in value if isinstance(value, tuple) else _parts(value):
            yield from tensors(part)


def with_tensors(value: Result, given: Iterator[Tensor]) -> Result:
    """Return a value with other tensors, in the order of ``tensors``."""
    if isinstance(value, Tensor):
        return cast(Result, next(given))
    if isinstance(value, tuple):
        return cast(Result, tuple(with_tensors(part, given) for part in value))
    if is_dataclass(value):
        make = cast(Callable[..., Result], type(value))
        return make(*(with_tensors(part, given) for part in _parts(value)))
    return value


def _parts(value: Any) -> list[Any]:  # noqa: ANN401
    return [getattr(value, field.name) for field in fields(value)]
