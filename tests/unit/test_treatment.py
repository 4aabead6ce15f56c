"""Every option of a restoration is declared once, by its step, and reaches every door."""

from __future__ import annotations

import html
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import unfade
from unfade import pipeline
from unfade.cli import build
from unfade.errors import UnknownNameError, UsageError
from unfade.files.photo import read
from unfade.models.session import Sessions
from unfade.options import Option
from unfade.steps import STEPS
from unfade.steps.colorize import Colorize, Hint
from unfade.steps.damage import Damage
from unfade.steps.frame import Frame
from unfade.treatment import Treatment, has_pixels, make_step, options, parts
from unfade.work import Step, Work

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "models"


def names(treatment: Treatment, *, has_mask: bool = False) -> list[str]:
    return [step.name for step in treatment.steps(has_mask=has_mask)]


# --- what the options make ----------------------------------------------------------------------------------


def test_the_steps_follow_from_the_options() -> None:
    assert names(Treatment()) == ["frame", "damage", "fill", "clean"]
    assert names(Treatment(colorize=True), has_mask=True) == ["frame", "fill", "clean", "colorize"]
    assert names(Treatment(fill=False, clean=0)) == []


def test_each_option_reaches_the_field_of_its_step() -> None:
    hint = Hint(3, 4, 5, (0.1, 0.2, 0.3))
    treatment = Treatment(
        sensitivity=0.2, largest_dust_px=9, clean=0.4, colorize=True, strength=0.6, saturation=1.2, liveliness=0.8, hints=[hint], force=True
    )
    frame, damage, _, clean, colorize = treatment.steps(has_mask=False)
    assert frame == Frame(whole=False)
    assert damage == Damage(sensitivity=0.2, largest_dust_px=9)
    assert getattr(clean, "strength") == 0.4  # noqa: B009  # its type is Step
    assert colorize == Colorize(strength=0.6, saturation=1.2, liveliness=0.8, hints=(hint,), force=True)


def test_a_treatment_is_a_frozen_value() -> None:
    assert Treatment(clean=0.5) == Treatment(clean=0.5) != Treatment()
    assert hash(Treatment(clean=0.5)) == hash(Treatment(clean=0.5))
    assert Treatment().changed(clean=0.5) == Treatment(clean=0.5)
    with pytest.raises(AttributeError):
        Treatment().clean = 0.5
    with pytest.raises(AttributeError, match="no option 'cleanse'"):
        Treatment().cleanse  # noqa: B018
    assert Treatment().clean == 1 and "clean=1.0" in repr(Treatment())
    assert json.loads(json.dumps(Treatment(hints=[Hint(1, 2, 3, (0, 0, 1))]).as_json()))["hints"][0]["color"] == [0, 0, 1]


def test_what_is_in_pixels_is_scaled_with_the_photograph() -> None:
    treatment = Treatment(largest_dust_px=20, hints=[Hint(40, 60, 8, (0, 0, 0))], clean=0.5)
    half = treatment.scaled(0.5)
    assert (half.largest_dust_px, half.hints, half.clean) == (10, (Hint(20, 30, 4, (0, 0, 0)),), 0.5)
    assert treatment.scaled(0.001).largest_dust_px == 1  # never below what it may be
    assert Treatment().scaled(0.5) == Treatment()
    assert has_pixels(Damage(largest_dust_px=5)) and not has_pixels(Damage())
    assert has_pixels(Colorize(hints=(Hint(1, 1, 1, (0, 0, 0)),))) and not has_pixels(Colorize(strength=0.4))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"clean": 2.0}, "clean must lie between 0 and 1, not 2"),
        ({"clean": float("nan")}, "clean must lie between 0 and 1, not nan"),
        ({"clean": True}, "clean must be a number, not True"),
        ({"saturation": "1"}, "saturation must be a number, not '1'"),
        ({"largest_dust_px": 0}, "largest_dust_px must lie between 1 and 1000000, not 0"),
        ({"largest_dust_px": 2.5}, "largest_dust_px must be a whole number, not 2.5"),
        ({"colorize": 1}, "colorize must be true or false, not 1"),
        ({"hints": "120,80,9,#ffffff"}, "hints must be a list of Hint"),
        ({"hints": [(1, 2)]}, r"hints must hold Hint, not \(1, 2\)"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_it_was_asked_by(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Treatment(**given)


def test_an_unknown_option_is_refused_and_the_nearest_suggested() -> None:
    with pytest.raises(UnknownNameError, match=r"no option 'sensitivty'; did you mean 'sensitivity'\?"):
        Treatment(sensitivty=0.5)  # type: ignore[call-arg]
    with pytest.raises(UnknownNameError, match="no option 'clean'"):
        make_step("colorize", {"clean": 1.0})


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,#12345", "a,2,3,#123456", "1,2,0,#123456", "1.2.3,2,3,#123456"])
def test_a_hint_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="hint"):
        Hint.parse(text)


def test_every_step_of_a_restoration_says_what_it_is() -> None:
    places = [step.place for step in parts()]
    assert places == sorted(places) and len(set(places)) == len(places)
    for step in STEPS.values():
        assert step.label and step.weight > 0
    assert all(declared.help for declared in options())


# --- the doors ----------------------------------------------------------------------------------------------

# What a door leaves out, and why.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("form", "hints"): "a form's field holds one value; scripts that give hints send JSON to /photos/{id}/jobs",
    ("form", "heals"): "the same",
    ("form", "guides"): "the same; the photograph that they are of is named where it is at hand: --like, like=",
}


