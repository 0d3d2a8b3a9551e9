"""A real image registry on loopback, Debian's docker-registry, with a small image in it: a plugin of some tests."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import http.server
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import yaml

PROGRAM = shutil.which("docker-registry")
NAME, TAG = "team/dfpt", "1.2"
USER, PASSWORD = "kim", "secret"
_HTPASSWD = f"{USER}:$2b$04$vBu4cJdWiWLdju56KjkRdeO3CIVO2uvlYuA0u8007ApWkGbWC02cO\n"  # bcrypt of PASSWORD
_KIND = "application/vnd.oci.image.manifest.v1+json"
_SERVICE, _ISSUER = "images", "plant"

Start = Callable[..., "tuple[str, str]"]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Start]:
    """``start(**auth)`` answers HOST:PORT of a registry with that ``auth`` section, and its image's digest."""
    if PROGRAM is None:
        pytest.skip("no docker-registry here (a Debian package): apt-get install docker-registry")
    with contextlib.ExitStack() as running:
        place = running.enter_context(_running(tmp_path, {}))
        digest = _pushed(f"http://{place}")

        def start(**auth: Any) -> tuple[str, str]:
            return (running.enter_context(_running(tmp_path, auth)) if auth else place), digest

        yield start


def basic(folder: Path) -> dict[str, Any]:
    """``auth`` by user and password."""
    file = folder / "htpasswd"
    file.write_text(_HTPASSWD)
    return {"htpasswd": {"realm": "images", "path": str(file)}}


@contextlib.contextmanager
def tokens(folder: Path) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """``auth`` by the tokens of a server that signs them, and who has asked it: user names, empty for nobody."""
    key, certificate = _signer(folder / "signer.pem")
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            kind, _, given = self.headers.get("Authorization", "").partition(" ")
            user, _, password = base64.b64decode(given).decode().partition(":") if kind == "Basic" else ("", "", "")
            asked.append(user)
            if user and password != PASSWORD:
                self.send_error(401)
                return
            scope = parse_qs(urlsplit(self.path).query)["scope"][0]
            body = json.dumps({"token": _token(key, certificate, scope if user else "")}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    realm = f"http://127.0.0.1:{server.server_address[1]}/token"
    bundle = str(folder / "signer.pem")
    yield {"token": {"realm": realm, "service": _SERVICE, "issuer": _ISSUER, "rootcertbundle": bundle}}, asked
    server.shutdown()
    server.server_close()
    thread.join()


@contextlib.contextmanager
def _running(folder: Path, auth: dict[str, Any]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": place},
    } | ({"auth": auth} if auth else {})
    file = folder / f"{place.rpartition(':')[2]}.yaml"
    file.write_text(yaml.safe_dump(settings))
    assert PROGRAM is not None
    with file.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", str(file)], stdout=log, stderr=log)
    try:
        _wait_for(place, process, file.with_suffix(".log"))
        yield place
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(place: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError):
            requests.get(f"http://{place}/v2/", timeout=5)
            return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, "the registry does not answer"
        time.sleep(0.05)


def _pushed(base: str) -> str:
    """Push an image without layers; its digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    named = f"sha256:{hashlib.sha256(config).hexdigest()}"
    upload = requests.post(f"{base}/v2/{NAME}/blobs/uploads/", timeout=10).headers["Location"]
    requests.put(upload, params={"digest": named}, data=config, timeout=10).raise_for_status()
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": named, "size": len(config)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": _KIND, "config": described, "layers": []}).encode()
    headers = {"Content-Type": _KIND}
    put = requests.put(f"{base}/v2/{NAME}/manifests/{TAG}", data=manifest, headers=headers, timeout=10)
    put.raise_for_status()
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def _signer(file: Path) -> tuple[Any, str]:
    """A key, and its certificate in base64; the certificate's PEM is written to ``file``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _ISSUER)])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
    certificate = built.sign(key, hashes.SHA256())
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key, base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def _token(key: Any, certificate: str, scope: str) -> str:
    """A token for ``type:name:actions``; without a scope one that allows nothing."""
    from joserfc import jwt
    from joserfc.jwk import ECKey

    kind, name, actions = scope.split(":") if scope else ("", "", "")
    access = [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else []
    now = int(time.time())
    claims = {"iss": _ISSUER, "sub": "", "aud": _SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1"}
    header = {"alg": "ES256", "typ": "JWT", "x5c": [certificate]}
    return jwt.encode(header, claims | {"access": access}, ECKey.import_key(key))
