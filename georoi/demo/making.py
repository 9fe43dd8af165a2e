"""The demo's main job: scenes, check, plan, clips, a mask, a picture, all in one folder."""

from __future__ import annotations

import importlib.resources
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from georoi import api
from georoi.demo import imagery, synthetic
from georoi.demo.picture import draw_picture
from georoi.errors import OutputError, OutputExistsError, UsageError
from georoi.values.rois import ROISet

Say = Callable[[str], None]
LICENCE = "LICENCE-imagery.txt"


@dataclass(frozen=True)
class Demo:
    """Where the demo's files lie."""

    folder: Path
    real: bool
    """Whether the scenes are real imagery."""
    rois: Path
    """The stands, GeoJSON in EPSG:4326."""
    scenes: tuple[Path, ...]
    """One GeoTIFF a date, the earliest first."""
    clip: Path
    """All stands, cut out of the latest scene."""
    each: Path
    """Folder with one GeoTIFF a stand."""
    mask: Path
    """The number of the stand at each pixel of the latest scene, 0 outside."""
    picture: Path
    attribution: Path

    @property
    def latest(self) -> Path:
        """The latest scene."""
        return self.scenes[-1]


def make_demo(
    folder: str | Path,
    *,
    source: str | Path | None = None,
    dates: str = "clear",
    overwrite: bool = False,
    say: Say | None = None,
) -> Demo:
    """Make the demo in a folder: scenes, check, plan, clips, a mask and a picture.

    Args:
        folder: Is made if it is missing.
        source: The wheel with the real imagery; None for a synthetic scene, which needs no network.
        dates: Which of the real dates become scenes: "clear" (the clearest summer scene of each year), "all",
            or dates such as "2018-07-01,2019-07-01".
        overwrite: Replace the files of an earlier run.
        say: Is told what happens, line by line.

    Raises:
        OutputExistsError: E-OUT-01 if the folder holds anything and `overwrite` is not set.
        RasterError: E-RAS-01 if the source is not the wheel that is expected.
        UsageError: E-USE-01 if a date is not among those of the imagery, or there is none.
    """
    if source is None and dates != "clear":
        raise UsageError(
            "E-USE-01",
            "dates= chooses among the dates of real imagery, and the demo is synthetic without it",
            found={"dates": dates},
            hint="give the wheel with source= (--source), or leave dates= out",
        )
    say = say or _nothing
    target = Path(folder)
    is_there, is_used = target.is_dir(), _is_used(target, overwrite)
    scenes = None if source is None else _real_scenes(Path(source), dates)  # before anything is written
    try:
        return _make(target, source, scenes, overwrite, say)
    except BaseException:
        if not is_used:
            _remove(target, keep_folder=is_there)
        raise


def _make(
    target: Path, source: str | Path | None, scenes: list[xr.DataArray] | None, overwrite: bool, say: Say
) -> Demo:
    _make_folder(target)
    demo = _lay_out(target, real=source is not None)
    text = importlib.resources.files("georoi.assets").joinpath("stands.geojson").read_text(encoding="utf-8")
    demo.rois.write_text(text, encoding="utf-8")
    rois = api.read_rois(demo.rois)
    if source is None or scenes is None:
        scenes = [synthetic.make_scene(date, rois) for date in synthetic.DATES]
        demo.attribution.write_text(synthetic.ATTRIBUTION, encoding="utf-8")
        say("The scenes are synthetic: made up by georoi, offline. --source WHEEL takes real imagery.")
    else:
        imagery.copy_licence(Path(source), target / LICENCE)
        demo.attribution.write_text(imagery.ATTRIBUTION, encoding="utf-8")
        say(imagery.ATTRIBUTION.rstrip())
    demo = _with_scenes(demo, scenes)
    for scene, path in zip(scenes, demo.scenes, strict=True):
        api.write(scene, path, overwrite=overwrite)
    _work(demo, rois, overwrite, say)
    _draw(demo, rois, overwrite)
    return demo


def _nothing(_text: str) -> None:
    """Say nothing."""


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_folder(folder, error) from error


