"""The data that a git revision names, as a step fetches them that has no clone: DVC's hash, and the remote's place.

The revision is looked up where the run starts, beside the repository. The hash alone decides what is read then: a
branch that moves while the run is under way, or another remote of the same contents, changes nothing.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from pydantic import Field

from dfpt.errors import UsageError
from dfpt.settings import Section

# What says where a remote is; who asks it (keys, passwords, profiles) never leaves this machine.
_PLACE = (
    "endpointurl", "region", "use_ssl", "ssl_verify", "allow_anonymous_login", "port", "account_name", "projectname",
    "read_timeout", "connect_timeout",
)  # fmt: skip

Revision = Annotated[str, Field(pattern=r"^[^-\s][^\s:]*$")]  # of git: tag, branch, commit, HEAD~1


class Pointer(Section):
    """The images of one revision.

    Attributes:
        revision: as it was asked for.
        commit: what that was.
        md5: DVC's hash of the folder or file.
        url: of the remote.
        options: of the remote, no credential among them.
    """

    revision: Revision
    commit: str
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}(\.dir)?$")]
    url: str
    options: dict[str, str] = Field(default_factory=dict)


def find(path: str, revision: str, remote: str | None) -> Pointer:
    """Look up what ``revision`` has at ``path``, relative to the working folder.

    Args:
        remote: DVC's name of it; None: its default.

    Raises:
        UsageError: no repository, no such revision, nothing tracked there, no such remote.
    """
    here = Path.cwd()
    place = os.path.relpath(Path(path).expanduser())
    commit = _commit(here, revision)
    out = _tracked(here, commit, revision, place)
    name, settings = _remote(remote or out.get("remote"))
    url = str(settings["url"])
    if urlsplit(url).password:
        raise UsageError(
            f"The URL of DVC's remote {name!r} holds a password.", f"dvc remote modify --local {name} password ..."
        )
    options = {key: _text(settings[key]) for key in _PLACE if key in settings}
    return Pointer(revision=revision, commit=commit, md5=str(out["md5"]), url=url, options=options)


def credentials(url: str) -> dict[str, Any]:
    """What this machine's own DVC configuration says of the remote with this URL; it never goes elsewhere."""
    from dvc.config import Config

    known = Config.from_cwd()["remote"].values()
    return next((dict(remote) for remote in known if str(remote["url"]) == url), {})


def git(root: Path, *arguments: str, remedy: str) -> str:
    """What git prints.

    Raises:
        UsageError: it fails; with its own last line, and with ``remedy``.
    """
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError as error:
        raise UsageError("git is not installed.", remedy) from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise UsageError(f"git in {root}: {said}.", remedy)
    return done.stdout


def _commit(here: Path, revision: str) -> str:
    inside = "A revision is looked up in the repository; where there is none, give what dfpt data pin writes there."
    git(here, "rev-parse", "--git-dir", remedy=inside)
    try:
        return git(here, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", remedy="").strip()
    except UsageError as error:
        raise UsageError(
            f"git in {here} knows no revision {revision!r}.", "git fetch --tags, or name another: dfpt data versions."
        ) from error


def _tracked(here: Path, commit: str, revision: str, place: str) -> dict[str, Any]:
    """What the DVC file beside ``place`` says of it."""
    try:
        text = git(here, "show", f"{commit}:./{place}.dvc", remedy="")
        out = yaml.safe_load(text)["outs"][0]
        hashed = bool(out["md5"]) and out.get("hash") == "md5"
    except (UsageError, yaml.YAMLError, LookupError, TypeError) as error:
        raise UsageError(
            f"Revision {revision} ({commit[:12]}) has no {place} under DVC.",
            "data.source names what DVC tracks there, with a hash in its .dvc file: dfpt data add.",
        ) from error
    if not hashed:
        raise UsageError(f"{place}.dvc of revision {revision} was written by DVC 2.", "dvc cache migrate --dvc-files")
    return dict(out)


def _remote(name: str | None) -> tuple[str, dict[str, Any]]:
    try:
        from dvc.config import Config
    except ImportError as error:
        raise UsageError("DVC is not installed.", "pip install 'dfpt[versioning]'") from error
    config = Config.from_cwd()
    found = chosen(config, name)
    return found, config["remote"][found]


def chosen(config: Any, name: str | None) -> str:
    """The remote's name: the one asked for, or DVC's default.

    Raises:
        UsageError: there is no such remote.
    """
    known = config["remote"]
    found = name or config["core"].get("remote")
    if found is None or found not in known:
        named = f"no remote {name!r}" if name else "no default remote"
        raise UsageError(
            f"DVC knows {named}; it has {', '.join(known) or 'none'}.", "dvc remote add --default NAME s3://BUCKET/PATH"
        )
    return str(found)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
