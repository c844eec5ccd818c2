"""Models in processes of their own: real children that answer, print, crash, hang, and are left behind."""

from __future__ import annotations

import ast
import asyncio
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fake import FakePack, go, picture, sample
from hemm.core import Generation, HemmError, Media, Message, Request, Response
from hemm.models import ModelOptions, resolve
from hemm.models.batcher import run_batch
from hemm.models.image_fit import fit
from hemm.models.worker import environment, files, wire
from hemm.testing import check_model

TOY = Path(__file__).parents[1] / "workers" / "toy.py"
OLD = Path(__file__).parents[1] / "workers" / "old_transformers.py"
LIBRARY = environment.LIBRARY / "hemm_worker.py"


def opened(file: Path = TOY, batch_size: int = 0, **settings: Any) -> Any:
    pairs = {"runner": "python", **settings}
    options = ModelOptions(batch_size=batch_size, settings=tuple((k, str(v)) for k, v in pairs.items()))
    return resolve(f"worker/{file}", options)


@contextmanager
def started(**settings: Any) -> Iterator[Any]:
    model = opened(**settings)
    asyncio.run(model.start())
    try:
        yield model
    finally:
        asyncio.run(model.close())


def ask(text: str = "Is it red?", *media: Media, **generation: Any) -> Request:
    options = generation.pop("options", ())
    messages = (Message("user", (*media, text)),)
    return Request(text, 0, messages, Generation(max_new_tokens=8, **generation), text, options)


def written(tmp_path: Path, source: str) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(source)
    return path


