# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Live SAMURAI tracking for ROS 2; docs/architecture.md tells which folder does what."""

from pkgutil import extend_path

# The generated half (sam_tracker.msg and sam_tracker.srv) may lie elsewhere on the path than this
# file: in an editable install, and when Python is started in the checkout, whose folder then comes
# first.
__path__ = extend_path(__path__, __name__)
