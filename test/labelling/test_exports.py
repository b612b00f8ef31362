# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The exported files are read by other tools, with the content of the labels."""

import configparser
from dataclasses import replace
import json
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import yaml

from sam_tracker.core.run_length import run_lengths
from sam_tracker.evaluation.readers.davis import davis
from sam_tracker.labelling.exports.export import Exported
from sam_tracker.labelling.exports.registry import EXPORTS
from sam_tracker.labelling.exports.yolo import polygon
from sam_tracker.labelling.file_recordings import FolderRecording
from sam_tracker.labelling.label_options import FORMATS
from sam_tracker.labelling.labelled_track import LabelledTrack, Stage
from sam_tracker.labelling.labels import LabelledImage, LabelSet
from sam_tracker.labelling.recording import LabellingError
from sam_tracker.tracking.track import TrackState
from sam_tracker.training.footage import Footage

NAMES = {1: 'mug', 4: 'red box', 9: ''}
CATEGORIES = ['another', 'mug', 'object', 'red box']


def track(object_id, mask, confidence=0.9):
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    box = None
    if len(rows):
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return LabelledTrack(
        object_id=object_id,
        state=TrackState.TRACKED if len(rows) else TrackState.LOST,
        confidence=confidence if len(rows) else 0.0,
        mask_affinity=0.8,
        object_logit=3.0,
        motion_score=None,
        size=(width, height),
        box=None if box is None else tuple(float(value) for value in box),
        counts=run_lengths(mask.astype(np.uint8), (0, 0), width, height)['counts']
        if len(rows)
        else '',
        stage=Stage.AUTOMATIC,
    )


@pytest.fixture
def masks(images):
    """Masks [T, 3, H, W]; the first object has two parts, the last is absent at times."""
    height, width = images[0].shape[:2]
    masks = np.zeros((len(images), 3, height, width), np.bool_)
    for number in range(len(images)):
        masks[number, 0, 10 + number : 30, 5:25] = True
        masks[number, 0, 60:70, 40 + number : 60] = True
        masks[number, 1, 20:50, 20:60] = True
        if number % 3:
            masks[number, 2, 100:, 100:] = True
    return masks


@pytest.fixture
def exported(folder, masks, tmp_path):
    recording = FolderRecording(folder, lambda *_: None)
    path = tmp_path / 'labels.jsonl'
    with path.open('wb') as file:
        for number, info in enumerate(recording.images):
            tracks = tuple(
                track(object_id, mask, confidence)
                for object_id, mask, confidence in zip(
                    NAMES, masks[number], (0.9, 0.5, 0.7), strict=True
                )
            )
            image = LabelledImage(
                number, info.name, info.stamp, '', info.width, info.height, tracks
            )
            file.write(image.line())
    return Exported('clip', recording, LabelSet(path, NAMES), CATEGORIES)


def test_the_command_offers_every_format():
    assert tuple(EXPORTS) == FORMATS


# A video has its date in it, a bag its time of writing.
@pytest.mark.parametrize('name', sorted(set(FORMATS) - {'bag', 'overlay'}))
def test_equal_labels_give_equal_bytes(name, exported, tmp_path):
    found = []
    for place in ('one', 'two'):
        EXPORTS[name](exported, tmp_path / place)
        EXPORTS[name](exported, tmp_path / place)
        paths = sorted(path for path in (tmp_path / place).rglob('*') if path.is_file())
        assert paths
        found.append([path.read_bytes() for path in paths])
    assert found[0] == found[1]


def test_pycocotools_reads_the_masks(exported, masks, tmp_path):
    coco = pytest.importorskip('pycocotools.coco')
    EXPORTS['coco'](exported, tmp_path)
    data = coco.COCO(tmp_path / 'clip.json')
    assert len(data.getImgIds()) == len(masks)
    assert [each['name'] for each in data.loadCats(data.getCatIds())] == CATEGORIES
    for number, expected in enumerate(masks):
        annotations = data.loadAnns(data.getAnnIds(imgIds=[number + 1]))
        assert len(annotations) == int(expected.any((1, 2)).sum())
        for annotation in annotations:
            index = list(NAMES).index(annotation['track_id'])
            assert (data.annToMask(annotation) == expected[index]).all()
            assert annotation['area'] == expected[index].sum()
            x, y, width, height = annotation['bbox']
            extents = [np.ptp(expected[index].any(axis).nonzero()[0]) + 1 for axis in (0, 1)]
            assert [width, height] == extents
            assert expected[index][int(y), int(x) :].any()
        assert {each['category_id'] for each in annotations} <= {2, 3, 4}


