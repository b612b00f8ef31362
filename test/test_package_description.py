# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What package.xml, pyproject.toml and requirements/ say fits together and fits the code."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path
import re
import subprocess
import sys
from xml.etree import ElementTree

from packaging.requirements import Requirement
import pytest

from sam_tracker import programs

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ElementTree.parse(ROOT / 'package.xml').getroot()
PYPROJECT = (ROOT / 'pyproject.toml').read_text()
# Imported only for words, bags, the console, fleets and some clips to train on, and installed by
# whoever wants them.
OPTIONAL = '\n'.join(
    (ROOT / 'requirements' / name).read_text()
    for name in (
        *('text.txt', 'labelling.txt', 'console.txt', 'fleet.txt', 'turning.txt'),
        *('storage.txt', 'export.txt', 'openvino.txt'),
    )
)

# import name -> (rosdep key of package.xml, distribution of pyproject.toml); None: it has none
DEPENDENCIES = {
    'PIL': ('python3-pil', 'pillow'),
    'aiohttp': ('python3-aiohttp', 'aiohttp'),
    'ament_index_python': ('ament_index_python', None),
    'bond': ('bond', None),
    'builtin_interfaces': ('builtin_interfaces', None),
    'cv2': ('python3-opencv', 'opencv-python-headless'),
    'cv_bridge': ('cv_bridge', None),
    'diagnostic_msgs': ('diagnostic_msgs', None),
    'filterpy': ('python3-filterpy-pip', 'filterpy'),
    'fsspec': (None, 'fsspec'),
    'foxglove_msgs': ('foxglove_msgs', None),
    'geometry_msgs': ('geometry_msgs', None),
    'huggingface_hub': (None, 'huggingface_hub'),
    'launch': ('launch', None),
    'launch_ros': ('launch_ros', None),
    'lifecycle_msgs': ('lifecycle_msgs', None),
    'lz4': (None, 'rosbags'),
    'matplotlib': ('python3-matplotlib', 'matplotlib'),
    'numpy': ('python3-numpy', 'numpy'),
    'onnxruntime': (None, 'onnxruntime'),
    'openvino': (None, 'openvino'),
    'pybullet': (None, 'pybullet'),
    'pybullet_data': (None, 'pybullet'),
    'pybullet_utils': (None, 'pybullet'),
    'rcl_interfaces': ('rcl_interfaces', None),
    'ray': (None, 'ray'),
    'rclpy': ('rclpy', None),
    'rosbags': (None, 'rosbags'),
    'scipy': ('python3-scipy', 'scipy'),
    'sensor_msgs': ('sensor_msgs', None),
    'std_msgs': ('std_msgs', None),
    'std_srvs': ('std_srvs', None),
    'tf2_ros': ('tf2_ros_py', None),
    'torch': (None, 'torch'),
    'tqdm': ('python3-tqdm', 'tqdm'),
    'transformers': (None, 'transformers'),
    'vision_msgs': ('vision_msgs', None),
    'visualization_msgs': ('visualization_msgs', None),
    'yaml': ('python3-yaml', 'pyyaml'),
}


def imported_names(folder: str) -> set[str]:
    """Return the top-level packages that the Python files of a folder import, ours excepted."""
    names: set[str] = set()
    for path in (ROOT / folder).rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name.split('.')[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split('.')[0])
    return names - {'sam_tracker'}


@pytest.mark.parametrize('folder', ['sam_tracker', 'launch'])
def test_every_import_is_declared_where_both_installs_find_it(folder):
    declared = {element.text for element in PACKAGE if element.tag.endswith('depend')}
    names = imported_names(folder) - sys.stdlib_module_names
    assert names <= DEPENDENCIES.keys()
    for name in sorted(names):
        rosdep_key, distribution = DEPENDENCIES[name]
        assert rosdep_key is None or rosdep_key in declared, name
        if distribution is not None and f'\n{distribution}>=' not in OPTIONAL:
            assert f'"{distribution}>=' in PYPROJECT, name


