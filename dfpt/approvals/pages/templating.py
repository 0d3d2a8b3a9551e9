"""The pages' templates, in the reader's language. Whatever is put in is escaped; nothing may be undefined."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dfpt import licences
from dfpt.approvals.pages import catalogue
from dfpt.approvals.pages.pictures import Pictures
from dfpt.approvals.pages.words import Words
from dfpt.evaluation import charts
from dfpt.registry.champion import production_name

STATIC = Path(__file__).parent / "static"


def render(template: str, language: str, context: Mapping[str, Any]) -> str:
    """A page, or a part of one."""
    return environment(language).get_template(template).render(**context)


@lru_cache
def environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("dfpt.approvals.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(catalogue.translations(language), newstyle=True)  # type: ignore[attr-defined]
    words = Words(language)
    environment.filters |= {
        name: getattr(words, name)
        for name in ("percent", "points", "count", "milliseconds", "moment", "day", "relative")
    }
    environment.filters |= {"shade": charts.shade, "production": production_name, "licence_kind": licences.kind}
    environment.globals |= {
        "words": words,
        "language": language,
        "languages": catalogue.LANGUAGES,
        "pictures": Pictures(words),
        "asset": asset,
    }
    return environment


@lru_cache
def asset(name: str) -> str:
    """The address of a static file; it changes with its content, so a browser may keep it for ever."""
    content = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{content}"
