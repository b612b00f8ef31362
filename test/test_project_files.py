# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Workflows, templates and the documentation site are valid."""

from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / '.github/workflows').glob('*.yml'))


def test_workflows_fit_the_schema_of_github():
    program = shutil.which('check-jsonschema') or Path(sys.executable).with_name(
        'check-jsonschema'
    )
    if not Path(program).exists():
        pytest.skip('needs check-jsonschema (make setup-test)')
    ran = subprocess.run(
        [program, '--builtin-schema', 'vendor.github-workflows', *WORKFLOWS],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_workflows_pass_actionlint():
    if shutil.which('actionlint') is None:
        pytest.skip('actionlint is not installed')
    ran = subprocess.run(['actionlint', *WORKFLOWS], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_a_workflow_runs_every_command_of_the_recipe_for_a_robot():
    section = (ROOT / 'README.md').read_text().partition('## On a robot')[2]
    recipe = re.search(r'^```sh\n(.*?)^```', section, re.S | re.M)[1]
    commands = [line.partition(' # ')[0].strip() for line in recipe.splitlines()]
    # A workflow has the checkout already, and no camera.
    commands = [each for each in commands if not each.startswith(('mkdir', 'cd', 'git', 'ros2'))]
    assert commands
    jobs = yaml.safe_load((ROOT / '.github/workflows/colcon.yml').read_text())['jobs']
    steps = jobs['build-and-test']['steps']
    run = [line.strip() for step in steps for line in step.get('run', '').splitlines()]
    missing = [
        command for command in commands if not any(line.startswith(command) for line in run)
    ]
    assert missing == []


def test_every_python_that_the_package_allows_is_tested():
    matrix = yaml.safe_load((ROOT / '.github/workflows/pip.yml').read_text())['jobs']['test']
    lowest, highest = re.search(
        r'\((3, \d+)\) <= .* <= \((3, \d+)\)', (ROOT / 'scripts/check_machine.py').read_text()
    ).groups()
    tested = matrix['strategy']['matrix']['python']
    ends = [f'{tested[0]}', f'{tested[-1]}']
    assert ends == [lowest.replace(', ', '.'), highest.replace(', ', '.')]


@pytest.mark.slow
def test_the_documentation_site_has_no_broken_link(tmp_path):
    pytest.importorskip('zensical')
    ran = subprocess.run(
        [sys.executable, str(ROOT / 'scripts/build_site.py'), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    pages = {path.name for path in (tmp_path / 'html').glob('*.html')}
    assert {'index.html', 'messages.html', 'parameters.html', 'architecture.html'} <= pages
    assert 'STATE_OCCLUDED' in (tmp_path / 'html/messages.html').read_text()


@pytest.mark.parametrize(
    'path',
    [*ROOT.glob('*.md'), *ROOT.glob('docs/*.md')],
    ids=lambda path: path.name,
)
def test_prose_fits_into_120_columns(path):
    without_code = re.sub(r'^```.*?^```', '', path.read_text(), flags=re.S | re.M)
    lines = [line for line in without_code.splitlines() if not line.startswith(('|', '!['))]
    assert [line for line in lines if len(line) > 120] == []
