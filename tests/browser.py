"""Debian's chromium through Playwright, a plugin: a page complains of errors, forbidden content and bad access."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

SCREENSHOTS = os.environ.get("SCREENSHOTS")  # a folder
PHONE = {"width": 360, "height": 740}
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        missing = "no chromium on this machine (Debian: chromium)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Reader:
    """A person's browser. Every page that is looked at with :meth:`look` has to be in order."""

    page: Page
    url: str
    pictures: Path
    language: str
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path if path.startswith("/") else path)

    def look(self, name: str) -> None:
        """No error, nothing that the policy forbids, no fault that axe knows, no sideways scrolling on a phone."""
        assert self.errors == []
        assert self.page.evaluate("window.violations") == []
        found = Axe().run(self.page).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found] == [], name
        self.page.screenshot(path=self.pictures / f"{name}-{self.language}.png", full_page=True)
        size = self.page.viewport_size
        assert size is not None
        self.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(too_wide) == 0, name
        self.page.screenshot(path=self.pictures / f"{name}-{self.language}-phone.png", full_page=True)
        self.page.set_viewport_size(size)

    def sign_in(self, name: str, password: str) -> None:
        self.open("/login")
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.press("#password", "Enter")
        self.page.wait_for_selector("nav")

    def tab_to(self, selector: str, most: int = 80) -> None:
        """Press Tab until ``selector`` has the focus, which must be seen."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                outline = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"the focus of {selector} is not seen"
                return
        raise AssertionError(f"{selector} cannot be reached by Tab")


Open = Callable[..., Reader]


@pytest.fixture
def reader(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a browser of its own: ``reader(url, language)``, with further options of Playwright's new_context."""
    contexts = []
    pictures = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)

    def open_(url: str, language: str = "en", **options: Any) -> Reader:
        context = chromium.new_context(locale=language, viewport={"width": 1280, "height": 900}, **options)
        context.set_default_timeout(60_000)
        context.add_init_script(_VIOLATIONS)
        contexts.append(context)
        opened = Reader(context.new_page(), url, pictures, language)

        def told(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                opened.errors.append(message.text)

        opened.page.on("console", told)
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        return opened

    yield open_
    for context in contexts:
        context.close()
