# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of the prompt node, against a real tracker node in another process."""

import os
from pathlib import Path
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from sam_tracker.msg import ImageBox, Track
from sam_tracker.nodes.prompt.command import tracks_table
from sam_tracker.nodes.prompt.prompt_node import main
from sam_tracker.ros.messages.stamps import nanoseconds, stamp_text

ROOT = Path(__file__).resolve().parents[3]


def prompt(domain: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, ROS_DOMAIN_ID=str(domain))
    environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    return subprocess.run(
        [sys.executable, '-m', 'sam_tracker.nodes.prompt.prompt_node', *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
    )


def complaints(answer: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what was written to stderr, without what a slow machine adds."""
    lines = answer.stderr.splitlines()
    return [line for line in lines if not line.startswith('prompt_node: waiting up to')]


@pytest.fixture
def ask(graph, camera, tester, monkeypatch, capfd):
    """Runs the prompt node in this process, beside a tracker that sees images."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(graph.domain))

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return run


def test_a_box_starts_an_object_and_the_answer_is_a_table(graph, camera, tester):
    answer = prompt(graph.domain, '--box', 40, 30, 50, 50, '--label', 'coffee mug')
    assert (answer.returncode, complaints(answer)) == (0, [])
    confirmation, image, headings, row = answer.stdout.splitlines()
    assert 'object 1 (coffee mug) is followed' in confirmation
    assert re.fullmatch(r'on the image of \d+\.\d{9} in camera', image)
    assert headings.split()[:4] == ['object', 'label', 'state', 'confidence']
    assert row.split()[:4] == ['1', 'coffee', 'mug', 'tracked']
    assert tester.object_ids() == [1]


def test_points_refine_an_object_and_others_stay(ask, tester):
    tester.add_box()
    tester.add_box(100.0, 30.0, 140.0, 80.0)
    points = ('--point', 60, 50, '--point', 61.5, 50, '--negative-point', 5, 5)
    answer = ask(*points, '--object-id', 2)
    assert answer.returncode == 0, answer.stderr
    assert 'object 2 is refined' in answer.stdout
    assert tester.object_ids() == [1, 2]


def test_a_mask_file_starts_an_object(ask, tester, tmp_path):
    mask = np.zeros((120, 160), np.uint8)
    mask[30:80, 40:90] = 255
    cv2.imwrite(str(tmp_path / 'mask.png'), mask)
    answer = ask('--mask', tmp_path / 'mask.png')
    assert answer.returncode == 0, answer.stderr
    assert tester.object_ids() == [1]


def test_a_stamp_means_the_image_of_that_stamp_to_the_nanosecond(ask, tester):
    (tracks,) = tester.next_tracks()
    stamp = stamp_text(nanoseconds(tracks.header.stamp))
    answer = ask('--box', 40, 30, 50, 50, '--stamp', stamp)
    assert answer.returncode == 0, answer.stderr
    assert 'caught up' in answer.stdout
    answer = ask('--box', 40, 30, 50, 50, '--stamp', '12.5')
    assert answer.returncode == 1
    assert '12.500000000 is too old' in answer.stderr


def test_the_next_image_is_waited_for_and_meant(ask, camera, tester):
    before = nanoseconds(camera.headers[-1].stamp)
    answer = ask('--box', 40, 30, 50, 50, '--next-image')
    assert answer.returncode == 0, answer.stderr
    stamp = re.search(r'on the image of (\d+)\.(\d{9})', answer.stdout)
    assert int(stamp[1] + stamp[2]) > before


def test_waiting_for_an_image_that_never_comes_is_bounded(ask, tester):
    tester.call('set_paused', data=True)
    answer = ask('--box', 40, 30, 50, 50, '--next-image', '--timeout', 8)
    assert answer.returncode == 1
    assert 'no image has been processed within 8 s' in answer.stderr
    assert '/sam_tracker/tracks' in answer.stderr


def test_a_refusal_goes_to_stderr_with_the_offending_value(graph, camera, tester):
    answer = prompt(graph.domain, '--box', 240, 30, 50, 50)
    assert (answer.returncode, answer.stdout) == (1, '')
    (complaint,) = complaints(answer)
    assert complaint.startswith('prompt_node: refused: ')
    assert '290' in complaint


def test_objects_are_listed_removed_and_reset(ask, tester):
    tester.add_box(label='mug')
    tester.add_box(100.0, 30.0, 140.0, 80.0)
    tester.next_tracks()
    listed = ask('--list')
    assert [line.split()[0] for line in listed.stdout.splitlines()[3:]] == ['1', '2']
    assert ask('--remove', 1).returncode == 0
    assert tester.object_ids() == [2]
    missing = ask('--remove', 7)
    assert missing.returncode == 1
    assert '7' in missing.stderr
    assert ask('--reset').returncode == 0
    assert tester.object_ids() == []


def test_tracking_is_paused_and_resumed(ask, tester):
    assert ask('--pause').stdout == 'paused\n'
    assert ask('--resume').stdout == 'tracking\n'


def test_a_tracker_elsewhere_is_named(ask):
    # How long the discovery of the tracker takes depends on the machine.
    for timeout in (2, 8, 32):
        answer = ask('--list', '--tracker', '/left/sam_tracker', '--timeout', timeout)
        assert answer.returncode == 1
        if 'no tracker runs' not in answer.stderr:
            break
    waiting, failure = answer.stderr.splitlines()[-2:]
    assert f'waiting up to {timeout} s for service /left/sam_tracker/get_objects' in waiting
    assert f'is not available after {timeout} s; there is /sam_tracker: give --tracker' in failure


def test_without_any_tracker_the_wait_is_bounded(domain):
    answer = prompt(domain, '--reset', '--timeout', 1, '--ros-args', '-r', '__ns:=/right')
    assert answer.returncode == 1
    assert 'service /right/sam_tracker/reset is not available after 1 s' in answer.stderr


@pytest.mark.parametrize(
    'arguments,complaint',
    [
        (['--box', '1', '2', '3'], 'expected 4 arguments'),
        (['--box', '1', '2', '0', '4'], 'width and height must be positive'),
        (['--point', '1', 'nan'], "'nan' is not finite"),
        (['--point', 'here', '2'], "invalid number value: 'here'"),
        ([], 'nothing to do'),
        (['--label', 'mug'], 'nothing to do'),
        (['--label', 'mug', '--list'], '--label belongs to a prompt'),
        (['--object-id', '2'], '--stamp, --next-image and --object-id need'),
        (['--point', '1', '2', '--stamp', '3', '--next-image'], 'exclude each other'),
        (['--point', '1', '2', '--stamp', 'noon'], "'noon' is not a time in seconds"),
        (['--remove', '0'], "invalid object id '0'"),
        (['--remove', '70000'], "invalid object id '70000'"),
        (['--point', '1', '2', '--reset'], 'do not go together'),
        (['--list', '--reset'], 'not allowed with'),
        (['--timeout', '0', '--list'], "'0' is not positive"),
        (['--ros-args', '-p'], 'trailing -p'),
        (['--point', '1', '2', '--label', 'a\udcff'], r"'a\udcff' is not UTF-8"),
    ],
)
def test_a_command_line_without_sense_is_explained(arguments, complaint, monkeypatch, capsys):
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    assert code == 2
    explained = capsys.readouterr().err
    assert complaint in explained
    assert explained.count('\n') == 1


def test_a_table_has_a_place_for_what_is_not_known():
    track = Track(object_id=12, state=Track.STATE_OCCLUDED, motion_score=float('nan'))
    track.time_since_seen.sec = 3
    track.predicted_box = ImageBox(x_min=1.0, y_min=1.0, x_max=9.0, y_max=9.0)
    headings, row = tracks_table([track]).splitlines()
    assert row.split()[:5] == ['12', '-', 'occluded', '3.0', 's']
    assert row.endswith('-')
    assert len(row) == len(headings)
