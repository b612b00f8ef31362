# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Starts a segmenter node, which serves ``~/segment_image`` for the images of one camera.

    ros2 launch sam_tracker segmenter.launch.py image:=/camera/color/image_raw
"""

from launch import LaunchDescription

from sam_tracker.ros.launch.camera_node import camera_node
from sam_tracker.ros.parameters.segmentation import SegmenterParameters


def generate_launch_description() -> LaunchDescription:
    return camera_node(
        executable='segmenter_node', name='segmenter', parameters=SegmenterParameters
    )
