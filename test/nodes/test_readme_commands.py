# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Every command of the README and of the pages for users is executed: here, or by another test that
is named here.

A new command is executed if it begins like one of ``EXECUTED``; what it calls IMAGE, ID and so on
gets a value in ``placeholders``. One that is in no table fails.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
import importlib.util
import os
from pathlib import Path
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from unittest.mock import patch

import cv2
from lifecycle_msgs.msg import Transition
import pytest
from rclpy.action import ActionClient
from rclpy.task import Future
import yaml

from sam_tracker import programs
from sam_tracker.video.test_pattern import pattern_background

from ..conftest import Program, installed_executable, unused_domain, wait_until
from ..readme_commands import commands
from ..warm_python import WarmPython

pytestmark = pytest.mark.graph

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    'README.md',
    'docs/prompting.md',
    'docs/operating.md',
    'docs/robot.md',
    'docs/figures.md',
    'docs/localization.md',
    'docs/console.md',
)
TEXT = '\n'.join((ROOT / page).read_text() for page in PAGES)
COMMANDS = commands(TEXT)
LONG = 600.0
"""Seconds that a command may take on a machine that has much else to do."""

BUILD = 'test/test_build.py::test_'
DOWNLOAD = (
    'test/networks/weights/test_download.py::'
    'test_a_file_is_downloaded_from_the_mirror_once_and_found'
)
EVALUATION = 'test/evaluation/test_commands.py::test_'
ELSEWHERE = {
    r'make demo-3d': 'test/demo/test_demo_3d.py::'
    'test_boxes_are_placed_within_the_bounds_of_the_documentation',
    r'make demo': 'test/demo/test_demo.py::test_any_video_is_tracked_and_leaves_pictures',
    r'make colcon': f'{BUILD}every_executable_and_shared_file_is_where_ros2_looks_for_it',
    r'make evaluate': f'{EVALUATION}generated_leaves_tables_figures_and_pictures',
    r'python -m sam_tracker.evaluation corrections': 'test/evaluation/test_corrections.py::'
    'test_the_command_prints_a_table_and_writes_every_correction',
    r'make train-nano': 'test/training/test_training_run.py::'
    'test_a_run_of_seconds_learns_ships_and_goes_on_where_it_stopped',
    r'colcon build': f'{BUILD}every_executable_and_shared_file_is_where_ros2_looks_for_it',
    r'(\. \S+ && )*\. install/setup.bash': BUILD
    + 'a_sourced_workspace_imports_messages_and_code_of_the_build',
    # On a port of its own: that of the page may be taken here.
    r'ros2 run sam_tracker console$': 'test/nodes/console/test_console.py::'
    'test_a_page_shows_the_tracks_that_were_published_for_its_image',
    r'ros2 run sam_tracker console --ros-args': 'test/nodes/console/test_security.py::'
    'test_the_right_password_opens_page_and_websocket_and_wrong_ones_do_not',
    r'ros2 launch sam_tracker tracker': 'test/launch/test_tracker_launch.py::'
    'generate_test_description',
    r'ros2 launch sam_tracker demo': 'test/launch/test_demo_launch.py::generate_test_description',
    r'sam_tracker-checkpoint download \w+$': DOWNLOAD,
    r'sam_tracker-segment IMAGE --text': 'test/segmentation/test_segment_command.py::'
    'test_what_a_text_names_is_segmented_by_its_box_and_labelled',
    r'python -m sam_tracker.evaluation clips': EVALUATION
    + 'clips_prints_every_label_and_the_means_last',
}
"""What takes long or needs a network or more of ROS, and the test that does it in small."""

NOT_HERE = {
    r'apt install': 'changes the machine',
    r'rosdep install': 'needs a ROS installation',
    r'ros2 topic hz$': 'is spoken of, not recommended',
}


