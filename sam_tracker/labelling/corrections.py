# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts of a later run, as corrections of the labels of an earlier one."""

from pathlib import Path

from sam_tracker.labelling.labels import LABELS, LabelSet
from sam_tracker.labelling.prompts import FramePrompt, ObjectPrompts, Prompts


def corrections(folder: Path, before: Prompts, prompts: Prompts) -> Prompts:
    """
    Return prompts as corrections of the labels that there are.

    A prompt that is in the project already stays what it was. A new one on an object of the
    project corrects the label on its frame; ``project.json`` keeps the mask that it corrected, so
    that the same prompts give the same labels ever after. What a review changed stays, unless the
    prompts on its frame are other ones than before the review. An object with none but new prompts
    is prompted anew: its labels came from prompts that are gone.

    :param folder: of the project.
    :param before: prompts of the project.
    :param prompts: all prompts; other objects are dropped, and frames that no review corrected.
    """
    labels = LabelSet(folder / LABELS, dict.fromkeys(prompts, ''))
    wanted: dict[int, list[int]] = {}
    found: dict[int, ObjectPrompts] = {}
    for object_id, each in prompts.items():
        known = before.get(object_id, ObjectPrompts())
        merged, added = ObjectPrompts(each.label), []
        for frame, old in known.by_frame.items():
            if old.reviewed is not None and frame not in each.by_frame:
                merged = merged.having(frame, old)
        for frame, new in sorted(each.by_frame.items()):
            there = known.by_frame.get(frame)
            if there is not None and new.digest in _digests(there):
                merged = merged.having(frame, there)
            else:
                added.append(frame)
        alone = any(prompt.stands_alone for prompt in merged.by_frame.values())
        for frame in added:
            if alone and labels.path.exists():
                wanted.setdefault(frame, []).append(object_id)
            else:
                merged = merged.having(frame, each.by_frame[frame])
        found[object_id] = merged
    if wanted:
        for image in labels.images():
            for track in image.tracks:
                if track.object_id in wanted.get(image.number, ()):
                    prompt = prompts[track.object_id].by_frame[image.number].prompt
                    merged = found[track.object_id]
                    found[track.object_id] = merged.corrected(
                        image.number, prompt, track.mask, track.visible
                    )
    return found


def _digests(known: FramePrompt) -> tuple[str | None, str]:
    """Return digests of a known prompt: before its review, and as it is."""
    return known.reviewed, FramePrompt(known.prompt).digest
