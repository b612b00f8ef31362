# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""How the weights that travel with the package are made: `python -m sam_tracker.training`."""
