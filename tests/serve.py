"""The built site as a web server gives it: under its folder, compressed, with its 404 page for all that is missing."""

import functools
import gzip
import http.server
import threading
from contextlib import contextmanager
from pathlib import Path

COMPRESSED = ("text/", "application/json", "image/svg", "application/javascript")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves `directory` under `folder`, as GitHub Pages does."""

    def __init__(self, *arguments, folder: str, **options):
        self.folder = folder
        super().__init__(*arguments, **options)

    def do_GET(self):
        path = Path(self.translate_path(self.path.removeprefix(self.folder)))
        path = path / "index.html" if path.is_dir() else path
        found = path.is_file()
        path = path if found else Path(self.directory) / "404.html"
        body, kind = path.read_bytes(), self.guess_type(path)
        self.send_response(200 if found else 404)
        if kind.startswith(COMPRESSED) and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@contextmanager
def serve(site: Path, folder: str):
    """Serve a site: yields its address on this machine."""
    handler = functools.partial(Handler, directory=site, folder=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{folder}/"
    server.shutdown()
    server.server_close()
