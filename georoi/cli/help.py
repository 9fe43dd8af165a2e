"""`georoi help`: an error id, the exit codes, a topic or a command, explained."""

from __future__ import annotations

import difflib

import click

from georoi.cli.console import Console, json_option, talk_options
from georoi.cli.failures import EXIT_CODES
from georoi.cli.topics import TOPICS, explain_error
from georoi.errors import CATALOGUE


@click.command("help", short_help="Explain an error id, the exit codes or a command.")
@click.argument("topic", required=False)
@json_option
@talk_options
@click.pass_context
def command(ctx: click.Context, topic: str | None) -> None:
    """Explain TOPIC: an error id such as E-CRS-02, exit-codes, errors, another topic, or a command."""
    console = Console.of(ctx)
    parent = ctx.parent
    group = parent.command if parent is not None else None
    commands = group.list_commands(ctx) if isinstance(group, click.Group) else []
    if topic is None:
        console.result(
            {"topics": [*TOPICS, "errors", "exit-codes"], "commands": commands}, _overview(commands)
        )
        return
    name = topic.lower()
    if topic.upper() in CATALOGUE:
        console.result(
            {"id": topic.upper(), "text": explain_error(topic.upper())}, explain_error(topic.upper())
        )
    elif name == "exit-codes":
        console.result({"exit_codes": {str(code): text for code, text in EXIT_CODES.items()}}, _exit_codes())
    elif name == "errors":
        console.result(
            {"errors": dict(CATALOGUE)}, "\n".join(f"{id}  {text}" for id, text in CATALOGUE.items())
        )
    elif name in TOPICS:
        console.result({"topic": name, "text": TOPICS[name]}, TOPICS[name])
    elif isinstance(group, click.Group) and name in commands:
        _show_command(group, name, ctx, console)
    else:
        known = [*CATALOGUE, *TOPICS, "errors", "exit-codes", *commands]
        close = difflib.get_close_matches(topic, known, n=1) or difflib.get_close_matches(
            topic.upper(), known, n=1
        )
        meant = f" Did you mean {close[0]!r}?" if close else " 'georoi help' lists the topics."
        raise click.UsageError(f"there is no help on {topic!r}.{meant}", ctx)


def _show_command(group: click.Group, name: str, ctx: click.Context, console: Console) -> None:
    found = group.get_command(ctx, name)
    if found is None:
        raise click.UsageError(f"no such command {name!r}", ctx)
    with click.Context(found, info_name=name, parent=ctx.parent) as inner:
        text = found.get_help(inner)
    console.result({"topic": name, "text": text}, text)


def _overview(commands: list[str]) -> str:
    return "\n".join(
        [
            "georoi help TOPIC, where TOPIC is",
            "  an error id, such as E-CRS-02 ('georoi help errors' lists them)",
            "  exit-codes",
            *[f"  {name}" for name in TOPICS],
            f"  a command: {', '.join(commands)}",
        ]
    )


def _exit_codes() -> str:
    return "\n".join(f"{code:>4}  {text}" for code, text in EXIT_CODES.items())
