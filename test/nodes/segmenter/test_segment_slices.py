# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Slices of segmentation: how large they are, and by which settings everything is looked for."""

import re

import pytest

from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.nodes.segmenter.segment_slices import (
    POINTS_AT_ONCE,
    generator_settings,
    masks_at_once,
)
from sam_tracker.ros.parameters.declaration import declarations
from sam_tracker.ros.parameters.segmentation import EverythingParameters
from sam_tracker.segmentation.generator_settings import MOST_LAYERS, MaskGeneratorSettings

NANO = configuration_named('nano').suited_settings
DECLARED = declarations(EverythingParameters)


@pytest.mark.parametrize('model', ['nano', 'large'])
def test_what_is_not_given_is_what_suits_the_network(model):
    suited = configuration_named(model).suited_settings
    settings = generator_settings(EverythingParameters(), suited, 640, 480)
    expected = MaskGeneratorSettings.for_network(suited)
    for name in ('points_per_side', 'predicted_iou', 'stability_score', 'crop_layers'):
        assert getattr(settings, name) == getattr(expected, name), name


def test_what_is_given_goes_before():
    parameters = EverythingParameters(
        points_per_side=7,
        predicted_iou=0.0,
        stability_score=0.25,
        crop_layers=2,
    )
    settings = generator_settings(parameters, NANO, 640, 480)
    given = settings.points_per_side, settings.predicted_iou, settings.stability_score
    assert given == (7, 0.0, 0.25)
    assert settings.crop_layers == 2


@pytest.mark.parametrize('name', ['points_per_side', 'predicted_iou', 'stability_score'])
def test_the_descriptions_tell_what_suits_the_networks(name):
    told = re.search(r'([\d.]+) for nano and ([\d.]+) for', DECLARED[name].description)
    suited = [
        getattr(configuration_named(each).suited_settings, name) for each in ('nano', 'tiny')
    ]
    assert [float(value) for value in told.groups()] == suited


def test_every_value_that_is_allowed_makes_settings():
    assert DECLARED['crop_layers'].maximum == MOST_LAYERS
    parameters = EverythingParameters(
        points_per_side=int(DECLARED['points_per_side'].maximum),
        crop_layers=MOST_LAYERS,
        predicted_iou=1.0,
        stability_score=1.0,
    )
    generator_settings(parameters, NANO, 16, 16)


def test_the_larger_the_image_the_fewer_masks_are_made_at_once():
    assert masks_at_once(16, 16) == POINTS_AT_ONCE
    assert 1 < masks_at_once(640, 480) <= POINTS_AT_ONCE
    assert masks_at_once(3840, 2160) == 1