@dataclass
class Surroundings:
    """Where commands are executed."""

    folder: Path
    """Holds the files that ``placeholders`` name, and serves as home."""
    checkpoint: Path
    live: Callable[[str], object]
    """Returns a fixture, such as the tester of the running tracker."""
    warm_python: WarmPython

    def placeholders(self) -> dict[str, str]:
        """Return what commands call things, and what they are called here."""
        return {
            '<this repository>': str(ROOT),
            'my_weights.pt': str(self.checkpoint),
            'IMAGE': str(self.folder / 'image.png'),
            'FOLDER': str(self.folder),
            'ID': '1',
            '…': '320 200',
        }

    def filled(self, command: str) -> str:
        for name, value in self.placeholders().items():
            command = re.sub(rf'(?<![\w-]){re.escape(name)}(?!\w)', value, command)
        return command

    def environment(self, domain: int) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith('MAKE')}
        path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
        return {
            **kept,
            'PATH': path,
            'HOME': str(self.folder),
            'ROS_DOMAIN_ID': str(domain),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'OMP_NUM_THREADS': '1',
        }

    def run(self, command: str, domain: int | None = None, folder: Path = ROOT) -> str:
        """Run a command in a shell, expect it to succeed, and return what it printed."""
        with unused_domain() as unused:
            ran = subprocess.run(
                ['bash', '-e', '-c', self.filled(command)],
                cwd=folder,
                env=self.environment(unused if domain is None else domain),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=LONG,
            )
        assert ran.returncode == 0, f'{command}\n{ran.stdout}\n{ran.stderr}'
        return ran.stdout

    def run_python(self, command: str) -> str:
        """Run `python [-m] ...` without the seconds of another import of torch; as ``run``."""
        _, *words = shlex.split(self.filled(command))
        module, *arguments = words[words[0] == '-m' :]
        log = self.folder / 'python.log'
        with unused_domain() as unused:
            process = self.warm_python.run(module, arguments, self.environment(unused), log)
            program = Program(process, log)
            assert program.wait(LONG) == 0, f'{command}\n{program.output}'
        return program.output


def in_this_process(command: str, here: Surroundings) -> None:
    """Run what an installed script runs, without the seconds of another import of torch."""
    words = shlex.split(here.filled(command))
    assert (Path(sys.executable).parent / words[0]).exists()
    before = Path.cwd()
    os.chdir(here.folder)
    try:
        with patch.dict(os.environ, HOME=str(here.folder)), patch('sys.argv', words):
            assert getattr(programs, words[0].removeprefix('sam_tracker-'))() == 0
    finally:
        os.chdir(before)


def in_a_virtual_environment(command: str, here: Surroundings) -> None:
    """Run a line of the recipe for a robot where the lines before it were run."""
    make = 'python3 -m venv --system-site-packages .venv'
    here.run(make if command == make else f'{make} --without-pip && {command}', folder=here.folder)


def in_the_home_folder(command: str, here: Surroundings) -> None:
    here.run(command)
    assert (here.folder / 'ws' / 'src').is_dir()


def in_the_workspace(command: str, here: Surroundings) -> None:
    if not (ROOT / '.git').exists():
        pytest.skip('this is no clone')
    here.run(command, folder=here.folder)
    assert (here.folder / 'src' / 'sam_tracker' / 'package.xml').exists()


def what_would_be_made(command: str, here: Surroundings) -> None:
    """Have make read its file and say what it would do: that takes minutes to hours."""
    if shutil.which('make') is None:
        pytest.skip('make is not installed')
    assert here.run(command if command == 'make help' else f'{command} --dry-run')


def what_would_be_installed(command: str, here: Surroundings) -> None:
    """Have pip compare what is asked for with what is installed here, without a network."""
    if 'transformers' in command and importlib.util.find_spec('transformers') is None:
        pytest.skip('transformers is optional and not installed')
    if 'aiohttp' in command and importlib.util.find_spec('aiohttp') is None:
        pytest.skip('aiohttp is optional and not installed')
    if '[jazzy]' in command and not list(Path(sys.prefix).glob('lib/python*/*/rclpy')):
        pytest.skip('ROS is not installed by pip')
    pip = f'{shlex.quote(sys.executable)} -m pip install --dry-run --no-index'
    here.run(command.replace('pip install', f'{pip} --no-build-isolation', 1))


