"""What a licence lets one do, by its SPDX identifier or expression (spdx.org/licenses). No legal advice: a sorting.

What is not known here counts as unknown, so that a new identifier is looked at by a person before anything is sold.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection

UNKNOWN = "unknown"
TRAINED_HERE = "LicenseRef-trained-here"  # weights of nobody else: they began at random


class Kind(enum.StrEnum):
    """For whom the work may be used."""

    COMMERCIAL = "commercial"
    NON_COMMERCIAL = "non_commercial"
    UNKNOWN = "unknown"


_COMMERCIAL = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-PDDC", "CDLA-Permissive-2.0", "ISC", "MIT"}
    | {"ODC-By-1.0", "PDDL-1.0", "Unlicense", TRAINED_HERE}
    | {f"CC-BY-{version}" for version in ("2.0", "2.5", "3.0", "4.0")}
    | {f"CC-BY-SA-{version}" for version in ("2.0", "2.5", "3.0", "4.0")}
)
_PARTS = re.compile(r"[()]|\s+(?:AND|OR|WITH)\s+")
_SEVEREST = (Kind.UNKNOWN, Kind.NON_COMMERCIAL, Kind.COMMERCIAL)


def kind(licence: str | None, allowed: Collection[str] = ()) -> Kind:
    """The kind of a licence; of an expression the severest of its parts.

    Args:
        licence: SPDX; None where nobody said.
        allowed: identifiers that are commercial here, such as that of a contract: LicenseRef-Acme.
    """
    parts = [part.strip() for part in _PARTS.split(licence or "") if part.strip()]
    kinds = {_of_one(part, allowed) for part in parts} or {Kind.UNKNOWN}
    return next(found for found in _SEVEREST if found in kinds)


def _of_one(identifier: str, allowed: Collection[str]) -> Kind:
    if identifier in allowed or identifier in _COMMERCIAL:
        return Kind.COMMERCIAL
    return Kind.NON_COMMERCIAL if re.search(r"(^|-)(NC|NonCommercial)(-|$)", identifier) else Kind.UNKNOWN
