"""Suites of expectations as files: which one belongs to a source, and its text, ready to be handed to a step.

A suite is Great Expectations' own JSON (name, expectations, meta), with a third severity, ``quarantine``, and two keys
of ours in its ``meta``: ``extends`` names the suite whose expectations come first, ``leave_out`` lists checks of that
one that do not hold here. An expectation replaces the one of the same ``meta.check`` of the suite that is extended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfpt.errors import UsageError

OWN = Path("data/expectations")  # of the working folder: goes before the package's
PACKAGED = Path(__file__).with_name("suites")  # a link to data/expectations of the clone
DEFAULT = "default"


def text(named: str | None, source: str, name: str) -> str:
    """The suite of a source as JSON, whole: what it extends is in it.

    Args:
        named: a file, where the configuration names one; else NAME.json or KIND.json of OWN or PACKAGED, else the
            default suite.
        source: the SOURCE text, of which the kind is taken.
        name: of the registered model.

    Raises:
        UsageError: a file is missing, is no suite, or extends itself.
    """
    path = Path(named).expanduser() if named else _first(name, source.partition(":")[0], DEFAULT)
    return json.dumps(_whole(path, ()))


def _first(*names: str) -> Path:
    candidates = [folder / f"{name}.json" for name in names for folder in (OWN, PACKAGED)]
    return next(path for path in candidates if path.is_file())


def _whole(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above:
        raise UsageError(f"The suite {path} extends itself.", "Correct extends in its meta.")
    suite = _read(path)
    meta, own = suite["meta"], suite["expectations"]
    base = meta.get("extends")
    if base is None:
        return suite
    beside = path.with_name(f"{base}.json")
    before = _whole(beside if beside.is_file() else _known(base, path), (*above, path.resolve()))["expectations"]
    replaced = {check_of(item) for item in own} | set(meta.get("leave_out", ()))
    if strange := set(meta.get("leave_out", ())) - {check_of(item) for item in before}:
        raise UsageError(f"{path} leaves out {sorted(strange)[0]!r}, which {base} does not have.", "Correct leave_out.")
    kept = [item for item in before if check_of(item) not in replaced]
    return {"name": suite["name"], "expectations": [*kept, *own], "meta": meta}


def check_of(expectation: Mapping[str, Any]) -> str:
    """The name of a check: ``meta.check``."""
    return str(expectation["meta"]["check"])


def _known(base: str, extending: Path) -> Path:
    for folder in (OWN, PACKAGED):
        if (folder / f"{base}.json").is_file():
            return folder / f"{base}.json"
    raise UsageError(f"{extending} extends {base!r}, of which there is no file.", f"Put {base}.json beside it.")


def _read(path: Path) -> dict[str, Any]:
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read the suite {path}: {error.strerror}.", "validation.suite names it.") from error
    except ValueError as error:
        raise UsageError(f"The suite {path} is no JSON: {error}.", "Correct it there.") from error
    return checked(suite, str(path))


def checked(suite: Any, where: str) -> dict[str, Any]:
    """``suite`` if it has the form of one.

    Raises:
        UsageError: it lacks a part; the message says which, and ``where``.
    """
    if not isinstance(suite, dict) or not isinstance(suite.get("expectations"), list) or not suite.get("name"):
        raise UsageError(f"{where} is no suite: it needs a name and a list of expectations.", "See data/expectations.")
    seen: set[str] = set()
    for number, item in enumerate(suite["expectations"]):
        meta = item.get("meta") if isinstance(item, dict) else None
        if not isinstance(meta, dict) or not meta.get("check") or not isinstance(item.get("kwargs"), dict):
            raise UsageError(f"{where}: expectation {number} lacks its type, kwargs or meta.check.", "Add what lacks.")
        if meta["check"] in seen:
            raise UsageError(f"{where} has the check {meta['check']!r} twice.", "Give one of them another name.")
        seen.add(meta["check"])
    return suite | {"meta": suite.get("meta") or {}}
