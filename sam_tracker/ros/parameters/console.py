# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the console."""

from dataclasses import dataclass

from sam_tracker.ros.parameters.declaration import Change, declared

START = Change.AT_START


@dataclass(frozen=True)
class ConsoleParameters:
    """In the order of the documentation."""

    address: str = declared(
        '127.0.0.1',
        'Address to serve on. 127.0.0.1 is reached from this machine only; 0.0.0.0 from every '
        'network of the robot, for which password_file is required.',
        change=START,
    )
    port: int = declared(
        8080,
        'TCP port to serve on. 0: a free one, which the log names.',
        change=START,
        minimum=0,
        maximum=65535,
    )
    password_file: str = declared(
        '',
        'File whose first line is the password, of at least 8 characters. Not a parameter itself: '
        'every node of the graph can read parameters. Empty: no password, for loopback only.',
        change=START,
    )
    certificate: str = declared(
        '', 'File of the TLS certificate chain (PEM). Empty: no TLS.', change=START
    )
    certificate_key: str = declared(
        '', 'File of the private key of the certificate (PEM).', change=START
    )
    read_only: bool = declared(
        False, 'Show everything and change nothing: no prompts, no commands.', change=START
    )
    maximum_viewers: int = declared(
        32,
        'Pages that may be open at once; further ones are refused.',
        change=START,
        minimum=1,
        maximum=1000,
    )
    maximum_width: int = declared(
        1280,
        'Width to which larger images are scaled down for the page.',
        change=START,
        minimum=64,
        maximum=8192,
        unit='px',
    )
    jpeg_quality: int = declared(
        80, 'Quality of the pictures.', change=START, minimum=10, maximum=100
    )
    recordings_folder: str = declared(
        'sam_tracker_recordings',
        'Folder for the recordings that the page starts; each gets a folder of its own in it.',
        change=START,
    )
