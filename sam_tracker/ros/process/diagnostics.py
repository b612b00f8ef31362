# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a camera node as diagnostic_msgs/DiagnosticStatus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
import resource

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from sam_tracker.core.time import SECOND
from sam_tracker.ros.camera.image_statistics import WINDOW, Drop, ImageReport, Spread

WORRYING_SHARE = 0.1
"""Share of the recent images above which drops for one reason are worth a warning."""
WORRYING_COUNT = 3
"""Recent drops for one reason below which there is no warning, at any rate."""
STRANGE_AGE = 10.0
"""Seconds between an image's stamp and its publication above which clocks must differ."""


@dataclass(frozen=True)
class NodeCondition:
    """The condition of the node besides its images."""

    lifecycle_state: str
    """``active``, ``inactive`` and so on."""
    topic: str
    """Full name of the image topic."""
    activity: str = 'tracking'
    """What the node does while it is active and not paused."""
    paused: bool = False
    object_states: Mapping[str, int] = field(default_factory=dict)
    """Number of objects by state."""
    model: str = ''
    device: str = ''
    precision: str = ''
    device_memory: int | None = None
    """Bytes that the network and the tracker hold on the device; None on the CPU."""
    buffered_images: int = 0
    buffered_bytes: int = 0
    refused_prompts: int = 0
    clock_jumps: int = 0
    more: Mapping[str, str] = field(default_factory=dict)
    """Values of this kind of node only."""
    warnings: tuple[str, ...] = ()
    """Warnings of the node, most important first."""
    error: str = ''
    """Why nothing is tracked although it should be; empty: nothing is wrong."""


def diagnostic_status(
    name: str, condition: NodeCondition, frames: ImageReport, no_image_warning: float
) -> DiagnosticStatus:
    """
    Return the status: its level, one sentence for each warning, and all values.

    :param no_image_warning: seconds without an image after which there is a warning.
    """
    status = DiagnosticStatus(name=name, hardware_id=condition.device)
    warnings = _warnings(condition, frames, no_image_warning)
    if condition.error:
        status.level, status.message = DiagnosticStatus.ERROR, condition.error
    elif condition.lifecycle_state != 'active':
        # No image is expected; the warnings of the node itself count.
        own = condition.warnings
        status.level = DiagnosticStatus.WARN if own else DiagnosticStatus.OK
        status.message = '; '.join((condition.lifecycle_state, *own))
    elif warnings:
        status.level, status.message = DiagnosticStatus.WARN, '; '.join(warnings)
    else:
        status.level = DiagnosticStatus.OK
        status.message = 'paused' if condition.paused else condition.activity
    values = {**_condition_values(condition), **condition.more, **_frame_values(frames)}
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    return status


def _warnings(condition: NodeCondition, frames: ImageReport, no_image_warning: float) -> list[str]:
    warnings = list(condition.warnings)
    silent = frames.silence > no_image_warning
    if silent:
        warnings.insert(0, f'no image for {frames.silence:.1f} s on {condition.topic}')
    if worrying(frames, Drop.REPLACED):
        warnings.append(
            f'images arrive at {frames.input_rate:.1f} Hz and are processed at '
            f'{frames.processed_rate:.1f} Hz'
        )
    if worrying(frames, Drop.NOT_TAKEN):
        warnings.append(
            f'{frames.recently_dropped[Drop.NOT_TAKEN]} images of the last '
            f'{WINDOW / SECOND:g} s were lost, or replaced before they were taken: does the '
            'camera run with the Fast DDS profile, and is the machine overloaded?'
        )
    if worrying(frames, Drop.REPEATED):
        warnings.append('images come with the stamp of the one before')
    if frames.age is not None and not silent and abs(frames.age.median) > STRANGE_AGE:
        warnings.append(
            f'images are {frames.age.median:.1f} s old by their stamps: do the camera and '
            'use_sim_time mean the same clock?'
        )
    return warnings


def worrying(frames: ImageReport, reason: Drop) -> bool:
    """Return whether so many recent images were dropped for a reason that it is no accident."""
    dropped = frames.recently_dropped.get(reason, 0)
    recent = frames.input_rate * WINDOW / SECOND + frames.recently_dropped.get(Drop.NOT_TAKEN, 0)
    return dropped >= WORRYING_COUNT and dropped > WORRYING_SHARE * recent


def _condition_values(condition: NodeCondition) -> dict[str, str]:
    states = condition.object_states
    values = {
        'lifecycle state': condition.lifecycle_state,
        'paused': str(condition.paused).lower(),
        'image topic': condition.topic,
        'objects': str(sum(states.values())),
        **{f'objects {state}': str(states.get(state, 0)) for state in OBJECT_STATES},
        'refused prompts': str(condition.refused_prompts),
        'clock jumps': str(condition.clock_jumps),
        'model': condition.model,
        'device': condition.device,
        'precision': condition.precision,
        'process memory (MB)': _megabytes(resident_bytes()),
        'kept images': str(condition.buffered_images),
        'kept images (MB)': _megabytes(condition.buffered_bytes),
    }
    if condition.device_memory is not None:
        values['device memory (MB)'] = _megabytes(condition.device_memory)
    return values


OBJECT_STATES = ('tracked', 'occluded', 'lost')


def _frame_values(frames: ImageReport) -> dict[str, str]:
    return {
        'input rate (Hz)': f'{frames.input_rate:.2f}',
        'processed rate (Hz)': f'{frames.processed_rate:.2f}',
        'images published': str(frames.published),
        'images received': str(frames.received),
        'images processed': str(frames.processed),
        **{f'images dropped: {drop.value}': str(frames.dropped.get(drop, 0)) for drop in Drop},
        'seconds since the last image': f'{frames.silence:.2f}',
        **_spread_values('age at publication', frames.age),
        **_spread_values('latency', frames.latency),
        **_spread_values('tracking', frames.tracking),
    }


def _spread_values(name: str, spread: Spread | None) -> dict[str, str]:
    if spread is None:
        return {}
    return {
        f'{name} median (ms)': f'{1000 * spread.median:.1f}',
        f'{name} 95 % (ms)': f'{1000 * spread.p95:.1f}',
        f'{name} most (ms)': f'{1000 * spread.most:.1f}',
    }


def resident_bytes() -> int:
    """Return the memory of this process that is in RAM."""
    pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
    return pages * resource.getpagesize()


def _megabytes(count: int) -> str:
    return f'{count / 1e6:.1f}'