def test_the_davis_folder_is_read_as_davis_and_as_training_data(exported, masks, tmp_path):
    EXPORTS['davis'](exported, tmp_path / 'davis')
    # The first object has the higher confidence where two overlap.
    expected = np.zeros(masks.shape[2:], np.uint8)
    expected[masks[1, 2]] = 3
    expected[masks[1, 1]] = 2
    expected[masks[1, 0]] = 1
    sequence = davis(tmp_path / 'davis').open_sequence('clip')
    assert (sequence.object_ids(1) == expected).all()
    footage = Footage(tmp_path)
    images, read = footage.video('clip', [0, 1])
    assert (read[1] == (expected > 0)).all()
    assert images[1].shape == (*expected.shape, 3)


def test_mot_and_kitti_have_a_line_for_each_visible_object(exported, masks, tmp_path):
    EXPORTS['mot'](exported, tmp_path)
    EXPORTS['kitti'](exported, tmp_path)
    visible = int(masks.any((2, 3)).sum())
    mot = np.loadtxt(tmp_path / 'clip/gt/gt.txt', delimiter=',')
    assert mot.shape == (visible, 9)
    # MOTChallenge counts pixels and images from 1.
    assert mot[0, :6].tolist() == [1, 1, 6, 11, 55, 60]
    sequence = configparser.ConfigParser()
    sequence.read(tmp_path / 'clip/seqinfo.ini')
    assert sequence['Sequence']['seqLength'] == str(len(masks))
    assert float(sequence['Sequence']['frameRate']) == pytest.approx(30, rel=1e-3)
    kitti = [line.split() for line in (tmp_path / 'label_02/clip.txt').read_text().splitlines()]
    assert len(kitti) == visible and all(len(fields) == 17 for fields in kitti)
    assert kitti[0][:3] == ['0', '1', 'mug'] and kitti[1][2] == 'red_box'
    assert kitti[0][6:10] == ['5.00', '10.00', '59.00', '69.00']


@pytest.mark.parametrize('name', ['yolo', 'yolo_boxes'])
def test_yolo_labels_cover_the_masks(name, exported, masks, tmp_path):
    EXPORTS[name](exported, tmp_path)
    content = yaml.safe_load((tmp_path / 'data.yaml').read_text())
    assert content['names'] == dict(enumerate(CATEGORIES))
    assert len(list((tmp_path / content['train'] / 'clip').iterdir())) == len(masks)
    lines = (tmp_path / 'labels/train/clip/00001.txt').read_text().splitlines()
    assert [int(line.split()[0]) for line in lines] == [1, 3, 2]
    size = np.array(masks.shape[:1:-1])
    for line, mask in zip(lines, masks[1], strict=True):
        values = np.array(line.split()[1:], np.float64).reshape(-1, 2)
        if name == 'yolo_boxes':
            low, high = (values[0] - values[1] / 2) * size, (values[0] + values[1] / 2) * size
            rows, columns = mask.nonzero()
            assert low == pytest.approx([columns.min(), rows.min()], abs=1e-3)
            assert high == pytest.approx([columns.max() + 1, rows.max() + 1], abs=1e-3)
        else:
            assert enclosed_area(values * size) == pytest.approx(mask.sum(), rel=1e-3)


def test_yolo_classes_keep_their_numbers_over_runs(exported, tmp_path):
    EXPORTS['yolo'](replace(exported, categories=['mug', 'object', 'red box']), tmp_path)
    before = (tmp_path / 'labels/train/clip/00001.txt').read_bytes()
    EXPORTS['yolo'](exported, tmp_path)
    assert (tmp_path / 'labels/train/clip/00001.txt').read_bytes() == before
    names = yaml.safe_load((tmp_path / 'data.yaml').read_text())['names']
    assert names == {0: 'mug', 1: 'object', 2: 'red box', 3: 'another'}
    (tmp_path / 'data.yaml').write_text('names: 3')
    with pytest.raises(LabellingError, match=r"data\.yaml' cannot be read"):
        EXPORTS['yolo'](exported, tmp_path)


