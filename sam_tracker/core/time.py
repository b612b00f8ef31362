# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The unit of time of this package: whole nanoseconds."""

SECOND = 1_000_000_000
"""Nanoseconds in one second."""
