# /// script
# requires-python = ">=3.8"
# dependencies = []
# [tool.hemm]
# name = "toy"
# max_images = 2
# outputs = ["text", "image"]
# likelihood = true
# batch_size = 4
# settings = { weights = "", fault = "", mark = "", greeting = "hello", loud = false }
# weights = ["weights"]
# ///
"""A worker of the standard library that answers by digest, and misbehaves where ``fault`` says so.

``mark`` names a file: a fault "once:..." happens only while it does not exist.
"""

print("printed before the protocol is there")
from hemm_worker import Answer, Failure, OutOfMemory, cancelled, log, serve  # noqa: E402, I001

import hashlib  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402


def digest(request):
    seen = hashlib.sha256()
    for path in request.images:
        with open(path, "rb") as file:
            seen.update(file.read())
    return hashlib.sha256((request.text("<image>") + seen.hexdigest()).encode()).hexdigest()[:12]


class Toy:
    def load(self, settings):
        self.settings = settings
        os.write(1, b"descriptor 1 is not the protocol\n")
        subprocess.call([sys.executable, "-c", "print('a child prints')"])
        if settings["fault"] == "load":
            raise ValueError("no such weights")
        if settings["fault"] == "load hangs":
            time.sleep(600)

    def fingerprint(self):
        return "toy of the tests"

    def answer(self, requests):
        print("printed while answering", flush=True)
        log(f"asked for {len(requests)}")
        self.misbehave(requests)
        together = hashlib.sha256(" ".join(r.id for r in requests).encode()).hexdigest()[:6]
        for request in requests:
            if request.wants_likelihood:
                yield Answer(options=[-len(o) - len(request.text()) / 7.0 for o in request.options])
            elif "draw" in request.text():
                yield Answer("drawn", media=[request.images[0]])
            elif "impossible" in request.text():
                yield Failure("this cannot be asked", permanent=True)
            elif self.settings["fault"] == "batch matters":
                yield Answer("yes " + together)
            else:
                yield Answer(digest(request), input_tokens=3, output_tokens=1)

    def misbehave(self, requests):
        fault = os.environ.get("TOY_FAULT") or self.settings["fault"]
        mark = os.environ.get("TOY_MARK") or self.settings["mark"]
        if mark:
            if os.path.exists(mark):
                return
            open(mark, "w").close()
        if fault == "segfault":
            import ctypes

            ctypes.string_at(0)
        elif fault == "killed" and len(requests) > 1:
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault == "exit":
            os._exit(3)
        elif fault == "memory" and len(requests) > 1:
            raise OutOfMemory("too many")
        elif fault == "poison" and any("poison" in r.text() for r in requests):
            os._exit(4)
        elif fault == "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif fault == "slow":
            while not cancelled():
                time.sleep(0.05)
        elif fault == "endless":
            time.sleep(600)
        elif fault == "raises":
            raise RuntimeError("shapes do not fit")
        elif fault == "bad json":
            import hemm_worker

            os.write(hemm_worker._pipe.writer, b"{this is no json}\n")
        elif fault == "orphans":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            log("started")
            time.sleep(600)


serve(Toy)
