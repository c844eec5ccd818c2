"""The servers that ``--serve`` can start: command lines, health pages, and the meaning of their arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hemm.core import HemmError


@dataclass(frozen=True, slots=True)
class Server:
    """A program that serves one checkpoint behind chat completions.

    program   name to look up on the PATH
    install   how to install it, for error messages
    sub       subcommand; left out if the user names a program of several words
    words     arguments, with ``{model}``, ``{name}`` and ``{port}`` to be filled in
    pinned    more arguments for a hub commit (``{revision}``)
    typed     settings of hemm (``--set``) and the arguments that they set
    health    page that answers 200 when the server is ready
    version   pages with the version, each with its key
    own       arguments that only hemm sets
    neutral   arguments that change speed or placement but no answer, so they are not in the protocol
    sampled   fields of a sampled request that turn off the server's defaults
    plain     fields that turn off what the checkpoint's files add to greedy decoding
    greedy    settings of generation_config.json and the fields that set them; tokens that are never said
              are ``logit_bias`` everywhere
    gguf      runs a GGUF file instead of a checkpoint's folder
    """

    program: str
    install: str
    words: tuple[str, ...]
    sub: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    typed: tuple[tuple[str, str], ...] = ()
    health: str = "/health"
    version: tuple[tuple[str, str], ...] = ()
    own: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()
    sampled: Mapping[str, Any] = field(default_factory=dict)
    plain: Mapping[str, Any] = field(default_factory=dict)
    greedy: Mapping[str, str] = field(default_factory=dict)
    gguf: bool = False


def _all(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SERVERS: dict[str, Server] = {
    "vllm": Server(
        program="vllm",
        install="pip install vllm, best in an environment of its own",
        sub=("serve",),
        words=_all("{model} --served-model-name {name} --host 127.0.0.1 --port {port}"),
        pinned=("--revision", "{revision}"),
        typed=(("dtype", "--dtype"), ("quantization", "--quantization")),
        version=(("/version", "version"),),
        own=_all(
            "--model --served-model-name --host --port --revision --dtype --quantization -q --api-key "
            "--hf-token --uds --root-path --ssl-keyfile --ssl-certfile"
        ),
        neutral=_all(
            "--max-model-len --gpu-memory-utilization --tensor-parallel-size -tp --pipeline-parallel-size "
            "-pp --data-parallel-size -dp --enforce-eager --max-num-seqs --max-num-batched-tokens "
            "--swap-space --cpu-offload-gb --download-dir --load-format --limit-mm-per-prompt "
            "--disable-log-requests --disable-log-stats --enable-prefix-caching --no-enable-prefix-caching "
            "--enable-chunked-prefill --no-enable-chunked-prefill --distributed-executor-backend "
            "--max-parallel-loading-workers --api-server-count --uvicorn-log-level "
            "--mm-processor-cache-gb --enable-expert-parallel"
        ),
        sampled={"top_p": 1.0, "top_k": -1, "min_p": 0.0},
        plain={"repetition_penalty": 1.0},
        greedy={"repetition_penalty": "repetition_penalty", "min_new_tokens": "min_tokens"},
    ),
    "sglang": Server(
        program="sglang",
        sub=("serve",),
        install="pip install sglang, best in an environment of its own",
        words=_all("--model-path {model} --served-model-name {name} --host 127.0.0.1 --port {port}"),
        pinned=("--revision", "{revision}"),
        typed=(("dtype", "--dtype"), ("quantization", "--quantization")),
        health="/health_generate",
        version=(("/get_server_info", "version"), ("/server_info", "version")),
        own=_all(
            "--model-path --model --served-model-name --host --port --revision --dtype --quantization "
            "--api-key --hf-token --ssl-keyfile --ssl-certfile"
        ),
        neutral=_all(
            "--context-length --mem-fraction-static --tensor-parallel-size --tp-size --tp --dp-size --dp "
            "--data-parallel-size --pp-size --max-running-requests --max-total-tokens --chunked-prefill-size "
            "--max-prefill-tokens --disable-cuda-graph --cuda-graph-max-bs --disable-radix-cache --log-level "
            "--load-format --download-dir --cpu-offload-gb --skip-server-warmup --ep-size"
        ),
        sampled={"top_p": 1.0, "top_k": -1, "min_p": 0.0},
        plain={"repetition_penalty": 1.0},
        greedy={"repetition_penalty": "repetition_penalty", "min_new_tokens": "min_tokens"},
    ),
    "llama.cpp": Server(
        program="llama-server",
        install="see github.com/ggml-org/llama.cpp (brew install llama.cpp, or a released build)",
        words=_all("--model {model} --alias {name} --host 127.0.0.1 --port {port}"),
        version=(("/props", "build_info"),),
        own=_all(
            "--model -m --alias -a --host --port --mmproj -mm --hf-repo -hf -hfr --hf-file -hff --model-url "
            "-mu --hf-token -hft --api-key --api-key-file --api-prefix --ssl-key-file --ssl-cert-file"
        ),
        neutral=_all(
            "--ctx-size -c --parallel -np --n-gpu-layers -ngl --gpu-layers --threads -t --threads-batch -tb "
            "--batch-size -b --ubatch-size -ub --mlock --no-mmap --main-gpu -mg --tensor-split -ts "
            "--split-mode -sm --cont-batching -cb --no-warmup --log-verbosity -lv"
        ),
        sampled={"top_p": 1.0, "top_k": 0, "min_p": 0.0},
        plain={  # a GGUF file may bring its own (general.sampling.*)
            "repeat_penalty": 1.0,
            "repeat_last_n": 65536,  # the whole prompt counts, as in transformers; newer ones take no -1
            "mirostat": 0,
            "xtc_probability": 0.0,
        },
        greedy={"repetition_penalty": "repeat_penalty"},
        gguf=True,
    ),
}


def decoding_fields(server: Server, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Which settings of a generation_config.json the server can follow, and the fields of a request for them.

    >>> decoding_fields(SERVERS["llama.cpp"], {"repetition_penalty": 1.05, "no_repeat_ngram_size": 3})[0]
    {'repetition_penalty': 1.05}
    """
    kept = {name: value for name, value in settings.items() if name in server.greedy}
    fields = {**server.plain, **{server.greedy[name]: value for name, value in kept.items()}}
    never = list(settings.get("suppress_tokens") or ())
    words = settings.get("bad_words_ids") or ()
    if all(len(word) == 1 for word in words):
        never += [word[0] for word in words]
        kept |= {n: settings[n] for n in ("suppress_tokens", "bad_words_ids") if settings.get(n)}
    elif never:
        kept["suppress_tokens"] = settings["suppress_tokens"]
    if never:
        fields["logit_bias"] = {str(token): -100 for token in sorted(set(never))}
    return kept, fields