def test_coco_and_cvat_name_the_images_that_davis_and_yolo_write(exported, tmp_path):
    for name in ('coco', 'cvat', 'davis', 'yolo'):
        EXPORTS[name](exported, tmp_path / name)
    coco = json.loads((tmp_path / 'coco/clip.json').read_text())['images']
    cvat = ElementTree.parse(tmp_path / 'cvat/clip.xml').iter('image')
    names = [each['file_name'] for each in coco]
    assert names == [each.get('name') for each in cvat]
    for name in names:
        assert (tmp_path / 'davis/JPEGImages/480p' / name).exists()
        assert (tmp_path / 'yolo/images/train' / name).exists()


def test_cvat_is_given_labels_that_xml_cannot_hold(exported, tmp_path):
    labels = replace(exported.labels, names={**NAMES, 1: 'a\0<b>\ud800'})
    EXPORTS['cvat'](replace(exported, labels=labels, categories=labels.categories), tmp_path)
    root = ElementTree.parse(tmp_path / 'clip.xml')
    listed = {each.text for each in root.iter('name')}
    assert listed >= {each.get('label') for each in root.iter('mask')} >= {'a\ufffd<b>\ufffd'}


def test_cvat_is_given_every_mask(exported, masks, tmp_path):
    EXPORTS['cvat'](exported, tmp_path)
    root = ElementTree.parse(tmp_path / 'clip.xml').getroot()
    assert root.findtext('version') == '1.1'
    assert [each.text for each in root.iterfind('meta/task/labels/label/name')] == CATEGORIES
    for number, (image, expected) in enumerate(zip(root.iter('image'), masks, strict=True)):
        assert image.get('id') == str(number)
        found = {int(each.get('group_id')): each for each in image.iter('mask')}
        visible = [key for key, mask in zip(NAMES, expected, strict=True) if mask.any()]
        assert sorted(found) == visible
        for object_id, mask in zip(NAMES, expected, strict=True):
            if object_id not in found:
                continue
            fields = found[object_id].attrib
            assert fields['label'] == (NAMES[object_id] or 'object')
            x, y, width, height = (int(fields[key]) for key in ('left', 'top', 'width', 'height'))
            runs = [int(each) for each in fields['rle'].split(',')]
            pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
            whole = np.zeros_like(mask)
            whole[y : y + height, x : x + width] = pixels
            assert (whole == mask).all()


def test_trackeval_finds_the_labels_in_full_agreement_with_themselves(exported, tmp_path):
    trackeval = pytest.importorskip('trackeval', reason='MOT is read with TrackEval')
    EXPORTS['mot'](exported, tmp_path / 'truth')
    lines = (tmp_path / 'truth/clip/gt/gt.txt').read_text().splitlines()
    data = tmp_path / 'trackers/ours/data'
    data.mkdir(parents=True)
    # One box of a tracker is missing.
    (data / 'clip.txt').write_text('\n'.join(lines[:-1]) + '\n')
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            'GT_FOLDER': str(tmp_path / 'truth'),
            'TRACKERS_FOLDER': str(tmp_path / 'trackers'),
            'SEQ_INFO': {'clip': None},
            'SKIP_SPLIT_FOL': True,
            'PRINT_CONFIG': False,
        }
    )
    read = dataset.get_preprocessed_seq_data(
        dataset.get_raw_seq_data('ours', 'clip'), 'pedestrian'
    )
    assert read['num_gt_dets'] == len(lines) and read['num_gt_ids'] == len(NAMES)
    result = trackeval.metrics.CLEAR({'PRINT_CONFIG': False}).eval_sequence(read)
    assert (result['CLR_TP'], result['CLR_FN'], result['CLR_FP']) == (len(lines) - 1, 1, 0)
    assert result['IDSW'] == 0


def test_supervision_reads_the_polygons_of_yolo(exported, masks, tmp_path):
    supervision = pytest.importorskip('supervision', reason='YOLO is read with supervision')
    EXPORTS['yolo'](exported, tmp_path)
    data = supervision.DetectionDataset.from_yolo(
        str(tmp_path / 'images/train/clip'),
        str(tmp_path / 'labels/train/clip'),
        str(tmp_path / 'data.yaml'),
        force_masks=True,
    )
    assert data.classes == CATEGORIES and len(data) == len(masks)
    for path, _, detections in data:
        expected = masks[int(Path(path).stem)]
        visible = [mask for mask in expected if mask.any()]
        assert len(detections) == len(visible)
        for mask, read in zip(visible, detections.mask, strict=True):
            assert (read & mask).sum() == mask.sum()
            # It draws the border of a polygon too, and the line that joins two parts.
            wider = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) != 0
            assert (read & ~wider).sum() < max(mask.shape)