def test_every_range_in_the_metadata_admits_the_pinned_version():
    block = re.search(r'^dependencies = \[(.*?)^\]', PYPROJECT, re.S | re.M)
    ranges = [Requirement(text) for text in re.findall(r'"(.+?)"', block.group(1))]
    lines = (ROOT / 'requirements/runtime.txt').read_text().splitlines()
    pins = [Requirement(line.split('#')[0]) for line in lines if line.split('#')[0].strip()]
    assert {pin.name for pin in pins} == {range_.name for range_ in ranges}
    for range_ in ranges:
        for pin in (pin for pin in pins if pin.name == range_.name):
            (specifier,) = pin.specifier
            assert specifier.version in range_.specifier, pin


def test_the_range_of_what_is_optional_admits_the_version_that_is_tested():
    lines = [line for line in OPTIONAL.splitlines() if line and not line.startswith('#')]
    tested = '\n'.join(
        (ROOT / 'requirements' / name).read_text() for name in ('test.txt', 'runtime.txt')
    )
    for range_ in map(Requirement, lines):
        if range_.name in ('openvino', 'pybullet', 'ray'):
            continue  # too large for every run; their tests are skipped by name
        pins = re.findall(rf'^{range_.name}==([^\s;]+)', tested, re.M)
        assert pins and all(pin in range_.specifier for pin in pins), range_


def test_versions_are_pinned_under_requirements_alone():
    for path in ROOT.glob('requirements/*.txt'):
        for line in path.read_text().splitlines():
            requirement = line.split('#')[0].strip()
            assert not requirement or re.search(r'==|>=.*,<', requirement), f'{path.name}: {line}'
    elsewhere = [ROOT / 'setup.py', ROOT / 'Makefile', ROOT / 'pyproject.toml']
    assert [path.name for path in elsewhere if re.search(r'\w==\d', path.read_text())] == []


def test_every_distribution_is_installed_whole_and_unmixed():
    runtimes = []
    for path in ROOT.glob('requirements/*-*.txt'):
        distribution = path.stem.partition('-')[2]
        names = re.findall(r'^([a-z].*?)==', path.read_text(), re.M)
        assert names and all(name.startswith(f'ros-{distribution}-') for name in names), path.name
        assert path.with_name(f'ros-{distribution}.txt').exists()
        assert path.with_name(f'build-{distribution}.txt').exists()
        if path.stem.startswith('ros-'):
            runtimes.append({name.removeprefix(f'ros-{distribution}-') for name in names})
    assert len(runtimes) > 1
    assert all(runtime == runtimes[0] for runtime in runtimes)


def test_every_executable_of_the_build_has_a_main_and_a_console_script():
    block = re.search(r'set\(executables\n(.*?)\n\)', (ROOT / 'CMakeLists.txt').read_text(), re.S)
    modules = [line.strip() for line in block.group(1).splitlines() if '#' not in line]
    assert modules
    for module in modules:
        source = (ROOT / 'sam_tracker' / (module.replace('.', '/') + '.py')).read_text()
        assert any(
            isinstance(node, ast.FunctionDef) and node.name == 'main'
            for node in ast.parse(source).body
        ), module
        name = module.rpartition('.')[2].removesuffix('_command')
        assert getattr(programs, name).args == (f'sam_tracker.{module}',)
        assert f'"sam_tracker-{name}" = "sam_tracker.programs:{name}"' in PYPROJECT


def test_pip_and_the_build_install_the_same_programs():
    block = re.search(r'set\(executables\n(.*?)\n\)', (ROOT / 'CMakeLists.txt').read_text(), re.S)
    modules = [line.strip() for line in block.group(1).splitlines() if '#' not in line]
    built = {module.rpartition('.')[2].removesuffix('_command') for module in modules}
    assert built == set(re.findall(r'^"sam_tracker-(\w+)" = ', PYPROJECT, re.M))


