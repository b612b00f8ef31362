# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node that processes the images of a camera."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import Change, declared


@dataclass(frozen=True)
class NodeBehaviour:
    """How the node starts, and when it warns."""

    autostart: bool = declared(
        True,
        'Configure and activate at start. false: wait for lifecycle transitions.',
        change=Change.AT_START,
    )
    no_image_warning: float = declared(
        3.0,
        'Time without an image after which diagnostics warn.',
        change=Change.LIVE,
        minimum=0.1,
        maximum=3600.0,
        unit='s',
    )
