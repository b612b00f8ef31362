# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node that runs a network on the images of a camera."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import Change, declared
from sam_tracker.ros.parameters.image import ImageParameters
from sam_tracker.ros.parameters.network import NetworkParameters


@dataclass(frozen=True)
class CameraNodeParameters(ImageParameters, NetworkParameters):
    """Network, images, and how the node starts."""

    autostart: bool = declared(
        True,
        'Configure and activate at start. false: wait for lifecycle transitions.',
        change=Change.AT_START,
    )
