"""Run everyone over the tracks, and put them in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unfade.bench.costs import Cost, machine, measure
from unfade.bench.entries import UNFADE, Entry, method_of, named_once, pipeline_method, try_out
from unfade.bench.making import Manifest, read_manifest
from unfade.bench.tracks import TRACKS, Track
from unfade.errors import UsageError
from unfade.measures.baselines import BASELINES, Method
from unfade.measures.benches import Bench
from unfade.measures.evaluation import Evaluation, MethodScores, evaluate, named_scores
from unfade.measures.features import Features
from unfade.models.session import Sessions

# What anyone could do without us, by track. The truth and a median say nothing about a rival.
_BESIDE: dict[str, tuple[str, ...]] = {
    "damage": ("Otsu",),
    "harm": (),
    "fill": ("as it is", "Telea", "Navier–Stokes", "biharmonic"),
    "tone": ("as it is",),
    "color": ("gray",),
    "twins": ("as it is", "Telea", "Navier–Stokes", "biharmonic"),
    "halftone": ("as it is", "median 3×3"),
}
_SLOW = frozenset({"biharmonic"})


@dataclass(frozen=True, eq=False)
class TrackResult:
    """One track: everyone's figures."""

    track: Track
    evaluation: Evaluation

    @property
    def ranks_by(self) -> str | None:
        """The measure that orders the entries; None if none of the track's was taken."""
        return next((name for name in self.track.ranks_by if name in self.evaluation.measures), None)

    def ranking(self) -> list[MethodScores]:
        """Everyone, the best first by the track's measure; whoever has no figure of it comes last."""
        name, everyone = self.ranks_by, list(named_scores(self.evaluation))
        if name is None:
            return everyone
        sign = -1 if self.evaluation.measures[name].better == "higher" else 1
        known = [one for one in everyone if name in one.scores]
        known.sort(key=lambda one: sign * one.scores[name].value)
        return known + [one for one in everyone if one not in known]


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """The tracks of one bench, and what everyone costs on this machine."""

    manifest: Manifest
    machine: dict[str, str]
    results: tuple[TrackResult, ...]
    costs: tuple[Cost, ...]


def run_bench(
    folder: Path,
    entries: Sequence[Entry],
    *,
    sessions: Sessions,
    features: Features | None = None,
    perceptual: Features | None = None,
    slow: bool = True,
    progress: Callable[[str, str, float], None] | None = None,
) -> Leaderboard:
    """Judge Unfade, the classical methods and `entries` on the bench in `folder`.

    `slow`: the classical methods that take seconds a picture, too. `progress` is called with a track's name,
    a method's name and the share that is done. Raises `UsageError` for entries that take part in nothing
    here, `DataError` for results that are missing, of another size, or that a command did not give.
    """
    manifest = read_manifest(folder)
    named_once(entries, lambda name: name == UNFADE or any(name in beside for beside in BASELINES.values()))
    for entry in entries:
        if not entry.tracks & set(manifest.tracks):
            raise UsageError(f"{entry.name} takes part in {', '.join(sorted(entry.tracks))}; the bench has {', '.join(manifest.tracks)}")
    benches = {name: _bench(TRACKS[name], folder) for name in manifest.tracks}
    # Everyone is asked before anything is measured, so that a folder that lacks results, or a command that
    # fails, is told at once and not after minutes.
    methods = {name: _methods(TRACKS[name], bench, entries, sessions, slow=slow) for name, bench in benches.items()}
    for entry in entries:
        for name in entry.tracks & set(benches):
            try_out(entry, TRACKS[name], methods[name][entry.name], benches[name])
    costs = measure(folder, entries, sorted({name for beside in methods.values() for name in beside}))
    results = []
    for name, bench in benches.items():

        def report(method: str, share: float, name: str = name) -> None:
            if progress is not None:
                progress(name, method, share)

        ours = methods[name].pop(UNFADE)
        seen = (features, perceptual) if bench.task in ("restoration", "colorization") else (None, None)
        evaluation = evaluate(bench, ours, name=UNFADE, baselines=methods[name], features=seen[0], perceptual=seen[1], progress=report)
        results.append(TrackResult(TRACKS[name], evaluation))
    return Leaderboard(manifest, machine(), tuple(results), tuple(costs))


def _bench(track: Track, folder: Path) -> Bench:
    return Bench(track.task, folder / track.name, mask=track.mask)


def _methods(track: Track, bench: Bench, entries: Sequence[Entry], sessions: Sessions, *, slow: bool) -> dict[str, Method]:
    beside = {name: BASELINES[track.task][name] for name in _BESIDE[track.name] if slow or name not in _SLOW}
    rivals = {entry.name: method_of(entry, track, bench) for entry in entries if track.name in entry.tracks}
    return {UNFADE: pipeline_method(bench, sessions), **rivals, **beside}