def with_little_to_do(command: str, here: Surroundings) -> None:
    printed = here.run_python(f'{command} --repetitions 2 --seconds 0.5')
    assert '1280x720' in printed


def masks_are_measured(command: str, here: Surroundings) -> None:
    printed = here.run_python(f'{command} --repetitions 1')
    assert 'disc 1920x1080  run_lengths' in printed


def cameras_are_measured(command: str, here: Surroundings) -> None:
    printed = here.run_python(f'{command} --rounds 1 --cameras 2')
    assert '2 cameras, in batches' in printed


def networks_are_compared(command: str, here: Surroundings) -> None:
    quick = command.replace('--image-size 512', '--image-size 256').replace(
        '--frames 6', '--frames 1'
    )
    assert quick != command
    printed = here.run_python(f'{quick} --objects 1')
    assert 'tiny' in printed
    assert 'edgetam' in printed


def where_there_is_a_gpu(command: str, here: Surroundings) -> None:
    # No network has this name, so nothing takes long on a GPU either.
    printed = here.run_python(f'{command} --networks none')
    assert 'not run: torch finds no GPU' in printed or 'teraflops' in printed


def on_clips_of_a_moment(command: str, here: Surroundings) -> None:
    quick = command.replace('--clips 3 --network mobile', '--clips 1 --frames 6')
    assert quick != command
    assert 'and corrected' in here.run_python(quick)


def table_of_parameters(command: str, here: Surroundings) -> None:
    assert here.run_python(command).startswith('| parameter |')


def executable_of(command: str) -> str:
    """Return the command as `ros2 run` and a sourced workspace carry it out."""
    return re.sub(
        r'^(ros2 run sam_tracker |install/sam_tracker/lib/sam_tracker/)(\w+)',
        lambda match: shlex.quote(str(installed_executable(match[2]))),
        command,
    )


def to_its_end(command: str, here: Surroundings) -> None:
    here.run(executable_of(command))


def until_interrupted(command: str, here: Surroundings) -> None:
    with unused_domain() as domain:
        words = shlex.split(here.filled(executable_of(command)))
        log = here.folder / 'node.log'
        program = Program.run(words, here.environment(domain), log)
        wait_until(lambda: '[INFO]' in program.output, 'a word of the node', patience=LONG)
        assert program.end(signal.SIGINT) == 0
    assert 'Traceback' not in program.output


def beside_a_tracker(command: str, here: Surroundings) -> None:
    tester = here.live('tester_with_images')
    if re.search('--(object-id|remove)', command):
        assert tester.add_box(298.0, 12.0, 595.0, 240.0).track.object_id == 1
    graph = here.live('graph')
    printed = here.run(executable_of(command), graph.domain)
    if '--remove' in command:
        assert tester.object_ids() == []
    elif label := re.search("--label '(.*)'", command):
        assert label[1] in printed