def test_the_change_log_is_one_that_bloom_reads():
    changelog = pytest.importorskip('catkin_pkg.changelog')
    path = ROOT / 'CHANGELOG.rst'
    title, heading = re.findall(r'^(\S.*)\n[-^]+$', path.read_text(), re.M)[:2]
    assert title == 'Changelog for package sam_tracker'
    released = [
        version for version, _, _ in changelog.get_changelog_from_path(path).foreach_version()
    ]
    assert heading == 'Forthcoming' or released[0] == PACKAGE.findtext('version')


def imported_by_executables() -> tuple[set[Path], set[str]]:
    """Return our files that executables import, at any depth, and the other packages."""
    block = re.search(r'set\(executables\n(.*?)\n\)', (ROOT / 'CMakeLists.txt').read_text(), re.S)
    pending = [f'sam_tracker.{module}' for module in block.group(1).split()]
    files: set[Path] = set()
    others: set[str] = set()
    while pending:
        name = pending.pop()
        path = ROOT / (name.replace('.', '/') + '.py')
        if path in files or not path.exists():
            continue
        files.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f'{node.module}.{alias.name}' for alias in node.names)]
            else:
                continue
            pending += [each for each in names if each.startswith('sam_tracker.')]
            others |= {each.split('.')[0] for each in names} - {'sam_tracker'}
    return files, others - sys.stdlib_module_names


def test_executables_need_every_dependency_and_no_other():
    _, others = imported_by_executables()
    needed = {DEPENDENCIES[name][1] for name in others} - {None}
    block = re.search(r'^dependencies = \[(.*?)^\]', PYPROJECT, re.S | re.M)
    declared = {Requirement(text).name for text in re.findall(r'"(.+?)"', block.group(1))}
    optional = {name for name in needed if f'\n{name}>=' in OPTIONAL}
    # What is optional may narrow the range of a dependency, as words do that of Pillow.
    assert needed - (optional - declared) == declared


def test_executables_import_neither_training_nor_evaluation_nor_generated_clips():
    files, _ = imported_by_executables()
    assert len(files) > 100
    names = [path.relative_to(ROOT / 'sam_tracker').as_posix() for path in files]
    assert [
        name
        for name in names
        if name.startswith(('training/', 'evaluation/')) or name == 'video/generated.py'
    ] == []


