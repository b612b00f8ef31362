# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""Things that turn: solids, creatures that are made of them, and their pictures."""

from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from sam_tracker.training.creatures import CreatureWriter
from sam_tracker.training.footage import Footage
from sam_tracker.training.solids import draw_rod, read_solid
from sam_tracker.training.turning import LARGEST_SIDE, View, crop, render_things

CUBE = """
v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nv 0 0 2\nv 2 0 2\nv 2 2 2\nv 0 2 2
f 4 3 2 1\nf 5 6 7 8\nf 1/1/1 2/2/2 6/3/3 5/4/4\nf 3 4 8 7\nf 2 3 7 6\nf 1 5 8 4
"""


def volume(solid):
    """Return the enclosed volume, positive where faces are counterclockwise from outside."""
    a, b, c = np.moveaxis(solid.vertices[solid.faces], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.fixture
def cube(tmp_path):
    path = tmp_path / 'cube.obj'
    path.write_text(CUBE)
    return path


def test_rods_are_closed_and_face_outwards():
    rng = np.random.default_rng(0)
    for _ in range(20):
        rod = draw_rod(rng, 1.0, 0.4)
        assert np.ptp(rod.vertices[:, 0]) == pytest.approx(1)
        assert 0.01 < volume(rod) < (1.8 * 0.4) ** 2
        assert rod.texture.min() >= 0 and rod.texture.shape == (len(rod.faces), 3, 2)


def test_a_solid_of_a_file_has_the_length_that_is_asked_for(cube):
    solid = read_solid(np.random.default_rng(0), cube, 0.5)
    assert len(solid.faces) == 12 and volume(solid) == pytest.approx(0.125)
    assert solid.vertices.mean(axis=0) == pytest.approx([0, 0, 0])
    assert (np.ptp(solid.texture, axis=1).max(axis=1) > 0).all()


def test_a_file_without_faces_is_an_error(tmp_path):
    (tmp_path / 'points.obj').write_text('v 0 0 0\nv 1 0 0\n')
    with pytest.raises(ValueError, match=r'points\.obj has no faces'):
        read_solid(np.random.default_rng(0), tmp_path / 'points.obj', 1)


@pytest.mark.parametrize('smooth', [False, True])
def test_a_solid_that_is_written_is_read_again(cube, tmp_path, smooth):
    solid = read_solid(np.random.default_rng(0), cube, 2)
    solid.write(tmp_path / 'again.obj', smooth)
    again = read_solid(np.random.default_rng(0), tmp_path / 'again.obj', 2)
    assert again.vertices == pytest.approx(solid.vertices) and (again.faces == solid.faces).all()
    lines = (tmp_path / 'again.obj').read_text().splitlines()
    normals = np.array([line.split()[1:] for line in lines if line.startswith('vn')], float)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(np.ones(36), abs=1e-3)
    assert (np.abs(normals).max(axis=1) > 0.99).all() == (not smooth)


@pytest.mark.parametrize('pairs', [0, 1, 3])
def test_a_creature_is_one_tree_of_links_with_meshes(cube, tmp_path, pairs):
    path = CreatureWriter(tmp_path, [cube]).write(np.random.default_rng(pairs), pairs)
    robot = ElementTree.parse(path).getroot()
    links = {link.get('name') for link in robot.iter('link')}
    joints = {
        joint.find('child').get('link'): joint.find('parent').get('link')
        for joint in robot.iter('joint')
    }
    assert len(links) == (2 + 4 * pairs if pairs else 1)
    assert joints.keys() == links - {'body'} and set(joints.values()) <= links
    assert all((tmp_path / mesh.get('filename')).is_file() for mesh in robot.iter('mesh'))
    # pybullet cuts longer lines, within a number too.
    assert max(map(len, path.read_text().splitlines())) < 8192


def test_views_are_cropped_alike_with_an_alpha_channel_and_the_colour_of_what_is_covered():
    views = []
    for x in (40, 120):
        mask = np.zeros((320, 320), np.uint8)
        cv2.rectangle(mask, (x, 100), (x + 99, 249), 1, -1)
        image = np.full((320, 320, 3), 255, np.uint8)
        image[mask == 1] = (200, 60, 10)
        views.append(View(image, mask))
    first, second = crop(views)
    assert first.shape == second.shape == (75, 90, 4)
    assert max(first.shape[:2]) <= LARGEST_SIDE
    assert first[40, 10, 3] == 255 and second[40, 10, 3] == 0
    seen = first[first[..., 3] > 10]
    assert seen[:, :3] == pytest.approx(np.tile([200, 60, 10], (len(seen), 1)), abs=2)
    assert (first[..., 3] / 255).sum() == pytest.approx(100 * 150 / 4, rel=0.02)


def test_things_are_rendered_turn_and_are_read_as_footage(tmp_path):
    pytest.importorskip('pybullet')
    (tmp_path / 'photographs').mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'photographs/noise.png'), noise)
    photographs = [tmp_path / 'photographs/noise.png']
    render_things(tmp_path / 'turning', photographs, range(4))
    cv2.imwrite(str(tmp_path / 'photographs/noise.jpg'), noise)
    footage = Footage(tmp_path)
    assert len(footage.turning) == 4
    for thing in range(4):
        looks = [footage.view(thing, view) for view in (0, 1, 8)]
        assert max(looks[0].alpha.shape) <= LARGEST_SIDE
        assert all((look.alpha == 255).sum() > 50 for look in looks)
        near, far = (np.abs(looks[0].alpha / 255 - look.alpha / 255).sum() for look in looks[1:])
        assert near > 0 and far > 0
    before = (tmp_path / 'turning/00000/00.webp').stat().st_mtime_ns
    render_things(tmp_path / 'turning', photographs, range(1))
    assert (tmp_path / 'turning/00000/00.webp').stat().st_mtime_ns == before
    render_things(tmp_path / 'again', photographs, range(1))
    again, first = (tmp_path / name / '00000/15.webp' for name in ('again', 'turning'))
    assert again.read_bytes() == first.read_bytes()