def filled_message(message: object, values: dict[str, object]) -> object:
    """Set the fields of a message as `ros2` does from YAML."""
    for name, value in values.items():
        field = getattr(message, name)
        if hasattr(field, 'get_fields_and_field_types'):
            filled_message(field, value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            kind = re.fullmatch(r'sequence<(.*?)(, \d+)?>', type_of_field(message, name))[1]
            setattr(message, name, [filled_message(interface(kind)(), each) for each in value])
        elif isinstance(value, list):
            setattr(message, name, value)
        else:
            setattr(message, name, type(field)(value))
    return message


def type_of_field(message: object, name: str) -> str:
    return message.get_fields_and_field_types()[name]


def interface(name: str, group: str = 'msg') -> type:
    """Return a class by a name such as sam_tracker/srv/AddPrompt or sam_tracker/ImagePoint."""
    package, *_, short = name.split('/')
    return getattr(import_module(f'{package}.{group}'), short)


def service_is_called(command: str, here: Surroundings) -> None:
    name, kind, request = shlex.split(here.filled(command))[3:]
    tester = here.live('tester_with_images')
    service = interface(kind, 'srv')
    client = tester.node.create_client(service, name)
    assert client.wait_for_service(LONG), f'{name} is not there'
    filled = filled_message(service.Request(), yaml.safe_load(request))
    answered = answer_of(lambda: client.call_async(filled), name)
    assert answered.success, answered.message


def answer_of(ask: Callable[[], Future], what: str):
    """Ask, and again after a while: a service that is there may not know where answers go."""
    futures = []

    def answer():
        if time.monotonic() > 30 * len(futures) + start:
            futures.append(ask())
        return next((future.result() for future in futures if future.done()), None)

    start = time.monotonic()
    return wait_until(answer, f'an answer of {what}', patience=LONG)


def goal_is_sent(command: str, here: Surroundings) -> None:
    name, kind, goal = shlex.split(here.filled(command))[4:]
    tester = here.live('tester_with_images')
    action = interface(kind, 'action')
    client = ActionClient(tester.node, action, name)
    assert client.wait_for_server(LONG), f'{name} is not there'
    filled = filled_message(action.Goal(), yaml.safe_load(goal))
    # Its feedback is another test's (tracker/test_follow_action.py). The command before may have
    # emptied the buffer of images.
    tester.next_tracks()
    sent = answer_of(lambda: tester.in_executor(client.send_goal_async, filled), name)
    assert sent.accepted
    answer_of(lambda: tester.in_executor(sent.cancel_goal_async), 'the request to cancel')
    ended = answer_of(lambda: tester.in_executor(sent.get_result_async), 'the result')
    assert ended.result.end == action.Result.END_CANCELED
    client.destroy()


def topics_are_listed(command: str, here: Surroundings) -> None:
    tester = here.live('tester_with_images')
    listed = dict(tester.node.get_topic_names_and_types())
    assert {'/image', '/sam_tracker/tracks'} <= listed.keys()


def lifecycle_is_walked(command: str, here: Surroundings) -> None:
    """Go on as the README does: cleanup, configure, activate."""
    node, transition = shlex.split(command)[3:]
    tester = here.live('tester_with_images')
    assert node == tester.name
    for each in (transition, 'cleanup', 'configure', 'activate'):
        assert f'`{each}`' in TEXT or each == transition
        assert tester.change(getattr(Transition, f'TRANSITION_{each.upper()}')), each
    assert tester.state() == 'active'


def launch_arguments_exist(command: str, here: Surroundings) -> None:
    """Look for the arguments in the launch file, since launch need not be installed."""
    file, *given = shlex.split(command)[3:]
    shared = ROOT / 'sam_tracker/ros/launch/camera_node.py'
    declared = declared_arguments(ROOT / 'launch' / file) | declared_arguments(shared)
    names = {argument.partition(':=')[0] for argument in given if not argument.startswith('--')}
    assert names <= declared


def declared_arguments(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    names = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, 'id', '') == 'DeclareLaunchArgument'
        and isinstance(node.args[0], ast.Constant)
    }
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == 'PASSED_ON':
            names |= set(map(ast.literal_eval, node.value.keys))
    return names


