# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Builds the messages for pip, by the same CMakeLists.txt that colcon uses.

They are built against the ROS 2 that the build finds: a sourced installation, or the wheels of
requirements/build-jazzy.txt (ROS_DISTRO=kilted: of Kilted). colcon never reads this file, since
package.xml says ament_cmake.
"""

import importlib.util
import os
from pathlib import Path
import subprocess
import sys
from xml.etree import ElementTree

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_ext import build_ext

NAME = 'sam_tracker'
ROOT = Path(__file__).resolve().parent
ROS_IS_SOURCED = 'AMENT_PREFIX_PATH' in os.environ
DISTRIBUTION = os.environ.get('ROS_DISTRO', 'jazzy')
# Relative to the prefix of the environment that is installed into.
SITE_PACKAGES = f'lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages'


def version() -> str:
    """Return the version of package.xml, the one place that states it."""
    element = ElementTree.parse(ROOT / 'package.xml').find('version')
    assert element is not None and element.text
    return element.text


def requirements(name: str) -> list[str]:
    """Return the requirements of a file under requirements/, without its comments."""
    lines = (ROOT / 'requirements' / name).read_text().splitlines()
    stripped = (line.split('#')[0].strip() for line in lines)
    return [line for line in stripped if line]


def prefix_of_the_ros_wheels() -> Path:
    """Return the environment into which pip put the ROS wheels, this build's own or the user's."""
    spec = importlib.util.find_spec('rosidl_cmake')
    if spec is None or not spec.origin:
        raise SystemExit(
            'sam_tracker: no ROS 2 to build the messages with: source one, or install the wheels '
            'of requirements/build-jazzy.txt'
        )
    # PREFIX/lib/pythonX.Y/site-packages/rosidl_cmake/__init__.py
    return Path(spec.origin).resolve().parents[4]


class BuildInterfaces(build_ext):
    """Runs CMake once and sorts what it installs into the wheel or the environment."""

    def run(self) -> None:
        stage = self._install_with_cmake(Path(self.build_temp).resolve())
        package = stage / SITE_PACKAGES / NAME
        for file in sorted(path for path in stage.rglob('*') if path.is_file()):
            relative = file.relative_to(stage)
            if self._is_of_no_use_at_run_time(relative):
                continue
            if not file.is_relative_to(package):
                self.distribution.data_files.append((str(relative.parent), [str(file)]))
                continue
            within = file.relative_to(package)
            if not self.editable_mode:
                target = Path(self.build_lib) / NAME / within
                self.mkpath(str(target.parent))
                self.copy_file(str(file), str(target))
            elif not (ROOT / NAME / within).exists():
                # Editable: the checkout keeps the hand-written half, and its __init__.py finds the
                # generated half in site-packages, where there is no second __init__.py.
                self.distribution.data_files.append((str(relative.parent), [str(file)]))
        if self.editable_mode:
            # setuptools leaves data files out of an editable install.
            self.run_command('install_data')

    def _install_with_cmake(self, folder: Path) -> Path:
        build, stage = folder / 'cmake', folder / 'stage'
        environment = dict(os.environ)
        options = []
        if not ROS_IS_SOURCED:
            prefix = prefix_of_the_ros_wheels()
            environment['AMENT_PREFIX_PATH'] = str(prefix)
            library_path = [f'{prefix}/lib', environment.get('LD_LIBRARY_PATH', '')]
            environment['LD_LIBRARY_PATH'] = os.pathsep.join(filter(None, library_path))
            options = [
                f'-DCMAKE_PREFIX_PATH={prefix}',
                f'-DCMAKE_PROJECT_INCLUDE={ROOT}/cmake/ros_from_wheels.cmake',
            ]
        configure = [
            # An earlier build's cache may name an isolated environment that is gone.
            *('cmake', '--fresh', '-S', str(ROOT), '-B', str(build), '-G', 'Ninja'),
            '-DCMAKE_BUILD_TYPE=Release',
            f'-DCMAKE_INSTALL_PREFIX={stage}',
            f'-DPython3_EXECUTABLE={sys.executable}',
            f'-DPYTHON_INSTALL_DIR={SITE_PACKAGES}',
            '-DBUILD_TESTING=OFF',
        ]
        for command in (
            [*configure, *options],
            ['cmake', '--build', str(build)],
            ['cmake', '--install', str(build)],
        ):
            subprocess.run(command, env=environment, check=True)
        return stage

    @staticmethod
    def _is_of_no_use_at_run_time(relative: Path) -> bool:
        return (
            # pip writes the console scripts of pyproject.toml into bin.
            relative.parts[0] in {'bin', 'include'}
            or relative.suffix in ('.c', '.pyc')
            or any(part.endswith('.egg-info') for part in relative.parts)
        )

    def get_outputs(self) -> list[str]:
        return []

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class BinaryDistribution(Distribution):
    """Says that the wheel is for one platform: the messages are compiled."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    version=version(),
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_dir={'': '.'},  # with this an editable install is one plain .pth file
    cmdclass={'build_ext': BuildInterfaces},
    distclass=BinaryDistribution,
    data_files=[],
    # Read by pip for an isolated build; a sourced ROS brings its own.
    setup_requires=[]
    if ROS_IS_SOURCED
    else requirements('build.txt') + requirements(f'build-{DISTRIBUTION}.txt'),
)
