# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the diagnostics say in good days and in bad ones."""

from dataclasses import replace

from diagnostic_msgs.msg import DiagnosticStatus
import pytest

from sam_tracker.ros.camera.image_statistics import Drop, ImageReport, Spread
from sam_tracker.ros.process.diagnostics import NodeCondition, diagnostic_status

WELL = NodeCondition(
    lifecycle_state='active',
    topic='/camera/image',
    object_states={'tracked': 2, 'lost': 1},
    model='nano',
    device='cuda:0',
    precision='bfloat16',
    device_memory=12_000_000,
)
FLOWING = ImageReport(
    received=300,
    processed=290,
    dropped={Drop.REPLACED: 10},
    recently_dropped={},
    input_rate=30.0,
    processed_rate=29.0,
    age=Spread(0.05, 0.06, 0.07),
    latency=Spread(0.02, 0.03, 0.04),
    tracking=Spread(0.01, 0.015, 0.02),
    silence=0.01,
)


def status(condition: NodeCondition = WELL, frames: ImageReport = FLOWING) -> DiagnosticStatus:
    return diagnostic_status('sam_tracker: tracking', condition, frames, 3.0)


def test_all_is_well_and_every_figure_is_there():
    said = status()
    values = {each.key: each.value for each in said.values}
    assert (said.level, said.message, said.hardware_id) == (
        DiagnosticStatus.OK,
        'tracking',
        'cuda:0',
    )
    assert values['objects'] == '3'
    assert values['objects tracked'] == '2'
    assert values['objects occluded'] == '0'
    assert values['images dropped: replaced by a newer one'] == '10'
    assert values['latency 95 % (ms)'] == '30.0'
    assert values['tracking median (ms)'] == '10.0'
    assert values['age at publication median (ms)'] == '50.0'
    assert values['device memory (MB)'] == '12.0'
    assert values['precision'] == 'bfloat16'
    assert float(values['process memory (MB)']) > 10


@pytest.mark.parametrize(
    ('frames', 'words'),
    [
        (replace(FLOWING, silence=4.5), 'no image for 4.5 s on /camera/image'),
        (
            replace(FLOWING, recently_dropped={Drop.REPLACED: 100}, processed_rate=10.0),
            'images arrive at 30.0 Hz and are processed at 10.0 Hz',
        ),
        (
            replace(FLOWING, recently_dropped={Drop.NOT_TAKEN: 75}, input_rate=15.0),
            '75 images of the last 5 s were lost, or replaced before they were taken',
        ),
        (replace(FLOWING, recently_dropped={Drop.REPEATED: 75}), 'stamp of the one before'),
        (
            replace(FLOWING, age=Spread(1.7e9, 1.7e9, 1.7e9)),
            'images are 1700000000.0 s old by their stamps',
        ),
    ],
)
def test_trouble_with_images_is_a_warning_that_says_what(frames, words):
    said = status(frames=frames)
    assert said.level == DiagnosticStatus.WARN
    assert words in said.message


@pytest.mark.parametrize('drop', [Drop.REPLACED, Drop.NOT_TAKEN, Drop.REPEATED])
@pytest.mark.parametrize('rate', [0.5, 5.0, 30.0])
def test_one_image_that_is_not_processed_is_no_trouble_at_any_rate(drop, rate):
    frames = replace(FLOWING, recently_dropped={drop: 1}, input_rate=rate)
    assert status(frames=frames).message == 'tracking'


def test_what_was_published_is_what_was_received_and_what_was_lost_on_the_way():
    dropped = {Drop.REPLACED: 10, Drop.NOT_TAKEN: 7}
    said = status(frames=replace(FLOWING, dropped=dropped))
    values = {each.key: each.value for each in said.values}
    assert (values['images published'], values['images received']) == ('307', '300')


def test_what_the_node_knows_is_said_too():
    said = status(replace(WELL, warnings=('no publisher of images',)))
    assert (said.level, said.message) == (DiagnosticStatus.WARN, 'no publisher of images')


def test_an_error_goes_before_warnings():
    said = status(replace(WELL, error='out of memory', warnings=('something',)))
    assert (said.level, said.message) == (DiagnosticStatus.ERROR, 'out of memory')


def test_an_inactive_node_is_no_trouble():
    frames = replace(FLOWING, silence=100.0)
    said = status(replace(WELL, lifecycle_state='inactive'), frames)
    assert (said.level, said.message) == (DiagnosticStatus.OK, 'inactive')


def test_a_paused_node_says_so():
    assert status(replace(WELL, paused=True)).message == 'paused'


def test_on_the_cpu_there_is_no_device_memory():
    keys = [each.key for each in status(replace(WELL, device_memory=None)).values]
    assert 'device memory (MB)' not in keys
