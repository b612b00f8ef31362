# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
