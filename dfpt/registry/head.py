"""The signed end of the log, in the database and once more in a file beside the key.

Whoever can write the database can cut records off the end and put an older head back, whose signature is good. The
file remembers how long the log has been, so the two together give that away.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from dfpt import files
from dfpt.registry import canonical

FILE = "audit-head.json"


@dataclass(frozen=True)
class SignedHead:
    """How many records the log has and the last one's hash.

    Attributes:
        key: fingerprint of the public key; empty, like ``signature`` (hex), where there is no record yet.
    """

    count: int
    hash: str
    key: str
    signature: str


def signed_content(count: int, last: str) -> str:
    """What is signed."""
    return canonical.encode({"count": count, "hash": last})


def remembered(home: Path) -> SignedHead | None:
    """The head in the file of ``home``; None where there is none. Whatever cannot be read is a head of no log."""
    path = home / FILE
    try:
        return SignedHead(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        return SignedHead(0, "unreadable", "", "")


def remember(home: Path, head: SignedHead) -> None:
    """Write the file, unless it knows a longer log already: processes come here in any order."""
    with FileLock(home / f"{FILE}.lock"):
        known = remembered(home)
        if known is None or known.count < head.count:
            with files.replacing(home / FILE) as partial:
                partial.write_text(json.dumps(asdict(head)) + "\n", encoding="utf-8")
                partial.chmod(0o600)
