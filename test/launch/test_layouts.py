# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
The layouts name what RViz and Foxglove know; both ignore other names without a word.

The names of RViz are those of its sources for Jazzy (14.1), of Foxglove those that it exports.
"""

import json
from pathlib import Path

import pytest
import yaml

CONFIG = Path(__file__).resolve().parents[2] / 'config'
DISPLAY = {'Class', 'Name', 'Enabled', 'Value'}
TOPIC = {'Value', 'Depth', 'Durability Policy', 'History Policy', 'Reliability Policy'}
DISPLAYS = {
    'rviz_default_plugins/Axes': {'Length', 'Radius', 'Reference Frame'},
    'rviz_default_plugins/Image': {
        *('Topic', 'Max Value', 'Median window', 'Min Value', 'Normalize Range'),
    },
    'rviz_default_plugins/MarkerArray': {'Namespaces', 'Topic'},
    'rviz_default_plugins/PointCloud2': {
        *('Autocompute Intensity Bounds', 'Channel Name', 'Color Transformer', 'Size (Pixels)'),
        *('Style', 'Topic', 'Use rainbow'),
    },
    'rviz_default_plugins/TF': {
        *('Frame Timeout', 'Marker Scale', 'Show Arrows', 'Show Axes', 'Show Names'),
    },
}
ORBIT = {'Class', 'Name', 'Distance', 'Focal Point', 'Pitch', 'Target Frame', 'Yaw'}
PANELS = {'rviz_common/Displays', 'rviz_common/Time'}
FOXGLOVE = {
    '3D': {'cameraState', 'followMode', 'topics'},
    'DiagnosticSummary': {
        *('hardwareIdFilter', 'minLevel', 'pinnedIds', 'sortByLevel', 'topicToRender'),
    },
    'Image': {'imageMode'},
    'RawMessages': {'topicPath'},
}
CAMERA = {
    *('distance', 'far', 'fovy', 'near', 'perspective', 'phi', 'target', 'targetOffset'),
    *('targetOrientation', 'thetaOffset'),
}


@pytest.mark.parametrize('name', ['robot.rviz', 'tracker.rviz'])
def test_rviz_knows_every_class_and_property(name):
    layout = yaml.safe_load((CONFIG / name).read_text())
    manager = layout['Visualization Manager']
    for display in manager['Displays']:
        assert set(display) <= DISPLAY | DISPLAYS[display['Class']], display['Name']
        assert set(display.get('Topic', {})) <= TOPIC, display['Name']
    view = manager['Views']['Current']
    assert view['Class'] == 'rviz_default_plugins/Orbit' and set(view) <= ORBIT
    assert {panel['Class'] for panel in layout['Panels']} <= PANELS
    assert [tool['Class'] for tool in manager['Tools']] == ['rviz_default_plugins/MoveCamera']


def test_foxglove_knows_every_panel_and_setting():
    layout = json.loads((CONFIG / 'foxglove.json').read_text())
    panels = layout['configById']
    for panel, settings in panels.items():
        assert set(settings) <= FOXGLOVE[panel.split('!')[0]], panel
    assert set(panels['3D!objects']['cameraState']) == CAMERA

    def shown(part) -> list[str]:
        return [part] if isinstance(part, str) else shown(part['first']) + shown(part['second'])

    assert sorted(shown(layout['layout'])) == sorted(panels)
