# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Masks on their way through messages, as bytes and as run lengths, to Python and to C++."""

import array
from pathlib import Path
import shutil
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message

from sam_tracker.core.boxes import Region
from sam_tracker.core.run_length import MASK_ENCODINGS
from sam_tracker.msg import Mask
from sam_tracker.ros.messages.masks import MOST_PIXELS, MaskError, mask_message, mask_pixels

ROOT = Path(__file__).resolve().parents[3]
CROPS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.sampled_from([0, 255]),
)


def sent(crop: np.ndarray, encoding: str) -> Mask:
    """Return a mask message after its way over the wire."""
    region = Region(3, 4, crop.shape[1], crop.shape[0])
    return deserialize_message(serialize_message(mask_message(region, crop, encoding)), Mask)


def run_lengths(width: int, height: int, lengths: list[int], data: bytes = b'') -> Mask:
    mask = Mask(run_lengths=array.array('I', lengths), data=array.array('B', data))
    mask.region.width, mask.region.height = width, height
    return mask


def disc(side: int) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return (np.hypot(rows - side / 2, columns - side / 2) < side / 2) * np.uint8(255)


@pytest.mark.parametrize('encoding', MASK_ENCODINGS)
@given(crop=CROPS)
def test_a_mask_arrives_as_it_was_sent(encoding, crop):
    message = sent(crop, encoding)
    assert (message.region.x_offset, message.region.y_offset) == (3, 4)
    pixels = mask_pixels(message)
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, crop)


@given(crop=CROPS)
def test_run_lengths_are_those_that_pycocotools_reads(crop):
    coco = pytest.importorskip('pycocotools.mask')
    height, width = crop.shape
    counts = list(sent(crop, 'run_lengths').run_lengths)
    encoded = coco.frPyObjects({'size': [height, width], 'counts': counts}, height, width)
    np.testing.assert_array_equal(coco.decode(encoded) * np.uint8(255), crop)


def test_a_large_disc_takes_a_hundredth_of_its_bytes():
    crop = disc(1000)
    sizes = [len(serialize_message(sent(crop, encoding))) for encoding in MASK_ENCODINGS]
    assert sizes[0] > 1_000_000
    assert sizes[1] < sizes[0] / 100


def test_no_mask_is_empty_in_either_form():
    empty = np.zeros((0, 0), np.uint8)
    for encoding in MASK_ENCODINGS:
        message = mask_message(None, empty, encoding)
        assert message == Mask()
        assert mask_pixels(message) is None


@pytest.mark.parametrize(
    ('message', 'named'),
    [
        (run_lengths(3, 2, [1, 4]), '2 run lengths add up to 5 pixels; .* 3x2 pixels has 6'),
        (run_lengths(3, 2, [2**32 - 1, 7]), 'add up to 4294967302 pixels'),
        (run_lengths(3, 2, [6], bytes(6)), 'both 6 bytes of data and 1 run lengths'),
        (run_lengths(0, 2, [6]), '1 run lengths but its region is 0x2'),
        (run_lengths(3, 2, [], bytes(5)), '5 bytes of data; its region of 3x2 pixels needs 6'),
        (run_lengths(2**16, 2**16, [2**31, 2**31]), f'65536x65536 pixels; .* {MOST_PIXELS}'),
    ],
)
def test_a_mask_that_contradicts_itself_is_refused_with_its_numbers(message, named):
    with pytest.raises(MaskError, match=named):
        mask_pixels(message)


# ---- C++ ----

PROGRAM = r"""
#include <iostream>
#include <sam_tracker/mask.hpp>

struct Region { std::uint32_t width, height; };
struct Mask {
  Region region;
  std::vector<std::uint8_t> data;
  std::vector<std::uint32_t> run_lengths;
};

// Reads masks: width, height, number of bytes, bytes, number of run lengths, run lengths.
int main()
{
  Mask mask;
  while (std::cin >> mask.region.width >> mask.region.height) {
    std::size_t count, value;
    mask.data.clear();
    mask.run_lengths.clear();
    std::cin >> count;
    while (count-- && std::cin >> value) {mask.data.push_back(value);}
    std::cin >> count;
    while (count-- && std::cin >> value) {mask.run_lengths.push_back(value);}
    try {
      for (int pixel : sam_tracker::mask_pixels(mask)) {std::cout << pixel << ' ';}
    } catch (const std::invalid_argument & error) {
      std::cout << error.what();
    }
    std::cout << '\n';
  }
}
"""


@pytest.fixture(scope='module')
def reader(tmp_path_factory):
    """Gives messages to the C++ function, and returns its answers, a line for each."""
    compiler = shutil.which('g++') or shutil.which('clang++')
    if compiler is None:
        pytest.skip('there is no C++ compiler')
    folder = tmp_path_factory.mktemp('reader')
    (folder / 'reader.cpp').write_text(PROGRAM)
    options = ['-std=c++14', '-O1', '-Wall', '-Wextra', '-Werror', f'-I{ROOT / "include"}']
    command = [compiler, *options, str(folder / 'reader.cpp'), '-o', str(folder / 'reader')]
    subprocess.run(command, check=True)

    def read(messages: list[Mask]) -> list[str]:
        said = []
        for mask in messages:
            lists = ([*values] for values in (mask.data, mask.run_lengths))
            numbers = [mask.region.width, mask.region.height]
            for values in lists:
                numbers += [len(values), *values]
            said.append(' '.join(map(str, numbers)))
        done = subprocess.run(
            [str(folder / 'reader')], input='\n'.join(said), text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return read


def test_cpp_reads_the_same_pixels_in_either_form(reader):
    rng = np.random.default_rng(0)
    crops = [disc(40), np.full((7, 5), 255, np.uint8), np.zeros((4, 9), np.uint8)]
    crops += [rng.choice(np.uint8([0, 255]), rng.integers(1, 14, 2)) for _ in range(40)]
    for encoding in MASK_ENCODINGS:
        answers = reader([sent(crop, encoding) for crop in crops])
        assert len(answers) == len(crops)
        for crop, answer in zip(crops, answers, strict=True):
            assert answer.split() == [str(value) for value in crop.reshape(-1)]


def test_cpp_refuses_what_python_refuses(reader):
    wrong = [
        run_lengths(3, 2, [1, 4]),
        run_lengths(3, 2, [2**32 - 1, 7]),
        run_lengths(3, 2, [6], bytes(6)),
        run_lengths(3, 2, [], bytes(5)),
        run_lengths(2**16, 2**16, [2**31, 2**31]),
    ]
    assert reader(wrong) == [
        'the mask of 3x2 pixels has run lengths of 5 pixels',
        'the mask of 3x2 pixels has run lengths of 4294967302 pixels',
        'the mask of 3x2 pixels has both data and run lengths',
        'the mask of 3x2 pixels has 5 bytes of data',
        'the mask of 65536x65536 pixels has more pixels than run lengths may claim',
    ]
    assert reader([Mask()]) == ['']
