"""Turns the measurements of one job into a table for people and a record for machines."""

from __future__ import annotations

import dataclasses
import statistics

from engines import Answer, Engine
from measure import Outcome

MB = 1e6
# Above this, the figures of a run tell little.
QUIET_CORES = 0.1


@dataclasses.dataclass
class Series:
    """One engine's measurements, one for each round."""

    engine: Engine
    answers: list[Answer] = dataclasses.field(default_factory=list)
    outcomes: list[Outcome] = dataclasses.field(default_factory=list)

    @property
    def speeds(self) -> list[float]:
        return [answer.tokens_per_second for answer in self.answers]

    @property
    def speed(self) -> float:
        return statistics.median(self.speeds)

    @property
    def peak_rss(self) -> float:
        return statistics.median(outcome.peak_rss_bytes for outcome in self.outcomes)

    @property
    def share(self) -> float | None:
        shares = [answer.share_of_peak for answer in self.answers if answer.share_of_peak is not None]
        return statistics.median(shares) if shares else None

    @property
    def others_cores(self) -> float | None:
        known = [outcome.others_cores for outcome in self.outcomes if outcome.others_cores is not None]
        return max(known) if known else None


def spread(values: list[float], form: str) -> str:
    return f"{min(values):{form}}-{max(values):{form}}"


def row(series: Series, puna: Series | None) -> list[str]:
    cells = [series.engine.name, f"{series.speed:,.1f}", spread(series.speeds, ",.1f")]
    if puna is None or series is puna:
        cells += ["", "", ""]
    else:
        # Ratios within a round, so that the machine's drift over the rounds cancels out.
        ratios = [ours / theirs for ours, theirs in zip(puna.speeds, series.speeds)]
        cells += [f"{statistics.median(ratios):.2f}", spread(ratios, ".2f"), f"{series.engine.aim:.2f}"]
    share = series.share
    if share is None and puna is not None and puna.share is not None:
        share = puna.share * series.speed / puna.speed
    cells.append("" if share is None else f"{share:.0%}")
    cells.append(f"{series.peak_rss / MB:,.0f}")
    cells.append("" if puna is None or series is puna else f"{puna.peak_rss / series.peak_rss:.2f}")
    cells.append("" if series.others_cores is None else f"{series.others_cores:.2f}")
    return cells


HEADER = ["engine", "tokens/s", "min-max", "speed ratio", "min-max", "aim", "of peak", "peak MB", "memory ratio", "others"]


def table(all_series: list[Series], puna: Series | None) -> str:
    """A Markdown table, aligned for reading as it is."""
    rows = [HEADER, *(row(series, puna) for series in all_series)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEADER))]
    lines = ["| " + " | ".join(cell.rjust(width) if i else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(cells, widths))) + " |" for cells in rows]
    rule = "|" + "|".join("-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def missed(all_series: list[Series], puna: Series | None) -> list[str]:
    """The peers that Puna is wanted to lead by more than it does."""
    if puna is None:
        return []
    result = []
    for series in all_series:
        if series.engine.aim is not None:
            ratio = statistics.median(ours / theirs for ours, theirs in zip(puna.speeds, series.speeds))
            if ratio < series.engine.aim:
                result.append(f"{ratio:.2f} of {series.engine.name}, wanted {series.engine.aim:.2f}")
    return result


def noisy(all_series: list[Series]) -> bool:
    return any((series.others_cores or 0.0) > QUIET_CORES for series in all_series)


def record(title: str, all_series: list[Series]) -> dict:
    """Everything that was measured, for --json."""
    return {
        "job": title,
        "engines": [
            {
                "name": series.engine.name,
                "version": series.answers[-1].engine,
                "command": series.engine.command,
                "tokens_per_second": series.speeds,
                "share_of_peak": series.share,
                "peak_rss_bytes": [outcome.peak_rss_bytes for outcome in series.outcomes],
                "wall_seconds": [outcome.wall_seconds for outcome in series.outcomes],
                "cpu_seconds": [outcome.cpu_seconds for outcome in series.outcomes],
                "others_cores": [outcome.others_cores for outcome in series.outcomes],
            }
            for series in all_series
        ],
    }
