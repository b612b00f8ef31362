# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The text grounder of a node: loaded when asked, refused with a reason, stopped with the node."""

import numpy as np
import pytest

from sam_tracker.nodes.segmenter.text_search import TextSearch
from sam_tracker.ros.process.worker import WorkerStoppedError
from sam_tracker.segmentation.text_model import GroundingError

IMAGE = np.zeros((48, 64, 3), np.uint8)


def test_without_a_model_the_answer_says_how_to_get_one():
    search = TextSearch('', 'cpu')
    with pytest.raises(GroundingError, match=r'text\.model is empty.*zero-shot.*owlv2'):
        search.submit(IMAGE, 'red mug', 0.2)
    assert search.stop(1.0)


def test_a_text_that_names_nothing_is_refused_before_a_model_is_looked_for(tmp_path):
    search = TextSearch(str(tmp_path / 'nowhere'), 'cpu')
    with pytest.raises(GroundingError, match=r"the text ' \. ' names nothing"):
        search.submit(IMAGE, ' . ', 0.2)
    assert search.stop(10.0)


def test_a_folder_without_a_model_is_named_every_time_it_is_asked(tmp_path):
    search = TextSearch(str(tmp_path / 'nowhere'), 'cpu')
    for _ in range(2):
        with pytest.raises(GroundingError, match='nowhere'):
            search.submit(IMAGE, 'red mug', 0.2).result(30)
    assert search.stop(10.0)
    with pytest.raises(WorkerStoppedError):
        search.submit(IMAGE, 'red mug', 0.2)


def test_a_folder_of_nobody_known_is_named():
    search = TextSearch('~nobody_known/model', 'cpu')
    with pytest.raises(GroundingError, match='~nobody_known/model'):
        search.submit(IMAGE, 'red mug', 0.2).result(30)
    assert search.stop(10.0)
