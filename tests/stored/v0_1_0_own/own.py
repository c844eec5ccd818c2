from pathlib import Path
from types import SimpleNamespace

from hemm import tasks
from hemm.core import Card, Layout, Sample, Task

ShortAnswer = type(tasks.resolve("vqa_rad").answer)


def read(folder):
    for n, line in enumerate((folder / "capitals.txt").read_text().splitlines()):
        country, capital = line.split(",")
        yield Sample(str(n), (), {"question": f"What is the capital of {country}?"}, (capital,))


def fetch(into, progress=None):
    return Path(__file__).parent / "capitals", "1"


SOURCE = SimpleNamespace(name="capitals", ids="", layout=Layout(("capitals.txt",), read), fetch=fetch)
TASK = Task(
    name="capitals",
    card=Card("Capitals"),
    sources=(SOURCE,),
    prompt="{{ question }} {{ instruction }}",
    answer=ShortAnswer(),
    metrics=("exact_match",),
)