# Which rooms each room may import. A room within a room, or a file that may import more than its
# room, is named with a dot; what a room may import says nothing of the rooms within it.
CAMERA = {'core', 'ros.images', 'ros.camera', 'ros.messages', 'ros.parameters', 'ros.process'}
ROOMS = {
    'core': set(),
    'command_line': {'core'},
    'programs': set(),
    'image_files': {'core'},
    'lettering': {'core'},
    'rendering': {'lettering'},
    'contact_sheet': {'lettering'},
    'video': {'core', 'image_files'},
    'recording': {'core', 'rendering', 'contact_sheet'},
    'web': {'core', 'rendering', 'recording'},
    # No network is known but to the registry: all others know the Protocols.
    'networks': {'core'},
    'networks.sam2': {'core', 'networks'},
    'networks.sam1': {'core', 'networks', 'networks.sam2'},
    'networks.edgetam': {'networks', 'networks.sam2'},
    'networks.mobile': {'networks', 'networks.sam2'},
    'networks.registry': {
        'networks',
        'networks.sam2',
        'networks.sam1',
        'networks.edgetam',
        'networks.mobile',
    },
    'networks.weights': {'core', 'networks', 'networks.registry'},
    'networks.weights.checkpoint_command': {
        *('core', 'networks.weights', 'networks.registry', 'command_line'),
    },
    'networks.exported': {'core', 'networks', 'networks.sam2'},
    'networks.exported.export_command': {
        *('core', 'networks.exported', 'networks.weights', 'command_line'),
    },
    'camera_motion': {'core'},
    'tracking': {'core', 'networks', 'tracking.closer_look'},
    'tracking.closer_look': {'core'},
    'association': {'core'},
    'localization': {'core'},
    'segmentation': {'core', 'networks'},
    'segmentation.segment_files': {
        *('segmentation', 'core', 'rendering', 'contact_sheet', 'command_line'),
    },
    'segmentation.segment_command': {
        *('segmentation', 'segmentation.segment_files', 'core', 'networks', 'networks.weights'),
        *('rendering', 'image_files', 'command_line'),
    },
    'labelling': {
        *('core', 'networks', 'tracking', 'tracking.closer_look', 'video', 'image_files'),
    },
    'labelling.exports': {
        *('core', 'labelling', 'rendering', 'contact_sheet', 'recording', 'tracking', 'video'),
    },
    'labelling.bag_recording': {'core', 'labelling', 'ros.images'},
    'labelling.bag_prompts': {'core', 'labelling', 'labelling.bag_recording', 'ros.messages'},
    'labelling.first_image': {'core', 'labelling', 'networks', 'segmentation'},
    'labelling.job': {
        *('core', 'labelling', 'labelling.exports', 'labelling.bag_recording'),
        *('labelling.bag_prompts', 'labelling.first_image'),
        *('networks', 'networks.weights', 'tracking'),
    },
    'labelling.staging': {'core', 'labelling', 'labelling.job'},
    'labelling.fleet': {
        *('labelling', 'labelling.exports', 'labelling.job', 'labelling.staging'),
        *('core', 'networks.weights'),
    },
    'labelling.review': {
        *('core', 'labelling', 'labelling.exports', 'labelling.bag_recording', 'labelling.job'),
        *('networks', 'networks.weights', 'rendering', 'tracking', 'web'),
    },
    'labelling.ray_pool': {'core', 'labelling', 'labelling.job', 'labelling.fleet'},
    'labelling.label_options': {'command_line', 'labelling', 'networks.weights'},
    'labelling.label_command': {
        'labelling.label_options',
        *('core', 'command_line', 'image_files'),
        *('labelling', 'labelling.job', 'labelling.fleet', 'labelling.ray_pool'),
        'labelling.staging',
        'labelling.review',
        'networks.weights',
    },
    'ros.images': {'core'},
    'ros.messages': {
        *('core', 'association', 'tracking', 'segmentation', 'localization', 'rendering'),
        'recording',
    },
    # Of the rooms that are not ROS's for the defaults, bounds and names that are stated there.
    'ros.parameters': {
        *('core', 'ros.images', 'networks.weights', 'tracking', 'segmentation', 'video'),
        *('association', 'localization'),
    },
    'ros.camera': {
        *('core', 'ros.images', 'ros.messages', 'ros.parameters', 'ros.process.fast_dds'),
    },
    'ros.process': {
        *('core', 'ros.images', 'ros.camera', 'ros.parameters', 'ros.process.fast_dds'),
    },
    'ros.process.fast_dds': set(),
    'ros.launch': {'ros.parameters', 'ros.process.fast_dds'},
    'nodes.network_setup': {
        *('core', 'networks', 'networks.exported', 'networks.weights'),
        *('tracking', 'ros.parameters'),
    },
    'nodes.camera_node': {
        *('core', 'ros.camera', 'ros.parameters', 'ros.process'),
        *('networks.weights', 'nodes.network_setup'),
    },
    'nodes.camera_diagnostics': {'ros.camera', 'ros.process', 'nodes.camera_node'},
    'nodes.segmenter': {
        *(*CAMERA, 'networks', 'segmentation'),
        *('nodes.camera_node', 'nodes.camera_diagnostics', 'nodes.network_setup'),
    },
    'nodes.tracker': {
        *(*CAMERA, 'networks', 'tracking', 'camera_motion', 'segmentation', 'rendering'),
        *('nodes.camera_node', 'nodes.camera_diagnostics', 'nodes.network_setup'),
        *('nodes.segmenter', 'networks.weights'),
        'association',
    },
    'nodes.console': {*CAMERA, 'rendering', 'recording', 'web'},
    'nodes.prompt': {'core', 'ros.messages', 'ros.process', 'image_files', 'command_line'},
    'nodes.image_monitor_node': CAMERA,
    'nodes.localizer': {*CAMERA, 'localization'},
    'nodes.robot_node': {
        *('ros.images', 'ros.messages', 'ros.process'),
        *('nodes.camera_node', 'nodes.localizer', 'nodes.tracker'),
    },
    'nodes.recorder_node': {*CAMERA, 'recording', 'video'},
    'nodes.video_node': {*CAMERA, 'video'},
    'training': {
        *('networks', 'networks.sam2', 'networks.mobile', 'networks.registry', 'networks.weights'),
        *('core', 'video'),
    },
    'evaluation': {
        *('core', 'networks', 'networks.sam2', 'networks.weights', 'tracking', 'camera_motion'),
        *('video', 'rendering', 'contact_sheet', 'command_line'),
    },
}


