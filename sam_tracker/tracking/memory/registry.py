# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The memory rules by name; a new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sam_tracker.networks.api import MemoryLayout
from sam_tracker.tracking.memory.api import MemoryRule
from sam_tracker.tracking.memory.distractor_rule import DistractorRule
from sam_tracker.tracking.memory.sam2_rule import Sam2Rule
from sam_tracker.tracking.memory.samurai_rule import SamuraiRule

if TYPE_CHECKING:
    from sam_tracker.tracking.settings import TrackerSettings

MEMORY_RULES: dict[str, Callable[[TrackerSettings, MemoryLayout], MemoryRule]] = {
    'samurai': SamuraiRule,
    'sam2': Sam2Rule,
    'dam': DistractorRule,
}
