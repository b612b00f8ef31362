# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The checkout builds as a robot builds it, here against the ROS wheels of the environment."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which('colcon') is None or not list(Path(sys.prefix).glob('lib/python*/*/rclpy')),
        reason='needs colcon and the ROS wheels in one environment (make setup-test)',
    ),
]


@pytest.fixture(scope='module')
def build_base(tmp_path_factory) -> Path:
    """Both ways to install share what is compiled, which takes a minute and more."""
    return tmp_path_factory.mktemp('build')


@pytest.fixture(scope='module', params=['copied', 'symlinked'])
def workspace(request, tmp_path_factory, build_base) -> Path:
    """Build the checkout with colcon, plainly and with --symlink-install."""
    folder = tmp_path_factory.mktemp(f'workspace_{request.param}')
    environment = dict(os.environ, AMENT_PREFIX_PATH=sys.prefix, CMAKE_PREFIX_PATH=sys.prefix)
    environment['LD_LIBRARY_PATH'] = f'{sys.prefix}/lib'
    # Python code is copied there by one way and linked by the other, which refuses a copy.
    shutil.rmtree(build_base / 'sam_tracker' / 'ament_cmake_python', ignore_errors=True)
    subprocess.run(
        [
            *('colcon', '--log-base', str(folder / 'log'), 'build', '--base-paths', str(ROOT)),
            *('--build-base', str(build_base), '--install-base', str(folder / 'install')),
            *(['--symlink-install'] if request.param == 'symlinked' else []),
            *('--cmake-args', f'-DPython3_EXECUTABLE={sys.executable}'),
            f'-DCMAKE_PROJECT_INCLUDE={ROOT}/cmake/ros_from_wheels.cmake',
        ],
        env=environment,
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    return folder


def run_in(workspace: Path, command: str) -> str:
    """Run a shell command in a sourced workspace and return what it printed."""
    environment = {'PATH': os.environ['PATH'], 'HOME': os.environ.get('HOME', '/')}
    completed = subprocess.run(
        ['bash', '-c', f'. {workspace}/install/setup.bash && {command}'],
        env=environment,
        cwd=workspace,
        check=True,
        capture_output=True,
        text=True,
    )
    return completed.stdout


def test_a_sourced_workspace_imports_messages_and_code_of_the_build(workspace):
    program = 'import sam_tracker, sam_tracker.msg; print(*sam_tracker.__path__, sep=chr(10))'
    first = run_in(
        workspace,
        f'python -P -c "{program}"' if sys.version_info >= (3, 11) else f'python -c "{program}"',
    ).splitlines()[0]
    assert first.startswith(str(workspace / 'install'))
    assert run_in(workspace, 'python -c "from sam_tracker.srv import AddPrompt"') == ''


def test_every_executable_and_shared_file_is_where_ros2_looks_for_it(workspace):
    prefix = workspace / 'install' / 'sam_tracker'
    executables = sorted((prefix / 'lib' / 'sam_tracker').iterdir())
    assert 'video_node' in [path.name for path in executables]
    assert all(os.access(path, os.X_OK) for path in executables)
    for folder in ('launch', 'config'):
        expected = {path.name for path in (ROOT / folder).iterdir() if path.is_file()}
        installed = {path.name for path in (prefix / 'share/sam_tracker' / folder).iterdir()}
        assert expected - installed == set()


def test_commands_have_the_names_that_messages_and_documents_use(workspace):
    assert 'nano' in run_in(workspace, 'sam_tracker-checkpoint list')
    assert 'sam_tracker-segment' in run_in(workspace, 'sam_tracker-segment --help')


def test_an_installed_executable_runs(workspace):
    executable = workspace / 'install/sam_tracker/lib/sam_tracker/video_node'
    completed = subprocess.run(
        [
            'bash',
            '-c',
            f'. {workspace}/install/setup.bash && {executable} '
            '--ros-args -p source:=/no/such/clip.mp4',
        ],
        env={'PATH': os.environ['PATH'], 'HOME': os.environ.get('HOME', '/')},
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert completed.returncode != 0
    assert '/no/such/clip.mp4' in completed.stderr
    assert 'Traceback' not in completed.stderr
