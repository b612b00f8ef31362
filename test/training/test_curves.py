# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
import json

import cv2

from sam_tracker.training.curves import draw_curves, read_logs


def test_logs_become_a_picture(tmp_path):
    look = {'j': 0.5, 'j0': 0.6, 'static_box': 0.3}
    steps = [{'minutes': i, 'frames': 1000 * i, 'j0_box': 0.1 * i, 'mask': 1.0} for i in range(5)]
    last = {'minutes': 5, 'frames': 5000, 'held_out_easy': look, 'held_out_medium': look}
    lines = [{'settings': {}}, *steps, last]
    log = tmp_path / 'log.jsonl'
    log.write_text('\n'.join(map(json.dumps, lines)))
    records = read_logs([log, log])
    assert len(records) == 12
    assert records[-1]['frames'] == 10000
    draw_curves(records, tmp_path / 'curves.png')
    picture = cv2.imread(str(tmp_path / 'curves.png'))
    assert picture.std() > 10
