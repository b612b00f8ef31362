# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Builds the documentation site; a broken link is an error.

    python scripts/build_site.py out/site

The pages are those of docs/, the README and CONTRIBUTING.md. Two are generated: the messages from
the comments of msg/, srv/ and action/, the parameters from their declarations.
"""

from collections.abc import Iterator
import html
from pathlib import Path
import re
import shutil
import subprocess
import sys

from sam_tracker.ros.parameters.console import ConsoleParameters
from sam_tracker.ros.parameters.documents import parameter_table
from sam_tracker.ros.parameters.image_monitor import ImageMonitorParameters
from sam_tracker.ros.parameters.localizer import LocalizerParameters
from sam_tracker.ros.parameters.recorder import RecorderParameters
from sam_tracker.ros.parameters.segmentation import SegmenterParameters
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.ros.parameters.video import VideoParameters

ROOT = Path(__file__).resolve().parents[1]
NODES = {
    'tracker_node': TrackerParameters,
    'segmenter_node': SegmenterParameters,
    'console': ConsoleParameters,
    'localizer_node': LocalizerParameters,
    'video_node': VideoParameters,
    'recorder_node': RecorderParameters,
    'image_monitor_node': ImageMonitorParameters,
}
LINKS = {
    'CONTRIBUTING.md': 'contributing.md',
    'config/tracker.yaml': 'parameters.md',
    'docs/': '',
    'msg': 'messages.md',
    'srv': 'messages.md',
    'action': 'messages.md',
}
"""Prefixes of links into the checkout, and their replacements on the site."""

TITLES = {
    '.msg': ('',),
    '.srv': ('Request', 'Answer'),
    '.action': ('Goal', 'Result', 'Feedback'),
}
"""Of the parts of an interface file."""


def interface_page() -> str:
    """Return a page with a table for every message, service and action, in Markdown."""
    sections = [
        '# Messages, services and actions\n\nA comment above every field is its documentation.\n'
    ]
    for folder in ('msg', 'srv', 'action'):
        sections += map(_interface_section, sorted((ROOT / folder).glob(f'*.{folder}')))
    return '\n'.join(sections)


def _interface_section(path: Path) -> str:
    introduction, _, body = path.read_text().partition('\n\n')
    lines = [f'## {path.stem}', '', _words(introduction.splitlines())]
    halves = re.split(r'^---$', body, flags=re.M)
    for title, half in zip(TITLES[path.suffix], halves, strict=True):
        lines += ['', f'**{title}**'] if title else []
        lines += ['', '| type | name | meaning |', '|---|---|---|', *_rows(half)]
    return '\n'.join(lines) + '\n'


def _rows(half: str) -> Iterator[str]:
    comment: list[str] = []
    for line in half.splitlines():
        if line.startswith('#'):
            comment.append(line)
        elif line.strip():
            kind, name = line.split(maxsplit=1)
            yield f'| `{kind}` | `{name}` | {_words(comment)} |'
            comment = []
        else:
            comment = []


def _words(comment: list[str]) -> str:
    return html.escape(' '.join(line.lstrip('# ') for line in comment), quote=False).replace(
        '|', r'\|'
    )


def parameter_page() -> str:
    """Return a page with a table for the parameters of every node, in Markdown."""
    sections = [f'## {name}\n\n{parameter_table(kind)}' for name, kind in NODES.items()]
    return '# Parameters\n\n' + '\n'.join(sections)


def with_links_of_the_site(page: str) -> str:
    """Return a page of the checkout, in Markdown, with its links as the site has them."""

    def link(found: re.Match[str]) -> str:
        target = found[1].removeprefix('../')
        for beginning, replacement in LINKS.items():
            if target.startswith(beginning):
                return f']({replacement or target.removeprefix(beginning)})'
        return found[0]

    return re.sub(r'\]\(([^)]+)\)', link, page)


def build(folder: Path) -> Path:
    """
    Build the site in a folder and return its first page.

    :raises subprocess.CalledProcessError: a page or a link is wrong; the output says which.
    """
    source = folder / 'source'
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / 'docs', source, ignore=shutil.ignore_patterns('*.jsonl', '*.toml'))
    shutil.copy(ROOT / 'docs/zensical.toml', folder)
    shutil.copy(ROOT / 'README.md', source / 'index.md')
    shutil.copy(ROOT / 'CONTRIBUTING.md', source / 'contributing.md')
    for page in source.glob('*.md'):
        page.write_text(with_links_of_the_site(page.read_text()))
    (source / 'messages.md').write_text(interface_page())
    (source / 'parameters.md').write_text(parameter_page())
    command = [sys.executable, '-m', 'zensical', 'build', '--strict', '--clean']
    subprocess.run([*command, '--config-file', str(folder / 'zensical.toml')], check=True)
    return folder / 'html' / 'index.html'


if __name__ == '__main__':
    sys.stdout.write(f'{build(Path(sys.argv[1]))}\n')