def texts(answers: list[Response]) -> list[str]:
    return [a.text if a.failure is None else f"{a.failure.kind}: {a.failure.message}" for a in answers]


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of tests that run beside this one leave their folders elsewhere."""
    folder = tmp_path_factory.mktemp("w")  # short: what is in it may be a socket's path
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("hemm-worker-*"))


MANY = [ask(f"Question {i}") for i in range(4)]


def test_a_worker_keeps_the_contract_and_leaves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = folders()
    check_model(opened())
    assert folders() <= before
    assert capfd.readouterr().out == ""  # whatever the worker prints


def test_what_is_asked_arrives_and_what_is_answered_comes_back() -> None:
    picture = Media(_png(Image.new("RGB", (3000, 2000), "teal")))
    with started() as model:
        drawn, refused, plain = model.generate_batch(
            [ask("draw this", picture), ask("impossible"), ask("plain")]
        )
        assert [m.digest for m in drawn.media] == [picture.digest]
        assert refused.failure is not None
        assert (refused.failure.permanent, refused.failure.message) == (True, "this cannot be asked")
        assert (plain.finish, plain.usage.input_tokens, plain.model) == ("stop", 3, "toy of the tests")
        chosen = model.generate_batch([ask("which", scoring="likelihood", options=("long one", "short"))])[0]
        assert chosen.text == "short"
        assert chosen.options[0] == pytest.approx(chosen.options[1] - 3)
        assert not list(model._process.folder.iterdir())


@pytest.mark.parametrize(
    ("picture", "form", "kept"),
    [
        (Image.new("RGB", (9, 5), "red"), "PNG", True),
        (Image.new("RGB", (9, 5), "red"), "JPEG", True),
        (Image.new("RGB", (9, 5), "red"), "WEBP", False),
        (Image.new("RGBA", (9, 5), (255, 0, 0, 0)), "PNG", False),
        (Image.new("P", (9, 5)), "PNG", False),
        (Image.new("I;16", (9, 5), 900), "PNG", False),
    ],
)
def test_every_library_reads_the_same_pixels(picture: Image.Image, form: str, kept: bool) -> None:
    from hemm.data.pixels import rgb

    media = Media(_png(picture, form))
    shown = fit(media, wire.TYPES, only_rgb=True)
    assert (shown is media) == kept
    with Image.open(io.BytesIO(shown.data)) as seen:
        assert (seen.mode, seen.format in ("PNG", "JPEG")) == ("RGB", True)
        assert seen.tobytes() == rgb(media).tobytes()


def test_turned_pictures_are_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (9, 5), "red").save(buffer, "JPEG", exif=exif)
    assert fit(Media(buffer.getvalue()), wire.TYPES, only_rgb=True).pixels().size == (5, 9)


# what goes wrong while asking


@pytest.mark.parametrize("fault", ["segfault", "exit", "bad json", "killed", "stopped"])
def test_a_crash_costs_no_answer(tmp_path: Path, fault: str) -> None:
    with started() as model:
        expected = texts(run_batch(model, MANY))
    with started(fault=fault, mark=tmp_path / "mark", silence=3) as model:
        assert texts(run_batch(model, MANY)) == expected


def test_the_request_at_fault_fails_alone() -> None:
    requests = [*MANY, ask("poison")]
    with started(fault="poison") as model:
        answers = run_batch(model, requests)
        assert [a.failure is None for a in answers] == [True] * 4 + [False]
        failure = answers[-1].failure
        assert failure is not None
        assert not failure.permanent
        assert "ended with status 4" in failure.message


@pytest.mark.parametrize("fault", ["memory", "killed"])
def test_out_of_memory_halves_the_batch(fault: str) -> None:
    with started() as model:
        expected = texts(run_batch(model, MANY[:2]))
    with started(fault=fault) as model:
        assert texts(run_batch(model, MANY[:2])) == expected


def test_a_worker_that_always_ends_is_given_up() -> None:
    with started(fault="exit") as model:
        first = texts(run_batch(model, MANY))
        assert all(t.startswith("worker: ") for t in first)
        before = model._ends
        assert "6 times in a row" in texts(run_batch(model, MANY))[0]
        assert model._ends == before


@pytest.mark.parametrize("fault", ["slow", "endless"])
def test_a_batch_has_a_time_limit(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemm.models.worker.adapter.GRACE_SECONDS", 1.0 if fault == "endless" else 30.0)
    with started(fault=fault, mark=tmp_path / "mark", batch_timeout=2) as model:
        late = model.generate_batch(MANY[:1])[0]
        if fault == "slow":  # it noticed the cancellation and answered late
            assert late.failure is None
        else:
            assert late.failure is not None
            assert not late.failure.permanent
            assert "batch_timeout" in late.failure.message
        assert model.generate_batch(MANY[:1])[0].failure is None


def test_an_exception_is_told_and_the_worker_lives_on() -> None:
    with started(fault="raises") as model:
        process = model._process
        assert texts(run_batch(model, MANY[:2])) == ["model: RuntimeError: shapes do not fit"] * 2
        assert model._process is process


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"type": "answer", "text": 7}, "text is int"),
        ({"type": "answer", "text": "x", "finish": "done"}, "finish 'done'"),
        ({"type": "answer", "options": [0.5, -1.0]}, "log-probabilities"),
        ({"type": "answer", "options": [-1.0]}, "expected 2"),
        ({"type": "answer", "options": [float("nan"), -1.0]}, "log-probabilities"),
        ({"type": "answer", "options": [-2.0, -1.0], "media": ["../out-1"]}, "no name"),
        ({"type": "answer", "options": [-2.0, -1.0], "media": ["out-link"]}, "not there"),
    ],
)
def test_answers_that_make_no_sense_are_failures(tmp_path: Path, told: dict[str, Any], words: str) -> None:
    (tmp_path / "out-link").symlink_to("/etc/hostname")
    request = ask("which", scoring="likelihood", options=("a", "b"))
    if "text" in told:
        request = ask("which")
    failure = wire.response(request, told, tmp_path, "").failure
    assert failure is not None
    assert words in failure.message


# starting


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(:\n", "mine.py, line 1: SyntaxError"),
        ("import no_such_package\n", "No module named 'no_such_package'"),
        ("print('I serve nobody')\n", "ended with status 0"),
        (
            'import os; os.write(1, b\'{"type": "hello", "protocol": 99}\\n\'); input()',
            "speaks version 99 of the worker protocol",
        ),
        ("import time; time.sleep(600)", "was not ready after 1 s"),
        ("import os; os.abort()", "SIGABRT"),
    ],
)
def test_a_worker_that_does_not_start_is_one_line(tmp_path: Path, source: str, words: str) -> None:
    before = folders()
    model = opened(written(tmp_path, source), start_timeout=1 if "600" in source else 60)
    with pytest.raises(HemmError) as told:
        asyncio.run(model.start())
    assert words in str(told.value)
    assert "\n" not in str(told.value)
    assert folders() <= before


def test_weights_that_do_not_load_are_one_line() -> None:
    with pytest.raises(HemmError, match="failed: ValueError: no such weights"), started(fault="load"):
        pass


def test_uv_that_finds_no_packages_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uv")
    monkeypatch.setenv("UV_OFFLINE", "1")
    for name in ("UV_INDEX", "UV_FIND_LINKS", "UV_DEFAULT_INDEX"):
        monkeypatch.delenv(name, raising=False)
    header = '# /// script\n# requires-python = ">=3.8"\n# dependencies = ["hemm-no-such-package"]\n# ///\n'
    model = opened(written(tmp_path, f"{header}import time; time.sleep(600)"), runner="uv")
    with pytest.raises(HemmError, match="hemm-no-such-package") as told:
        asyncio.run(model.start())
    assert "\n" not in str(told.value)


def test_what_is_not_there_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HemmError, match="no worker file"):
        opened(tmp_path / "none.py")
    with pytest.raises(HemmError, match=r"unknown worker 'open_flamingp'; did you mean 'open_flamingo'"):
        resolve("worker/open_flamingp")
    with pytest.raises(HemmError, match=r"unknown setting of worker/toy models 'greting'.*'greeting'"):
        opened(greting="x")
    with pytest.raises(HemmError, match="interpreter"):
        opened(runner=tmp_path / "python9")
    with pytest.raises(HemmError, match=r"worker/emu needs --set repository="):
        asyncio.run(resolve("worker/emu", ModelOptions(settings=(("runner", "python"),))).start())
    with pytest.raises(HemmError, match=r"weights=\./none"):
        _ = opened(weights="./none").identity
    monkeypatch.setattr(environment, "uv", lambda: "")
    with pytest.raises(HemmError, match=r"pip install 'hemm\[worker\]'"):
        opened(runner="uv")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("max_image = 1", "'max_image'; did you mean 'max_images'"),
        ('max_images = "one"', "max_images is 'one'; give a whole number from 0 on"),
        ('inputs = ["image"]', "inputs must hold text"),
        ('inputs = ["text", "smell"]', "'smell'"),
        ("settings = { runner = 1 }", "one of hemm's own"),
        ('weights = ["x"]', "no setting"),
        ("batch_size = 0", "batch_size is 0; give a whole number from 1 on"),
        ("name =", "no valid TOML"),
    ],
)
def test_a_wrong_header_is_one_line(tmp_path: Path, table: str, words: str) -> None:
    path = written(tmp_path, f"# /// script\n# dependencies = []\n# [tool.hemm]\n# {table}\n# ///\n")
    with pytest.raises(HemmError) as told:
        files.read(path)
    assert words in str(told.value)
    assert str(path) in str(told.value)


def test_a_file_named_like_a_library_does_not_hide_it(tmp_path: Path) -> None:
    path = tmp_path / "colorsys.py"
    path.write_text(
        "from hemm_worker import serve\nimport colorsys\nclass M:\n"
        "  def answer_one(self, request): return str(colorsys.rgb_to_hsv(0, 0, 1)[2])\nserve(M)\n"
    )
    model = opened(path)
    asyncio.run(model.start())
    assert texts(model.generate_batch([ask()])) == ["1"]
    asyncio.run(model.close())


# identity


def test_another_file_setting_or_weight_is_another_model(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    plain, known = opened().identity, opened(weights=weights).identity
    moved = tmp_path / "elsewhere"
    weights.rename(moved)
    same = opened(weights=moved).identity
    (moved / "config.json").write_text('{"a": 1}')
    changed = opened(weights=moved).identity
    other = opened(written(tmp_path, TOY.read_text() + "\n")).identity
    assert known == same
    assert len({plain.revision, known.revision, changed.revision, other.revision}) == 4
    assert opened(greeting="hi").identity != plain
    assert opened(silence=5).identity == plain


def test_a_worker_may_tell_its_own_revision(tmp_path: Path) -> None:
    source = (
        "# /// script\n# [tool.hemm]\n# identity = true\n# ///\n"
        "from hemm_worker import serve\nimport os\nclass M:\n"
        "  def identity(self, settings): return os.environ['TOLD']\n"
        "  def answer_one(self, request): return os.environ.get('HIDDEN_TOKEN', 'not there')\nserve(M)\n"
    )
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for told in ("one", "two", "two"):
            patch.setenv("TOLD", told)
            patch.setenv("HIDDEN_TOKEN", "secret")
            model = opened(written(tmp_path, source), env="TOLD")
            found.append(model.identity.revision)
            asyncio.run(model.start())
            assert texts(model.generate_batch([ask()])) == ["not there"]
            asyncio.run(model.close())
    assert found[0] != found[1] == found[2]
    with pytest.raises(HemmError, match="TOLD is not set"):
        _ = opened(written(tmp_path, source), env="TOLD").identity


def test_named_variables_are_no_part_of_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSPHRASE", "correct horse battery")
    source = "import os, sys; sys.exit('no entry with ' + os.environ['MY_PASSPHRASE'])"
    model = opened(written(tmp_path, source), env="MY_PASSPHRASE")
    with pytest.raises(HemmError, match="no entry with") as told:
        asyncio.run(model.start())
    assert "horse" not in str(told.value)


# runs


@pytest.mark.parametrize("fault", ["segfault", "killed", "bad json"])
def test_sealed_parts_are_equal_with_and_without_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The model's answers depend on their batch, so a batch must be asked whole again."""
    pack, sealed, asked = FakePack([sample(i) for i in range(30)]), [], []
    for name, happens in (("calm", ""), ("crashing", fault)):
        monkeypatch.setenv("TOY_FAULT", happens)
        monkeypatch.setenv("TOY_MARK", str(tmp_path / f"{name}.mark"))
        model = opened(fault="batch matters", env="TOY_FAULT,TOY_MARK")
        result = go(tmp_path / name, model, pack)
        assert (result.state, result.errors) == ("sealed", [])
        sealed.append([p.read_bytes() for p in sorted(result.folder.glob("answers/*"))])
        asked.append(model._batches)
    assert sealed[0] == sealed[1]
    assert asked[1] == asked[0] + 1


