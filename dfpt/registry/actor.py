"""Who does something in the registry."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A person or a pipeline.

    Attributes:
        name: as it is given.
        account: of the operating system: on one machine nobody checks the name, so both are recorded.
    """

    name: str
    account: str


def current(name: str | None = None) -> Actor:
    """Whoever runs this process, under ``name`` if one is given."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        account = f"uid {os.getuid()}"
    return Actor(name or account, account)