def enclosed_area(points):
    """Return the area of a polygon; what a line there and back encloses is nothing."""
    x, y = points.T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


def test_the_polygon_of_a_single_pixel_and_of_a_line_is_its_border():
    mask = np.zeros((10, 12), np.bool_)
    mask[3, 4] = True
    assert sorted(map(tuple, polygon(mask))) == [(4, 3), (4, 4), (5, 3), (5, 4)]
    mask[3, 4:9] = True
    assert sorted(map(tuple, polygon(mask))) == [(4, 3), (4, 4), (9, 3), (9, 4)]


def test_rosbags_reads_the_messages_under_the_stamps_of_the_images(exported, masks, tmp_path):
    highlevel = pytest.importorskip('rosbags.highlevel', reason='bags are written with rosbags')
    EXPORTS['bag'](exported, tmp_path)
    with highlevel.AnyReader([tmp_path / 'clip']) as reader:
        messages = [
            (time, reader.deserialize(data, connection.msgtype))
            for connection, time, data in reader.messages()
        ]
    assert len(messages) == len(masks)
    for image, expected, (time, message) in zip(
        exported.recording.images, masks, messages, strict=True
    ):
        stamp = message.header.stamp
        assert time == stamp.sec * 1_000_000_000 + stamp.nanosec == image.stamp
        assert [each.object_id for each in message.tracks] == list(NAMES)
        assert [each.label for each in message.tracks] == list(NAMES.values())
        for each, mask in zip(message.tracks, expected, strict=True):
            whole, region = np.zeros_like(mask), each.mask.region
            rows = slice(region.y_offset, region.y_offset + region.height)
            columns = slice(region.x_offset, region.x_offset + region.width)
            whole[rows, columns] = each.mask.data.reshape(region.height, region.width) == 255
            assert (whole == mask).all()


def test_a_ros_node_reads_the_messages_of_the_bag(exported, tmp_path):
    rosbag2 = pytest.importorskip('rosbags.rosbag2', reason='bags are written with rosbags')
    pytest.importorskip('rclpy', reason='messages are read by ROS')
    from rclpy.serialization import deserialize_message

    from sam_tracker.msg import TrackArray

    EXPORTS['bag'](exported, tmp_path)
    with rosbag2.Reader(tmp_path / 'clip') as reader:
        data = [bytes(data) for _, _, data in reader.messages()]
    message = deserialize_message(data[1], TrackArray)
    assert [track.label for track in message.tracks] == list(NAMES.values())
    assert message.image_width == exported.recording.images[1].width


def test_the_overlay_is_a_video_of_every_image(exported, masks, tmp_path):
    EXPORTS['overlay'](exported, tmp_path)
    capture = cv2.VideoCapture(str(tmp_path / 'clip.webm'))
    frames = 0
    while capture.read()[0]:
        frames += 1
    assert frames == len(masks)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith('.')] == []


def test_the_report_names_objects_problems_and_doubtful_stretches(exported, tmp_path):
    text = exported.labels.path.read_text().splitlines()
    for number in (5, 6, 8):
        text[number] = text[number].replace('"doubt":0.0', '"doubt":0.75', 1)
    exported.labels.path.write_text('\n'.join(text) + '\n')
    EXPORTS['report'](exported, tmp_path)
    page = (tmp_path / 'clip.html').read_text()
    assert '<td>1 mug<td>5 to 8<td>0.75</tr>' in page
    assert page.count('<svg') == 3 and '<h2>4 red box</h2>' in page
    assert 'base64,/9j/' in page and '<script' not in page


def test_objects_that_are_not_named_are_left_out(exported, tmp_path):
    chosen = replace(exported, labels=LabelSet(exported.labels.path, {4: 'red box'}))
    EXPORTS['coco'](chosen, tmp_path)
    annotations = json.loads((tmp_path / 'clip.json').read_text())['annotations']
    assert {each['track_id'] for each in annotations} == {4}
