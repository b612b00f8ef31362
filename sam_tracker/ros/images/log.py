# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The logger of the node, or Python's where there is no ROS, as when bags are read."""

from functools import cache, lru_cache
import importlib.util
import logging
from typing import Protocol, cast

NAME = 'sam_tracker'


class Logger(Protocol):
    """The methods of a logger that are used."""

    def info(self, text: str, once: bool = False) -> object: ...
    def warning(self, text: str, once: bool = False) -> object: ...


@cache
def logger() -> Logger:
    """Return the logger of the process; always the same, since it knows what it logged once."""
    if importlib.util.find_spec('rclpy') is None:
        return _PythonLogger()
    from rclpy.logging import get_logger

    return cast(Logger, get_logger(NAME))


class _PythonLogger:
    """Python's logger, with the argument ``once`` of rclpy's: each text is logged once."""

    def info(self, text: str, once: bool = False) -> None:  # noqa: ARG002
        _log(logging.INFO, text)

    def warning(self, text: str, once: bool = False) -> None:  # noqa: ARG002
        _log(logging.WARNING, text)


@lru_cache(maxsize=64)
def _log(level: int, text: str) -> None:
    logging.getLogger(NAME).log(level, text)
