# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The formats by name; a new one is a function and a line here."""

from collections.abc import Mapping

from sam_tracker.labelling.exports.bag import export_bag
from sam_tracker.labelling.exports.boxes import export_kitti, export_mot
from sam_tracker.labelling.exports.coco import export_coco
from sam_tracker.labelling.exports.cvat import export_cvat
from sam_tracker.labelling.exports.davis import export_davis
from sam_tracker.labelling.exports.export import Export
from sam_tracker.labelling.exports.overlay import export_overlay
from sam_tracker.labelling.exports.report import export_report
from sam_tracker.labelling.exports.yolo import export_yolo, export_yolo_boxes

EXPORTS: Mapping[str, Export] = {
    'bag': export_bag,
    'coco': export_coco,
    'cvat': export_cvat,
    'davis': export_davis,
    'kitti': export_kitti,
    'mot': export_mot,
    'overlay': export_overlay,
    'report': export_report,
    'yolo': export_yolo,
    'yolo_boxes': export_yolo_boxes,
}

SHARED_FILES = ('yolo/data.yaml', 'yolo_boxes/data.yaml')
"""Files to which every recording adds; a run reads what earlier ones wrote."""
SHARED_FOLDERS = ('davis/JPEGImages/480p',)
"""Folders whose names are listed in a file of all recordings."""
