# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Shares one network between threads, each with its own camera, and batches waiting images."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
import threading
from typing import Any, cast

import torch
from torch import Tensor

from sam_tracker.networks.api import ImageFeatures, VideoNetwork

MOST_IMAGES = 8
"""Images in one batch: bounds the memory of a batch and the time that an image waits for it."""


def shared_by_threads(network: VideoNetwork) -> VideoNetwork:
    """
    Return a network that several threads may use, and that encodes waiting images in one batch.

    All threads must use the same precision. Results differ from those of the network by rounding.
    """
    return cast(VideoNetwork, SharedEncoding(network))


@dataclass(eq=False)
class _Request:
    """The images of one call, and its result once it has one."""

    images: Tensor
    served: threading.Event = field(default_factory=threading.Event)
    features: ImageFeatures | None = None
    error: BaseException | None = None


class SharedEncoding:
    """
    The network itself but for ``encode_image``, whose calls of several threads are combined.

    An image is encoded at once when nobody is encoding. Those that come meanwhile wait, and are
    then encoded together, first come first served and at most ``MOST_IMAGES``: nobody waits on
    purpose, and no thread is served twice while another one waits. When a batch fails, each of
    its calls is made alone, so that only the one at fault fails.
    """

    def __init__(self, network: VideoNetwork) -> None:
        self._network = network
        self._lock = threading.Lock()
        self._waiting: deque[_Request] = deque()
        self._encoding = False
        """Whether a thread is encoding; it serves all that wait when it is done."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the network has
        return getattr(self._network, name)

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """Encode images [B, 3, S, S] as the network does; callable from any thread."""
        request = _Request(images)
        with self._lock:
            self._waiting.append(request)
            leads, self._encoding = not self._encoding, True
        if not leads:
            request.served.wait()
        if request.features is None and request.error is None:
            # Alone, or woken to lead the next batch, with this request as its first.
            self._lead()
        if request.error is not None:
            raise request.error
        assert request.features is not None
        return request.features

    def _lead(self) -> None:
        """Encode the batch that waits, and wake its threads and the one that leads the next."""
        with self._lock:
            batch = self._next_batch()
        try:
            self._encode(batch)
        finally:
            with self._lock:
                self._encoding = bool(self._waiting)
                woken = [*batch, *list(self._waiting)[:1]]
            for request in woken:
                request.served.set()

    def _next_batch(self) -> list[_Request]:
        """Take the first requests that wait, of one size, off the queue."""
        batch = [self._waiting.popleft()]
        count = len(batch[0].images)
        while self._waiting:
            following = self._waiting[0].images
            count += len(following)
            if count > MOST_IMAGES or following.shape[1:] != batch[0].images.shape[1:]:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _encode(self, batch: list[_Request]) -> None:
        if len(batch) > 1:
            try:
                joined = self._network.encode_image(torch.cat([each.images for each in batch]))
            except Exception:
                # Such as a batch for which there is no memory.
                joined = None
            if joined is not None:
                _share_out(joined, batch)
                return
        for request in batch:
            self._encode_alone(request)

    def _encode_alone(self, request: _Request) -> None:
        try:
            request.features = self._network.encode_image(request.images)
        except BaseException as error:
            request.error = error


def _share_out(joined: ImageFeatures, batch: list[_Request]) -> None:
    start = 0
    for request in batch:
        rows = slice(start, start + len(request.images))
        request.features = ImageFeatures(
            joined.embedding[rows], tuple(level[rows] for level in joined.high_resolution)
        )
        start = rows.stop