def _no_folder(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        "E-OUT-02",
        f"the folder {folder.name} cannot be made",
        found={"problem": str(error)},
        hint="choose a folder where you may write",
    )


def _remove(folder: Path, *, keep_folder: bool) -> None:
    """Take away what a failed demo made in a folder that held nothing before."""
    demo = _lay_out(folder, real=True)
    for path in (demo.each, folder / "scenes"):
        shutil.rmtree(path, ignore_errors=True)
    for path in (demo.rois, demo.clip, demo.mask, demo.picture, demo.attribution, folder / LICENCE):
        path.unlink(missing_ok=True)
    if not keep_folder and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _is_used(folder: Path, overwrite: bool) -> bool:
    """Tell whether a folder holds anything, which is refused unless it may be overwritten."""
    try:
        occupied = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise _no_folder(folder, error) from error
    if occupied and not overwrite:
        raise OutputExistsError(
            "E-OUT-01",
            f"{folder} holds files",
            hint="overwrite=True (--overwrite) replaces those of the demo",
        )
    return occupied


def _lay_out(folder: Path, *, real: bool) -> Demo:
    return Demo(
        folder=folder,
        real=real,
        rois=folder / "stands.geojson",
        scenes=(),
        clip=folder / "clip.tif",
        each=folder / "each",
        mask=folder / "stands.tif",
        picture=folder / "picture.png",
        attribution=folder / "ATTRIBUTION.txt",
    )


def _with_scenes(demo: Demo, scenes: list[xr.DataArray]) -> Demo:
    folder = demo.folder / "scenes"
    folder.mkdir(exist_ok=True)
    paths = tuple(folder / f"{scene.name}.tif" for scene in scenes)
    return Demo(**{**demo.__dict__, "scenes": paths})


def _real_scenes(wheel: Path, dates: str) -> list[xr.DataArray]:
    cube = imagery.read_cube(wheel)
    if dates == "clear":
        chosen = cube.clearest()
    elif dates == "all":
        chosen = list(cube.dates)
    else:
        chosen = [date.strip() for date in dates.split(",")]
    unknown = [date for date in chosen if date not in cube.dates]
    if unknown:
        raise UsageError(
            "E-USE-01",
            f"the imagery has no date {unknown[0]!r}",
            found={"dates": ", ".join(cube.dates)},
            hint="say clear, all, or dates of these, separated by commas",
        )
    return [cube.scene(date) for date in chosen]


def _work(demo: Demo, rois: ROISet, overwrite: bool, say: Say) -> None:
    """Check, plan, clip and mask; say the command line of each step."""
    scene, stands = demo.latest, demo.rois
    say(f"\n$ georoi check {scene} --rois {stands}\n{api.check(scene, rois)}")
    say(f"\n$ georoi plan {scene} --rois {stands}\n{api.plan(scene, rois)}")
    say(f"\n$ georoi clip {scene} {demo.clip} --rois {stands}")
    api.clip_file(scene, rois, demo.clip, overwrite=overwrite)
    say(f"$ georoi clip {scene} {demo.each} --rois {stands} --each")
    api.clip_file(scene, rois, demo.each, each=True, overwrite=overwrite)
    say(f"$ georoi mask {scene} {demo.mask} --rois {stands} --labels --overlap first\n")
    labels = api.mask(scene, rois, labels=True, overlap="first", crop=False)
    api.write(labels, demo.mask, overwrite=overwrite)


def _draw(demo: Demo, rois: ROISet, overwrite: bool) -> None:
    """Draw the scene of 2018, or the earliest, above the latest."""
    before = next((path for path in demo.scenes if "_2018" in path.name), demo.scenes[0])
    chosen = [before, demo.latest]
    clips = [api.clip(path, rois, nodata=0, compute=True) for path in chosen]
    scenes = [api.clip(path, rois, nodata=0, apply_mask=False, compute=True) for path in chosen]
    painted = draw_picture(clips, scenes, rois)
    api.write(xr.DataArray(np.asarray(painted), dims=("band", "y", "x")), demo.picture, overwrite=overwrite)
