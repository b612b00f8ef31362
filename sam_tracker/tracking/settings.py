# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a tracker, with defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math
from typing import Any

from sam_tracker.core.time import SECOND
from sam_tracker.networks.api import SuitedSettings
from sam_tracker.tracking.memory.registry import MEMORY_RULES
from sam_tracker.tracking.motion.registry import MOTION_MODELS

DEFAULT_MODE = 'sam_tracker'
"""The name in ``MODES`` of the behaviour of settings that were not changed."""


@dataclass(frozen=True)
class TrackerSettings:
    """
    Settings of a ``Tracker``; two trackers may share one.

    The numbers of the motion model, the selection and the memory are those of the released
    SAMURAI configuration (arXiv 2411.11922); ``in_mode`` switches to the behaviour of its code,
    or to that of SAM 2.

    :raises ValueError: a value makes no sense; the text names it.
    """

    motion_model: str | None = 'kalman_width_height'
    """
    Name of the motion model in ``MOTION_MODELS``; None: masks are chosen by affinity alone.

    By default a Kalman filter with the paper's state, not that of the released code. It predicts
    the boxes of generated clips better in every case of benchmark/motion.py (with every frame an
    IoU of 0.75 to 0.91 against 0.71 to 0.89), and those of recorded clips about as well.
    """
    motion_weight: float = 0.25
    """Weight of the motion score against the mask affinity (0.15 for the large network)."""
    stable_frames: int = 15
    """Confirmed frames in a row after which the motion model is trusted."""
    stable_affinity: float = 0.3
    """Mask affinity below which a frame does not confirm the motion; the count starts again."""
    presence_logit: float = -1.0
    """Object logit above which the object counts as present (SAM 2: 0)."""
    familiarity: float | None = None
    """
    Cosine of an object's appearance to those on its prompted frames, below which a mask shows
    something else and the object counts as absent; None: appearances are not compared.
    """
    certain_familiarity: float | None = None
    """
    Cosine from which on a mask certainly shows the object. Masks between the two are verified
    (``doubts``); None: none is.
    """
    verified_overlap: float = 0.5
    """IoU with the object's last certain mask, to which a mask that is verified must lead back."""
    frame_period: int = SECOND // 30
    """
    Nominal time between frames, in nanoseconds: the unit in which the filter counts time.

    The noise of the filter belongs to this period, whatever rate frames really come at.
    """
    longest_step: float = 30.0
    """
    Nominal periods without a frame after which the motion starts anew.

    A step up to four times as long as the one before is no such gap, so that slow streams have a
    motion model too.
    """

    memory_rule: str = 'samurai'
    """Name of the rule in ``MEMORY_RULES`` that chooses which frames are remembered and read."""
    memory_affinity: float = 0.5
    """Mask affinity above which a frame is remembered."""
    memory_object_logit: float = 0.0
    """Object logit above which a frame is remembered."""
    memory_motion_score: float = 0.0
    """Motion score above which a frame is remembered, where it has one."""
    memory_growth: float = math.inf
    """
    Multiple of the object's usual size above which a frame is not remembered as a good one:
    its mask has probably spread to what is beside the object, and from there would spread on.
    """
    conditioning_memories: int = 4
    """Prompted frames remembered for each object: the first and the newest of the others."""
    corrections_condition: bool = True
    """
    Remember the frame of a correction as a prompted one.

    So SAM 2 was trained; its predictors do not by default, and then a correction fades like any
    other frame.
    """
    cumulative_prompts: bool = True
    """
    Add up the prompts of one frame, and refuse answers that contradict a prompt that refines an
    object; False: each prompt stands alone, as in SAM 2's predictors.
    """
    binarise_prompted_masks: bool = True
    """Remember prompted frames by their mask instead of its logits, as SAM 2's predictors do."""

    drop_detached_parts: bool = True
    """
    Whether parts of a mask are dropped that lie apart from where the object is expected
    (``detached_parts``).
    """

    closer_look: bool = True
    """
    Whether small objects are looked for in a window around them instead of the whole image; see
    ``closer_look.focus``. Each such object costs an encoding on every frame.
    """

    exclusive: bool = True
    """
    Give a pixel that two tracks claim to the better supported one, and mark a track whose mask
    has become another's (``duplicate_of``); False: tracks ignore each other, as in SAM 2.
    """
    duplicate_share: float = 0.8
    """Share of a track's pixels in a better supported mask from which on it is a duplicate."""
    same_object: float = 0.7
    """
    IoU of masks above which a prompt for a new object means one that is already tracked; 1: never.

    Used while tracks are exclusive. Without it a detector that prompts what it sees would add the
    same objects again and again.
    """

    lost_after: int = 2 * SECOND
    """Nanoseconds without sight of an object after which it is LOST and its motion forgotten."""
    forget_after: int = 600 * SECOND
    """
    Nanoseconds of search after which a LOST object is removed; 0: never.

    Each object costs a decoding on every frame, seen or not. Pauses of the stream are not search.
    """
    maximum_objects: int = 64
    """Objects that may be tracked at once: what bounds the memory of a tracker."""

    def __post_init__(self) -> None:
        for name in (
            'motion_weight',
            'stable_affinity',
            'memory_affinity',
            'duplicate_share',
            'same_object',
            'verified_overlap',
        ):
            self._require(name, 0, 1)
        for name in ('familiarity', 'certain_familiarity'):
            if getattr(self, name) is not None:
                self._require(name, -1, 1)
        for name in ('presence_logit', 'memory_object_logit', 'memory_motion_score'):
            self._require(name, -math.inf, math.inf)
        for name in ('stable_frames', 'frame_period', 'memory_growth'):
            self._require(name, 1, math.inf)
        if self.motion_model is not None and self.motion_model not in MOTION_MODELS:
            names = ', '.join(MOTION_MODELS)
            raise ValueError(
                f'motion_model must be one of {names}, or None, not {self.motion_model!r}'
            )
        if self.memory_rule not in MEMORY_RULES:
            names = ', '.join(MEMORY_RULES)
            raise ValueError(f'memory_rule must be one of {names}, not {self.memory_rule!r}')
        self._require('conditioning_memories', 2, math.inf)
        self._require('maximum_objects', 1, 65535)
        self._require('longest_step', 1, math.inf)
        self._require('lost_after', 0, math.inf)
        self._require('forget_after', 0, math.inf)

    def _require(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if not least <= value <= most:
            raise ValueError(f'{name} must be from {least:g} to {most:g}, not {value!r}')

    @classmethod
    def for_network(cls, suited: SuitedSettings, mode: str = DEFAULT_MODE) -> TrackerSettings:
        """
        Return the settings of a mode for a network, which says what suits it.

        :param mode: one of ``MODES``.
        :raises ValueError: there is no such mode.
        """
        settings = cls(
            motion_weight=suited.motion_weight,
            presence_logit=suited.presence_logit,
            familiarity=suited.familiarity,
            certain_familiarity=suited.certain_familiarity,
            memory_growth=suited.memory_growth,
        )
        return settings.in_mode(mode)

    def in_mode(self, mode: str) -> TrackerSettings:
        """
        Return these settings with the behaviour of a mode.

        :param mode: one of ``MODES``.
        :raises ValueError: there is no such mode.
        """
        if mode not in MODES:
            raise ValueError(f'mode must be one of {", ".join(MODES)}, not {mode!r}')
        return replace(self, **MODES[mode])


_NEVER = 2**63 - 1

MODES: dict[str, dict[str, Any]] = {
    'sam_tracker': {
        'motion_model': TrackerSettings.motion_model,
        'memory_rule': 'samurai',
    },
    'samurai': {
        'drop_detached_parts': False,
        'motion_model': TrackerSettings.motion_model,
        'memory_rule': 'samurai',
        'memory_growth': math.inf,
        'familiarity': None,
    },
    'samurai_released': {
        'drop_detached_parts': False,
        'motion_model': 'samurai_released',
        'memory_rule': 'samurai',
        'memory_growth': math.inf,
        'presence_logit': TrackerSettings.presence_logit,
        'corrections_condition': False,
        'cumulative_prompts': False,
        'closer_look': False,
        'exclusive': False,
        'familiarity': None,
        'longest_step': math.inf,
        'lost_after': _NEVER,
        'forget_after': 0,
    },
    'dam': {
        'drop_detached_parts': False,
        'motion_model': None,
        'memory_rule': 'dam',
        'memory_growth': math.inf,
        'presence_logit': 0.0,
        'familiarity': None,
    },
    'samurai_dam': {
        'drop_detached_parts': False,
        'motion_model': TrackerSettings.motion_model,
        'memory_rule': 'dam',
        'memory_growth': math.inf,
        'familiarity': None,
    },
    'sam2': {
        'drop_detached_parts': False,
        'motion_model': None,
        'memory_rule': 'sam2',
        'presence_logit': 0.0,
        'familiarity': None,
        'corrections_condition': False,
        'cumulative_prompts': False,
        'closer_look': False,
        'exclusive': False,
        'lost_after': _NEVER,
        'forget_after': 0,
    },
}
"""
What each mode sets; docs/modes.md describes them.

``samurai_released`` follows the released SAMURAI code (commit 76ba195 of yangchris11/samurai) and
``sam2`` the video predictor of SAM 2 to the letter; the others have the tracker's own behaviour in
what concerns corrections, overlaps and lost objects.
"""
