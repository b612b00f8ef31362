# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
What the arguments of the launch files do to the nodes.

The launch files run as they are; in place of the package's executables a small node reports what
it was started with, and ends.
"""

import json
import os
from pathlib import Path
import stat
import subprocess
import sys

import pytest

pytest.importorskip('launch_ros')

from ament_index_python.packages import get_package_share_directory

ROOT = Path(__file__).resolve().parents[2]
SHARE = Path(get_package_share_directory('sam_tracker'))

LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import PushRosNamespace, SetParameter

def include(**arguments):
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments.items()
    )

service = LaunchService()
service.include_launch_description(LaunchDescription([eval(sys.argv[2])]))
sys.exit(service.run())
"""

REPORTER = """#!{python}
import json
import os
from pathlib import Path
import rclpy
from rclpy.node import Node

rclpy.init()
node = Node('unnamed', automatically_declare_parameters_from_overrides=True)
parameters = node.get_parameters_by_prefix('')
parameters.pop('start_type_description_service', None)  # rclpy's own
report = {{
    'executable': Path(__file__).name,
    'name': node.get_fully_qualified_name(),
    'parameters': {{name: each.value for name, each in parameters.items()}},
    'topics': {{name: node.resolve_topic_name(name) for name in {topics}}},
    'level': node.get_logger().get_effective_level().name,
    'profile': os.environ.get('FASTRTPS_DEFAULT_PROFILES_FILE', ''),
}}
with Path(os.environ['REPORTS']).open('a') as file:
    file.write(json.dumps(report) + '\\n')
"""
TOPICS = (
    *('image', '~/click', 'tracks', 'depth', 'camera_info'),
    *('/sam_tracker/overlay', '/localizer/markers'),
)
EXECUTABLES = {
    'sam_tracker': (
        *('tracker_node', 'segmenter_node', 'video_node', 'console', 'localizer_node'),
        'robot_node',
    ),
    'rviz2': ('rviz2',),
    'rqt_image_view': ('rqt_image_view',),
}


class Launched:
    """Launch files that were run: what their nodes reported, and what launch wrote."""

    def __init__(self, nodes: list[dict], output: str, code: int) -> None:
        self.nodes = nodes
        self.output = output
        self.code = code

    @property
    def node(self) -> dict:
        """The only node."""
        (node,) = self.nodes
        return node

    def by_name(self) -> list[dict]:
        return sorted(self.nodes, key=lambda node: node['name'])

    def named(self, executable: str) -> dict:
        (node,) = (each for each in self.nodes if each['executable'] == executable)
        return node


def topics(node: dict, *names: str) -> list[str]:
    """Return what names are remapped to."""
    return [node['topics'][name] for name in names]


