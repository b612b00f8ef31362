# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The commands that a page tells its readers to enter."""

import re

INLINE = ('apt', 'colcon', 'make', 'pip', 'python', 'ros2', 'rosdep')
"""First words by which a command is known in running text."""
ABBREVIATIONS = {
    'download': 'sam_tracker-checkpoint download',
    'prompt_node': 'ros2 run sam_tracker prompt_node',
}
"""What running text calls a command that was shown in full before."""


def commands(page: str) -> list[str]:
    """
    Return every command once: the lines of shell blocks, and what running text quotes.

    A comment ``# or: COMMAND`` is another command; ``# also --this, --that`` are further options
    of the command it stands behind.
    """
    found: list[str] = []
    # Text, language, block, nothing, text, and so on.
    parts = re.split(r'^```(\w*)\n', page, flags=re.M)
    for index in range(0, len(parts), 2):
        if index % 4 == 0:
            found += _of_text(parts[index])
        elif parts[index - 1] == 'sh':
            found += _of_block(parts[index])
    return list(dict.fromkeys(found))


def _of_block(block: str) -> list[str]:
    found = []
    for line in re.sub(r'\\\n\s*', '', block).splitlines():
        command, _, comment = (part.strip() for part in line.partition(' # '))
        if not command:
            continue
        found.append(command)
        if comment.startswith('or: '):
            found.append(comment.removeprefix('or: '))
        elif comment.startswith('also --'):
            program = command.partition(' --')[0]
            found += [f'{program} {each}' for each in comment.removeprefix('also ').split(', ')]
    return found


def _of_text(text: str) -> list[str]:
    found = []
    for quoted in re.findall(r'`([^`]+)`', text):
        first, *others = quoted.split()
        if others and (
            first in INLINE or first in ABBREVIATIONS or first.startswith('sam_tracker-')
        ):
            found.append(' '.join([ABBREVIATIONS.get(first, first), *others]))
    return found