EXECUTED: dict[str, Callable[[str, Surroundings], None]] = {
    r'mkdir -p ~/ws': in_the_home_folder,
    r'git clone': in_the_workspace,
    r'(python3 -m venv|touch|. .venv/bin/activate$)': in_a_virtual_environment,
    r'make ': what_would_be_made,
    r'pip install ': what_would_be_installed,
    r'python benchmark/images.py$': with_little_to_do,
    r'python benchmark/masks.py$': masks_are_measured,
    r'python benchmark/cameras.py$': cameras_are_measured,
    r'python benchmark/network.py --network': networks_are_compared,
    r'python benchmark/gpu.py --minutes': where_there_is_a_gpu,
    r'python benchmark/association.py --clips 3 ': on_clips_of_a_moment,
    r'python -m sam_tracker.ros.parameters.documents table': table_of_parameters,
    r'sam_tracker-checkpoint (list|verify|show)': in_this_process,
    r'sam_tracker-segment IMAGE --(point|box|everything)': in_this_process,
    r'.*\bvideo_node --ros-args .*-p frames:=': to_its_end,
    r'ros2 run sam_tracker (video|recorder|image_monitor|localizer|segmenter|cameras)_node': (
        until_interrupted
    ),
    r'ros2 run sam_tracker prompt_node --': beside_a_tracker,
    r'ros2 service call ': service_is_called,
    r'ros2 action send_goal --feedback ': goal_is_sent,
    r'ros2 topic list': topics_are_listed,
    r'ros2 lifecycle set ': lifecycle_is_walked,
    r'ros2 launch sam_tracker ': launch_arguments_exist,
}


def known(registry: dict[str, object], command: str):
    """Return what a registry has for a command, or None."""
    return next((each for key, each in registry.items() if re.match(key, command)), None)


@pytest.fixture
def tester_with_images(graph, tester, camera_of_the_readme):
    wait_until(
        lambda: tester.tracks and tester.tracks[-1].image_width == 640, 'tracks', patience=LONG
    )
    return tester


@pytest.fixture(scope='module')
def camera_of_the_readme(graph) -> Program:
    """The test pattern, as large as the coordinates in the README ask for."""
    return graph.start('sam_tracker.nodes.video_node', width=640, height=480, rate='5.0')


@pytest.fixture
def here(request, random_checkpoint, tmp_path, warm_python) -> Surroundings:
    cv2.imwrite(str(tmp_path / 'image.png'), pattern_background(640, 480))
    return Surroundings(tmp_path, random_checkpoint, request.getfixturevalue, warm_python)


@pytest.mark.parametrize(
    'command', [each for each in COMMANDS if known(EXECUTED, each) or not known(ELSEWHERE, each)]
)
def test_every_command_of_the_readme_does_what_it_says(command, here):
    if reason := known(NOT_HERE, command):
        pytest.skip(f'{command}: {reason}')
    execute = known(EXECUTED, command)
    assert execute is not None, f'nobody executes this command: {command}'
    execute(command, here)


@pytest.mark.parametrize('test', sorted(set(ELSEWHERE.values())))
def test_every_test_that_executes_a_command_elsewhere_exists(test):
    file, name = test.split('::')
    assert f'\ndef {name}(' in (ROOT / file).read_text()


@pytest.mark.parametrize('key', [*ELSEWHERE, *NOT_HERE, *EXECUTED])
def test_nothing_is_provided_for_that_the_readme_does_not_say(key):
    assert any(re.match(key, command) for command in COMMANDS)


def test_commands_are_found_in_blocks_comments_and_text():
    page = 'Enter `make\nit` or `make`.\n\n```sh\nprogram --a \\\n  --b 1   # also --c, --d ID\n\n'
    page += 'other 2  # or: another 3\n```\n\n```yaml\nno: command\n```\nAnd `pip install x`.\n'
    assert commands(page) == [
        'make it',
        'program --a --b 1',
        'program --c',
        'program --d ID',
        'other 2',
        'another 3',
        'pip install x',
    ]


@pytest.mark.parametrize('command', ['frobnicate --all', 'ros2 param dump /sam_tracker'])
def test_a_command_that_nobody_executes_is_noticed(command):
    assert not any(known(each, command) for each in (NOT_HERE, ELSEWHERE, EXECUTED))
