"""`mpcnet score`: one party of a joint scoring run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["PROTOCOL_HELP", "ScoreProtocol", "command"]


class ScoreProtocol(StrEnum):
    """How scores are computed."""

    YAO = "yao"
    GMW = "gmw"
    SHAMIR = "shamir"
    ADDITIVE = "additive"


PROTOCOL_HELP = (
    "yao: two of the parties garble and evaluate. gmw, additive: all compute, and all but one may collude. "
    "shamir: all compute, and fewer than half may collude. [default: yao, for a logistic regression shamir]"
)


def command(
    config: Annotated[Path, typer.Option(help="This party's party.toml, or its folder.")] = Path("party.toml"),
    applicants: Annotated[
        int | None, typer.Option(help="Score this many, repeating the list. [default: one for each record]", min=1)
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write bytes, gates and seconds there as JSON; - for stdout."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="At the lender: write the scores there, not where party.toml says. [default: scores.csv beside it]",
        ),
    ] = None,
    job: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A job file that all parties signed; it says which protocol, too."),
    ] = None,
    protocol: Annotated[ScoreProtocol | None, typer.Option(help=PROTOCOL_HELP)] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a timeline there, for `mpcnet trace` and Perfetto.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Tell the steps as JSON lines on stderr.")] = False,
    progress_json: Annotated[bool, typer.Option("--progress-json", hidden=True)] = False,
    listen_fd: Annotated[int | None, typer.Option("--listen-fd", hidden=True)] = None,
) -> None:
    """Score the applicants jointly, as one party; the others start theirs, in any order.

    party.toml says in its [score] table which files this party brings. Score and decision of each applicant go to the
    lender alone.
    """
    from mpcnet.agreement.agreement import Agreement
    from mpcnet.config import Config
    from mpcnet.credit.party import run_party

    loaded = Config.load(config)
    run_party(
        loaded,
        agreement=Agreement.load(job, loaded) if job is not None else None,
        applicants=applicants,
        json_file=json_file,
        output=output,
        progress_json=progress_json,
        listen_fd=listen_fd,
        protocol=protocol and protocol.value,
        trace=trace,
        log_json=log_json,
    )
