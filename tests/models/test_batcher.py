"""The batcher: composition of batches, halving, isolation of failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import (
    BadData,
    BatchModel,
    Capabilities,
    Generation,
    HemmError,
    Identity,
    Media,
    Message,
    OutOfMemory,
    Request,
    Response,
)
from hemm.models.batcher import SPAN, run_batch, windows


def request(id: str, text: str = "q", media: int = 0) -> Request:
    parts = (text, *(Media(b"x") for _ in range(media)))
    return Request(id, 0, (Message("user", parts),), Generation(), id)


class Fake(BatchModel):
    """A batch model that does what ``behave`` says and remembers the batches it was given."""

    spec = "fake"
    identity = Identity("fake")
    capabilities = Capabilities()
    batch_size = 4

    def __init__(self, behave: Callable[[Sequence[Request]], list[Response] | None] | None = None) -> None:
        self.behave = behave
        self.batches: list[list[str]] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        self.batches.append([r.sample_id for r in requests])
        special = self.behave(requests) if self.behave else None
        return [Response(text=r.sample_id) for r in requests] if special is None else special


@given(st.lists(st.integers(0, 9), max_size=400), st.integers(1, 9))
def test_every_item_comes_once_in_batches_of_the_size(sizes: list[int], batch_size: int) -> None:
    items = list(enumerate(sizes))
    batches = list(windows(iter(items), batch_size, lambda i: i[1]))
    assert sorted(i for b in batches for i in b) == items
    assert all(0 < len(b) <= batch_size for b in batches)
    assert len(batches) == -(-len(items) // batch_size)
    assert batches == list(windows(items, batch_size, lambda i: i[1]))


@given(st.lists(st.integers(0, 9), max_size=200), st.integers(1, 4))
def test_items_move_within_their_window_and_equals_keep_their_order(sizes: list[int], n: int) -> None:
    items = list(enumerate(sizes))
    flat = [i for b in windows(items, n, lambda i: i[1]) for i in b]
    width = n * SPAN
    for start in range(0, len(items), width):
        assert flat[start : start + width] == sorted(items[start : start + width], key=lambda i: i[1])


def test_windows_are_composed_without_reading_the_whole_plan() -> None:
    taken: list[int] = []

    def plan() -> object:
        for i in range(10_000):
            taken.append(i)
            yield i

    batches = windows(plan(), 2, lambda i: 0)  # type: ignore[arg-type]
    assert next(batches) == [0, 1]
    assert len(taken) <= 2 * SPAN


def test_a_batch_size_below_one_is_an_error() -> None:
    with pytest.raises(ValueError):
        list(windows([1], 0, lambda i: i))


def test_requests_are_sized_by_pictures_then_text() -> None:
    assert Fake().shape(request("a", "four", 2)) == (2, 4)


@given(st.integers(1, 20), st.integers(1, 20))
def test_out_of_memory_halves_and_answers_all(count: int, fits: int) -> None:
    def behave(requests: Sequence[Request]) -> None:
        if len(requests) > fits:
            raise OutOfMemory

    model = Fake(behave)
    ids = [str(i) for i in range(count)]
    answers = run_batch(model, [request(i) for i in ids])
    assert [a.text for a in answers] == ids
    assert [i for b in model.batches if len(b) <= fits for i in b] == ids


def test_one_request_that_does_not_fit_is_a_passing_failure() -> None:
    def behave(requests: Sequence[Request]) -> None:
        if any(r.sample_id == "big" for r in requests):
            raise OutOfMemory("3 GB wanted")

    answers = run_batch(Fake(behave), [request(i) for i in ("a", "big", "c")])
    assert [a.text for a in answers] == ["a", "", "c"]
    failure = answers[1].failure
    assert failure is not None
    assert (failure.kind, failure.permanent) == ("out_of_memory", False)


@pytest.mark.parametrize(
    ("error", "kind", "permanent"),
    [
        (ValueError("odd\nprompt"), "model", False),
        (BadData("picture x does not open"), "media", True),
        (FileNotFoundError("gone.png"), "media", True),
    ],
)
def test_an_exception_fails_the_request_at_fault_alone(error: Exception, kind: str, permanent: bool) -> None:
    def behave(requests: Sequence[Request]) -> None:
        if any(r.sample_id == "bad" for r in requests):
            raise error

    answers = run_batch(Fake(behave), [request(i) for i in ("a", "bad", "c")])
    assert [a.text for a in answers] == ["a", "", "c"]
    failure = answers[1].failure
    assert failure is not None
    assert (failure.kind, failure.permanent) == (kind, permanent)
    assert "\n" not in failure.message


def test_secrets_in_an_exception_are_not_kept() -> None:
    def behave(requests: Sequence[Request]) -> None:
        raise RuntimeError("Authorization: Bearer hf_abcdefghijklmnopqrstuv")

    (answer,) = run_batch(Fake(behave), [request("a")])
    assert answer.failure is not None
    assert "abcdefghijkl" not in answer.failure.message


def test_another_number_of_responses_is_an_error_of_the_model() -> None:
    with pytest.raises(HemmError, match="1 responses to 2 requests"):
        run_batch(Fake(lambda _: [Response()]), [request("a"), request("b")])


def test_nothing_asked_nothing_done() -> None:
    model = Fake()
    assert run_batch(model, []) == []
    assert model.batches == []
