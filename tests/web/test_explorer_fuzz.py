"""Any address gets an answer of its own: never a fault, and never a file from elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from explorer_client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hemm
from hemm.web.filters import MANY, ONCE, PLACES, SORTS
from hemm.web.index.tables import LABELS, OUTCOMES

PAGES = ("/", "/tasks", "/runs", "/answers", "/sample", "/slices", "/curves", "/differences", "/live")
FILES = (
    "/download/answers.csv",
    "/download/answers.jsonl",
    "/download/answers.parquet",
    "/static/explorer.js",
)
OWN = ("by", "across", "of", "sample", "content", "task", "key", "cell", "small", "large", "v", "a", "b")
VALUES = (
    *(
        "baseline/oracle",
        "baseline/random",
        "probe_shapes",
        "probe_charts",
        "all-right",
        "differ",
        "lost",
        "gained",
    ),
    *(
        *OUTCOMES,
        *SORTS,
        *LABELS,
        "reasoning:more",
        "use_case:",
        "template:count",
        "meta:template",
        "model",
        "task",
    ),
    *(
        "asc",
        "desc",
        "answer",
        "both",
        "25",
        "100",
        "0.5",
        "-1",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "yes",
        "0.0~0",
    ),
    *(
        "inf~3",
        "-inf~0",
        "1~-1",
        "nan~1",
        "9~99999999999999999999",
        "~",
        "shapes-000001",
        "';--",
        "%",
        "../../x",
    ),
    *(
        "\x00",
        "\ud800",
        "\u202e",
        "[",
        "(?:",
        "*",
        "a" * 401,
        "0" * 64,
        "🦉",
        "exact_match",
        "metric:exact_match",
    ),
)
names = st.sampled_from((*MANY, *ONCE, *PLACES, *OWN)) | st.text(max_size=6)
values = st.sampled_from(VALUES) | st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
queries = st.lists(st.tuples(names, values), max_size=5)
paths = st.sampled_from((*PAGES, *FILES)) | st.builds(
    lambda head, tail: head + quote(tail, safe="/.", errors="surrogatepass"),
    st.sampled_from(("/picture/", "/static/", "/download/answers.", "/", "/live/x")),
    st.sampled_from((*VALUES, "../../../etc/passwd", "..", "....//", "csv.")) | st.text(max_size=10),
)


@pytest.fixture(scope="module")
def opened(results: Path, client: Client) -> list[str]:
    """Files that are opened while the module runs, of those that lie neither in the results nor in Python,
    hemm, its cache, or what every process reads."""
    own = [results.resolve(), Path(hemm.__file__).parents[1], Path(os.environ["HEMM_CACHE"]).resolve()]
    own += [Path(p).resolve() for p in (sys.prefix, sys.base_prefix, *sys.path) if p]
    found: list[str] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = Path(os.path.realpath(os.fsdecode(arguments[0])))
            if not any(path.is_relative_to(p) for p in own) and path.parts[1:2] not in (
                ("proc",),
                ("sys",),
                ("dev",),
            ):
                found.append(str(path))

    for page in PAGES:  # what is read once, such as the list of fonts, is no address's doing
        client.get(page)
    sys.addaudithook(note)
    return found


@settings(
    max_examples=int(os.environ.get("HEMM_WEB_EXAMPLES", "150")), suppress_health_check=list(HealthCheck)
)
@given(path=paths, query=queries, method=st.sampled_from(("GET", "GET", "GET", "HEAD")))
def test_no_address_is_a_fault(
    client: Client, opened: list[str], path: str, query: list[tuple[str, str]], method: str
) -> None:
    opened.clear()
    address = f"{path}?{urlencode(query, errors='surrogatepass')}"
    answer = client.get(address, method=method)
    assert answer.status_code in (200, 303, 400, 404), (address, answer.status_code, answer.text[-600:])
    assert "Traceback" not in answer.text[:2_000]
    files = [f for f in opened if "hypothesis" not in f and not f.startswith("/etc/")]
    assert not files, address
    assert not [f for f in opened if f.startswith(("/etc/passwd", "/etc/shadow"))]


ODD_REQUESTS = st.dictionaries(
    st.sampled_from(
        ("host", "origin", "cookie", "authorization", "sec-fetch-site", "range", "accept", "if-none-match")
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30),
    max_size=4,
)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(headers=ODD_REQUESTS)
def test_no_header_is_a_fault(client: Client, headers: dict[str, str]) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.get("/tasks", **sent)  # type: ignore[arg-type]
    assert answer.status_code in (200, 401, 403, 421)
