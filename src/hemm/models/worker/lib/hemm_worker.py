"""The worker's side of hemm's worker protocol: one file, standard library only, Python 3.8 or later.

A worker file says ``from hemm_worker import serve`` **first**, defines a class, and ends with
``serve(ThatClass)``. The class has ``load(settings)`` and one of ``answer_one(request)`` and
``answer(requests)``; docs/workers.md tells the rest.

Importing this module moves the protocol to descriptors of its own and lets descriptor 1 point to stderr, so
that libraries which print cannot damage it.
"""

from __future__ import annotations

import json
import os
import platform
import queue
import sys
import threading
import time
import traceback
from typing import Any

PROTOCOL = 1
BEAT_SECONDS = 2.0
GONE = 99  # exit status where hemm is gone

__all__ = ["Answer", "Failure", "OutOfMemory", "Request", "cancelled", "log", "serve"]


class OutOfMemory(Exception):
    """Raise it where the device has too little memory for this batch: hemm sends it again in halves."""


class Failure(Exception):
    """Why a request has no answer: raised for one request, or returned in its place.

    ``permanent``: another try would not help (a picture that does not open), so only
    ``hemm run --retry-errors`` does.
    """

    def __init__(self, message: str, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class Answer:
    """What the model said.

    text       the answer, without prompt and reasoning
    finish     ``stop``, ``length`` (cut off) or ``content_filter``
    options    natural-log probability of each of ``request.options``, in their order, summed over tokens
    media      what the model drew: paths of files, or bytes of encoded files
    reasoning  separate reasoning text
    input_tokens, output_tokens  counts where they are known
    """

    def __init__(
        self,
        text: str = "",
        finish: str = "stop",
        options: Any = (),
        media: Any = (),
        reasoning: str = "",
        input_tokens: Any = None,
        output_tokens: Any = None,
    ) -> None:
        self.text, self.finish, self.reasoning = text, finish, reasoning
        self.options, self.media = options, media
        self.input_tokens, self.output_tokens = input_tokens, output_tokens


class Generation:
    """How to answer: ``max_new_tokens``, ``temperature`` (0: greedy), ``top_p``, ``stop`` (list of texts),
    ``seed`` (of this request, for sampling), ``thinking_budget``, ``scoring`` (generate or likelihood)."""

    def __init__(self, wire: dict[str, Any]) -> None:
        self.max_new_tokens = wire["max_new_tokens"]
        self.temperature = wire["temperature"]
        self.top_p = wire["top_p"]
        self.stop = wire["stop"]
        self.seed = wire["seed"]
        self.thinking_budget = wire["thinking_budget"]
        self.scoring = wire["scoring"]

    def key(self) -> str:
        """Equal for requests that may be generated together (``seed`` apart, where nothing is drawn)."""
        facts = dict(vars(self), seed=self.seed if self.temperature > 0 else 0)
        return json.dumps(facts, sort_keys=True)


class Request:
    """One question. ``messages`` is a list of (role, parts); a part is a text or a ``Medium``."""

    def __init__(self, wire: dict[str, Any]) -> None:
        self.id, self.repeat = wire["id"], wire["repeat"]
        self.messages = [(m["role"], [_part(p) for p in m["parts"]]) for m in wire["messages"]]
        self.generation = Generation(wire["generation"])
        self.options = wire["options"]

    @property
    def images(self) -> list[Any]:
        """Paths of the pictures, in reading order: upright 8-bit RGB as PNG or JPEG."""
        return [p.path for _, parts in self.messages for p in parts if _kind(p) == "image"]

    def text(self, image: str = "") -> str:
        """All turns as one text, ``image`` in the place of each picture."""
        return "\n".join(
            "".join(p if isinstance(p, str) else image if p.kind == "image" else "" for p in parts)
            for _, parts in self.messages
        )

    @property
    def wants_likelihood(self) -> bool:
        """Whether ``options`` are to be scored instead of an answer generated."""
        return self.generation.scoring == "likelihood" and bool(self.options)


class Medium:
    """A file to look at or listen to: ``kind`` (image, audio, video), ``mime``, ``path``."""

    def __init__(self, wire: dict[str, Any]) -> None:
        self.kind, self.mime, self.path = wire["kind"], wire["mime"], wire["path"]


def _part(wire: dict[str, Any]) -> Any:
    return wire["text"] if "text" in wire else Medium(wire)


def _kind(part: Any) -> str:
    return getattr(part, "kind", "text")


class _Pipe:
    """The two descriptors of the protocol and the lock of the one that is written."""

    def __init__(self) -> None:
        self.reader = os.fdopen(os.dup(0), "rb")
        self.writer = os.dup(1)
        self.lock = threading.Lock()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        sys.stdout.flush()
        os.dup2(2, 1)

    def send(self, **message: Any) -> None:
        data = memoryview(json.dumps(message).encode("ascii") + b"\n")
        with self.lock:
            while data:
                data = data[os.write(self.writer, data) :]


_FOLDER = os.environ.get("HEMM_WORKER_FOLDER", "")
_pipe: _Pipe | None = None
if _FOLDER:
    _pipe = _Pipe()
    for _name in [n for n in os.environ if n.startswith("UV_")]:
        del os.environ[_name]  # may hold the credentials of package indexes; the model needs none of it

    _own = os.path.dirname(os.path.abspath(sys.argv[0]))
    if sys.path and os.path.abspath(sys.path[0]) == _own:  # open_flamingo.py must not hide open_flamingo
        sys.path.append(sys.path.pop(0))

_inbox: queue.Queue[dict[str, Any]] = queue.Queue()
_cancelled: set[int] = set()
_serving: list[bool] = []
_current: int | None = None


def log(text: Any) -> None:
    """Keep a line with the last ones of stderr; hemm shows it with HEMM_DEBUG=1 and in errors."""
    if _pipe is None:
        print(text, file=sys.stderr)
    else:
        _pipe.send(type="log", text=str(text))


def cancelled() -> bool:
    """Whether nobody waits for the present batch any more: return early, with what there is."""
    return _current in _cancelled


def serve(model: Any) -> None:
    """Answer hemm's requests with ``model`` (a class, or a function that gives the object) until it ends.

    Returns at once where the file was not started by hemm, so that it can be tried by hand.
    """
    if _pipe is None:
        log("hemm_worker: not started by hemm run worker/..., nothing to do")
        return
    if _serving:
        raise RuntimeError("serve() was called twice: does the worker file hide a library of the same name?")
    _serving.append(True)
    threading.Thread(target=_read, name="hemm-read", daemon=True).start()
    threading.Thread(target=_beat, name="hemm-beat", daemon=True).start()
    _pipe.send(type="hello", protocol=PROTOCOL, python=platform.python_version(), pid=os.getpid())
    worker: Any = None
    while True:
        message = _inbox.get()
        kind = message.get("type")
        if kind in ("load", "identify"):
            try:
                worker = model() if worker is None else worker
                _load(worker, message) if kind == "load" else _identify(worker, message)
            except BaseException as error:
                _pipe.send(type="failed", batch=None, message=_words(error))
                _leave(1)
        elif kind == "batch":
            _batch(worker, message)
        elif kind == "shutdown":
            if hasattr(worker, "close"):
                worker.close()
            _leave(0)


def _identify(worker: Any, message: dict[str, Any]) -> None:
    identity = getattr(worker, "identity", None)
    revision = identity(message["settings"]) if identity else ""
    _send(type="identity", revision=str(revision))


def _load(worker: Any, message: dict[str, Any]) -> None:
    if hasattr(worker, "load"):
        worker.load(message["settings"])
    fingerprint = getattr(worker, "fingerprint", None)
    _send(type="ready", fingerprint=str(fingerprint()) if fingerprint else "")


def _send(**message: Any) -> None:
    assert _pipe is not None
    _pipe.send(**message)


def _read() -> None:
    assert _pipe is not None
    while True:
        line = _pipe.reader.readline()
        if not line:  # hemm is gone, whatever the model is doing
            os._exit(GONE)
        message = json.loads(line.decode("utf-8"))
        if message.get("type") == "cancel":
            _cancelled.add(message["id"])
        else:
            _inbox.put(message)


def _beat() -> None:
    while True:
        time.sleep(BEAT_SECONDS)
        try:
            _send(type="beat")
        except OSError:
            os._exit(GONE)


def _leave(status: int) -> None:
    sys.stderr.flush()
    os._exit(status)  # threads of libraries must not hold the process


def _batch(worker: Any, message: dict[str, Any]) -> None:
    """Answer a batch; every request ends as an answer, an error, or not at all before ``done``."""
    global _current
    _current = message["id"]
    requests = [Request(wire) for wire in message["requests"]]
    try:
        if hasattr(worker, "answer"):
            _answer_all(worker, requests)
        else:
            for index, request in enumerate(requests):
                if cancelled():
                    break
                _answer_one(worker, index, request)
    except BaseException as error:
        if _is_memory(error):
            _send(type="oom", batch=_current, message=_words(error))
        else:
            _trace(error)
            _send(type="failed", batch=_current, message=_words(error))
        return
    finally:
        _cancelled.discard(message["id"])
    _send(type="done", batch=message["id"])


def _answer_all(worker: Any, requests: list[Any]) -> None:
    count = 0
    for index, answer in enumerate(worker.answer(requests)):
        count += 1
        if index < len(requests):
            _tell(index, answer)
    if count != len(requests) and not cancelled():
        raise ValueError(f"answer() gave {count} answers to {len(requests)} requests")


def _answer_one(worker: Any, index: int, request: Request) -> None:
    try:
        _tell(index, worker.answer_one(request))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if _is_memory(error):
            raise
        if not isinstance(error, Failure):
            _trace(error)
        _tell(index, error)


def _tell(index: int, answer: Any) -> None:
    if isinstance(answer, BaseException):
        permanent = bool(getattr(answer, "permanent", False))
        _send(type="error", batch=_current, index=index, message=_words(answer), permanent=permanent)
        return
    if isinstance(answer, str):
        answer = Answer(answer)
    if not isinstance(answer, Answer):
        raise TypeError(f"an answer is a text, an Answer or a Failure, not {type(answer).__name__}")
    wire: dict[str, Any] = {"text": answer.text, "finish": answer.finish, "reasoning": answer.reasoning}
    wire["options"] = [float(p) for p in answer.options]
    wire["media"] = [_file(index, n, m) for n, m in enumerate(answer.media)]
    for name in ("input_tokens", "output_tokens"):
        count = getattr(answer, name)
        wire[name] = None if count is None else int(count)
    _send(type="answer", batch=_current, index=index, **wire)


def _file(index: int, number: int, medium: Any) -> str:
    """The name in the shared folder under which hemm finds a produced file."""
    name = f"out-{_current}-{index}-{number}"
    if not isinstance(medium, bytes):
        with open(os.fspath(medium), "rb") as file:
            medium = file.read()
    with open(os.path.join(_FOLDER, name), "wb") as file:
        file.write(medium)
    return name


def _is_memory(error: BaseException) -> bool:
    """Out of memory in the words of Python, of torch since 1.13, and of torch before."""
    if isinstance(error, (OutOfMemory, MemoryError)) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "out of memory" in str(error)


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())[:500]
    if isinstance(error, Failure):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _trace(error: BaseException) -> None:
    traceback.print_exception(type(error), error, error.__traceback__)
