# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the same weights with a smaller input, for small objects beside others."""

import os

from sam_tracker.networks.api import VideoNetwork
from sam_tracker.networks.runtime import Runtime
from sam_tracker.networks.weights.loading import load_network


def load_small_input(
    name_or_path: str | os.PathLike[str], network: VideoNetwork, runtime: Runtime
) -> VideoNetwork | None:
    """
    Load the network that ``Tracker`` takes as ``small``.

    :param name_or_path: of the weights of ``network``.
    :param network: the one with the usual input.
    :param runtime: where and how to run it.
    :returns: None where it would save nothing: on a GPU, if the usual input is as small, and with
        weights of which no small input is known.
    :raises CheckpointError: as ``load_network``.
    """
    side = network.suited_settings.small_input
    if side is None or side >= network.image_size or runtime.device.type != 'cpu':
        return None
    return runtime.place(load_network(name_or_path, side))
