# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/CameraInfo from a calibration file, or from a field of view."""

import math
from pathlib import Path

from sensor_msgs.msg import CameraInfo
import yaml


class CalibrationError(ValueError):
    """An unusable calibration file; the text names the file and what is wrong."""


def pinhole_camera_info(width: int, height: int, horizontal_field_of_view: float) -> CameraInfo:
    """
    Return the intrinsics of an ideal camera: square pixels, no distortion.

    :param width: of its images, in pixels.
    :param height: of its images, in pixels.
    :param horizontal_field_of_view: in degrees, between 0 and 180.
    """
    focal_length = width / 2 / math.tan(math.radians(horizontal_field_of_view) / 2)
    # The origin of CameraInfo is the centre of the first pixel.
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    message = CameraInfo(width=width, height=height, distortion_model='plumb_bob')
    message.d = [0.0] * 5
    message.k = [focal_length, 0.0, centre_x, 0.0, focal_length, centre_y, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [
        *(focal_length, 0.0, centre_x, 0.0),
        *(0.0, focal_length, centre_y, 0.0),
        *(0.0, 0.0, 1.0, 0.0),
    ]
    return message


def read_camera_info(path: Path, width: int, height: int) -> CameraInfo:
    """
    Return the calibration in a YAML file as the camera_calibration package writes it.

    :param path: of the file.
    :param width: of the images it is for, in pixels.
    :param height: of the images it is for, in pixels.
    :raises CalibrationError: the file is missing, no calibration, or for another image size.
    """
    try:
        content = yaml.safe_load(path.read_text())
        message = CameraInfo(
            width=int(content['image_width']),
            height=int(content['image_height']),
            distortion_model=str(content['distortion_model']),
        )
        message.d = _numbers(content, 'distortion_coefficients')
        message.k = _numbers(content, 'camera_matrix', 9)
        message.r = _numbers(content, 'rectification_matrix', 9)
        message.p = _numbers(content, 'projection_matrix', 12)
    except OSError as error:
        raise CalibrationError(
            f'calibration {str(path)!r} cannot be read: {error.strerror}'
        ) from error
    except KeyError as error:
        raise CalibrationError(f'calibration {str(path)!r} has no {error}') from error
    except (
        *(yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError, AssertionError),
        *(OverflowError, RecursionError),
    ) as error:
        raise CalibrationError(f'{str(path)!r} is no camera calibration: {error}') from error
    if (message.width, message.height) != (width, height):
        raise CalibrationError(
            f'calibration {str(path)!r} is for {message.width}x{message.height} images, '
            f'these are {width}x{height}'
        )
    return message


def _numbers(content: dict[str, dict[str, list[float]]], key: str, count: int = 0) -> list[float]:
    numbers = [float(value) for value in content[key]['data']]
    if count and len(numbers) != count:
        raise ValueError(f'{key} has {len(numbers)} numbers, not {count}')
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f'{key} is not finite: {numbers}')
    return numbers
