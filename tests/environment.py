"""The book's environment, .venv, exactly as requirements.txt pins it: python tests/environment.py [--mine].

Nothing happens where it is up to date. It is made anew where its Python is gone or is another one by now, where it was
left half made or has been moved, and with --mine, where it was made by another Python than the one that runs this.
Needs no package, and says on any Python from 3.6 on what is missing.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIRST = (3, 11)  # as requires-python in pyproject.toml
FOLDER = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(FOLDER, "Scripts/python.exe" if os.name == "nt" else "bin/python")
DONE = os.path.join(FOLDER, ".installed")  # for which Python, where, and from what


def check_version():
    """End the program, with the reason, on a Python that is too old for genbook."""
    if sys.version_info < FIRST:
        this = sys.version.replace("\n", "")
        sys.exit(f"genbook needs Python {FIRST[0]}.{FIRST[1]} or newer, this is {this}: name another by PYTHON=")


def which(python, first=""):
    """What tells this Python from others, '' where it does not run or cannot run `first`."""
    command = [python, "-c", first + "import sys; print(*sys.version_info[:2], sys.base_prefix)"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def fault(mine):
    """Why the environment that is there must be made anew, '' where it need not."""
    made = which(PYTHON, "import pip; ")
    if not made:
        return "it does not work"
    if mine and made != which(sys.executable):
        return "it was made by another Python"
    if installed() and installed()[1] != ROOT:
        return "it was made for another folder"
    return ""


def installed():
    """The lines of `DONE`: Python, folder, digest; [] where nothing was installed to the end."""
    if not os.path.exists(DONE):
        return []
    with open(DONE, encoding="utf-8") as file:
        return file.read().splitlines()


def run(*command):
    """Run a command. Ends the program if it fails: the command has said why."""
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit(1)


def main(mine):
    """Make the environment, bring it up to date, or leave it; `mine`: for the Python that runs this."""
    reason = fault(mine) if os.path.exists(FOLDER) else "there is none"
    if reason or mine:
        check_version()
    if reason and os.path.exists(FOLDER):
        print(f"making .venv anew, for {reason}", flush=True)
        shutil.rmtree(FOLDER)
    if reason:
        run(sys.executable, "-m", "venv", FOLDER)
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    wanted = [which(PYTHON), ROOT, digest.hexdigest()]
    if installed() == wanted:
        return
    print("installing into .venv what requirements.txt pins: it takes minutes", flush=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "-r", "requirements.txt")
    run(*pip, "--no-deps", "--editable", ".")
    with open(DONE, "w", encoding="utf-8") as file:  # last: where anything fails, nothing counts as installed
        file.write("\n".join(wanted))


if __name__ == "__main__":
    main("--mine" in sys.argv[1:])
