"""Which data version made which model: commits, state folder and registry put together by the data hash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfpt.datasets import version_record
from dfpt.versioning.revisions import Revision


@dataclass
class Version:
    """One data version.

    Attributes:
        data_hash: None of a commit whose prepared data are not in the cache here.
        source: the SOURCE text, where known.
        images: accepted ones, where known.
        first_seen: ISO 8601: of the state folder's record, else of the oldest commit or model.
        revisions: the commits that have it, the newest first.
        models: those trained from it, the newest first: name, version, status, accuracy, run.
    """

    data_hash: str | None
    source: str | None = None
    images: int | None = None
    first_seen: str = ""
    revisions: list[Revision] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)


def versions(revisions: Sequence[Revision], records: Iterable[version_record.Record], home: Path) -> list[Version]:
    """All of them, the newest first; ``home`` is the state folder, whose registry is asked."""
    found: dict[str, Version] = {}
    for record in records:
        found[record.data_hash] = Version(record.data_hash, record.source, record.images, record.at)
    for name, data_hash, source, at, model in _models(home):
        version = found.setdefault(data_hash, Version(data_hash, source, first_seen=at))
        version.models.append({"name": name, **model})
    for revision in revisions:
        key = revision.data_hash or f"not here {revision.prepared or revision.commit}"
        version = found.setdefault(key, Version(revision.data_hash, first_seen=revision.at))
        version.revisions.append(revision)
    return sorted(found.values(), key=lambda version: version.first_seen, reverse=True)


def _models(home: Path) -> Iterable[tuple[str, str, str, str, dict[str, Any]]]:
    """(name, data hash, source, registered at, the rest) of every candidate; production holds copies of them."""
    from dfpt.registry import listing
    from dfpt.registry.champion import PRODUCTION
    from dfpt.registry.handle import open_registry
    from dfpt.tracking import store

    if not (home / store.DATABASE).exists() and store.tracking_uri(home).startswith("sqlite:"):
        return
    for entry in listing.entries(open_registry(home)):
        if "data_hash" in entry.tags and not entry.name.endswith(PRODUCTION):
            rest = {
                "version": entry.version,
                "status": entry.status,
                "accuracy": entry.metrics.get("accuracy"),
                "run": entry.run_id,
                "weights_sha256": entry.weights_sha256,
            }
            yield entry.name, entry.tags["data_hash"], entry.tags.get("source", ""), entry.registered_at, rest
