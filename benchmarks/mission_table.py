"""What the mission's benchmark measured, side by side for each number of granules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.mission_kill import GOOD

Figures = dict[str, Any]
Measured = Mapping[int, Mapping[str, Figures]]
"""By number of granules, then by step: figures by name."""

TITLES: Final = {
    "serving": "The stand-in's own serving time, to a client that throws all away",
    "build": "Full build",
    "rebuild": "Rebuild with nothing new",
    "changes": "Rebuild with 100 revised, 50 new, 20 removed",
    "search": "200 searches of the local folder, a third across ±180 or polar",
    "http": "Searches over HTTP ranges, cold, 30 ms latency",
    "intake": "intake.open_catalog over the same HTTP, cold",
    "kill": "kill -9",
}
WHOLE: Final = 500_000
"""From how many granules on the limits hold."""


def tables(measured: Measured, about: Figures) -> str:
    """All tables, in Markdown."""
    head = f"Measured {about['date']} on {about['cores']} cores ({about['processor']})."
    parts = [head]
    for step, title in TITLES.items():
        counts = [count for count in measured if step in measured[count]]
        if counts:
            figures = {count: dict(_flat(measured[count][step])) for count in counts}
            parts += [f"### {title}", _table(figures)]
    checks = list(promises(measured))
    if checks:
        parts += ["### What was promised", "\n".join(checks)]
    return "\n\n".join(parts) + "\n"


def _table(figures: Mapping[int, Figures]) -> str:
    counts = sorted(figures)
    growth = len(counts) > 1
    head = ["", *(f"{count:,}" for count in counts), *(["growth"] if growth else [])]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for name in dict.fromkeys(name for count in counts for name in figures[count]):
        values = [figures[count].get(name) for count in counts]
        cells = [name, *map(_shown, values)]
        if growth:
            cells.append(_growth(values[-2], values[-1]))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _growth(before: Any, after: Any) -> str:
    """From the last but one to the last."""
    numbers = all(isinstance(value, int | float) and value for value in (before, after))
    return f"x {after / before:.1f}" if numbers else ""


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value).replace("|", "/")


def _flat(figures: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Figures by name; what is figures of parts, by the names of both."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}: ")
        elif not isinstance(value, list | tuple):
            yield f"{above}{name}", value
        elif value:
            yield f"{above}{name}", ", ".join(map(str, value[:5]))


def promises(measured: Measured) -> Iterator[str]:
    """Each limit for the whole mission, and whether it is met."""
    for count, figures in measured.items():
        steps = {step: one for step, one in figures.items() if "error" not in one}
        for what, have, most in (*_anywhere(steps), *(_whole(steps) if count >= WHOLE else ())):
            sign = "met" if have <= most else "MISSED"
            yield f"- {sign}: {count:,}: {what} {have:.3g}, at most {most:.3g}"
    yield from _flatness(measured)


def _anywhere(steps: Mapping[str, Figures]) -> Iterator[tuple[str, float, float]]:
    """What holds for any number of granules."""
    if figures := steps.get("rebuild"):
        yield "nothing new: files changed but the report", figures["files changed"], 0
    if figures := steps.get("changes"):
        yield "changes: files unlike a full build's", figures["unlike a full build"], 0
    if figures := steps.get("search"):
        yield "searches with a wrong answer", figures["wrong"], 0
    for name, kill in steps.get("kill", {}).items():
        bad = kill["kills"] - sum(kill["verified"].get(words, 0) for words in GOOD)
        yield f"{name} killed: not verified", bad, 0
        yield f"{name} killed: next build differs", kill["next build differs"], 0


def _whole(steps: Mapping[str, Figures]) -> Iterator[tuple[str, float, float]]:
    """What holds for the whole mission."""
    if (figures := steps.get("build")) and "serving" in steps:
        yield "build: s beyond serving", figures["wall s"] - steps["serving"]["wall s"], 100
    if figures:
        yield "build: peak RSS MB, all processes", figures["peak RSS MB"], 400
    if figures := steps.get("rebuild"):
        yield "nothing new: s beyond CMR's answers", figures["s beyond CMR"], 3
    if figures := steps.get("changes"):
        yield "changes: s beyond CMR's answers", figures["s beyond CMR"], 10
    if figures := steps.get("search"):
        yield "search: median ms", figures["median ms"], 50
    if figures := steps.get("http"):
        for what, limit in (("MB", 4), ("requests", 15), ("wall s", 1.5)):
            yield f"region and year over HTTP: {what}", figures["region and year"][what], limit
    if figures := steps.get("intake"):
        yield "intake: s to the first result", figures["to the first result s"], 2
        for what in ("repr", "completion", "walk"):
            yield f"intake: {what} s", figures[f"{what} s"], 0.1


def _flatness(measured: Measured) -> Iterator[str]:
    """Whether memory stays the same from 50,000 granules on, and time grows with their number."""
    built = sorted(n for n, steps in measured.items() if "wall s" in steps.get("build", {}))
    if len(built) > 1 and built[-1] >= WHOLE:
        small, large = (measured[count]["build"] for count in built[-2:])
        times = built[-1] / built[-2]
        for what, limit in (("peak RSS MB", 1.15), ("wall s", 1.15 * times)):
            ratio = large[what] / small[what]
            sign = "met" if ratio <= limit else "MISSED"
            figures = f"build: {what} grew x {ratio:.3g} from {built[-2]:,} to {built[-1]:,}"
            yield f"- {sign}: {figures}, at most x {limit:.3g}"
