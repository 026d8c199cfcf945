"""The site where a browser allows it less: without storage, in a frame of somebody else's page, from a folder."""

import pytest
from playwright.sync_api import expect

# What "block all cookies" does, and what a full disk does; and all else that a frame without an origin may refuse.
REFUSE = """(of, names) => {
  const get = () => { throw new DOMException("Access is denied for this document.", "SecurityError"); };
  for (const name of names) Object.defineProperty(of, name, { configurable: true, get });
}"""
REFUSALS = {
    "no storage": f"({REFUSE})(window, ['localStorage', 'sessionStorage'])",
    "no room": 'Storage.prototype.setItem = () => { throw new DOMException("no room", "QuotaExceededError"); };',
    "none at all": "Object.defineProperties(window, {localStorage: {value: null}, sessionStorage: {value: null}})",
}
SANDBOX = "allow-scripts"  # and neither allow-same-origin nor allow-forms, as in a learning management system


def all_works(view, keyboard, phone):
    """The theme's switch, the menu on a phone, then the search. view: a page or a frame."""
    theme = "document.documentElement.dataset.theme"
    seen = set()
    for _ in range(3):
        view.locator(".theme-switch-button").first.click()
        seen.add(view.evaluate(theme))
    assert seen == {"light", "dark"}
    if phone:
        menu = view.locator(".bd-sidebar-primary")
        assert menu.evaluate("menu => menu.getBoundingClientRect().right") <= 0
        view.locator(".primary-toggle").click()
        view.wait_for_function("document.querySelector('.bd-sidebar-primary').getBoundingClientRect().left >= 0")
        menu.get_by_role("link", name="Glossary").click()
        view.wait_for_url("**/book/glossary.html")
    view.locator(".search-button__button:visible").first.click()
    expect(view.locator(".search-button__search-container input")).to_be_focused()
    keyboard.type("conditional")
    keyboard.press("Enter")
    view.wait_for_url("**/search.html?q=conditional")
    view.locator("#search-results a[href*='notebooks/01_gibbs.html']").first.wait_for()
    view.locator(".search-summary", has_text="found").wait_for()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("refused", REFUSALS)
def test_a_page_works_where_storage_is_refused(tab, base, refused, width):
    view = tab(width=width, script=REFUSALS[refused])
    view.goto(base + "book/notation.html")
    all_works(view, view.keyboard, phone=width < 500)


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("page", ["book/notation.html", "notebooks/06_gan_failures.html"])
def test_a_page_works_in_a_sandboxed_frame(tab, base, page, width):
    view = tab(width=width)
    style = "width: 100%; height: 850px; border: 0"
    body = f'<body style="margin: 0"><iframe sandbox="{SANDBOX}" src="{page}" style="{style}">'
    view.route("**/lms.html", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    view.route("**/icons/**", lambda route: route.abort())  # not every server lets such a frame have its fonts
    view.goto(base + "lms.html")
    frame = view.frames[1]
    frame.wait_for_load_state()
    assert frame.evaluate("document.fonts.load('900 16px \"Font Awesome 6 Free\"').then(fonts => fonts.length)") == 1
    all_works(frame, view.keyboard, phone=width < 500)


def test_the_theme_that_is_stored_is_kept_where_there_is_no_room_for_another(tab, base):
    view = tab()
    view.goto(base + "book/index.html")
    view.evaluate("localStorage.setItem('mode', 'dark'), localStorage.setItem('theme', 'dark')")
    view.add_init_script(REFUSALS["no room"])
    view.goto(base + "book/glossary.html")
    assert view.evaluate("document.documentElement.dataset.theme") == "dark"