def _flag(declared: Option) -> str:
    return "--" + (declared.name.removesuffix("s") if declared.many else declared.name).replace("_", "-")


def api_fields(model: type[Any]) -> dict[str, Any]:
    """The schema of each option of a request, those of its groups with them."""
    schema = model.model_json_schema()
    fields: dict[str, Any] = schema["properties"]
    for group in {declared.group for declared in options()} - {None}:
        fields |= schema["$defs"][fields[group]["$ref"].rsplit("/", 1)[1]]["properties"]
    return fields


def doors() -> dict[str, set[str]]:
    """For each door the names of the options that it has."""
    pytest.importorskip("fastapi", reason="needs the web extra")
    from unfade.queue.options import Options
    from unfade.web.responses import option_responses
    from unfade.web.routes.scripts import _script_form, _ScriptOptions

    shown = CliRunner().invoke(build(), ["restore", "--help"], env={"COLUMNS": "200"}).output.split()
    form = _script_form(_ScriptOptions)["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    return {
        "python": set(inspect.signature(unfade.restore).parameters),
        "command line": {declared.name for declared in options() if _flag(declared) in shown},
        "api": set(api_fields(Options)),
        "page": {answer.name for answer in option_responses()},
        "form": set(form),
    }


def test_every_option_is_on_every_door() -> None:
    for door, has in doors().items():
        missing = {declared.name for declared in options()} - has
        assert missing == {name for at, name in EXCEPTIONS if at == door}, door


def test_limits_and_defaults_are_the_same_on_every_door() -> None:
    pytest.importorskip("fastapi", reason="needs the web extra")
    from unfade.queue.options import Options

    schema = api_fields(Options)
    signature = inspect.signature(unfade.restore).parameters
    for declared in options():
        assert signature[declared.name].default == declared.default == getattr(Treatment(), declared.name)
        if declared.form is not None:  # the form itself holds the limits: see below
            continue
        bounds = schema[declared.name].get("anyOf", [schema[declared.name]])[0]
        assert (bounds.get("minimum"), bounds.get("maximum")) == (declared.least, declared.most)
    assert Options().treatment() == Treatment()