_TOKEN = ": set HF_TOKEN"
_FLAG = re.compile(r"--?[A-Za-z]")


def arguments(kind: str, text: str) -> tuple[list[str], str]:
    """The words of ``serve_args``, and those of its options that may change answers, sorted.

    Raises HemmError for text that does not consist of options, and for arguments that only hemm sets.
    """
    server = SERVERS[kind]
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise HemmError(f"--set serve_args={text}: {error}") from None
    groups: list[list[str]] = []
    for word in words:
        if _FLAG.match(word):
            groups.append([word])
        elif groups:
            groups[-1].append(word)
        else:
            raise HemmError(f"--set serve_args={text}: give options of {server.program}, such as --seed 1")
    changing = []
    for group in groups:
        flag = _flag_name(group[0])
        if flag in server.own:
            raise HemmError(f"--set serve_args: {flag} is not for serve_args{_hint(server, flag)}")
        if flag not in server.neutral:
            changing.append(" ".join(group))
    return words, " ".join(sorted(changing))


def _flag_name(word: str) -> str:
    """The name of an option without its value; ``--max_len`` becomes ``--max-len``."""
    name = word.partition("=")[0]
    return name.replace("_", "-") if name.startswith("--") else name


def _hint(server: Server, flag: str) -> str:
    """How to set an option that only hemm sets, if there is a way."""
    for key, argument in server.typed:
        if flag == argument:
            return f": --set {key}=..."
    others = {"--revision": ": name it in the model", "--hf-token": _TOKEN, "-hft": _TOKEN}
    return others.get(flag, "")
