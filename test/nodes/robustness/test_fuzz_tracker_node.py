# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
A tracker node answers any input, keeps running, and keeps the other objects.

A few cases are tried in every run, many by `make fuzz SECONDS=300`.
"""

from collections.abc import Iterator

from geometry_msgs.msg import Point
from hypothesis import strategies as st
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from sam_tracker.msg import ImageBox, ImagePoint, Mask, Prompt
from sam_tracker.ros.parameters.declaration import declarations
from sam_tracker.ros.parameters.tracker import TrackerParameters
from sam_tracker.srv import SegmentImage

from ...conftest import Program, wait_until
from .fuzzing import SECONDS, fuzz

pytestmark = pytest.mark.timeout(600 + 2 * SECONDS)

ENCODINGS = ('rgb8', 'bgr8', 'mono8', 'mono16', 'bgra8', '16UC1', '32FC1', 'bayer_rggb8', 'yuv422')
GUARD = 1
"""Id of the object that nothing of this may touch."""

numbers = st.floats(width=32) | st.floats(-20.0, 200.0, width=32)
times = st.integers(-(2**31), 2**31 - 1)
# A header of a real image, or of none.
headers = st.just(Header()) | st.builds(
    lambda second, nanosecond, frame: _header(second, nanosecond, frame),
    times,
    st.integers(0, 2**32 - 1),
    st.text(max_size=8),
)
text = st.text(st.characters(codec='utf-8', exclude_characters='\0'), max_size=40)
sizes = st.integers(0, 40) | st.integers(0, 2**32 - 1)


def _header(second: int, nanosecond: int, frame: str) -> Header:
    header = Header()
    header.stamp.sec, header.stamp.nanosec = second, nanosecond
    header.frame_id = frame.replace('\0', '')
    return header


def _mask(x: int, y: int, width: int, height: int, data: bytes) -> Mask:
    region = RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)
    mask = Mask(region=region)
    mask.data.frombytes(data)
    return mask


def _prompt(header, object_id, label, points, labels, box, mask) -> Prompt:
    return Prompt(
        header=header,
        # The guard itself is not refined.
        object_id=0 if object_id == GUARD else object_id,
        label=label,
        points=[ImagePoint(x=float(x), y=float(y)) for x, y in points],
        point_labels=labels[: len(points)] if len(labels) % 2 else labels,
        box=ImageBox(x_min=box[0], y_min=box[1], x_max=box[2], y_max=box[3]),
        mask=mask,
    )


masks = st.just(Mask()) | st.builds(_mask, sizes, sizes, sizes, sizes, st.binary(max_size=400))
prompts = st.builds(
    _prompt,
    headers,
    st.integers(0, 65535) | st.just(0),
    text,
    st.lists(st.tuples(numbers, numbers), max_size=6),
    st.lists(st.integers(0, 255) | st.integers(0, 1), max_size=6),
    st.just((0.0,) * 4) | st.tuples(numbers, numbers, numbers, numbers),
    masks,
)


def _image(header, encoding, width, height, step, data) -> Image:
    image = Image(header=header, encoding=encoding, width=width, height=height, step=step)
    image.data.frombytes(data)
    return image


images = st.builds(
    _image,
    headers,
    st.sampled_from(ENCODINGS) | text,
    sizes,
    sizes,
    sizes,
    st.binary(max_size=2000),
)


@pytest.fixture
def guarded(camera, tester, tracker_program) -> Iterator[object]:
    """A tester whose node has an object, which is there in the end as if nothing had happened."""

    def alone() -> bool:
        # Prompts that another test has published may come after its end.
        assert tester.call('reset').success
        return tester.add_box().track.object_id == GUARD

    wait_until(alone, 'an object with the first id')
    yield tester
    before = len(tester.tracks)
    wait_until(lambda: len(tester.tracks) > before + 2, 'tracks after all cases')
    assert GUARD in tester.object_ids()
    assert tracker_program.process.poll() is None
    assert 'Traceback' not in tracker_program.output


def test_any_prompt_is_answered(guarded):
    def check(prompt: Prompt) -> None:
        answer = guarded.call('add_prompt', prompt=prompt)
        assert answer.message
        for number in guarded.object_ids():
            if number != GUARD:
                assert guarded.call('remove_object', object_id=number).success

    fuzz(check, prompts)


def test_any_prompt_and_click_on_a_topic_is_survived(guarded):
    def check(case) -> None:
        prompt, x, y = case
        guarded.prompts.publish(prompt)
        guarded.clicks.publish(Point(x=x, y=y, z=0.0))
        assert guarded.call('remove_object', object_id=65535).message

    fuzz(check, st.tuples(prompts, st.floats(), st.floats()))


def test_any_image_is_survived(guarded, camera):
    def check(image: Image) -> None:
        camera.publisher.publish(image)
        assert GUARD in guarded.object_ids()

    fuzz(check, images)


def test_any_parameter_is_accepted_or_refused_with_a_reason(guarded):
    declared = declarations(TrackerParameters)
    values = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), text)
    # What takes images or services away is another matter.
    names = sorted(set(declared) - {'service_timeout', 'buffer.seconds', 'buffer.megabytes'})

    def check(case) -> None:
        name, value = case
        before = guarded.call('get_parameters', names=[name]).values
        result = guarded.set(name, value)
        assert result.successful or result.reason
        if result.successful:
            back = Parameter.from_parameter_msg(_parameter(name, before[0]))
            assert guarded.set(name, back.value).successful

    fuzz(check, st.tuples(st.sampled_from(names), values))


def _parameter(name: str, value):
    message = Parameter(name, value=0).to_parameter_msg()
    message.value = value
    return message


def test_any_request_to_segment_is_answered(guarded):
    client = guarded.node.create_client(SegmentImage, f'{guarded.name}/segment_image')
    wait_until(client.service_is_ready, 'segment_image')
    requests = st.builds(
        SegmentImage.Request,
        image=images,
        header=headers,
        # Everything takes seconds for a valid image, and is not asked for here.
        mode=st.sampled_from([0, 2, 3, 255]),
        prompts=st.lists(prompts, max_size=3),
        text=text,
        multiple_candidates=st.booleans(),
        max_candidates=st.integers(0, 2**32 - 1),
        include_masks=st.booleans(),
    )

    def check(request) -> None:
        future = client.call_async(request)
        wait_until(future.done, 'an answer of segment_image')
        assert future.result().success or future.result().message

    fuzz(check, requests)
    guarded.node.destroy_client(client)


@pytest.fixture
def compressed_program(graph, random_checkpoint) -> Iterator[Program]:
    """Ended with its test: two nodes of one name would answer when that is repeated."""
    program = graph.start(
        'sam_tracker.nodes.tracker.tracker_node',
        '-r',
        '__ns:=/compressed',
        checkpoint=random_checkpoint,
        device='cpu',
        precision='float32',
        cpu_threads=1,
        image_transport='compressed',
    )
    yield program
    program.process.kill()
    program.wait()


def test_any_compressed_image_is_survived(compressed_program, new_tester):
    tester = new_tester(namespace='/compressed')
    tester.wait_until_active()
    publisher = tester.node.create_publisher(CompressedImage, 'image/compressed', 1)
    wait_until(publisher.get_subscription_count, 'a subscription')
    starts = st.sampled_from([b'', b'\xff\xd8\xff\xe0', b'\x89PNG\r\n\x1a\n', b'RIFF', b'II*\0'])

    def check(case) -> None:
        header, name, start, data = case
        message = CompressedImage(header=header, format=name)
        message.data.frombytes(start + data)
        publisher.publish(message)
        assert tester.call('get_state').current_state.label == 'active'

    cases = st.tuples(
        headers,
        st.sampled_from(['jpeg', 'png', 'rgb8; jpeg compressed bgr8']) | text,
        starts,
        st.binary(max_size=400),
    )
    fuzz(check, cases)
    assert compressed_program.process.poll() is None
    assert 'Traceback' not in compressed_program.output
