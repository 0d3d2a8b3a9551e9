"""Who does something in the registry."""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A person or a pipeline.

    Attributes:
        name: as it is given.
        account: what stands behind the name: of the operating system, where nobody checks the name; the identity
            provider's subject behind the web. It must be the person's, not the service's: four eyes go by both.
        origin: from where: a machine, an address.
    """

    name: str
    account: str
    origin: str = ""

    def is_one_of(self, *names: str | None) -> bool:
        """Whether this person goes by one of ``names``, under the name given or the account behind it."""
        return bool({self.name, self.account} & {name for name in names if name})


def current(name: str | None = None) -> Actor:
    """Whoever runs this process, under ``name`` if one is given."""
    account = _account()
    return Actor(name or account, account, socket.gethostname())


def _account() -> str:
    """By the process's user id: the environment (LOGNAME, USER) says whatever its owner wants."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user has no name
        return f"uid {os.getuid()}"
