"""A page as a reader, a keyboard and a screen reader meet it: its text, forms and what is wrong with it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_VOID = {"meta", "link", "input", "img", "br", "hr"}
_FOREIGN = {"svg", "code", "time", "script"}  # not read as a sentence of the page


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """Attributes: ``text``; ``sentences``, the pieces of text outside of code and pictures; ``forms``; ``links``."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.open: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.pieces: list[str] = []
        self.sentences: list[str] = []
        self.forms: list[Form] = []
        self.faults: list[str] = []
        self._label_depth = 0
        self.feed(html)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag, _ in self.open]
        self.faults += self._judge()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    @property
    def links(self) -> list[str]:
        return [found["href"] for tag, found in self.elements if tag == "a" and "href" in found]

    def form(self, action: str) -> Form:
        return next(form for form in self.forms if form.action == action)

    def attributes(self, tag: str) -> Iterator[dict[str, str]]:
        return (found for name, found in self.elements if name == tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.elements.append((tag, found))
        if tag not in _VOID:
            self.open.append((tag, found))
        if tag == "form":
            self.forms.append(Form(found["action"], found["method"]))
        if self.forms and any(name == "form" for name, _ in self.open):
            if tag in {"input", "textarea", "select"} and "name" in found:
                self.forms[-1].fields.setdefault(found["name"], found.get("value", ""))
            if tag == "button":
                self.forms[-1].buttons.append(found)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1][0] if self.open else 'nothing'}")
            return
        self.open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)
        if data.strip() and not {tag for tag, _ in self.open} & _FOREIGN:
            self.sentences.append(" ".join(data.split()))

    def _judge(self) -> Iterator[str]:
        ids = [found["id"] for _, found in self.elements if "id" in found]
        yield from (f"id {name} twice" for name in set(ids) if ids.count(name) > 1)
        labelled = {found["for"] for found in self.attributes("label")}
        for tag, found in self.elements:
            yield from _forbidden(tag, found)
            for pointer in ("for", "aria-labelledby", "aria-describedby"):
                if pointer in found and found[pointer] not in ids:
                    yield f"{pointer}={found[pointer]} points nowhere"
            asked = tag in {"input", "textarea", "select"} and found.get("type") != "hidden"
            if asked and found.get("id") not in labelled:
                yield f"{tag} {found.get('name')} has no label"
            if tag == "img" and "alt" not in found:
                yield "a picture without alt"
            if tag == "svg" and not found.get("aria-label") and found.get("aria-hidden") != "true":
                yield "a drawing without a name"
            if tag == "a" and found.get("href", "").startswith("#") and found["href"][1:] not in ids:
                yield f"{found['href']} leads nowhere"
        if "<html" in self.html:
            yield from self._judge_whole()

    def _judge_whole(self) -> Iterator[str]:
        names = [tag for tag, _ in self.elements]
        yield from (f"{names.count(tag)} <{tag}>" for tag in ("main", "h1", "head") if names.count(tag) != 1)
        if names.count("table") != names.count("caption"):
            yield "a table without a caption"
        levels = [int(tag[1]) for tag in names if re.fullmatch("h[1-6]", tag)]
        steps = itertools.pairwise(levels)
        yield from (f"h{one} is followed by h{two}" for one, two in steps if two > one + 1)
        if next(self.attributes("html")).get("lang") not in {"en", "ja"}:
            yield "no language"


def _forbidden(tag: str, found: dict[str, Any]) -> Iterator[str]:
    """What the Content-Security-Policy would not let pass."""
    if tag == "style" or "style" in found:
        yield f"<{tag}> has a style of its own"
    yield from (f"<{tag}> has a handler {name}" for name in found if name.startswith("on"))
    if tag == "script" and not found.get("src", "").startswith("/static/"):
        yield "a script of its own"
    for name in ("src", "href", "action"):
        address = found.get(name, "")
        if tag != "a" and address and not address.startswith("/"):
            yield f"<{tag}> loads {address}"
        if address.lower().lstrip().startswith(("javascript:", "data:")):
            yield f"<{tag}> runs {address}"
