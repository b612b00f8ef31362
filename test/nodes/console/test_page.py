# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: Chromium, where it is installed, driven by Playwright."""

from __future__ import annotations

import base64
from collections.abc import Iterator
import shutil
import signal

import cv2
import numpy as np
import pytest
from rclpy.parameter import parameter_value_to_python

from sam_tracker.ros.messages.masks import mask_pixels

from ...conftest import wait_until
from ..conftest import Camera
from .conftest import LONG

sync_api = pytest.importorskip('playwright.sync_api', reason='Playwright is not installed')
CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason='Chromium is not installed: apt install chromium'
)

MILLISECONDS = 1000 * LONG
TINT = 0.4
"""Share of an object's colour in its pixels, as drawing.js has it."""


@pytest.fixture(scope='module')
def browser() -> Iterator[object]:
    with sync_api.sync_playwright() as playwright:
        # Containers run tests as root, for whom Chromium's sandbox does not start.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-dev-shm-usage']
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, console):
    """Opens pages that are closed when the test ends; an error of their scripts fails it."""
    contexts, errors = [], []

    def open_page(url: str = console.url, **options: object):
        options = {'viewport': {'width': 1280, 'height': 960}, **options}
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(MILLISECONDS)
        page.on('pageerror', lambda error: errors.append(str(error)))
        page.goto(url)
        page.wait_for_selector('#view[data-stamp]')
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def grey_camera(camera, monkeypatch) -> Camera:
    """A camera whose images are of one grey, so that every other colour was drawn."""
    monkeypatch.setattr(
        camera, 'image', lambda: np.full((camera.size[1], camera.size[0], 3), 128, np.uint8)
    )
    return camera


def point(page, x: float, y: float, **options: object) -> None:
    """Click at a place of the image, given as shares of its width and height."""
    page.locator('#view').scroll_into_view_if_needed()
    area = page.evaluate(
        """() => {
            const canvas = document.querySelector('#view');
            const area = canvas.getBoundingClientRect();
            const scale = Math.min(area.width / canvas.width, area.height / canvas.height);
            const [width, height] = [scale * canvas.width, scale * canvas.height];
            const left = area.left + (area.width - width) / 2;
            return [left, area.top + (area.height - height) / 2, width, height];
        }"""
    )
    page.mouse.click(area[0] + x * area[2], area[1] + y * area[3], **options)


