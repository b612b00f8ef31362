# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""What the README says is so: its tables, links, targets, commands and error texts."""

from dataclasses import fields
from pathlib import Path
import re
import subprocess
import sys

import pytest

from sam_tracker.ros.parameter_documents import parameter_table
from sam_tracker.ros.video_parameters import VideoParameters

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / 'README.md').read_text()
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]


def test_the_table_of_parameters_is_that_of_the_declarations():
    assert parameter_table() in README


def test_every_parameter_of_the_video_node_is_in_its_table_with_its_default():
    table = README.partition('| `video_node` |')[2].partition('\n\n')[0]
    rows = dict(re.findall(r'^\| (`.+?`) \| (.+?) \|', table, re.M))
    listed = {}
    for names, defaults in rows.items():
        names, defaults = re.findall(r'`(\w+)`', names), defaults.replace('`', '').split(', ')
        listed.update(zip(names, defaults * len(names), strict=False))
    declared = {each.name: str(each.default) for each in fields(VideoParameters)}
    assert listed.keys() == declared.keys()
    for name, default in declared.items():
        assert listed[name].lower() == (default.lower() or 'empty'), name


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page):
    for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_make_target_that_is_named_exists():
    makefile = (ROOT / 'Makefile').read_text()
    for page in PAGES:
        for target in re.findall(r'(?:`|^)make\s+([a-z-]+)', page.read_text(), re.M):
            assert re.search(rf'^{target}:', makefile, re.M), f'{page.name}: make {target}'


@pytest.mark.parametrize(
    'command',
    sorted(set(re.findall(r'^(?:ros2 run sam_tracker |sam_tracker-)(\w+)', README, re.M))),
)
def test_every_command_is_installed(command):
    cmake = (ROOT / 'CMakeLists.txt').read_text()
    assert re.search(rf'\.{command}(_command)?\n', cmake)
    assert f'"sam_tracker-{command}" = ' in (ROOT / 'pyproject.toml').read_text()


def test_every_option_of_prompt_node_that_is_shown_exists():
    help_text = subprocess.run(
        [sys.executable, '-m', 'sam_tracker.nodes.prompt_node', '--help'],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shown = set()
    for line in README.splitlines():
        if 'prompt_node --' in line:
            shown.update(re.findall(r'(--[a-z-]+)', line.partition('prompt_node')[2]))
    assert {'--box', '--point', '--list'} <= shown
    assert [option for option in sorted(shown) if option not in help_text] == []
