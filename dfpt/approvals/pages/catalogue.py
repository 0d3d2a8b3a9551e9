"""The words of the pages: English in the source, other languages as gettext catalogues under ``locales/``.

The catalogues are read as they are edited (``.po``) when the service starts, some 20 ms each: nothing is compiled, so
what is installed is what was reviewed. After a change of words: ``python -m dfpt.approvals.pages.catalogue``, then
translate what is empty; a test holds that nothing is.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import NullTranslations, Translations

SOURCE = "en"
LANGUAGES = {SOURCE: "English", "ja": "日本語"}
_HERE = Path(__file__).parent
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
_OPTIONS = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}


def path(language: str) -> Path:
    return _HERE / "locales" / language / "LC_MESSAGES" / "pages.po"


def read(language: str) -> Catalog:
    with path(language).open("rb") as file:
        return read_po(file, locale=language)


def extracted() -> Catalog:
    """Every message of the pages, from their templates and from this package's Python."""
    catalogue = Catalog(project="dfpt", copyright_holder="the dfpt authors", charset="utf-8", fuzzy=False)
    found = extract_from_dir(str(_HERE), _METHODS, _OPTIONS, _KEYWORDS)
    for filename, _line, message, comments, context in found:
        place = [(filename, None)]  # without the line: an edit elsewhere must not change the catalogue
        catalogue.add(message, None, place, auto_comments=comments, context=context)  # type: ignore[arg-type]
    return catalogue


@lru_cache
def translations(language: str) -> NullTranslations:
    """What turns English messages into ``language``."""
    if language == SOURCE:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read(language))
    compiled.seek(0)
    return Translations(compiled)


def update(language: str) -> int:
    """Bring a catalogue up to date with the source; returns how many messages have no translation."""
    catalogue = read(language)
    made = catalogue.creation_date  # a run that changes no word must change nothing
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.creation_date = made
    catalogue.obsolete.clear()
    with path(language).open("wb") as file:
        write_po(file, catalogue, width=0, sort_output=True, omit_header=False)
    return sum(not message.string for message in catalogue if message.id)


if __name__ == "__main__":
    for language in LANGUAGES:
        if language != SOURCE:
            print(f"{language}: {update(language)} messages to translate")
