"""The `backstop` command. Each command reads its arguments here and does its work in a module of its own."""

import os
from typing import Annotated, NoReturn

import psycopg
import typer
from rich.console import Console

from infra.cli import doctor as doctors
from infra.cli import replay as replaying
from infra.cli import send as sending
from infra.cli import status as statuses
from infra.cli import up as running
from infra.demo import read_demo
from infra.environment import Place
from infra.keys import KeysError, rotate_jwt

app = typer.Typer(
    help="Backstop: alerts become protected positions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold secrets
)
_out = Console()
_err = Console(stderr=True)

Url = Annotated[str | None, typer.Option(help="Base URL of the API. Default: this machine's.")]


@app.command()
def up(
    demo: Annotated[bool, typer.Option(help="Make a demo user, account and strategy.")] = True,
    walk: Annotated[bool, typer.Option(help="Let the demo's prices move.")] = True,
) -> None:
    """Start everything on this machine, until Ctrl-C."""
    raise typer.Exit(running.up(_out, _err, demo=demo, walk=walk))


@app.command()
def migrate() -> None:
    """Bring the schema of DATABASE_URL up to date."""
    from backstop.store.migrate import migrate as apply  # noqa: PLC0415 - the other commands start without it

    url = os.environ.get("DATABASE_URL")
    if not url:
        _fail("set DATABASE_URL; `backstop up` migrates its own database itself", 2)
    try:
        applied = apply(url)
    except psycopg.Error as error:
        _fail(f"the migration failed: {' '.join(str(error).split())}", 1)
    for name in applied:
        _out.print(f"applied {name}", markup=False, highlight=False)
    if not applied:
        _out.print("up to date")


@app.command()
def status(url: Url = None) -> None:
    """Show what is alive."""
    raise typer.Exit(statuses.status(_out, _err, url or statuses.default_url()))


@app.command()
def send(  # noqa: PLR0913, PLR0917 - Typer takes a command's options from its arguments
    action: Annotated[str, typer.Argument(help="buy, sell, close, reverse or target.")],
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT.")],
    qty: Annotated[str | None, typer.Option(help="Coins. Default: the strategy's sizing.")] = None,
    stop_loss: Annotated[str | None, typer.Option(help='Price, or distance such as "1.5%".')] = None,
    take_profit: Annotated[str | None, typer.Option(help='Price, or distance such as "3%".')] = None,
    trailing: Annotated[str | None, typer.Option(help='Distance such as "0.8%".')] = None,
    leverage: Annotated[int | None, typer.Option()] = None,
    position: Annotated[str | None, typer.Option(help="For target: long, short or flat.")] = None,
    signal_id: Annotated[str | None, typer.Option("--id", help="The same id again is a duplicate.")] = None,
    url: Annotated[str | None, typer.Option(help="The hook. Default: the demo's.")] = None,
    secret: Annotated[str | None, typer.Option(help="The hook's secret.", envvar="BACKSTOP_HOOK_SECRET")] = None,
) -> None:
    """Send a signal to a hook, by default the demo strategy's."""
    demo = read_demo(_place().home)
    hook = url or (demo.webhook_url if demo is not None else "")
    key = secret or (demo.webhook_secret if demo is not None and url is None else "")
    if not hook or not key:
        _fail("give --url and --secret, or run `backstop up` once for a demo hook", 2)
    alert = {
        "secret": key,
        "action": action,
        "symbol": symbol,
        "qty": qty,
        "stop_loss": stop_loss,
        "take_profit": take_profit,
        "trailing": trailing,
        "leverage": leverage,
        "position": position,
        "id": signal_id,
    }
    raise typer.Exit(sending.send(_out, _err, hook, alert))


@app.command()
def doctor() -> None:
    """Check what a local run needs, one line each."""
    raise typer.Exit(doctors.doctor(_out, _place(), os.environ))


@app.command()
def conformance(
    environment: Annotated[str, typer.Option(help="simulator, testnet or demo.")] = "simulator",
    symbol: Annotated[str, typer.Option(help="A linear contract the account holds nothing in.")] = "BTCUSDT",
    only: Annotated[str, typer.Option(help="Only cases with this in their name.")] = "",
) -> None:
    """Hold what is believed of Bybit V5 against it. Opens and closes small positions.

    testnet and demo take the account's key from BACKSTOP_CONFORMANCE_KEY and BACKSTOP_CONFORMANCE_SECRET.
    """
    from infra.cli import conformance as conforming  # noqa: PLC0415 - aiohttp is slow to import

    raise typer.Exit(conforming.conformance(_out, _err, environment, symbol, only, os.environ))


