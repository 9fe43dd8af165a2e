"""The command `georoi`: a group that loads a command when it is called, and where every error ends.

The same group is mounted as `rio roi`. Whatever happens in a command ends in `RoiGroup.invoke`, so both
doors keep one contract: data on stdout, talk on stderr, and the exit codes of `georoi help exit-codes`.
"""

from __future__ import annotations

import difflib
import importlib
from typing import Any

import click

import georoi
from georoi.cli.console import Console, talk_options
from georoi.cli.failures import ending_well

COMMANDS = {
    "info": "Describe a raster and, with --rois, its regions of interest.",
    "check": "Look for trouble before any pixel is read.",
    "plan": "Say which blocks a job would read, and how much memory it would need.",
    "clip": "Cut regions of interest out of a raster.",
    "stats": "Take statistics inside regions of interest: one row each, every pixel accounted for.",
    "mask": "Write the regions of interest as a raster: inside or outside, weight, or label.",
    "extract": "List every pixel of regions of interest, or sample points, as rows of a table.",
    "separability": "Measure how far apart classes of regions of interest are in the bands.",
    "demo": "Make a small scene with regions of interest and clip them.",
    "help": "Explain an error id, the exit codes or a command.",
}
"""Each command's module in `georoi.cli` and its line in `georoi --help`, which loads none of them."""


class RoiGroup(click.Group):
    """A group whose commands are modules of `georoi.cli`, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order of a piece of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command and return its `command`."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"georoi.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        console = Console.of(ctx)
        console.command = args[0] if args and args[0] in COMMANDS else ""
        console.json = "--json" in args  # known from here on, even if the other options are wrong
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else f" Commands: {', '.join(COMMANDS)}."
            raise click.UsageError(f"no such command {args[0]!r}.{meant}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _refuse_repeats(command, name, rest, ctx)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn every failure into a message and an exit code."""
        with ending_well(ctx):
            return super().invoke(ctx)


def _refuse_repeats(command: click.Command, name: str | None, args: list[str], parent: click.Context) -> None:
    """Refuse options given twice that take one value: the first would be lost without a word."""
    context = command.context_class(command, info_name=name, parent=parent)
    try:
        _, _, given = command.make_parser(context).parse_args(list(args))
    except click.UsageError:
        return  # said when the command is run
    for option in given:
        takes_one = isinstance(option, click.Option) and not (
            option.multiple or option.is_flag or option.count
        )
        if takes_one and given.count(option) > 1:
            raise click.UsageError(
                f"{option.opts[-1]} is given {given.count(option)} times, and takes one value", context
            )


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"georoi {georoi.__version__}")
        ctx.exit()


def _print_versions(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from georoi.cli.versions import versions_text

        click.echo(versions_text())
        ctx.exit()


@click.group(
    "roi",  # the name under rio; the script is called georoi
    cls=RoiGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Data goes to stdout, talk to stderr. 'georoi help exit-codes' lists the exit codes.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@click.option(
    "--show-versions",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Print the versions of georoi, Python, GDAL, PROJ, GEOS and the libraries it stands on.",
)
@talk_options
def cli() -> None:
    """Regions of interest in geospatial rasters: exact masks, the same answer in tiles or whole."""


def main() -> None:
    """Run the command line (the entry point of the script `georoi`)."""
    cli(prog_name="georoi")


if __name__ == "__main__":
    main()


__all__ = ["COMMANDS", "Console", "RoiGroup", "cli", "main"]
