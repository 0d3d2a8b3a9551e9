"""Ask a registry which image a tag is now, over the OCI distribution API.

Of libraries, oras has no time-outs and cannot ask for an anonymous token; what is needed is one request and the token
that it may want (https://distribution.github.io/distribution/spec/auth/token/). Credentials are those of ``podman
login`` or ``docker login``, credential helpers included.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dfpt.errors import DfptError, StepFailed, UsageError

if TYPE_CHECKING:
    from requests import Response

_SECONDS = 15.0  # of one request
_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")  # the only ones that are spoken to without TLS, as Docker has it
_INSTEAD = "Or name the image by its digest, which pushing it prints."


def digest(registry: str, name: str, tag: str) -> str:
    """``sha256:...`` of the manifest, or of the index of several platforms, that ``tag`` is now.

    Args:
        registry: host, with its port if it has one.

    Raises:
        UsageError: no such image, no right to it, or no registry there.
        StepFailed: the registry does not answer.
    """
    import requests

    url = f"{repository(registry, name)}/manifests/{tag}"
    image = f"{registry}/{name}:{tag}"
    try:
        with requests.Session() as session:
            session.trust_env = True
            session.auth = _no_netrc
            session.headers["Accept"] = ", ".join(_KINDS)
            answer = session.head(url, timeout=_SECONDS, allow_redirects=True)
            if answer.status_code == 401:
                session.headers["Authorization"] = _authorization(session, answer, registry, name)
                answer = session.head(url, timeout=_SECONDS, allow_redirects=True)
            if answer.ok and "Docker-Content-Digest" not in answer.headers:  # the specification only recommends it
                answer = session.get(url, timeout=_SECONDS)
    except requests.RequestException as error:
        raise StepFailed(
            f"The registry {registry} was asked for {image} and does not answer: {_reason(error)}.",
            f"Try again when it does. {_INSTEAD}",
        ) from error
    if not answer.ok:
        raise _refusal(answer, registry, image)
    found = answer.headers.get("Docker-Content-Digest") or f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    if not _DIGEST.fullmatch(found) or answer.headers.get("Content-Type", "").partition(";")[0] not in _KINDS:
        raise UsageError(f"What answers at {registry} is no registry of images.", f"Correct the name. {_INSTEAD}")
    return found


def repository(registry: str, name: str) -> str:
    """Where the API has the images of that name."""
    from docker.auth import INDEX_NAME

    if registry == INDEX_NAME:  # the one whose name is not its address
        registry, name = f"registry-1.{registry}", name if "/" in name else f"library/{name}"
    plain = urlsplit(f"//{registry}").hostname in _LOOPBACK
    return f"{'http' if plain else 'https'}://{registry}/v2/{name}"


def _authorization(session: Any, answer: Response, registry: str, name: str) -> str:
    """The header that the registry's challenge asks for: of a token, or user and password themselves."""
    from requests.auth import _basic_auth_str
    from requests.utils import parse_dict_header

    kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
    asked = {key.lower(): value for key, value in parse_dict_header(rest).items()}
    known = _credentials(registry)
    basic = _basic_auth_str(known["username"], known["password"]) if "username" in known else ""
    if kind.lower() != "bearer" or not asked.get("realm"):
        return basic
    realm = str(asked["realm"])
    address = urlsplit(realm)
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise UsageError(f"The registry {registry} sends logins to {realm}, unencrypted.", _INSTEAD)
    query = {"service": asked.get("service", ""), "scope": asked.get("scope") or f"repository:{name}:pull"}
    if token := known.get("IdentityToken") or known.get("identitytoken"):
        more = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "dfpt"}
        given = session.post(realm, data=query | more, timeout=_SECONDS)
    else:
        headers = {"Authorization": basic} if basic else {}
        given = session.get(realm, params=query, headers=headers, timeout=_SECONDS)
    if not given.ok:
        raise _refusal(given, registry, f"a token for {registry}/{name}")
    try:
        told = given.json()
        return f"Bearer {told.get('token') or told['access_token']}"
    except (ValueError, LookupError, AttributeError) as error:
        raise UsageError(f"{realm}, where the registry {registry} gives tokens, gives none.", _INSTEAD) from error


def _credentials(registry: str) -> dict[str, str]:
    """Of podman's login, else Docker's; empty without either."""
    from docker import auth
    from docker.errors import DockerException

    runtime = os.environ.get("XDG_RUNTIME_DIR")
    files = [os.environ.get("REGISTRY_AUTH_FILE"), f"{runtime}/containers/auth.json" if runtime else None]
    places = [path for path in files if path and Path(path).is_file()]
    try:
        for place in [*places, None]:  # None: where Docker keeps it
            if found := auth.resolve_authconfig(auth.load_config(place), registry):
                return dict(found)
    except DockerException as error:
        raise UsageError(f"The login for {registry} cannot be read: {error}.", f"podman login {registry}") from error
    return {}


def _refusal(answer: Response, registry: str, what: str) -> DfptError:
    status = answer.status_code
    if status in (401, 403):
        return UsageError(
            f"The registry {registry} does not give {what} to this login ({status}).",
            f"podman login {registry}, or docker login. {_INSTEAD}",
        )
    if status == 404:
        return UsageError(
            f"The registry {registry} has no {what}.", "Push it: components/podman.sh push, or correct cluster.image."
        )
    return StepFailed(
        f"The registry {registry} was asked for {what} and answers {status}.", f"Try again later. {_INSTEAD}"
    )


def _no_netrc(request: Any) -> Any:
    """Keeps requests from sending what a .netrc says of the host."""
    return request


def _reason(error: Exception) -> str:
    """The cause that urllib3 wraps, in a few words."""
    inner = getattr(error.args[0], "reason", error) if error.args else error
    return str(inner).rpartition(">: ")[2] or type(inner).__name__
