# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""A source archive holds what an installation from it needs."""

from pathlib import Path
import re
import shutil
import subprocess
import sys
import tarfile

import pytest

from sam_tracker.networks.weights.catalogue import BUNDLED_FOLDER

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ('action', 'sam_tracker', 'cmake', 'config', 'launch', 'msg', 'requirements', 'srv')


@pytest.fixture(scope='module')
def unpacked(tmp_path_factory) -> Path:
    """Build the archive as pip does, from a copy, and unpack it."""
    folder = tmp_path_factory.mktemp('source_archive')
    copy = folder / 'checkout'
    copy.mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and path.name != '.git':
            shutil.copy(path, copy)
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns('__pycache__'))
    program = f'from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})'
    subprocess.run([sys.executable, '-c', program], cwd=copy, check=True, capture_output=True)
    (archive,) = folder.glob('*.tar.gz')
    with tarfile.open(archive) as file:
        file.extractall(folder, filter='data')
    return folder / archive.name.removesuffix('.tar.gz')


def test_every_file_that_is_installed_is_in_the_archive(unpacked):
    for name in SOURCES:
        for path in (ROOT / name).rglob('*'):
            if path.is_file() and '__pycache__' not in path.parts:
                assert (unpacked / path.relative_to(ROOT)).is_file(), path.relative_to(ROOT)


def test_every_interface_that_the_build_generates_is_in_the_archive(unpacked):
    interfaces = re.findall(
        r'"(\w+/\w+\.(?:action|msg|srv))"', (ROOT / 'CMakeLists.txt').read_text()
    )
    assert interfaces
    assert all((unpacked / interface).is_file() for interface in interfaces), interfaces


def test_the_weights_of_the_archive_can_be_loaded(unpacked):
    weights = unpacked / BUNDLED_FOLDER.relative_to(ROOT) / 'nano.pt'
    program = 'import sys; from sam_tracker.programs import checkpoint; sys.exit(checkpoint())'
    verified = subprocess.run(
        [sys.executable, '-c', program, 'verify', str(weights)],
        cwd=unpacked,
        capture_output=True,
        text=True,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
