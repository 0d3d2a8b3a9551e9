"""The key that signs the log's head: Ed25519, in a file of the state folder that only its owner reads.

Processes that share a database but no state folder, as pods do, are given the key in DFPT_AUDIT_KEY.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dfpt.errors import StepFailed

FILE = "audit-key.pem"
VARIABLE = "DFPT_AUDIT_KEY"


def key(home: Path) -> Ed25519PrivateKey:
    """The key of the environment; else that of ``home``, made on first use; of processes that make one at once, the
    first one's counts.

    Raises:
        StepFailed: others may read the file, or it holds no such key.
    """
    if given := os.environ.get(VARIABLE):
        return _read(given.encode(), VARIABLE, "Give it the whole PEM file, lines and all.")
    path = home / FILE
    if not path.exists():
        _create(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise StepFailed(f"Others than its owner may use {path}, which signs the audit log.", f"chmod 600 {path}")
    remedy = "Restore it from a backup; the log needs this very key."
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise StepFailed(f"{path} cannot be read: {error.strerror}.", remedy) from error
    return _read(pem, str(path), remedy)


def public_pem(private: Ed25519PrivateKey) -> str:
    """The public half, for whoever verifies the log elsewhere."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def fingerprint(public: Ed25519PublicKey) -> str:
    """SHA-256 of the public key's 32 bytes."""
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()


def is_signed(public: Ed25519PublicKey, signature: str, content: str) -> bool:
    """Whether ``signature`` (hex) of ``content`` was made with the private half of ``public``."""
    try:
        public.verify(bytes.fromhex(signature), content.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(pem: bytes, where: str, remedy: str) -> Ed25519PrivateKey:
    try:
        found = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StepFailed(f"{where} holds no readable key.", remedy) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise StepFailed(f"{where} holds another kind of key than Ed25519.", remedy)
    return found


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    form = serialization.PrivateFormat.PKCS8
    pem = Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(partial, path)  # fails where another process was quicker; replacing would lose its key
    finally:
        partial.unlink()
