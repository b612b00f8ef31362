# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Degradations of a clip by camera, light and compression."""

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


def softened(frames: Frames, scale: float) -> Frames:
    """Reduce frames uint8 [T, S, S, 3] to the detail of `scale` times their pixels."""
    side = frames.shape[1]
    fewer = max(1, round(scale * side))
    return np.stack(
        [
            cv2.resize(
                cv2.resize(frame, (fewer, fewer), interpolation=cv2.INTER_AREA), (side, side)
            )
            for frame in frames
        ]
    )


def degraded(frames: Frames, rng: np.random.Generator) -> Frames:
    """Degrade frames uint8 [T, S, S, 3] randomly, as by another camera."""
    if rng.random() < 0.35:
        frames = softened(frames, rng.uniform(0.25, 0.9))
    if rng.random() < 0.2:
        frames = _shaken(frames, rng)
    frames = _relit(frames, rng)
    if rng.random() < 0.3:
        frames = _noisy(frames, rng)
    if rng.random() < 0.3:
        frames = _compressed(frames, int(rng.integers(12, 70)))
    if rng.random() < 0.15:
        frames = np.repeat(frames.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3)
    return frames


def _shaken(frames: Frames, rng: np.random.Generator) -> Frames:
    """Blur each frame along a direction, as a camera that moves does."""
    longest = frames.shape[1] * 0.06
    result = []
    for frame in frames:
        length = int(rng.uniform(1, longest))
        if length > 1:
            angle = rng.uniform(0, np.pi)
            half = (length - 1) / 2
            kernel = np.zeros((length, length), np.float32)
            step = half * np.array([np.cos(angle), np.sin(angle)])
            start, end = np.rint(half - step).astype(int), np.rint(half + step).astype(int)
            cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
            frame = cv2.filter2D(frame, -1, kernel / kernel.sum())
        result.append(frame)
    return np.stack(result)


def _relit(frames: Frames, rng: np.random.Generator) -> Frames:
    """Change brightness, contrast, gamma and tint of a clip, and let its brightness flicker."""
    gamma = np.exp(rng.uniform(-0.35, 0.35))
    tint = rng.uniform(0.85, 1.15, 3) if rng.random() < 0.5 else np.ones(3)
    gain, offset = rng.uniform(0.7, 1.25), rng.uniform(-25, 25)
    flicker = rng.uniform(0, 0.08)
    levels = np.linspace(0, 1, 256)[:, None] ** gamma * 255
    result = []
    for frame in frames:
        now = gain * (1 + flicker * rng.uniform(-1, 1))
        table = np.clip(levels * tint * now + offset, 0, 255).astype(np.uint8)
        result.append(cv2.LUT(frame, table[None]))
    return np.stack(result)


def _noisy(frames: Frames, rng: np.random.Generator) -> Frames:
    sigma = rng.uniform(2, 12)
    grain = (rng.random(frames.shape, dtype=np.float32) - np.float32(0.5)) * (sigma * 12**0.5)
    return np.clip(frames + grain, 0, 255).astype(np.uint8)


def _compressed(frames: Frames, quality: int) -> Frames:
    result = []
    for frame in frames:
        _, coded = cv2.imencode('.jpg', frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
        result.append(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8))
    return np.stack(result)
