# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""URLs name recordings, and their secrets are not written anywhere."""

import pytest

from sam_tracker.labelling.urls import name_of, path_of, public_url, without_secrets


@pytest.mark.parametrize(
    'url,public,name',
    [
        ('s3://drives/mon#1?.mcap', 's3://drives/mon#1?.mcap', 'mon#1?.mcap'),
        ('s3://drives', 's3://drives', 'drives'),
        ('gs://drives/mon/', 'gs://drives/mon/', 'mon'),
        ('https://me:pw@host:80/a/b.mp4?key=x/y#z', 'https://host:80/a/b.mp4', 'b.mp4'),
        ('HTTPS://host/b.mp4?key=x', 'HTTPS://host/b.mp4', 'b.mp4'),
        ('http://host?key=x/y', 'http://host', 'host'),
        ('sftp://me@host/a@b.mp4', 'sftp://host/a@b.mp4', 'a@b.mp4'),
        ('abfs://box@account/b.mp4', 'abfs://box@account/b.mp4', 'b.mp4'),
        ('zip://b.mp4::https://me@host/a.zip?key', 'zip://b.mp4::https://host/a.zip', 'b.mp4'),
        ('simplecache::s3://drives/b.mp4', 'simplecache::s3://drives/b.mp4', 'b.mp4'),
        ('s3://drives/mon/..', 's3://drives/mon/..', 'drives'),
    ],
)
def test_a_url_has_a_name_and_a_form_without_secrets(url, public, name):
    assert public_url(url) == public
    assert name_of(url) == name


def test_files_of_the_same_name_in_different_archives_have_different_paths():
    first, second = (path_of(f'zip://b.mp4::s3://drives/{name}.zip') for name in ('mon', 'tue'))
    assert first != second and first.name == second.name


def test_an_error_repeats_no_secret_of_its_url():
    url = 'https://me:pw@host/a.mp4?key=x'
    text = f'{url} failed: GET https://host/a.mp4?key=x; proxy of https://me:pw@host/'
    expected = 'https://host/a.mp4 failed: GET https://host/a.mp4; proxy of https://host/'
    assert without_secrets(text, url) == expected
