"""A small program that is put on the PATH as ``vllm``: it serves chat completions, with faults on demand.

FAKE_VLLM is JSON: ``slow`` (seconds until it is ready), ``start`` (ends at the start with these words),
``most`` (ends at the request after so many), ``hang`` (never ready, and deaf to SIGTERM), ``latency``
(seconds before each answer). It writes down in FAKE_VLLM_LOG what it was started with and asked, and starts
a child of its own, as a server with several processes does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = json.loads(os.environ.get("FAKE_VLLM", "{}"))
STARTED = time.monotonic()
LOCK = threading.Lock()
asked = 0


def tell(kind: str, value: object) -> None:
    out = os.open(os.environ["FAKE_VLLM_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, (json.dumps([kind, value]) + "\n").encode())
    os.close(out)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None: ...

    def do_GET(self) -> None:
        if self.path == "/health":
            ready = not FAULTS.get("hang") and time.monotonic() - STARTED >= FAULTS.get("slow", 0)
            self.answer(200 if ready else 503, {})
        elif self.path == "/version":
            self.answer(200, {"version": "0.99.1"})
        elif self.path == "/v1/models":
            self.answer(200, {"data": [{"id": NAME}]})
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        global asked
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with LOCK:
            if asked >= FAULTS.get("most", 10**9):
                print("RuntimeError: CUDA error: an illegal memory access", flush=True)
                os._exit(1)
            asked += 1
        tell("asked", {k: v for k, v in body.items() if k != "messages"})
        time.sleep(FAULTS.get("latency", 0))
        message = {"role": "assistant", "content": "yes"}
        usage = {"prompt_tokens": 5, "completion_tokens": 1}
        choice = {"message": message, "finish_reason": "stop"}
        self.answer(200, {"choices": [choice], "usage": usage, "model": NAME})

    def answer(self, status: int, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    request_queue_size = 128


def after(flag: str) -> str:
    return sys.argv[sys.argv.index(flag) + 1]


if __name__ == "__main__":
    NAME = after("--served-model-name")
    tell("started", sys.argv[1:])
    print(f"INFO starting, token={os.environ.get('HF_TOKEN', '')}", flush=True)
    if "start" in FAULTS:
        print(FAULTS["start"], file=sys.stderr, flush=True)
        sys.exit(1)
    server = Server((after("--host"), int(after("--port"))), Handler)
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    tell("pids", [os.getpid(), child.pid])
    if FAULTS.get("hang"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server.serve_forever()
