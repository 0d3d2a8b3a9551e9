"""The images of a revision: does their remote answer, and has the step that fetches them a key to it?"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor.services import answering
from dfpt.dvc_file import Pointer
from dfpt.finding import Finding

_STEP = "prepare"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def of_revision(cluster: Cluster, stored: Pointer) -> Iterator[Finding]:
    """What stands between the step prepare and the remote of DVC."""
    yield Finding("data revision", True, f"{stored.revision} is {stored.md5} in {stored.url}")
    address = urlsplit(stored.url)
    if not address.scheme:
        mounted = [volume.path for volume in cluster.volumes if f"{stored.url}/".startswith(f"{volume.path}/")]
        yield Finding(
            "data remote",
            bool(mounted),
            f"{stored.url} is a folder, {'below the volume ' + mounted[0] if mounted else 'and no volume is there'}",
            "Mount the claim that holds it with cluster.volumes, or push to S3: dvc remote add.",
        )
    if endpoint := stored.options.get("endpointurl"):
        yield answering("data remote", endpoint, f"/{address.netloc}")
    if address.scheme == "s3":
        given = {key for keys in cluster.secrets_of(_STEP).values() for key in keys}
        missing = [key for key in _KEYS if key not in given]
        yield Finding(
            "data credentials",
            not missing,
            f"no Secret gives {_STEP} {' and '.join(missing)}" if missing else f"a Secret gives them to {_STEP}",
            f"cluster.secrets: {{NAME: {{keys: [{', '.join(_KEYS)}], steps: [{_STEP}]}}}}; none is right only where "
            "the account has a role of its own.",
            essential=False,
        )
