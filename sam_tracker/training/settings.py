# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What a training run is asked to do."""

from dataclasses import dataclass, field
from functools import cached_property
import os
from pathlib import Path

from sam_tracker.training.batches import REAL_SHARE
from sam_tracker.training.curriculum import Curriculum
from sam_tracker.training.footage import Footage

FROM_SCRATCH = ('nano', 'mobile')
"""Networks that are small enough to be trained from random weights here."""


@dataclass(frozen=True)
class Settings:
    """What a run is asked to do."""

    output: Path
    minutes: float
    """Minutes of training, including earlier parts of a resumed run."""
    network: str = 'nano'
    """Name of a network that tracks; all but ``FROM_SCRATCH`` need a ``start``."""
    image_size: int = 128
    shipped_size: int | None = None
    """Side of the frames that the weights are to be used at; None: `image_size`."""
    processes: int = 1
    """Processes that train together, each on `clips` of its own."""
    device: str = 'cpu'
    clips: int = 4
    """Clips of four frames in a batch of each process; more shorter ones, fewer longer ones."""
    objects: int = 3
    """Objects followed in each clip; fewer where it shows fewer, but on a GPU."""
    seed: int = 0
    resume: bool = False
    """Go on from the checkpoint in `output`, where there is one."""
    data: Path | None = None
    """Real images to train on besides generated clips, laid out as `footage` describes."""
    real_share: float = REAL_SHARE
    """Share of the clips that are made of the images in `data`."""
    held_out_videos: tuple[str, ...] = ()
    """Videos of `data` that are not trained on."""
    trunk: Path | None = None
    """A published MobileNetV2 to begin from, where no `start` is given."""
    frozen_share: float = 0.0
    """Share of the run, from its start, in which the trunk is left as it is."""
    trunk_rate: float = 0.2
    """Learning rate of the trunk, as a share of that of all else."""
    start: str | os.PathLike[str] | None = None
    """Weights to fine-tune: a name or a file, as for `load_network`."""
    curriculum: Curriculum = field(default_factory=Curriculum)
    average_decay: float = 0.998
    checkpoint_minutes: float = 3.0
    evaluation_minutes: float = 15.0
    """Between two looks at held-out clips."""
    evaluation_clips: int = 4

    @cached_property
    def footage(self) -> Footage | None:
        """What lies in `data`."""
        return None if self.data is None else Footage(self.data, self.held_out_videos)