def drag(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    area = page.locator('#view').bounding_box()
    places = [
        (area['x'] + x * area['width'], area['y'] + y * area['height']) for x, y in (start, end)
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()


def object_ids(page) -> list[int]:
    return [int(each.get_attribute('data-object')) for each in page.locator('#objects li').all()]


def pixels_of(page) -> tuple[str, np.ndarray]:
    """Return the stamp and the pixels, [H, W, 3] RGB, of what the canvas shows at one moment."""
    stamp, url = page.evaluate(
        """() => {
            const canvas = document.querySelector('#view');
            return [canvas.dataset.stamp, canvas.toDataURL('image/png')];
        }"""
    )
    data = np.frombuffer(base64.b64decode(url.partition(',')[2]), np.uint8)
    return stamp, cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_pixels_of_the_page_are_the_masks_published_for_the_stamp_it_shows(
    open_page, tester, grey_camera, monkeypatch
):
    grey_camera.size = (320, 240)
    page = open_page()
    page.wait_for_function("() => document.querySelector('#view').width === 320")
    # The image that is pointed at stays the newest one, so its mask is the one that was drawn.
    monkeypatch.setattr(grey_camera, 'silent', True)
    page.check('input[value="brush"]')
    drag(page, (0.3, 0.5), (0.7, 0.6))
    page.click('#apply')
    page.wait_for_selector('#objects li.selected')
    page.locator('#view').focus()
    page.keyboard.press('n')
    page.wait_for_selector('#objects li.selected', state='detached')
    shown = []

    def drawn():
        stamp, pixels = pixels_of(page)
        for message in list(tester.tracks):
            header = message.header
            if f'{header.stamp.sec}.{header.stamp.nanosec:09d}' == stamp and message.tracks:
                shown.append((message, pixels))
        return shown

    wait_until(drawn, 'tracks of the image on the page', patience=LONG)
    message, pixels = shown[-1]
    track = message.tracks[0]
    region = track.mask.region
    mask = np.zeros(pixels.shape[:2], np.uint8)
    rows = slice(region.y_offset, region.y_offset + region.height)
    mask[rows, region.x_offset : region.x_offset + region.width] = mask_pixels(track.mask)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode((mask != 0).view(np.uint8), cross, borderValue=0) != 0
    colour = np.array([230, 159, 0])  # of object 1, orange
    expected = np.full(pixels.shape, 128.0)
    expected[mask != 0] = colour
    expected[inner] = (1 - TINT) * 128 + TINT * colour
    # All but the lines of the box and the name above it.
    compared = np.ones(mask.shape, np.uint8)
    box = track.box
    corners = [(round(box.x_min), round(box.y_min)), (round(box.x_max), round(box.y_max))]
    cv2.rectangle(compared, *corners, 0, 7)
    compared[max(corners[0][1] - 24, 0) : corners[0][1] + 3] = 0
    for part in (inner, (mask != 0) & ~inner, mask == 0):
        assert (part & (compared != 0)).any()
    difference = np.abs(pixels - expected)[compared != 0]
    # A canvas multiplies colours by their opacity, which rounds twice.
    assert difference.max() <= 4


def test_a_click_shows_candidates_and_the_chosen_one_is_followed(open_page, tester, camera):
    page = open_page()
    page.fill('#label', 'mug')
    point(page, 0.5, 0.5)
    page.wait_for_selector('#candidates button')
    held = page.get_attribute('#view', 'data-stamp')
    seen = len(tester.tracks)
    wait_until(lambda: len(tester.tracks) > seen + 3, 'further images', patience=LONG)
    # The image under the pointer is held meanwhile.
    assert page.get_attribute('#view', 'data-stamp') == held
    page.keyboard.press('1')
    page.wait_for_selector('#objects li')
    assert object_ids(page) == tester.object_ids()
    assert page.inner_text('#objects .name').endswith('mug')
    page.wait_for_function(
        "stamp => document.querySelector('#view').dataset.stamp > stamp", arg=held
    )


def test_an_object_is_corrected_renamed_and_removed(open_page, tester, camera):
    page = open_page()
    drag(page, (0.3, 0.3), (0.6, 0.6))
    page.wait_for_selector('#objects li.selected')
    (object_id,) = object_ids(page)
    page.wait_for_function("() => document.querySelector('#message').textContent !== '...'")
    drag(page, (0.25, 0.3), (0.6, 0.65))
    page.wait_for_function("() => /refined/.test(document.querySelector('#message').textContent)")
    assert tester.object_ids() == [object_id]
    page.on('dialog', lambda dialog: dialog.accept('left hand'))
    page.click('text=Rename')
    page.wait_for_selector('#objects .name:has-text("left hand")')
    assert tester.call('get_objects').objects.tracks[0].label == 'left hand'
    page.locator('#view').focus()
    page.keyboard.press('x')
    page.wait_for_selector('#objects li', state='detached')
    assert tester.object_ids() == []


def test_one_points_on_an_image_of_the_past(open_page, tester, camera):
    page = open_page()
    page.wait_for_function("() => document.querySelector('#scrub').max >= 8")
    scrub = page.locator('#scrub')
    # Not the oldest: the tracker may have forgotten it meanwhile.
    scrub.fill(page.evaluate("() => String(document.querySelector('#scrub').max - 2)"))
    page.wait_for_selector('#view.held')
    before = float(page.get_attribute('#view', 'data-stamp'))
    assert (
        before < tester.tracks[-1].header.stamp.sec + tester.tracks[-1].header.stamp.nanosec / 1e9
    )
    drag(page, (0.3, 0.3), (0.6, 0.6))
    page.wait_for_selector('#objects li')
    page.wait_for_function(
        "() => /caught up/.test(document.querySelector('#message').textContent)"
    )
    assert tester.object_ids() == object_ids(page)


def test_a_brush_draws_a_mask_and_the_eraser_takes_of_it(open_page, tester, camera):
    page = open_page()
    page.check('input[value="brush"]')
    drag(page, (0.3, 0.5), (0.7, 0.5))
    page.check('input[value="eraser"]')
    drag(page, (0.5, 0.4), (0.5, 0.6))
    page.click('#apply')
    page.wait_for_selector('#objects li')
    assert len(tester.object_ids()) == 1


def test_everything_works_with_keys_alone(open_page, tester, camera):
    page = open_page()
    page.locator('#view').focus()
    page.keyboard.press('ArrowLeft')
    page.keyboard.press('b')
    for _ in range(3):
        page.keyboard.press('Shift+ArrowRight')
        page.keyboard.press('Shift+ArrowDown')
    page.keyboard.press('b')
    page.wait_for_selector('#objects li')
    page.keyboard.press('p')
    page.wait_for_selector('#pause[aria-pressed="true"]')
    page.keyboard.press('p')
    page.wait_for_selector('#pause[aria-pressed="false"]')
    page.on('dialog', lambda dialog: dialog.accept())
    page.keyboard.press('r')
    page.wait_for_selector('#objects li', state='detached')
    assert tester.object_ids() == []


def test_a_phone_points_by_touch(open_page, tester, camera):
    page = open_page(has_touch=True, is_mobile=True, viewport={'width': 390, 'height': 844})
    assert page.evaluate('document.documentElement.scrollWidth') <= 390
    page.uncheck('#choose')
    area = page.locator('#view').bounding_box()
    page.touchscreen.tap(area['x'] + area['width'] / 2, area['y'] + area['height'] / 2)
    page.wait_for_selector('#objects li')
    assert tester.object_ids() == object_ids(page)


def test_two_browsers_see_what_one_of_them_does(open_page, tester, camera):
    one, other = open_page(), open_page()
    drag(one, (0.3, 0.3), (0.6, 0.6))
    other.wait_for_selector('#objects li')
    assert object_ids(other) == tester.object_ids()


def test_a_parameter_is_set_and_a_wrong_value_is_refused_with_the_reason(
    open_page, tester, camera
):
    page = open_page()
    page.click('#settings summary')
    field = page.locator('input[name="buffer.seconds"]')
    field.fill('7')
    field.press('Tab')
    page.wait_for_function("() => document.querySelector('#message').textContent.includes('is 7')")
    (value,) = tester.call('get_parameters', names=['buffer.seconds']).values
    assert parameter_value_to_python(value) == 7
    field = page.locator('input[name="buffer.seconds"]')
    field.fill('-1')
    field.press('Tab')
    page.wait_for_selector('#message.refused')
    assert tester.set('buffer.seconds', 5.0).successful


def test_the_page_comes_back_when_the_console_was_restarted(
    browser, start_console, tester, camera
):
    console = start_console()
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.goto(console.url)
    page.wait_for_selector('#view[data-stamp]')
    console.program.end(signal.SIGINT)
    page.wait_for_function("() => /lost/.test(document.querySelector('#light').textContent)")
    stamp = page.get_attribute('#view', 'data-stamp')
    start_console(port=console.port)
    page.wait_for_function(
        "stamp => document.querySelector('#view').dataset.stamp > stamp", arg=stamp
    )
    context.close()


def test_a_password_is_asked_for(browser, start_console, tester, camera, tmp_path):
    (tmp_path / 'password').write_text('correct horse\n')
    console = start_console(password_file=tmp_path / 'password')
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.goto(console.url)
    page.fill('input[name="password"]', 'correct horse')
    page.click('button')
    page.wait_for_selector('#view[data-stamp]')
    page.click('#logout button')
    page.wait_for_selector('input[name="password"]')
    context.close()
