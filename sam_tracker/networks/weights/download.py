# Copyright 2026 the sam_tracker authors
# SPDX-License-Identifier: Apache-2.0
"""
Downloads published checkpoints into the cache of huggingface_hub.

That library resumes, retries, locks the file against other processes, and reads HF_ENDPOINT
(mirrors), HF_HOME and HF_HUB_OFFLINE. It does not compare the content with a known sum: that is
done here.
"""

from pathlib import Path

from sam_tracker.core.texts import error_text
from sam_tracker.networks.weights.catalogue import (
    CheckpointError,
    KnownCheckpoint,
    downloaded_file,
    sha256_of,
)


def download(known: KnownCheckpoint) -> Path:
    """
    Download a published file, or the rest of it, and return its path in the cache.

    A file in the cache that is not the published one is replaced.

    :raises CheckpointError: naming the address and the cause, or the sums that differ. A file
        with another sum does not stay in the cache; an incomplete one is continued next time.
    """
    from huggingface_hub import hf_hub_download, hf_hub_url

    assert known.repository is not None, 'bundled weights are not downloaded'
    url = hf_hub_url(known.repository, known.repository_path)
    try:
        path = Path(
            hf_hub_download(
                known.repository,
                known.repository_path,
                token=False,  # the files are public, and mirrors need no credentials
                force_download=downloaded_file(known) is not None,
            )
        )
        sha256 = sha256_of(path)
    except Exception as error:
        # Besides errors of its own the library passes on those of its HTTP client and of URLs.
        raise CheckpointError(f'{url}: {_reason(error)}') from error
    if known.sha256 not in {None, sha256}:
        size = path.stat().st_size
        # The cache has links to files that are named by what the server says of their content.
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise CheckpointError(
            f'{url}: sent {size} bytes with SHA-256 {sha256}, not the published {known.sha256}'
        )
    return path


def _reason(error: Exception) -> str:
    """Return the cause in one line; the library's own message may only say that there is one."""
    cause = error.__cause__ or error
    if isinstance(cause, OSError) and cause.strerror:
        return f'{cause.filename}: {cause.strerror}' if cause.filename else cause.strerror
    return error_text(cause)
