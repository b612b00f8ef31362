# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Makes ``torchvision`` importable beside a torch it was not built for."""

import importlib.util
from pathlib import Path
import re

import torch


def name_operators() -> None:
    """
    Name torchvision's operators where its own library cannot name them.

    Reference code imports torchvision for transforms that are pure Python. A build for CUDA does
    not load beside a torch for the CPU, and then describes operators that do not exist.
    """
    found = importlib.util.find_spec('torchvision')
    assert found is not None and found.origin is not None
    text = (Path(found.origin).parent / '_meta_registrations.py').read_text()
    for names in sorted(set(re.findall(r'torchvision::(\w+)|register_meta\("(\w+)"', text))):
        operator = ''.join(names)
        if not hasattr(torch.ops.torchvision, operator):
            torch.library.define(f'torchvision::{operator}', '(Tensor x) -> Tensor')
