# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The prompt encoder of SAM, which pads points differently from SAM 2's."""

from torch import Tensor

from sam_tracker.networks.sam2.prompt_encoder import PromptEncoder

_BOX_CORNERS = 2
"""Labels from here on are those of corners of a box."""


class Sam1PromptEncoder(PromptEncoder):
    """Encodes points with labels, and the mask to start from, under the names of SAM."""

    def padding(self, labels: Tensor) -> Tensor:
        """
        Return the padding after the points of O objects: "no point" once, or nothing.

        Points are padded by one that is none, unless there is a box; a mask alone is not padded.

        :param labels: [O, N].
        :returns: [O, 0 or 1, D].
        :raises ValueError: some of the objects have a box and others none; SAM then pads some of
            the rows, and they cannot be of equal length.
        """
        boxed = (labels >= _BOX_CORNERS).any(1)
        with_box = int(boxed.sum())
        if with_box not in (0, len(labels)):
            raise ValueError(
                f'{with_box} of {len(labels)} objects have a box: SAM encodes objects with a box '
                f'and objects without one apart'
            )
        tokens = 1 if labels.shape[1] and not with_box else 0
        return self.not_a_point_embed.weight.expand(len(labels), tokens, -1)
