"""Human-computer interaction: enrico, screen2words."""

from __future__ import annotations

from pathlib import Path

from hemm.tasks.hci.enrico import TOPICS

from .draw import put


def enrico(folder: Path, n: int) -> None:
    """The table and the unpacked screenshots; Windows line ends, a blank behind a topic."""
    topics = sorted(TOPICS)
    lines = ["screen_id,topic"]
    for number in range(n):
        screen = 1000 + number * 37
        lines.append(f"{screen},{topics[number % len(topics)]}{' ' if number % 9 == 0 else ''}")
        put(folder / f"screenshots/{screen}.jpg", number, "RGB", (9, 16))
    (folder / "design_topics.csv").write_text("\r\n".join(lines) + "\r\n", newline="")


def enrico_hemm(folder: Path, n: int) -> None:
    """Ten times as many screens: a tenth of them is asked."""
    enrico(folder, 10 * n)


def screen2words(folder: Path, n: int) -> None:
    """The repository and RICO's screenshots: five summaries a screen, not one behind the other, lists with
    blanks and empty lines."""
    lines = ["screenId,summary"]
    test = [str(number * 3 + 1) for number in range(n)]
    train = [str(number * 3 + 2) for number in range(3)]
    for turn in range(5):
        screens = (*test, *train, "7000000")
        lines += [f'{screen},"page {turn} of screen {screen}, with a list "' for screen in screens]
    (folder / "split").mkdir(parents=True)
    (folder / "screen_summaries.csv").write_text("\r\n".join(lines) + "\r\n", newline="")
    (folder / "split/test_screens.txt").write_text(" \r\n".join(test) + "\r\n\r\n", newline="")
    (folder / "split/train_screens.txt").write_text("\n".join(train))
    for number, screen in enumerate((*test, *train)):
        put(folder / f"unique_uis/combined/{screen}.jpg", number, "RGB", (9, 16))


LAYOUTS = {"enrico": enrico, "enrico:hemm": enrico_hemm, "screen2words": screen2words}