def test_the_command_line_does_as_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that only the web had: they reach the step from the command line, and stand in the report."""
    monkeypatch.setenv("UNFADE_MODELS", str(GOLDEN))
    samples = np.full((60, 80, 3), 110, np.uint8)
    samples[20:24, 30:34] = 250
    unfade.write(read(samples), tmp_path / "a.png")
    asked = "restore a.png --clean 0.5 --largest-dust-px 9 --colorize --force --liveliness 0.9 --hint 10,12,4,#336699 --report report.json"
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(build(), asked.split())
    assert done.exit_code == 0, done.output
    report = {step["step"]: step["options"] for step in json.loads((tmp_path / "report.json").read_text())["steps"]}
    assert report["damage"] == {"sensitivity": 0.5, "largest_dust_px": 9}
    assert (report["clean"]["strength"], report["clean"]["force"]) == (0.5, False)
    assert report["colorize"]["liveliness"] == 0.9 and report["colorize"]["force"] is True
    assert report["colorize"]["hints"] == [{"x": 10, "y": 12, "radius_px": 4, "color": [0.2, 0.4, 0.6]}]
    with Sessions(1, {step: GOLDEN / f"{step}.toml" for step in ("damage", "fill", "tone", "clean", "colorize")}) as sessions:
        result = unfade.restore(
            read(tmp_path / "a.png"),
            clean=0.5,
            largest_dust_px=9,
            colorize=True,
            force=True,
            liveliness=0.9,
            hints=[Hint.parse("10,12,4,#336699")],
            sessions=sessions,
        )
    np.testing.assert_array_equal(read(tmp_path / "a.restored.png").samples, result.photo.samples)
    refused = CliRunner().invoke(build(), ["restore", "a.png", "--hint", "10,12"])
    assert refused.exit_code == 2


def test_each_step_is_shown_as_it_is_done(sessions: Sessions) -> None:
    samples = np.full((60, 80, 1), 110, np.uint8)
    samples[20:24, 30:34] = 250
    seen: list[tuple[str, bool, int]] = []

    def see(step: Step, work: Work) -> None:
        seen.append((step.name, work.mask is not None, work.photo.channels))

    result = pipeline.restore(read(samples), colorize=True, sessions=sessions, on_step=see)
    assert seen == [("frame", False, 1), ("damage", True, 1), ("fill", True, 1), ("clean", True, 1), ("colorize", True, 3)]
    assert [record.step for record in result.report.steps] == [name for name, _, _ in seen]

    def stop(step: Step, work: Work) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pipeline.restore(read(samples), sessions=sessions, on_step=stop)


# --- a new step is one new file -----------------------------------------------------------------------------

TOY = '''
"""Lifts the whole photograph by some steps: a toy."""
from __future__ import annotations
from dataclasses import dataclass
from typing import Literal
from unfade.options import option
from unfade.work import Outcome, Step

@dataclass(frozen=True)
class Toy(Step):
    """A toy."""
    name = "toy"
    label = "Lifting"
    weight = 0.5
    place = 400
    lift: int = option(0, "How many steps are added to every sample.", least=0, most=20)

    @property
    def is_wanted(self) -> bool:
        return self.lift > 0

    def run(self, work, sessions, progress):
        lifted = work.photo.with_samples(work.photo.samples + self.lift)
        return Outcome(lifted, work.mask, "lifted", work.photo.width * work.photo.height, facts={"lift": self.lift})

STEP = Toy
'''

DOORS = """
import asyncio, inspect, json, sys
from pathlib import Path
import unfade.steps
unfade.steps.__path__.append(sys.argv[1])

import httpx, numpy as np
from typer.testing import CliRunner
import unfade
from unfade.cli import build
from unfade.files.photo import read
from unfade.settings import Settings
from unfade.web.app import create_app
from unfade.queue.records import JobRecord
from unfade.queue.options import Options

