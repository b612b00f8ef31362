# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0

from dataclasses import replace

import pytest

from sam_tracker.networks.sam2.configuration import CONFIGURATION_NAMES, configuration_named


def test_every_name_gives_the_configuration_of_that_name():
    assert CONFIGURATION_NAMES == ('nano', 'tiny', 'small', 'base_plus', 'large')
    for name in CONFIGURATION_NAMES:
        assert configuration_named(name).name == name


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'huge'.*nano, tiny, small, base_plus, large"):
        configuration_named('huge')


@pytest.mark.parametrize('size', range(128, 1025, 32))
def test_any_multiple_of_32_is_an_image_size(size):
    assert configuration_named('tiny', size).embedding_size == size // 16


@pytest.mark.parametrize('size', [0, 96, 130, 1000, 1056, -128])
def test_another_image_size_is_refused_by_value(size):
    with pytest.raises(ValueError, match=f'not {size}$'):
        configuration_named('tiny', size)


@pytest.mark.parametrize(
    'change,message',
    [
        ({'embedding_dimension': 100}, 'embedding_dimension.* not 100'),
        ({'memory_channels': 48}, 'memory_channels.* not 48'),
        ({'hiera_windows': (8, 4, 7, 7)}, r'even sides, not \(8, 4, 7, 7\)'),
        ({'hiera_windows': (6, 4, 14, 7)}, r'first windows.* not 6'),
        ({'hiera_global_blocks': (5, 12)}, r'\(5, 12\) lie outside the 12 blocks'),
    ],
)
def test_what_no_network_can_be_built_from_is_refused_by_value(change, message):
    with pytest.raises(ValueError, match=message):
        replace(configuration_named('tiny'), **change)
