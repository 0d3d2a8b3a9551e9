"""The one reference of the image that every step runs in."""

from __future__ import annotations

import re
from collections.abc import Callable

from dfpt.errors import UsageError

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_REFERENCE = re.compile(r"^[a-z0-9][a-z0-9._/:-]*[a-z0-9](:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$")


def named(reference: str, require_digest: bool, ask: Callable[[str, str, str], str] | None) -> str:
    """``reference`` by its digest. With a digest its tag, which says nothing then, is dropped.

    A tag stays as it is where nobody is to be asked, and where no registry is named: such an image is this machine's.

    Args:
        ask: takes registry, name and tag and returns the digest, as :func:`dfpt.cluster.oci.digest`; None: ask nobody.

    Raises:
        UsageError: no image reference, or one that has no digest where production demands it.
        DfptError: as ``ask``.
    """
    if not _REFERENCE.match(reference):
        raise UsageError(
            f"{reference!r} is no image reference.", "Write NAME:TAG or NAME@sha256:..., with the registry in NAME."
        )
    if _DIGEST.search(reference):
        name, digest = reference.split("@")
        return f"{_without_tag(name)}@{digest}"
    registry, slash, path = reference.partition("/")
    if ask and slash and ("." in registry or ":" in registry or registry == "localhost"):
        name = _without_tag(path)
        return f"{registry}/{name}@{ask(registry, name, path.removeprefix(name).removeprefix(':') or 'latest')}"
    if require_digest:
        raise UsageError(
            f"The image {reference} is not named by its digest, and a tag may be another image tomorrow.",
            "Name it as NAME@sha256:..., which pushing it prints, with --image or cluster.image, or with its registry, "
            "which is then asked (cluster.resolve_digest); cluster.require_digest asks for this.",
        )
    return reference


def _without_tag(name: str) -> str:
    last = name.rpartition("/")[2]
    return f"{name.removesuffix(last)}{last.partition(':')[0]}"