# nothing is left


def test_closing_ends_a_batch_and_its_children() -> None:
    before = folders()

    async def live() -> list[Response]:
        model = opened(fault="orphans")
        await model.start()
        group = os.getpgid(model._process._process.pid)
        asking = asyncio.create_task(asyncio.to_thread(model.generate_batch, MANY[:1]))
        await asyncio.to_thread(until, lambda: "started" in list(model._process._lines))
        await model.close()
        answers = await asking
        assert until(lambda: not _living(group)), _living(group)
        return answers

    failure = asyncio.run(live())[0].failure
    assert failure is not None
    assert not failure.permanent
    assert folders() <= before


@pytest.mark.parametrize("fault", ["orphans", "stopped", "load hangs"])
def test_no_process_survives_its_parent(tmp_path: Path, fault: str) -> None:
    """The parent is killed with SIGKILL while the worker answers, is stopped, or loads."""
    before = folders()
    program = (
        "import asyncio, sys; from test_worker import MANY, opened\n"
        f"m = opened(fault={fault!r}, mark={str(tmp_path / 'mark')!r} if {fault == 'stopped'} else '')\n"
        "asyncio.run(m.start()); m.generate_batch(MANY[:1])\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    try:
        mine = until(lambda: _session_of_child(parent.pid))
        assert mine
        if fault == "stopped":
            assert until(lambda: (tmp_path / "mark").exists())
        assert until(lambda: folders() - before)
        time.sleep(0.5)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert until(lambda: not _living(mine)), _living(mine)
    assert until(lambda: folders() <= before)


def _session_of_child(pid: int) -> int:
    """The session of the guard that ``pid`` started, once its worker is there."""
    for guard in _children(pid):
        if os.getsid(guard) == guard and _children(guard):
            return guard
    return 0


def _children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def _living(session: int) -> str:
    told = subprocess.run(
        ["ps", "-o", "pid=,stat=,args=", "-s", str(session)], capture_output=True, text=True
    )
    return "\n".join(line for line in told.stdout.splitlines() if " Z" not in line)


# environments of their own


def _uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Let uv find packages where pip does; skip where it cannot build the environment of ``file``."""
    pytest.importorskip("uv")
    from workers.indexes import uv_variables

    for name, value in uv_variables().items():
        monkeypatch.setenv(name, value)
    built = subprocess.run(
        [environment.uv(), "sync", "--quiet", "--script", str(file)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if built.returncode:
        pytest.skip(f"uv cannot build the environment: {' '.join(built.stderr.split())[:300]}")


@pytest.mark.full
def test_a_worker_has_its_own_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _uv(tmp_path, monkeypatch, OLD)
    model = opened(OLD, runner="uv")
    check_model(model)
    asyncio.run(model.start())
    seen, other = model.generate_batch([ask("What is it?", picture(1)), ask("What is it?", picture(250))])
    asyncio.run(model.close())
    assert seen.model == "transformers 4.57.6"
    assert seen.failure is None
    assert seen.text != other.text


@pytest.mark.full
def test_open_flamingo_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe as it ships, on a tiny random checkpoint that the package's own libraries make."""
    recipe = files.find("worker/open_flamingo").path
    source = recipe.read_text()
    maker = tmp_path / "make.py"
    maker.write_text(source[: source.index('"""')] + (TOY.parent / "tiny_flamingo.py").read_text())
    (tmp_path / "recipe.py").write_text(source)
    _uv(tmp_path, monkeypatch, maker)
    subprocess.run([environment.uv(), "run", "--script", str(maker), str(tmp_path)], check=True, timeout=300)
    settings = {
        "vision": "tiny-vision",
        "vision_config": str(tmp_path / "tiny-vision.json"),
        "vision_pretrained": str(tmp_path / "vision.pt"),
        "language": str(tmp_path / "language"),
        "checkpoint": str(tmp_path / "checkpoint.pt"),
    }
    model = resolve("worker/open_flamingo", ModelOptions(settings=tuple(settings.items())))
    check_model(model)
    options = ("red", "a green one")
    scored = [ask("Which?", picture(n), scoring="likelihood", options=options) for n in (1, 250)]
    asyncio.run(model.start())
    first, second = model.generate_batch(scored)
    asyncio.run(model.close())
    assert first.options != second.options  # it looks at the picture


# the files that run elsewhere


def test_the_library_needs_nothing_but_python_3_8() -> None:
    tree = ast.parse(LIBRARY.read_text(), feature_version=(3, 8))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert names <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", files.recipes())
def test_recipes_have_a_header_and_serve(name: str) -> None:
    file = files.find(f"worker/{name}")
    tree = ast.parse(file.path.read_text(), feature_version=(3, 8))
    assert file.about
    assert ast.unparse(tree.body[-1]).startswith("serve(")
    first = next(n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom))
    assert isinstance(first, ast.ImportFrom)
    assert first.module == "hemm_worker"


def test_both_sides_speak_one_version() -> None:
    found = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(LIBRARY.read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "PROTOCOL"
    }
    assert found == {"PROTOCOL": wire.PROTOCOL}


def _png(picture: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()
