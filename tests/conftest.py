"""What is a module for the tests, beside the package: scripts and extensions. And what the tests in a browser share."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
sys.path[:0] = [str(ROOT / folder) for folder in ("notebooks", "book", "book/_ext")]


def pytest_collection_modifyitems(items):
    """Tests in a browser are marked, so that all others can run where there is none."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def registry():
    """For tests that install packages: where no registry can be reached they are skipped, but never in CI."""
    command = [sys.executable, "-m", "pip", "index", "versions", "arviz-stats", "--retries", "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip("no package registry can be reached")


@pytest.fixture(scope="session")
def browser():
    import chromium  # not where only units are tested

    with chromium.playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.launch_options())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def base():
    """The site's address on this machine."""
    import serve

    repository = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    with serve.serve(SITE, "/" + repository.split("/")[-1]) as address:  # its folder on GitHub Pages
        yield address


@pytest.fixture
def tab(browser, base):
    """A function that opens a tab; at the end of the test nothing may have gone wrong in any of them."""
    contexts, problems = [], []

    def open_tab(theme="light", width=1280, script="", **options):
        """A tab in which a script runs before those of each page."""
        context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900}, **options)
        context.add_init_script(script)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: m.type in ("error", "warning") and problems.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        gone = "net::ERR_ABORTED"  # the page was left before the answer came
        page.on("requestfailed", lambda r: r.failure == gone or problems.append(f"failed: {r.url} {r.failure}"))
        page.on("request", lambda request: inside(request.url) or problems.append(f"outside: {request.url}"))
        page.on("response", lambda r: r.status >= 400 and problems.append(f"{r.status}: {r.url}"))
        page.problems = problems
        return page

    def inside(url):
        return url.startswith((base, SITE.as_uri(), "data:", "blob:"))

    yield open_tab
    for context in contexts:
        context.close()
    assert not problems


@pytest.fixture
def live_page(browser):
    """A function that opens a chapter with live figures; at the end nothing may have gone wrong, or left the site."""
    import live_pages

    contexts, problems = [], []

    def open_page(chapter, width=1280, whole=False, without="", **options):
        """The chapter's figures; or the whole chapter; or without a file, such as live.js."""
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        if not whole:
            answer = {"body": live_pages.figures_only(chapter), "content_type": "text/html; charset=utf-8"}
            page.route(f"**/{chapter}.html", lambda route: route.fulfill(**answer))
        if without:
            page.route(f"**/{without}*", lambda route: route.fulfill(body="", content_type="text/javascript"))
        page.on("console", lambda m: m.type in ("error", "warning") and problems.append(m.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: r.url.startswith((live_pages.SITE.as_uri(), "data:")) or problems.append(r.url))
        page.goto(live_pages.address(chapter))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems
