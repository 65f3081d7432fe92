"""`mpcnet demo`: score real applicants jointly, with three to seven parties on this machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mpcnet.cli.score import PROTOCOL_HELP, ScoreProtocol

__all__ = ["command"]


class DemoModel(StrEnum):
    """What scores."""

    SCORECARD = "scorecard"
    LOGISTIC = "logistic"


WORDS = {3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}


def command(
    applicants: Annotated[
        int | None, typer.Option(help="Score this many, repeating the 300. [default: 300]", min=1)
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the outcome there as JSON; - for stdout.")
    ] = None,
    prepare: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the parties' folders there, and stop.")
    ] = None,
    protocol: Annotated[ScoreProtocol | None, typer.Option(help=PROTOCOL_HELP)] = None,
    model: Annotated[
        DemoModel, typer.Option(help="scorecard: integer points. logistic: a regression in fixed point, on shares.")
    ] = DemoModel.SCORECARD,
    parties: Annotated[
        int, typer.Option(help="Split the columns of the data among this many institutions.", min=3, max=7)
    ] = 3,
) -> None:
    """Score 300 real applicants jointly: a lender, a credit bureau and a bank, each a process of its own.

    With --parties an employer, a registry, an insurer and a savings bank come to them, in this order. Nobody sees
    another's data; the lender learns score and decision of each applicant. At the end the demo, which knows all,
    compares with scoring in the clear.
    """
    import signal
    from types import FrameType

    from rich.console import Console

    from mpcnet.credit import demo, german
    from mpcnet.credit.children import PartiesFailed
    from mpcnet.credit.job import check_protocol
    from mpcnet.credit.party import STDOUT, check_writable, write_json
    from mpcnet.credit.prepare import installed_scheme
    from mpcnet.credit.prepare import prepare as prepare_folders
    from mpcnet.credit.progress import display_for
    from mpcnet.credit.report import print_demo
    from mpcnet.errors import ConfigError

    aside = Console(stderr=True)
    console = aside if json_file == STDOUT else Console()
    if prepare is not None:
        if json_file is not None:
            raise ConfigError("--json belongs to a run; with --prepare nothing runs yet")
        if protocol is not None:
            check_protocol(installed_scheme(model.value), protocol.value)
        configs = prepare_folders(prepare, parties, model=model.value)
        say_how_to_run(prepare, [str(path) for path in configs.values()], applicants, protocol)
        return
    if json_file not in (None, STDOUT):
        check_writable(json_file)

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    try:
        display = display_for(aside, list(german.held(parties)))
        chosen = protocol and protocol.value
        result = demo.run_demo(display, n_parties=parties, applicants=applicants, protocol=chosen, model=model.value)
    except PartiesFailed as error:
        for party, reason in error.reasons:
            typer.echo(f"mpcnet: {party}: {reason}", err=True)
        raise typer.Exit(error.exit_code) from None
    print_demo(console, result)
    if json_file is not None:
        write_json(json_file, result.as_dict())
    if result.mismatches:
        raise typer.Exit(1)


def say_how_to_run(folder: Path, configs: list[str], applicants: int | None, protocol: ScoreProtocol | None) -> None:
    """Print the command for each terminal."""
    import shlex

    from mpcnet.credit.party import SCORES_FILE
    from mpcnet.credit.prepare import EXPECTED_FILE

    more = f" --applicants {applicants}" if applicants is not None else ""
    if protocol is not None:
        more += f" --protocol {protocol.value}"
    typer.echo(f"{folder} holds the folders of {WORDS[len(configs)]} parties.")
    typer.echo("Start each in a terminal of its own, in any order:")
    typer.echo()
    for config in configs:
        typer.echo(f"    mpcnet score --config {shlex.quote(config)}{more}")
    typer.echo()
    typer.echo(
        f"The scores then are in {folder / 'lender' / SCORES_FILE}, for the lender's eyes alone. This demo knows"
    )
    typer.echo(f"what they must be: {folder / EXPECTED_FILE}")
