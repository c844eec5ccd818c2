"""BROJA against values that are known exactly, its defining properties, and a general convex solver."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from hemm.stats.partial_information import decompose, decompose_all, mutual_information


def _gate(rule, sizes=(2, 2), outputs: int = 2) -> np.ndarray:
    """The joint distribution of even inputs and what ``rule`` makes of them."""
    table = np.zeros((*sizes, outputs))
    for inputs in itertools.product(*map(range, sizes)):
        table[(*inputs, rule(*inputs))] += 1
    return table


KNOWN = {
    # Bertschinger et al. 2014, Griffith and Koch 2014: exclusive or, and, copies, one source alone
    "xor": (_gate(lambda a, b: a ^ b), (0, 0, 0, 1)),
    "and": (_gate(lambda a, b: a & b), (0.311278, 0, 0, 0.5)),
    "or": (_gate(lambda a, b: a | b), (0.311278, 0, 0, 0.5)),
    "unique": (_gate(lambda a, b: a), (0, 1, 0, 0)),
    "both inputs are the target": (_gate(lambda a, b: 2 * a + b, outputs=4), (0, 1, 1, 0)),
    "sum": (_gate(lambda a, b: a + b, outputs=3), (0.5, 0, 0, 1)),
    "three copies": (np.eye(3)[:, :, None] * np.eye(3)[:, None, :], (np.log2(3), 0, 0, 0)),
    "half of it from each, and an exclusive or": (
        _gate(lambda a, b: (a // 2) * 4 + (b // 2) * 2 + (a % 2 ^ b % 2), (4, 4), 8),
        (0, 1, 1, 1),
    ),
    "nothing": (np.ones((3, 2, 4)), (0, 0, 0, 0)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_parts_of_gates_are_those_of_the_literature(name: str) -> None:
    table, expected = KNOWN[name]
    found = decompose(table)
    parts = (found.redundancy, found.first, found.second, found.synergy)
    assert parts == pytest.approx(expected, abs=2e-5)
    assert found.total == pytest.approx(sum(expected), abs=1e-6)


def _by_a_general_solver(p: np.ndarray) -> float:
    """The least information of two sources with the given marginals, in bits: moves of mass round the
    rectangles of each target's slice, which keep the marginals, by a solver of constrained problems."""
    rows, columns, targets = p.shape
    y = p.sum(axis=(0, 1))
    start = p.sum(axis=1)[:, None, :] * p.sum(axis=0)[None, :, :] / y  # sources independent given the target
    moves = []
    for i, j, k in itertools.product(range(1, rows), range(1, columns), range(targets)):
        move = np.zeros_like(p)
        move[0, 0, k] = move[i, j, k] = 1
        move[0, j, k] = move[i, 0, k] = -1
        moves.append(move.ravel())
    basis = np.array(moves).T

    def both(t: np.ndarray) -> tuple[float, np.ndarray]:
        q = np.maximum(start.ravel() + basis @ t, 1e-12).reshape(p.shape)
        slope = np.log2(q / q.sum(axis=2, keepdims=True) / y)
        return float((q * slope).sum()), basis.T @ slope.ravel()

    inside = {"type": "ineq", "fun": lambda t: start.ravel() + basis @ t, "jac": lambda t: basis}
    options = {"maxiter": 400, "ftol": 1e-13}
    zero = np.zeros(basis.shape[1])
    return float(minimize(both, zero, jac=True, constraints=inside, method="SLSQP", options=options).fun)


@pytest.mark.parametrize("seed", range(4))
def test_the_minimum_is_that_of_a_general_solver(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(18, 0.7)).reshape(3, 3, 2)
    found = decompose(p)
    least = found.total - found.synergy
    assert least == pytest.approx(_by_a_general_solver(p), abs=2e-4)
    swapped = decompose(p.transpose(1, 0, 2))
    assert (swapped.redundancy, swapped.first) == pytest.approx((found.redundancy, found.second), abs=1e-4)
    assert found.redundancy + found.first == pytest.approx(
        mutual_information(p.sum(axis=1)[None])[0], abs=1e-6
    )
    assert min(found.redundancy, found.first, found.second, found.synergy) >= 0


def test_tables_are_taken_apart_together_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    counts = rng.multinomial(60, rng.dirichlet(np.full(27, 0.4)), size=3).reshape(-1, 3, 3, 3).astype(float)
    together, gaps = decompose_all(counts, 1e-3)
    alone = [decompose(table, 1e-3) for table in counts]
    assert together[:, 0] == pytest.approx([a.redundancy for a in alone], abs=1e-9)
    assert (gaps <= 1e-3).all()


@pytest.mark.parametrize(
    "table", [np.zeros((2, 2, 2)), -np.ones((2, 2, 2)), np.ones((2, 2)), np.full((2, 2, 2), np.nan)]
)
def test_what_is_no_table(table: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"table"):
        decompose(table)
