# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Every number that decides how objects are followed; all have a value that serves."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math

from sam_tracker.core.time import SECOND
from sam_tracker.tracking.motion.kalman_box import Parametrisation


@dataclass(frozen=True)
class TrackerSettings:
    """
    What a ``Tracker`` goes by; frozen, so that two trackers may share one.

    The numbers of the motion model, the selection and the memory are those of the released
    SAMURAI configuration (arXiv 2411.11922). ``released`` gives its very behaviour, ``plain``
    that of SAM 2 without it. Raises ``ValueError`` naming the value that makes no sense.
    """

    motion_aware: bool = True
    """Choose masks and memories by SAMURAI's rules; False: by SAM 2's, without a motion model."""

    motion_weight: float = 0.25
    """Weight of the motion score against the mask affinity (0.15 for the large network)."""
    stable_frames: int = 15
    """Confirmed frames in a row after which the motion model has a say in the choice."""
    stable_affinity: float = 0.3
    """Mask affinity below which a frame confirms nothing and the count starts again."""
    presence_logit: float = -1.0
    """Object logit above which the object counts as present (SAM 2: 0)."""
    parametrisation: Parametrisation = Parametrisation.WIDTH_HEIGHT
    """
    State of the Kalman filter: the paper's, not that of the released code.

    It foresees the boxes of generated clips better in every case that benchmark/motion.py knows
    (with every frame an IoU of 0.75 to 0.91 against 0.71 to 0.89), and those of recorded clips
    about as well. Aspect and height tie the noise of the width to the height, and believe that
    the aspect hardly changes.
    """
    frame_period: int = SECOND // 30
    """
    Nominal time between frames, in nanoseconds: the unit in which the filter counts time.

    The noise of the filter belongs to this period, whatever rate frames really come at.
    """
    longest_step: float = 30.0
    """Nominal periods without a frame after which the motion starts anew."""
    learn_from_empty_masks: bool = False
    """Let a mask without a pixel pull the filter to the corner, as the released code does."""

    memory_affinity: float = 0.5
    """Mask affinity above which a frame is worth remembering."""
    memory_object_logit: float = 0.0
    """Object logit above which a frame is worth remembering."""
    memory_motion_score: float = 0.0
    """Motion score above which a frame is worth remembering, where it has one."""
    conditioning_memories: int = 4
    """Prompted frames remembered for each object: the first and the newest of the others."""
    corrections_condition: bool = True
    """
    Remember the frame of a correction as a prompted one.

    So SAM 2 was trained; its predictors do not by default, and then a correction fades like any
    other frame.
    """
    binarise_prompted_masks: bool = True
    """Remember prompted frames by their mask instead of its logits, as SAM 2's predictors do."""

    exclusive: bool = True
    """
    Give a pixel that two tracks claim to the better supported one, and tell a track whose mask
    has become another's (``duplicate_of``); False: tracks ignore each other, as in SAM 2.
    """
    duplicate_share: float = 0.8
    """Share of a track's pixels in a better supported mask from which on it is a duplicate."""

    lost_after: int = 2 * SECOND
    """Nanoseconds without sight of an object after which it is LOST and its motion forgotten."""
    maximum_objects: int = 64
    """Objects that may be followed at once: what bounds the memory of a tracker."""

    def __post_init__(self) -> None:
        for name in ('motion_weight', 'stable_affinity', 'memory_affinity', 'duplicate_share'):
            self._require(name, 0, 1)
        for name in ('presence_logit', 'memory_object_logit', 'memory_motion_score'):
            self._require(name, -math.inf, math.inf)
        for name in ('stable_frames', 'frame_period'):
            self._require(name, 1, math.inf)
        self._require('conditioning_memories', 2, math.inf)
        self._require('maximum_objects', 1, 65535)
        self._require('longest_step', 1, math.inf)
        self._require('lost_after', 0, math.inf)

    def _require(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if not least <= value <= most:
            raise ValueError(f'{name} must be from {least:g} to {most:g}, not {value!r}')

    @classmethod
    def for_network(cls, name: str) -> TrackerSettings:
        """
        Return the settings that suit the network of that name (``NetworkConfiguration``).

        SAMURAI calls an object present from a logit of -1 on, which suits the published networks.
        The bundled nano is right where it was trained to be, at 0: with -1 it follows hardly
        better, and takes many absent objects for present (docs/nano.md).
        """
        return cls(
            motion_weight=0.15 if name == 'large' else 0.25,
            presence_logit=0.0 if name == 'nano' else cls.presence_logit,
        )

    def released(self) -> TrackerSettings:
        """Return these settings with the behaviour of the released SAMURAI code."""
        return replace(
            self,
            motion_aware=True,
            presence_logit=TrackerSettings.presence_logit,
            parametrisation=Parametrisation.ASPECT_HEIGHT,
            learn_from_empty_masks=True,
            corrections_condition=False,
            exclusive=False,
            longest_step=math.inf,
            lost_after=_NEVER,
        )

    def plain(self) -> TrackerSettings:
        """Return these settings with the behaviour of SAM 2's video predictor."""
        return replace(
            self,
            motion_aware=False,
            presence_logit=0.0,
            corrections_condition=False,
            exclusive=False,
            lost_after=_NEVER,
        )


_NEVER = 2**63 - 1