Stage = Annotated[str, typer.Option(help="Name of the deployment, such as prod.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]


@app.command()
def deploy(  # noqa: PLR0913, PLR0917 - Typer takes a command's options from its arguments
    stage: Stage,
    email: Annotated[str, typer.Option(help="Who is told of alarms.")],
    size: Annotated[str, typer.Option(help="solo, team or fleet.")] = "solo",
    image: Annotated[str | None, typer.Option(help="REPOSITORY@sha256:… Default: built here with Docker.")] = None,
    domain: Annotated[str, typer.Option(help="Default: CloudFront's own name.")] = "",
    certificate: Annotated[str, typer.Option(help="ACM certificate of --domain, in us-east-1.")] = "",
    budget: Annotated[int, typer.Option(help="USD a month; a mail at 80 %.")] = 150,
    snapshot: Annotated[str, typer.Option(help="Restore the database from this snapshot.")] = "",
    yes: Yes = False,
) -> None:
    """Deploy to AWS: shows what would change, asks, follows it to the end."""
    from infra.cli import cloud  # noqa: PLC0415 - boto3 is slow to import
    from infra.cloud.deploy import Wish  # noqa: PLC0415

    parameters = {
        "Size": size,
        "AlarmEmail": email,
        "DomainName": domain,
        "CertificateArn": certificate,
        "MonthlyBudget": str(budget),
        "DatabaseSnapshot": snapshot,
    }
    raise typer.Exit(cloud.deploy(_out, _err, Wish(stage, parameters, image), yes=yes))


@app.command()
def destroy(stage: Stage, yes: Yes = False) -> None:
    """Take a deployment down; the database leaves a snapshot behind."""
    from infra.cli import cloud  # noqa: PLC0415 - boto3 is slow to import
    from infra.cloud.deploy import Wish  # noqa: PLC0415

    raise typer.Exit(cloud.destroy(_out, _err, Wish(stage), yes=yes))


@app.command()
def logs(
    part: Annotated[str, typer.Argument(help="streamer, functions, requests, audit.")] = "streamer",
    stage: Annotated[str | None, typer.Option(help="A deployment's. Default: this machine's.")] = None,
    minutes: Annotated[int, typer.Option(help="How far back.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
) -> None:
    """Show what a part has logged."""
    if stage is None:
        file = _place().log(part)
        if not file.is_file():
            _fail(f"{file} is not there; parts are streamer, gateway, simulator", 2)
        _out.print(file.read_text(errors="replace"), markup=False, highlight=False, soft_wrap=True, end="")
        return
    from infra.cli import cloud  # noqa: PLC0415 - boto3 is slow to import

    raise typer.Exit(cloud.logs(_out, _err, stage, part, minutes=minutes, follow=follow))


@app.command()
def replay(
    seed: Annotated[int, typer.Argument(help="The simulation's seed.")],
    hours: Annotated[float, typer.Option(help="Simulated hours with faults.")] = 1.0,
    only: Annotated[list[str] | None, typer.Option(help="Only this kind of fault; NONE for none.")] = None,
    last: Annotated[int, typer.Option(help="How many lines of the trace, 0 for all.")] = 0,
) -> None:
    """Run one seed of the simulation again and print what happened."""
    raise typer.Exit(replaying.replay(_out, _err, seed, hours, only, last))


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Sign access tokens of this machine's API with a new key; those of the key before stay good until they run out."""
    try:
        kid = rotate_jwt(_place().keys / "jwt.json")
    except KeysError as error:
        _fail(str(error), 1)
    _out.print(f"signing with {kid}", markup=False, highlight=False)


@app.command("rotate-vault")
def rotate_vault(
    forget: Annotated[bool, typer.Option("--forget-old", help="Then take the older keys away.")] = False,
) -> None:
    """Seal all exchange keys anew under a new key of the vault, while everything runs. Begun again, it goes on."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the other commands start without these

    from infra import vault_rotation  # noqa: PLC0415
    from infra.environment import environment_of  # noqa: PLC0415
    from infra.postgres import running_database_url  # noqa: PLC0415

    place = _place()
    url = os.environ.get("DATABASE_URL") or running_database_url(place.home)
    if url is None:
        _fail("nothing runs here: start `backstop up`, or set DATABASE_URL", 2)
    environment = environment_of("streamer", os.environ, place, url)
    try:
        act = vault_rotation.forget_older if forget else vault_rotation.rotate
        tally = act(url, environment)
    except (KeysError, vault_rotation.RotationError, psycopg.Error, BotoCoreError, ClientError, ValueError) as error:
        _fail(" ".join(str(error).split()), 1)
    _out.print(f"{tally.checked} checked, {tally.resealed} sealed anew, {tally.unopenable} that no key opens")
    if not forget:
        _out.print("older keys are kept; take them away later with --forget-old")


def _place() -> Place:
    try:
        return running.place_from(os.environ)
    except running.CannotStartError as error:
        _fail(str(error), 2)


def _fail(line: str, code: int) -> NoReturn:
    _err.print(f"backstop: {line}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
