"""Who is told of faults."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.support.stage import free_port


class Listener:
    """Takes what Apprise sends as JSON."""

    def __init__(self):
        self.heard = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                listener.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", free_port()), Handler)
        self.port = self.server.server_address[1]

    def said(self, words):
        return [each["message"] for each in self.heard if words in each["message"]]
