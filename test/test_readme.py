# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The tables, links and targets of the README and of docs/ are true.

Their commands are executed in test/nodes/test_readme_commands.py.
"""

from pathlib import Path
import re

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').glob('*.md'))]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page):
    for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_make_target_that_is_named_exists():
    makefile = (ROOT / 'Makefile').read_text()
    for page in PAGES:
        for target in re.findall(r'(?:`|^)make\s+([a-z0-9-]+)', page.read_text(), re.M):
            assert re.search(rf'^{target}:', makefile, re.M), f'{page.name}: make {target}'
