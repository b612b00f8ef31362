# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Captures of calls on a CPU, for tests of what is captured when and of what replays return."""

from sam_tracker.networks.replayed_calls import tensors


class Captures:
    """A capture as of CUDA graphs: a replay calls the function with the tensors it was given."""

    def __init__(self):
        self.names = []
        """Of the functions whose calls were captured."""
        self.calling = False
        """Whether a function is called by a capture or a replay, which no device would do."""

    def __call__(self, function, arguments):
        self.names.append(function.__name__)
        result = self._call(function, arguments)

        def replay():
            # Into the same tensors, as a graph leaves them.
            again = self._call(function, arguments)
            for place, new in zip(tensors(result), tensors(again), strict=True):
                place.copy_(new)
            return result

        return replay

    def _call(self, function, arguments):
        self.calling = True
        try:
            return function(*arguments)
        finally:
            self.calling = False
