"""`unfade sign`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from unfade.cli._names import named_path, say_file
from unfade.cli._outputs import Kind, Target, check
from unfade.errors import needs


def command(
    result: Annotated[Path, typer.Argument(parser=named_path, metavar="RESULT", help="What `unfade restore --record` wrote.")],
    *,
    master: Annotated[Path, typer.Option("--master", parser=named_path, metavar="FILE", help="The photograph that it was made from.")],
    certificate: Annotated[
        Path, typer.Option("--certificate", parser=named_path, metavar="FILE", help="Your certificate and those above it, PEM.")
    ],
    key: Annotated[Path, typer.Option("--key", parser=named_path, metavar="FILE", help="Its private key, PEM.")],
    output: Annotated[Path, typer.Option("--output", "-o", parser=named_path, metavar="FILE", help="The signed file to write.")],
    record: Annotated[
        Path | None, typer.Option("--record", parser=named_path, metavar="FILE", help="Its record. Default: NAME.unfade.json beside it.")
    ] = None,
    algorithm: Annotated[
        Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"], typer.Option("--algorithm", help="That of the key.")
    ] = "es256",
    timestamp: Annotated[
        str | None, typer.Option("--timestamp", metavar="URL", help="Of a timestamp server. Default: none, and no network.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")] = False,
) -> None:
    """Put Content Credentials (C2PA) into a result: what was done, from which master, signed by you.

    Do it last: whatever changes the file afterwards breaks the signature. `unfade verify` reads it. JPEG, PNG
    and TIFF.

    \b
    Examples:
      unfade sign scan.restored.tif --master scan.tif --certificate chain.pem --key key.pem -o scan.signed.tif
    """
    from unfade.archive.sidecar import beside, read_sidecar
    from unfade.archive.verify import verify
    from unfade.errors import RecordError
    from unfade.files import disk, photo
    from unfade.files.telling import format_of

    with needs("c2pa"):
        from unfade.archive import credentials

    described = record or beside(result)
    sidecar = read_sidecar(described)
    signed_result = Kind("the signed result", photo.endings_of(sidecar.result.format))
    check([Target(output, signed_result)], reads=[result, master, certificate, key, described], overwrite=overwrite)
    verdict = verify(result, master=master, record=described, max_megapixels=photo.MAX_MEGAPIXELS)
    if not verdict.proved:
        wrong = "; ".join(found.sentence for found in verdict.checks if found.holds is False)
        raise RecordError(f"{result.name} is not signed: {wrong}")
    who = credentials.Signing(_text(certificate), _text(key), algorithm, timestamp)
    original = disk.bytes_of(master, master.name)
    with needs("c2pa"):
        signed = credentials.sign(disk.bytes_of(result, result.name), sidecar, original, format_of(original, master.name), who)
    disk.check_target(output, overwrite=overwrite)
    disk.put(signed, output, overwrite=overwrite)
    say_file(output)


def _text(path: Path) -> str:
    from unfade.errors import UsageError
    from unfade.files import disk

    try:
        return disk.bytes_of(path, path.name).decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is no PEM file; convert it with openssl first") from error
