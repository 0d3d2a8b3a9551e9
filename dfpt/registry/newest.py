"""The student that a data set's images are looked at with: the one in production, else the newest candidate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dfpt.registry import artifacts, candidates, champion
from dfpt.tracking import store


@dataclass(frozen=True)
class Newest:
    """A registered version, its files verified.

    Attributes:
        alias: ``champion`` or ``candidate``.
        folder: ``model.safetensors`` and ``model.json``.
        data_hash: of the data that it was trained on.
    """

    name: str
    version: int
    alias: str
    folder: Path
    data_hash: str


def fetch(home: Path, name: str) -> Newest | None:
    """The champion of ``name``, else its newest candidate; None where nothing is registered.

    Raises:
        BytesChanged: its files are not those that were registered.
    """
    uri = store.tracking_uri(home)
    if uri.startswith("sqlite:") and not Path(uri.removeprefix("sqlite:///")).exists():
        return None  # looking must not make a database
    client = store.client(uri)
    version, alias = champion.current(client, name), champion.CHAMPION
    if version is None:
        version, alias = champion.version_at(client, name, candidates.ALIAS), candidates.ALIAS
    if version is None:
        return None
    folder = artifacts.local(version, uri)
    sums = (version.tags[tag] for tag in (artifacts.ARTIFACT_TAG, artifacts.WEIGHTS_TAG))
    artifacts.check(f"{version.name}/{version.version}", folder, *sums)
    return Newest(
        version.name, int(version.version), alias, folder / artifacts.STUDENT, version.tags.get("dfpt.data_hash", "")
    )
