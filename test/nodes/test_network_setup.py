# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""From parameters to a network on its device and to the settings of the tracker."""

from dataclasses import replace

import pytest
import torch

from sam_tracker.core.time import SECOND
from sam_tracker.networks.api import SuitedSettings
from sam_tracker.networks.mobile.configuration import MobileConfiguration
from sam_tracker.networks.sam2.configuration import configuration_named
from sam_tracker.networks.sam2.network import Sam2Network
from sam_tracker.networks.weights.catalogue import CheckpointError
from sam_tracker.nodes.network_setup import set_up_network, tracker_settings
from sam_tracker.ros.parameters.declaration import ParameterError
from sam_tracker.ros.parameters.tracker import (
    MemoryParameters,
    MotionParameters,
    TrackerParameters,
)
from sam_tracker.tracking.settings import MODES, TrackerSettings


@pytest.fixture(scope='module')
def parameters(tmp_path_factory) -> TrackerParameters:
    path = tmp_path_factory.mktemp('weights') / 'random.pt'
    torch.save({'model': Sam2Network(configuration_named('nano')).state_dict()}, path)
    return TrackerParameters(checkpoint=str(path), device='cpu', precision='float32')


def test_a_checkpoint_file_tells_which_network_it_is_for(parameters):
    setup = set_up_network(replace(parameters, model='tiny'))
    assert (setup.model, setup.device.type, setup.precision) == ('nano', 'cpu', 'float32')
    assert setup.description == 'nano at 224 px on cpu in float32'
    assert setup.device_memory() is None
    assert not any(each.requires_grad for each in setup.network.parameters())


def test_precision_and_image_size_are_as_asked(parameters):
    setup = set_up_network(replace(parameters, precision='bfloat16', image_size=256))
    assert setup.runtime.precision == torch.bfloat16
    assert setup.network.configuration.image_size == 256


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'device': 'toaster'}, "device 'toaster' is not one that torch knows"),
        ({'device': 'cuda:99'}, "device 'cuda:99' is not there: torch finds \\d+ GPUs"),
        ({'image_size': 100}, 'image_size must be a multiple of 32 from 128 to 1024, not 100'),
    ],
)
def test_what_cannot_be_is_refused_by_value(parameters, change, message):
    with pytest.raises(ParameterError, match=message):
        set_up_network(replace(parameters, **change))


def test_missing_weights_are_named(parameters):
    with pytest.raises(CheckpointError, match=r'/nowhere/at_all\.pt'):
        set_up_network(replace(parameters, checkpoint='/nowhere/at_all.pt'))


@pytest.mark.parametrize('model', ['nano', 'tiny', 'small', 'base_plus', 'large'])
def test_the_default_parameters_give_the_settings_that_suit_the_network(model):
    suited = configuration_named(model).suited_settings
    assert tracker_settings(TrackerParameters(), suited) == TrackerSettings.for_network(suited)


def test_parameters_reach_the_tracker_in_its_units():
    parameters = TrackerParameters(
        motion=MotionParameters(weight=0.5, nominal_rate=50.0),
        memory=MemoryParameters(object_score=2.0),
        lost_after=1.5,
    )
    settings = tracker_settings(parameters, configuration_named('large').suited_settings)
    assert settings.motion_weight == 0.5
    assert settings.frame_period == SECOND // 50
    assert settings.lost_after == 3 * SECOND // 2
    assert settings.memory_object_logit == 2.0


@pytest.mark.parametrize('mode', MODES)
def test_a_mode_gives_its_rules_and_leaves_the_other_parameters_as_they_are(mode):
    suited = configuration_named('tiny').suited_settings
    parameters = TrackerParameters(mode=mode, lost_after=1.5, resolve_overlaps=True)
    settings = tracker_settings(parameters, suited)
    expected = TrackerSettings.for_network(suited, mode)
    for rule in ('motion_model', 'memory_rule', 'presence_logit', 'corrections_condition'):
        assert getattr(settings, rule) == getattr(expected, rule)
    assert settings.lost_after == 3 * SECOND // 2
    assert settings.exclusive


def test_familiarity_is_what_suits_the_network_in_the_default_mode_unless_it_is_set():
    nano = configuration_named('nano').suited_settings
    assert tracker_settings(TrackerParameters(), nano).familiarity == nano.familiarity == 0.4
    assert tracker_settings(TrackerParameters(mode='samurai'), nano).familiarity is None
    for mode in ('sam_tracker', 'samurai'):
        parameters = TrackerParameters(mode=mode, familiarity=0.3)
        assert tracker_settings(parameters, nano).familiarity == 0.3
    tiny = configuration_named('tiny').suited_settings
    assert tracker_settings(TrackerParameters(), tiny).familiarity is None


def test_what_is_certain_suits_the_network_unless_it_is_set():
    known = SuitedSettings(familiarity=0.4, certain_familiarity=0.75)
    assert tracker_settings(TrackerParameters(), known).certain_familiarity == 0.75
    for suited in (known, SuitedSettings()):
        chosen = TrackerParameters(familiarity=0.3, certain_familiarity=0.6)
        settings = tracker_settings(chosen, suited)
        assert (settings.familiarity, settings.certain_familiarity) == (0.3, 0.6)


def test_a_familiarity_of_minus_one_also_switches_verification_off():
    suited = MobileConfiguration().suited_settings
    assert (
        tracker_settings(TrackerParameters(familiarity=-0.9), suited).certain_familiarity == 0.75
    )
    settings = tracker_settings(TrackerParameters(familiarity=-1.0), suited)
    assert (settings.familiarity, settings.certain_familiarity) == (-1.0, None)


def test_a_mode_that_does_not_exist_is_refused_with_those_that_do():
    parameters = TrackerParameters(mode='sam3')
    with pytest.raises(ValueError, match=r"mode must be one of sam_tracker, .*, not 'sam3'"):
        tracker_settings(parameters, configuration_named('tiny').suited_settings)
