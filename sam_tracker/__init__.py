# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Live SAMURAI tracking for ROS 2; docs/architecture.md describes the folders.

The names below are the public interface in Python. They are imported when they are first used,
so that nodes that need no torch do not wait for it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sam_tracker.core.frame import Frame
    from sam_tracker.core.prompt import Prompt
    from sam_tracker.networks.weights.loading import load_image_network, load_network
    from sam_tracker.segmentation.image_segmenter import ImageSegmenter
    from sam_tracker.tracking.tracker import Tracker

__all__ = ['Frame', 'ImageSegmenter', 'Prompt', 'Tracker', 'load_image_network', 'load_network']

# The generated half (sam_tracker.action, .msg and .srv) may lie elsewhere on the path than this
# file: in an editable install, and when Python is started in the checkout, whose folder then comes
# first.
__path__ = extend_path(__path__, __name__)

_MODULES = {
    'Frame': 'core.frame',
    'ImageSegmenter': 'segmentation.image_segmenter',
    'Prompt': 'core.prompt',
    'Tracker': 'tracking.tracker',
    'load_image_network': 'networks.weights.loading',
    'load_network': 'networks.weights.loading',
}


if not TYPE_CHECKING:
    # Type checkers read the imports above; with this function they would accept any name.

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
        return getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
