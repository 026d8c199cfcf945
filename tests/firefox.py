"""A Firefox for tests, over its own protocol, Marionette: Playwright drives only Firefoxes of its own making."""

import io
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

NAMES = ["firefox", "firefox-esr"]


def find() -> str | None:
    """The path of a Firefox on this machine, or None. FIREFOX in the environment goes first."""
    return os.environ.get("FIREFOX") or next((path for name in NAMES if (path := shutil.which(name))), None)


class Firefox:
    """A window: goto(address), and evaluate(function, argument) as in Playwright."""

    def __init__(self, connection: socket.socket, stream: io.BufferedReader):
        self.connection, self.stream, self.count = connection, stream, 0
        self.receive()  # says hello
        self.call("WebDriver:NewSession")

    def receive(self) -> list:
        length = b""
        while (byte := self.stream.read(1)) != b":":
            length += byte
        return json.loads(self.stream.read(int(length)))

    def call(self, command: str, **parameters):
        """Raises RuntimeError with Firefox's own words."""
        self.count += 1
        message = json.dumps([0, self.count, command, parameters]).encode()
        self.connection.sendall(b"%d:%b" % (len(message), message))
        _, _, error, result = self.receive()
        if error:
            raise RuntimeError(f"{command}: {error['message']}")
        return result

    def goto(self, address: str) -> None:
        self.call("WebDriver:Navigate", url=address)

    def evaluate(self, function: str, argument=None):
        script = f"const done = arguments[1]; Promise.resolve(({function})(arguments[0])).then(done)"
        return self.call("WebDriver:ExecuteAsyncScript", script=script, args=[argument])["value"]


@contextmanager
def launch(width: int, height: int):
    """A window without a head. Raises RuntimeError where it does not answer."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {"marionette.port": port, "datareporting.policy.dataSubmissionEnabled": False}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in settings.items()]
        Path(profile, "user.js").write_text("\n".join(lines), encoding="utf-8")
        command = [find(), "--headless", "--marionette", "--profile", profile, f"--width={width}", f"--height={height}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": os.environ | {"HOME": profile}}
        process = subprocess.Popen(command, **quiet)
        try:
            with connect(process, port) as connection, connection.makefile("rb") as stream:
                yield Firefox(connection, stream)
        finally:
            process.terminate()
            process.wait()


def connect(process: subprocess.Popen, port: int) -> socket.socket:
    while process.poll() is None:
        with suppress(ConnectionRefusedError):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.settimeout(120)
            return connection
        time.sleep(0.2)
    raise RuntimeError(f"Firefox ended with status {process.returncode} before it answered")
