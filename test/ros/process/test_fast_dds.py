# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The profile is found and well formed; only what dead processes left is removed."""

import fcntl
import os
import pathlib
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from xml.etree import ElementTree

import pytest

from sam_tracker.ros.process.fast_dds import (
    SEGMENT_NAME,
    SHARED_MEMORY,
    large_image_environment,
    large_image_profile,
    remove_abandoned_segments,
    users_of_other_segments,
)

VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def make_segment(folder, name, age=0.0):
    for path in (folder / name, folder / f'{name}_el'):
        path.write_bytes(b'x')
        os.utime(path, (time.time() - age, time.time() - age))
    return folder / name


def test_the_profile_gives_a_sender_room_for_several_images():
    root = ElementTree.parse(large_image_profile()).getroot()
    sizes = {each.tag.partition('}')[2]: each.text for each in root.iter()}
    image = 1280 * 720 * 3
    assert int(sizes['segment_size']) >= 10 * image
    assert int(sizes['maxMessageSize']) >= image
    assert sizes['useBuiltinTransports'] == 'false'


def test_a_prefix_with_the_package_is_preferred(tmp_path, monkeypatch):
    installed = tmp_path / 'share' / 'sam_tracker' / 'config' / 'fastdds_large_images.xml'
    installed.parent.mkdir(parents=True)
    installed.write_text('<profiles/>')
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere{os.pathsep}{tmp_path}')
    assert large_image_profile() == installed


def test_the_environment_names_the_profile_for_every_distribution(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert large_image_environment() == dict.fromkeys(VARIABLES, str(large_image_profile()))


@pytest.mark.parametrize('variable', VARIABLES)
def test_a_profile_that_somebody_chose_stays(monkeypatch, variable):
    monkeypatch.setenv(variable, '/own/profile.xml')
    assert large_image_environment() == {}


def test_only_segments_without_an_owner_are_removed(tmp_path):
    dead = make_segment(tmp_path, 'fastrtps_0123456789abcdef', age=100)
    dead_too = make_segment(tmp_path, 'fastdds_0123456789abcdef', age=100)
    young = make_segment(tmp_path, 'fastrtps_1123456789abcdef', age=1)
    living = make_segment(tmp_path, 'fastrtps_2123456789abcdef', age=100)
    port = make_segment(tmp_path, 'fastrtps_port7411', age=100)
    strange = make_segment(tmp_path, 'somebody_0123456789abcdef', age=100)
    without_lock = tmp_path / 'fastrtps_3123456789abcdef'
    without_lock.write_bytes(b'x')
    with (tmp_path / 'fastrtps_2123456789abcdef_el').open() as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        assert set(remove_abandoned_segments(60, tmp_path)) == {dead, dead_too}
    for kept in (young, living, port, strange, without_lock):
        assert kept.exists()
    assert not dead.with_name(f'{dead.name}_el').exists()
    assert remove_abandoned_segments(60, tmp_path) == [living]


def test_a_folder_that_is_not_there_is_no_trouble(tmp_path):
    assert remove_abandoned_segments(60, tmp_path / 'missing') == []


def test_a_living_node_keeps_its_memory_and_a_killed_one_loses_it(domain):
    pytest.importorskip('rclpy')
    if not SHARED_MEMORY.is_dir() or 'fastrtps' not in os.environ.get(
        'RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp'
    ):
        pytest.skip('Fast DDS with shared memory is not in use here')
    program = subprocess.Popen(
        [
            sys.executable,
            '-c',
            'import rclpy, time\nrclpy.init()\nnode = rclpy.create_node("n")\n'
            'print("ready", flush=True)\ntime.sleep(60)',
        ],
        stdout=subprocess.PIPE,
    )
    assert program.stdout.readline() == b'ready\n'
    own = [
        path
        for path in SHARED_MEMORY.iterdir()
        if SEGMENT_NAME.fullmatch(path.name) and _is_mapped(path, program.pid)
    ]
    assert own
    # Hard links to the segments of this node alone: other tests on this machine keep theirs.
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as name:
        folder = pathlib.Path(name)
        for path in own:
            for file in (path.name, f'{path.name}_el'):
                (folder / file).hardlink_to(SHARED_MEMORY / file)
        assert remove_abandoned_segments(0.0, folder) == []
        program.send_signal(signal.SIGKILL)
        program.wait()
        program.stdout.close()
        assert remove_abandoned_segments(0.0, folder)


def _is_mapped(path, pid):
    with pathlib.Path(f'/proc/{pid}/maps').open() as maps:
        return str(path) in maps.read()


def test_what_is_no_regular_file_of_this_user_is_neither_waited_for_nor_followed(tmp_path):
    for name in ('fastrtps_4123456789abcdef', 'fastrtps_5123456789abcdef'):
        (tmp_path / name).write_bytes(b'x')
    os.mkfifo(tmp_path / 'fastrtps_4123456789abcdef_el')
    target = tmp_path / 'somebody_elses'
    target.write_bytes(b'x')
    (tmp_path / 'fastrtps_5123456789abcdef_el').symlink_to(target)
    # A FIFO that were opened for reading would wait for a writer here.
    assert remove_abandoned_segments(0.0, tmp_path) == []
    assert target.exists()


def test_users_whose_shared_memory_is_of_no_use_to_this_process_are_named(tmp_path, monkeypatch):
    assert users_of_other_segments(tmp_path / 'missing') == []
    make_segment(tmp_path, 'fastrtps_0123456789abcdef')
    (tmp_path / 'something_else').touch()
    assert users_of_other_segments(tmp_path) == []
    owner = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, 'geteuid', lambda: 4_000_000)
    assert users_of_other_segments(tmp_path) == [owner]
