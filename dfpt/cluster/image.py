"""The one reference of the image that every step runs in."""

from __future__ import annotations

import re

from dfpt.errors import UsageError

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_REFERENCE = re.compile(r"^[a-z0-9][a-z0-9._/:-]*[a-z0-9](:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$")


def checked(reference: str, require_digest: bool) -> str:
    """``reference``, if it can be one. With a digest its tag, which says nothing then, is dropped.

    Raises:
        UsageError: no image reference, or one without the digest that production demands.
    """
    if not _REFERENCE.match(reference):
        raise UsageError(
            f"{reference!r} is no image reference.", "Write NAME:TAG or NAME@sha256:..., with the registry in NAME."
        )
    if not _DIGEST.search(reference):
        if require_digest:
            raise UsageError(
                f"The image {reference} is not named by its digest, and a tag may be another image tomorrow.",
                "Name it as NAME@sha256:..., which pushing it prints, with --image or cluster.image; "
                "cluster.require_digest asks for this.",
            )
        return reference
    name, digest = reference.split("@")
    last = name.rpartition("/")[2]
    return f"{name.removesuffix(last)}{last.partition(':')[0]}@{digest}"
