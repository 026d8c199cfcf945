"""Find a Chromium for the browser tests, or install one: `python tests/chromium.py` prints its path.

In this order: the system's; Debian's package where apt-get runs as root; Playwright's own download.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
# Parts of the browser's own window, which each new tab would start anew, and what asks for the network.
UNUSED = "WebUIOmniboxAimPopup,OptimizationHints,NetworkTimeServiceQuerying,MediaRouter,Translate,HttpsUpgrades"
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find() -> str | None:
    """The path of a Chromium on this machine, or None. CHROMIUM in the environment goes first."""
    named = os.environ.get("CHROMIUM")
    installed = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    return installed or (str(MAC) if MAC.exists() else None) or playwrights_own()


def playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Install one. Raises CalledProcessError with the installer's own message on stderr."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        try:
            subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment, stdout=sys.stderr)
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
            subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
        except subprocess.CalledProcessError:
            print("apt-get has no Chromium here; trying Playwright's", file=sys.stderr)
    if not find():  # on Ubuntu the package is only a pointer to a snap
        command = [sys.executable, "-m", "playwright", "install", *(["--with-deps"] if root else []), "chromium"]
        subprocess.run(command, check=True, stdout=sys.stderr)


def launch_options() -> dict:
    """Keyword arguments of Playwright's `chromium.launch`. Raises RuntimeError where there is no Chromium."""
    path = find()
    if not path:
        raise RuntimeError("no Chromium found: run `python tests/chromium.py`, or set CHROMIUM to its path")
    arguments = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    arguments += ["--disable-sync", "--disable-quic", "--no-first-run", f"--disable-features={UNUSED}"]
    return {"executable_path": path, "args": arguments}


if __name__ == "__main__":
    if not find():
        install()
    print(find() or sys.exit("no Chromium could be installed: set CHROMIUM to the path of one"))
