"""The soak of a server, for some seconds: nothing grows, and no client has an error."""

import pytest

from tests.net.soak import find_growth, run

FIGURES = {
    "descriptors": 213,
    "handlers": 207,
    "timers": 206,
    "threads": 4,
    "heap": 310,
    "objects": 90_000,
    "rss": 60_000_000,
}
REST = {"descriptors": 7, "handlers": 2, "timers": 0, "threads": 4, "heap": 0, "objects": 60_000, "rss": 40_000_000}


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["thread", "asyncio"])
def test_nothing_grows_under_mixed_load(driver):
    lines = []
    assert run(minutes=0.1, driver=driver, interval=0.5, report=lines.append) == [], "\n".join(lines)
    assert any("restarted" in line for line in lines)


@pytest.mark.parametrize("name", ["descriptors", "handlers", "timers", "rss", "objects"])
def test_growth_is_found(name):
    samples = [{**FIGURES, name: FIGURES[name] * (1 + number / 10)} for number in range(30)]
    (problem,) = [one for one in find_growth(samples, REST, REST, checks_memory=True) if "cancelled" not in one]
    assert problem.startswith(f"{name} has grown")


def test_cancelled_timers_and_what_remains_at_the_end_are_found():
    samples = [{**FIGURES, "heap": 900}] * 3
    problems = find_growth(samples, REST, {**REST, "handlers": 3, "timers": 1}, checks_memory=True)
    assert [problem.split(":")[0] for problem in problems] == ["too many cancelled timers"] * 3 + ["handlers", "timers"]


def test_steady_figures_are_no_growth():
    assert find_growth([FIGURES] * 30, REST, REST, checks_memory=True) == []