def room_of(module: str) -> str:
    """Return the room of a module named without the package, such as ``ros.images.layout``."""
    parts = module.split('.')
    names = ['.'.join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in ROOMS), module)


def imported_modules(path: Path) -> set[str]:
    """Return our own modules that a file imports, named without the package."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            folder = ROOT / node.module.replace('.', '/')
            for alias in node.names:
                module = (folder / f'{alias.name}.py').exists() or (folder / alias.name).exists()
                names.add(f'{node.module}.{alias.name}' if module else node.module)
    ours = {name.removeprefix('sam_tracker.') for name in names if name.startswith('sam_tracker.')}
    return {name for name in ours if name.split('.')[0] not in ('action', 'msg', 'srv')}


def imports_of_rooms() -> list[tuple[str, str, str]]:
    """Return what every file imports of another room: the file, its room and the other room."""
    package = ROOT / 'sam_tracker'
    found = []
    for path in package.rglob('*.py'):
        parts = path.relative_to(package).with_suffix('').parts
        if parts[-1] != '__init__':
            room = room_of('.'.join(parts))
            others = {room_of(module) for module in imported_modules(path)} - {room}
            found += [(path.relative_to(package).as_posix(), room, other) for other in others]
            assert room in ROOMS, f'{path}: ROOMS has no such room'
    return found


def test_every_room_imports_only_the_rooms_that_it_may():
    assert [each for each in imports_of_rooms() if each[2] not in ROOMS[each[1]]] == []


def test_no_rooms_import_one_another():
    # Raises CycleError, naming the rooms of the circle.
    order = list(TopologicalSorter(ROOMS).static_order())
    assert set(order) == set(ROOMS)


@pytest.mark.parametrize(
    'room',
    [
        'core',
        'association',
        'networks',
        'tracking',
        'camera_motion',
        'localization',
        'video',
        'segmentation',
        'recording',
        'labelling',
        'web',
        'evaluation',
        'training',
    ],
)
def test_only_ros_and_nodes_know_ros(room):
    ros = {'rclpy', 'ament_index_python', 'builtin_interfaces', 'cv_bridge'}
    names = imported_names(f'sam_tracker/{room}')
    assert not names & ros
    assert not {name for name in names if name.endswith(('_msgs', '_srvs'))}


def test_core_needs_numpy_alone():
    program = (
        'import importlib, pkgutil, sys, sam_tracker.core as core\n'
        'for module in pkgutil.iter_modules(core.__path__, "sam_tracker.core."):\n'
        '    importlib.import_module(module.name)\n'
        'print({name.partition(".")[0] for name in sys.modules} & {"torch", "cv2", "scipy"})\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True
    )
    assert result.stdout == 'set()\n'
