# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Images of several threads are encoded together, in turn, and fail alone."""

from concurrent.futures import ThreadPoolExecutor
import threading

import pytest
import torch

from sam_tracker.networks.api import ImageFeatures
from sam_tracker.networks.registry import build_network
from sam_tracker.networks.shared_encoding import MOST_IMAGES, SharedEncoding, shared_by_threads

PATIENCE = 60.0


class Encoder:
    """Encodes an image into its mean; the test decides when, and what fails."""

    name = 'encoder'

    def __init__(self) -> None:
        self.batches: list[list[float]] = []
        """The means of the images of each batch, in order."""
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.fails_at = lambda means: False

    def encode_image(self, images):
        means = images.mean((1, 2, 3)).tolist()
        self.batches.append(means)
        self.begun.release()
        assert self.go_on.acquire(timeout=PATIENCE)
        if self.fails_at(means):
            raise RuntimeError(f'no memory for {len(means)} images')
        mean = images.mean((1, 2, 3), keepdim=True)
        return ImageFeatures(mean, (mean + 100, mean + 200))


def image(value: float, side: int = 4, count: int = 1) -> torch.Tensor:
    return torch.full((count, 3, side, side), float(value))


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture
def shared(encoder) -> SharedEncoding:
    return SharedEncoding(encoder)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2 * MOST_IMAGES) as pool:
        yield pool


def wait_for_queue(shared: SharedEncoding, length: int) -> None:
    """Wait until that many calls wait, so that their order is known."""
    deadline = threading.Event()
    for _ in range(int(PATIENCE * 1000)):
        if len(shared._waiting) == length:
            return
        deadline.wait(0.001)
    raise AssertionError(f'{len(shared._waiting)} calls wait, not {length}')


def begin(shared, encoder, threads, images):
    """Begin a call that is being encoded, and further ones that wait for it, in this order."""
    first = threads.submit(shared.encode_image, images[0])
    assert encoder.begun.acquire(timeout=PATIENCE)
    calls = [first]
    for index, each in enumerate(images[1:], 1):
        calls.append(threads.submit(shared.encode_image, each))
        wait_for_queue(shared, index)
    return calls


def test_images_that_wait_are_encoded_together_and_each_caller_gets_its_own(
    shared, encoder, threads
):
    calls = begin(shared, encoder, threads, [image(value) for value in range(4)])
    encoder.go_on.release(2)
    for value, call in enumerate(calls):
        features = call.result(PATIENCE)
        assert features.embedding.flatten().tolist() == [value]
        assert [level.item() for level in features.high_resolution] == [value + 100, value + 200]
    assert encoder.batches == [[0], [1, 2, 3]]


def test_an_image_that_nobody_competes_with_is_encoded_at_once(shared, encoder):
    encoder.go_on.release(2)
    for value in (5, 6):
        assert shared.encode_image(image(value)).embedding.item() == value
    assert encoder.batches == [[5], [6]]


def test_a_batch_is_bounded_and_the_rest_comes_next_in_order(shared, encoder, threads):
    count = MOST_IMAGES + 3
    calls = begin(shared, encoder, threads, [image(value) for value in range(count)])
    encoder.go_on.release(3)
    assert [call.result(PATIENCE).embedding.item() for call in calls] == list(range(count))
    assert encoder.batches == [
        [0],
        list(range(1, MOST_IMAGES + 1)),
        list(range(MOST_IMAGES + 1, count)),
    ]


def test_a_call_with_several_images_gets_them_all(shared, encoder, threads):
    calls = begin(shared, encoder, threads, [image(0), image(1, count=3), image(2)])
    encoder.go_on.release(2)
    assert calls[1].result(PATIENCE).embedding.flatten().tolist() == [1, 1, 1]
    assert calls[2].result(PATIENCE).embedding.flatten().tolist() == [2]


def test_images_of_another_size_are_not_joined(shared, encoder, threads):
    calls = begin(shared, encoder, threads, [image(0), image(1), image(2, side=8), image(3)])
    encoder.go_on.release(4)
    assert [call.result(PATIENCE).embedding.item() for call in calls] == [0, 1, 2, 3]
    assert encoder.batches == [[0], [1], [2], [3]]


def test_a_batch_that_fails_is_tried_one_by_one_and_only_the_one_at_fault_fails(
    shared, encoder, threads
):
    encoder.fails_at = lambda means: 2 in means
    calls = begin(shared, encoder, threads, [image(value) for value in range(4)])
    encoder.go_on.release(5)
    assert calls[1].result(PATIENCE).embedding.item() == 1
    with pytest.raises(RuntimeError, match='no memory for 1 images'):
        calls[2].result(PATIENCE)
    assert calls[3].result(PATIENCE).embedding.item() == 3
    assert encoder.batches == [[0], [1, 2, 3], [1], [2], [3]]
    encoder.go_on.release()
    assert shared.encode_image(image(7)).embedding.item() == 7


def test_threads_that_never_stop_all_get_their_own_answers(shared, encoder, threads):
    encoder.go_on.release(10**6)

    def work(value: int) -> bool:
        answers = [shared.encode_image(image(value)).embedding.item() for _ in range(200)]
        return answers == [value] * 200

    assert all(threads.map(work, range(6), timeout=PATIENCE))
    assert sum(map(len, encoder.batches)) == 1200


def test_all_else_is_the_networks_own(shared):
    assert shared.name == 'encoder'
    with pytest.raises(AttributeError, match='no_such_thing'):
        _ = shared.no_such_thing


def test_the_features_of_a_batch_are_those_of_each_image_up_to_rounding():
    with torch.random.fork_rng(), torch.inference_mode(False):
        torch.manual_seed(0)
        network = build_network('nano', 128).eval().requires_grad_(False)
    images = torch.randn(3, 1, 3, 128, 128)
    held = threading.Lock()
    encode = network.encode_image

    def wait_and_encode(batch):
        with held:
            return encode(batch)

    network.encode_image = wait_and_encode
    shared = shared_by_threads(network)
    with torch.inference_mode(), ThreadPoolExecutor(4) as pool, held:
        calls = [pool.submit(shared.encode_image, images[0])]
        wait_for_queue(shared, 0)
        for index in (1, 2):
            calls.append(pool.submit(shared.encode_image, images[index]))
            wait_for_queue(shared, index)
        held.release()
        found = [call.result(PATIENCE) for call in calls]
        held.acquire()
    for one, features in zip(images, found, strict=True):
        expected = encode(one)
        pairs = [(features.embedding, expected.embedding)]
        pairs += zip(features.high_resolution, expected.high_resolution, strict=True)
        for actual, wanted in pairs:
            assert actual.shape == wanted.shape
            assert (actual - wanted).abs().max() <= 1e-4 * wanted.abs().max()