@pytest.fixture
def launch(tmp_path, domain):
    """Runs an expression of launch actions in which ``include`` includes a launch file."""

    def run(file: str, expression: str = 'include()', packages: tuple[str, ...] = ()) -> Launched:
        prefix = tmp_path / 'prefix'
        for package in ('sam_tracker', *packages):
            marker = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages' / package
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
            folder = prefix / 'lib' / package
            folder.mkdir(parents=True)
            for name in EXECUTABLES[package]:
                text = REPORTER.format(python=sys.executable, topics=TOPICS)
                (folder / name).write_text(text)
                (folder / name).chmod(stat.S_IRWXU)
        share = prefix / 'share' / 'sam_tracker'
        share.mkdir()
        for folder in ('launch', 'config'):
            (share / folder).symlink_to(SHARE / folder)
        reports = tmp_path / 'reports'
        reports.touch()
        environment = {
            **os.environ,
            'AMENT_PREFIX_PATH': f'{prefix}{os.pathsep}{os.environ["AMENT_PREFIX_PATH"]}',
            'REPORTS': str(reports),
            'ROS_LOG_DIR': str(tmp_path / 'log'),
        }
        environment.pop('FASTRTPS_DEFAULT_PROFILES_FILE', None)
        done = subprocess.run(
            [sys.executable, '-c', LAUNCH, str(share / 'launch' / file), expression],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        nodes = [json.loads(line) for line in reports.read_text().splitlines()]
        return Launched(nodes, done.stdout + done.stderr, done.returncode)

    return run


def test_nothing_is_set_unless_it_is_given(launch):
    node = launch('tracker.launch.py').node
    assert node['name'] == '/sam_tracker'
    assert node['parameters'] == {'use_sim_time': False}
    assert topics(node, 'image', '~/click') == ['/image', '/sam_tracker/click']


def test_arguments_that_are_given_reach_the_node_with_their_types(launch):
    node = launch(
        'tracker.launch.py',
        "include(model='tiny', checkpoint='weights.pt', image_size='256', cpu_threads='auto', "
        "autostart='False', use_sim_time='True', image='/camera/image_raw', click_topic='/click')",
    ).node
    assert node['parameters'] == {
        'model': 'tiny',
        'checkpoint': 'weights.pt',
        'image_size': 256,
        'cpu_threads': 'auto',
        'autostart': False,
        'use_sim_time': True,
    }
    assert topics(node, 'image', '~/click') == ['/camera/image_raw', '/click']


def test_a_parameter_file_goes_before_what_is_set_around_it_and_an_argument_before_both(
    launch, tmp_path
):
    (tmp_path / 'mine.yaml').write_text(
        '/**: {ros__parameters: {autostart: false, device: cpu, model: small}}'
    )
    node = launch(
        'tracker.launch.py',
        "GroupAction([SetParameter('use_sim_time', True), SetParameter('device', 'cuda'), "
        "include(params_file='mine.yaml', model='tiny')])",
    ).node
    assert node['parameters'] == {
        'use_sim_time': True,
        'autostart': False,
        'device': 'cpu',
        'model': 'tiny',
    }


def test_arguments_for_one_camera_do_not_reach_the_next(launch):
    nodes = launch(
        'tracker.launch.py',
        "GroupAction([SetParameter('device', 'cpu'), "
        "GroupAction([include(name='one', model='tiny')]), "
        "GroupAction([include(name='two', image_size='256')])])",
    ).nodes
    parameters = {node['name']: node['parameters'] for node in nodes}
    assert parameters == {
        '/one': {'use_sim_time': False, 'device': 'cpu', 'model': 'tiny'},
        '/two': {'use_sim_time': False, 'device': 'cpu', 'image_size': 256},
    }


@pytest.mark.parametrize('given', ['true', 'false'])
def test_the_console_is_started_if_it_is_asked_for(launch, given):
    launched = launch('tracker.launch.py', f"include(console='{given}')")
    assert launched.code == 0
    started = {each['executable'] for each in launched.nodes}
    assert started == ({'tracker_node', 'console'} if given == 'true' else {'tracker_node'})


def test_a_pushed_namespace_reaches_node_log_level_and_rviz(launch):
    launched = launch(
        'tracker.launch.py',
        "GroupAction([PushRosNamespace('robot'), "
        "include(namespace='left', log_level='error', rviz='true')])",
        packages=('rviz2',),
    )
    tracker = launched.named('tracker_node')
    assert (tracker['name'], tracker['level']) == ('/robot/left/sam_tracker', 'ERROR')
    overlay = topics(launched.named('rviz2'), '/sam_tracker/overlay')
    assert overlay == ['/robot/left/sam_tracker/overlay']


def test_the_localizer_hears_the_tracker_and_rviz_both_wherever_they_are(launch):
    launched = launch(
        'robot.launch.py',
        "include(namespace='left', name='tracker', image='/camera/image', depth='/camera/depth', "
        "camera_info='/camera/info', use_sim_time='true', rviz='true')",
        packages=('rviz2',),
    )
    shown = topics(launched.named('rviz2'), '/sam_tracker/overlay', '/localizer/markers')
    assert shown == ['/left/tracker/overlay', '/left/localizer/markers']
    tracker, localizer = launched.named('tracker_node'), launched.named('localizer_node')
    assert (tracker['name'], localizer['name']) == ('/left/tracker', '/left/localizer')
    assert tracker['topics']['image'] == '/camera/image'
    heard = topics(localizer, 'tracks', 'depth', 'camera_info')
    assert heard == ['/left/tracker/tracks', '/camera/depth', '/camera/info']
    assert localizer['parameters']['use_sim_time'] is True


def test_tracker_and_localizer_share_a_process_if_they_are_to(launch, tmp_path):
    (tmp_path / 'localizer.yaml').write_text('/**: {ros__parameters: {target_frame: odom}}')
    node = launch(
        'robot.launch.py',
        "include(one_process='True', namespace='left', image='/camera/image', model='tiny', "
        "depth='/camera/depth', camera_info='/camera/info', "
        "localizer_params_file='localizer.yaml')",
    ).node
    assert (node['executable'], node['name']) == ('robot_node', '/left/sam_tracker')
    heard = topics(node, 'image', 'depth', 'camera_info')
    assert heard == ['/camera/image', '/camera/depth', '/camera/info']
    assert node['parameters'] == {
        'use_sim_time': False,
        'target_frame': 'odom',
        'model': 'tiny',
    }


def test_a_parameter_file_that_is_not_there_is_an_error(launch):
    launched = launch('tracker.launch.py', "include(params_file='typo.yaml')")
    assert launched.code != 0
    assert launched.nodes == []
    assert "params_file 'typo.yaml' is not a file" in launched.output


def test_tools_that_are_not_installed_do_not_keep_the_tracker_from_starting(launch):
    launched = launch('tracker.launch.py', "include(rviz='true')")
    assert launched.code == 0
    assert launched.node['executable'] == 'tracker_node'
    assert 'rviz2 is not started: the package is not installed' in launched.output


def test_the_profile_for_large_images_is_set_unless_it_is_refused(launch):
    with_profile, without = launch(
        'tracker.launch.py',
        "GroupAction([GroupAction([include(name='a')]), "
        "GroupAction([include(name='b', fast_dds_profile='False')])])",
    ).by_name()
    assert with_profile['profile'].endswith('fastdds_large_images.xml')
    assert without['profile'] == ''


def test_the_segmenter_is_launched_with_the_same_arguments(launch):
    node = launch(
        'segmenter.launch.py', "include(namespace='left', device='cpu', autostart='False')"
    ).node
    assert (node['executable'], node['name']) == ('segmenter_node', '/left/segmenter')
    assert node['parameters'] == {'use_sim_time': False, 'device': 'cpu', 'autostart': False}


def test_the_demonstration_passes_its_arguments_on_to_camera_and_tracker(launch):
    launched = launch(
        'demo.launch.py',
        "include(loop='False', rate='5', image_transport='compressed', use_sim_time='true', "
        "device='cpu', click='rqt')",
        packages=('rqt_image_view',),
    )
    camera, tracker = launched.named('video_node'), launched.named('tracker_node')
    assert camera['parameters'] == {
        'source': 'pattern',
        'loop': False,
        'rate': 5.0,
        'wait_for_subscribers': 1,
        'image_transport': 'compressed',
        'use_sim_time': True,
    }
    assert tracker['parameters'] == {
        'device': 'cpu',
        'image_transport': 'compressed',
        'use_sim_time': True,
    }
    assert tracker['name'] == '/demo/sam_tracker'
    assert camera['topics']['image'] == tracker['topics']['image'] == '/demo/image'
    assert tracker['topics']['~/click'] == '/demo/sam_tracker/overlay_mouse_left'
    assert launched.named('rqt_image_view')['executable'] == 'rqt_image_view'


def test_the_demonstration_starts_with_what_is_installed(launch):
    launched = launch('demo.launch.py', "include(click='rqt')")
    assert {node['executable'] for node in launched.nodes} == {'video_node', 'tracker_node'}
    assert 'rqt_image_view is not started' in launched.output