async def served(*paths):
    app = create_app(Settings(data=Path("data")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        return [(await client.get(path)).json() for path in paths]

if __name__ == "__main__":
    unfade.write(read(np.full((20, 30, 1), 100, np.uint8)), "a.png")
    shown = CliRunner().invoke(build(), ["restore", "--help"], env={"COLUMNS": "200"}).output
    command = CliRunner().invoke(build(), "restore a.png --no-fill --clean 0 --lift 7 --report report.json".split())
    result = unfade.restore("a.png", fill=False, clean=0, lift=5)
    document, settings = asyncio.run(served("/api/openapi.json", "/api/v1/settings"))
    print(json.dumps({
        "help": " ".join(shown.split()),
        "signature": str(inspect.signature(unfade.restore).parameters["lift"]),
        "openapi": document["components"]["schemas"]["Options"]["properties"]["lift"],
        "page": [answer for answer in settings["options"] if answer["step"] == "toy"],
        "steps": [answer["name"] for answer in settings["steps"]],
        "weights": JobRecord(id="j", photo_id="p", options=Options(lift=2, colorize=True), created=0).weights(),
        "command": command.exit_code,
        "written": int(read(Path("a.restored.png")).samples[0, 0, 0]),
        "report": [step["options"] for step in json.loads(Path("report.json").read_text())["steps"]],
        "python": int(result.photo.samples[0, 0, 0]),
    }))
"""


def test_a_new_step_is_one_new_file(tmp_path: Path) -> None:
    """In a fresh interpreter: the doors are made when they are imported."""
    pytest.importorskip("fastapi", reason="needs the web extra")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "toy.py").write_text(TOY)
    (tmp_path / "doors.py").write_text(DOORS)
    run = subprocess.run(
        [sys.executable, "doors.py", str(tmp_path / "more")], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout.splitlines()[-1])
    assert "--lift <int range> How many steps are added to every sample. [default: 0; 0<=x<=20]" in seen["help"]
    assert seen["signature"] == "lift: 'int' = 0"
    assert (seen["openapi"]["minimum"], seen["openapi"]["maximum"], seen["openapi"]["default"]) == (0, 20, 0)
    (page,) = seen["page"]
    assert (page["name"], page["kind"], page["maximum"], page["help"]) == (
        "lift",
        "whole-number",
        20,
        "How many steps are added to every sample.",
    )
    assert seen["steps"] == ["frame", "damage", "fill", "clean", "toy", "colorize"]
    assert list(seen["weights"]) == ["frame", "damage", "fill", "clean", "toy", "colorize", "saving"] and seen["weights"]["toy"] == 0.5
    assert seen["command"] == 0 and seen["written"] == 107 and [step.get("lift") for step in seen["report"]] == [None, 7]
    assert seen["python"] == 105


# --- the report ---------------------------------------------------------------------------------------------


def test_the_report_says_what_was_asked_and_the_file_too(sessions: Sessions) -> None:
    samples = np.full((60, 80, 1), 110, np.uint8)
    samples[20:24, 30:34] = 250
    mask = samples[:, :, 0] == 250
    asked = {"clean": 0.4, "colorize": True, "hints": [Hint(3, 4, 5, (0, 0, 1))]}
    found = pipeline.restore(read(samples), sessions=sessions, **asked)  # type: ignore[arg-type]
    given = pipeline.restore(read(samples), mask=mask, sessions=sessions)
    assert found.report.treatment == Treatment(**asked).as_json() and found.report.mask_sha256 is None  # type: ignore[arg-type]
    assert given.report.treatment == Treatment().as_json() and given.report.mask_sha256 is not None
    other = pipeline.restore(read(samples), mask=~mask, sessions=sessions)
    assert other.report.mask_sha256 != given.report.mask_sha256
    packet = (found.photo.metadata.xmp or b"").decode()
    assert "unfade:Treatment" in packet and html.unescape(packet).count('"clean": 0.4') == 1
    assert json.loads(found.report.to_json())["treatment"]["hints"] == [{"x": 3, "y": 4, "radius_px": 5, "color": [0, 0, 1]}]
    assert pipeline.find_damage(read(samples), sessions=sessions).report.treatment is None


def test_each_step_says_what_became_of_it_in_a_word_and_numbers(sessions: Sessions, rng: np.random.Generator) -> None:
    flat = np.full((60, 80, 1), 110, np.uint8)
    flat[20:24, 30:34] = 250
    colored = np.ascontiguousarray(rng.integers(0, 256, (60, 80, 3)).astype(np.uint8))

    def said(samples: np.ndarray, **options: Any) -> dict[str, tuple[str, dict[str, float]]]:
        report = pipeline.restore(read(samples), sessions=sessions, **options).report
        return {step.step: (step.outcome, step.facts) for step in report.steps}

    aged = said(flat, colorize=True)
    assert {name: word for name, (word, _) in aged.items()} == {
        "frame": "whole",
        "damage": "found",
        "fill": "filled",
        "clean": "cleaned",
        "colorize": "colored",
    }
    assert 0 < aged["damage"][1]["share"] < 0.1 and aged["colorize"][1] == {"spread": 0, "tint": 0}
    assert aged["clean"][1]["need"] > 0.3 and set(aged["clean"][1]) == {"need", "tone", "detail"}
    sound = said(colored, colorize=True, mask=np.zeros((60, 80), bool))
    assert [word for word, _ in sound.values()] == ["whole", "nothing-lost", "sound", "already-color"]
    assert said(flat, mask=np.ones((60, 80), bool))["fill"][0] == "all-lost"
    forced = said(colored, mask=np.zeros((60, 80), bool), force_clean=True, clean=0.5)
    assert forced["clean"] == ("cleaned", {"need": sound["clean"][1]["need"], "tone": 0.5, "detail": 0.5, "faces": 0})
    assert said(flat, colorize=True, strength=0.0)["colorize"][0] == "off"


def test_too_few_numbers_are_shown_as_they_were_typed() -> None:
    crop = next(option for option in options() if option.name == "crop")
    assert crop.form is not None
    with pytest.raises(UsageError, match=r"crop is written .*, not '8,4'"):
        crop.form.parse(crop, "8,4")
