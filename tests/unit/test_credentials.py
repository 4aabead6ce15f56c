"""Content Credentials: signed with a certificate made here, and read by the C2PA library's own reader."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("c2pa", reason="needs the c2pa extra")
pytest.importorskip("cryptography", reason="makes its own certificate")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.unit.test_archive import COLOR, _made

from unfade.archive import credentials, verify
from unfade.archive.credentials import Signing
from unfade.archive.sidecar import read_sidecar
from unfade.cli import build
from unfade.errors import UsageError
from unfade.files import photo
from unfade.models.session import Sessions
from unfade.record import DIGITAL_SOURCE_TYPE


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey, *, is_root: bool
) -> x509.Certificate:
    """Of the profile that C2PA asks for (14.5)."""
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"), x509.NameAttribute(NameOID.COMMON_NAME, text)])  # noqa: E731
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not is_root:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(by, hashes.SHA256())


@pytest.fixture(scope="module")
def who() -> Signing:
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = [_certificate("archive", own, "root", root, is_root=False), _certificate("root", root, "root", root, is_root=True)]
    pem = "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in chain)
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return Signing(pem, key)


KINDS = [(".jpg", 8), (".png", 8), (".png", 16), (".tif", 8), (".tif", 16)]


@pytest.mark.parametrize(("ending", "bits"), KINDS)
def test_a_signed_result_says_what_was_done(tmp_path: Path, sessions: Sessions, who: Signing, ending: str, bits: int) -> None:
    made = _made(tmp_path, sessions, ending=ending, bits=bits, treatment=COLOR)
    record, before = read_sidecar(made.record), photo.read(made.result)
    signed = credentials.sign(made.result.read_bytes(), record, made.master.read_bytes(), before.format or "", who)
    told = credentials.read(signed, before.format or "")
    assert told is not None and told.is_whole, told
    assert told.ingredients == ("scan" + ending,) and told.generator.startswith("Unfade")
    kinds = [action["action"] for action in told.actions]
    assert kinds[0] == "c2pa.opened" and {"c2pa.edited", "c2pa.color_adjustments"} <= set(kinds)
    assert {action.get("digitalSourceType") for action in told.actions[1:]} == {DIGITAL_SOURCE_TYPE}
    after = photo.read(signed, name="signed")
    assert np.array_equal(after.samples, before.samples) and after.profile == before.profile
    assert after.metadata.xmp == before.metadata.xmp and after.dpi == before.dpi
    made.result.write_bytes(signed)
    verdict = verify.verify(made.result, master=made.master)  # the record holds: samples are the same, the file has more in it
    assert verdict.proved, verdict


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif"])
def test_a_file_changed_after_signing_is_told(tmp_path: Path, sessions: Sessions, who: Signing, ending: str) -> None:
    made = _made(tmp_path, sessions, ending=ending, treatment=COLOR)
    record, form = read_sidecar(made.record), photo.read(made.result).format or ""
    assert credentials.read(made.result.read_bytes(), form) is None
    signed = bytearray(credentials.sign(made.result.read_bytes(), record, made.master.read_bytes(), form, who))
    at = signed.find(b"unfade:PixelsChanged")  # in the XMP, which the manifest binds
    assert at > 0
    signed[at + 22] ^= 1
    told = credentials.read(bytes(signed), form)
    assert told is not None and not told.is_whole and told.problems
    assert not any("untrusted" in problem for problem in told.problems)


def test_a_name_that_is_no_utf_8_is_signed_in_escapes(tmp_path: Path, sessions: Sessions, who: Signing) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=COLOR)
    record, form = read_sidecar(made.record), photo.read(made.result).format or ""
    named = record.master.model_copy(update={"name": "caf\udce9.png"})
    odd = record.model_copy(update={"master": named, "result": record.result.model_copy(update={"name": "caf\udce9.restored.png"})})
    signed = credentials.sign(made.result.read_bytes(), odd, made.master.read_bytes(), form, who)
    told = credentials.read(signed, form)
    assert told is not None and told.is_whole and told.ingredients == (r"caf\xe9.png",)


def test_what_cannot_sign_is_refused(tmp_path: Path, sessions: Sessions, who: Signing) -> None:
    made = _made(tmp_path, sessions, ending=".webp", treatment=COLOR)
    with pytest.raises(UsageError, match="JPEG, PNG, TIFF"):
        credentials.sign(b"", read_sidecar(made.record), b"", "webp", who)
    (tmp_path / "png").mkdir()
    made = _made(tmp_path / "png", sessions, ending=".png", treatment=COLOR)
    with pytest.raises(UsageError, match="PEM"):
        credentials.sign(b"", read_sidecar(made.record), b"", "png", Signing("no certificate", "no key"))


def test_a_key_of_another_form_or_curve_is_refused_with_what_to_do(tmp_path: Path, sessions: Sessions, who: Signing) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=COLOR)
    record, pem = read_sidecar(made.record), serialization.Encoding.PEM
    pkcs8, older = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
    plain, secret = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"x")
    own, large = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
    given = [
        (own.private_bytes(pem, older, plain), "older form .*openssl pkcs8 -topk8 -nodes"),
        (own.private_bytes(pem, older, secret), "is encrypted"),
        (own.private_bytes(pem, pkcs8, secret), "is encrypted"),
        (large.private_bytes(pem, pkcs8, plain), "this is a P-384 key: --algorithm es384"),
        (ed25519.Ed25519PrivateKey.generate().private_bytes(pem, pkcs8, plain), "an Ed25519 key: --algorithm ed25519"),
    ]
    for key, why in given:
        with pytest.raises(UsageError, match=why):
            credentials.sign(b"", record, b"", "png", Signing(who.certificates, key.decode()))


def test_the_command_signs_and_verify_reads_it(tmp_path: Path, sessions: Sessions, who: Signing) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=COLOR)
    (tmp_path / "chain.pem").write_text(who.certificates)
    (tmp_path / "key.pem").write_text(who.key)
    out = tmp_path / "signed.png"
    arguments = [
        "sign",
        made.result,
        "--master",
        made.master,
        "--certificate",
        tmp_path / "chain.pem",
        "--key",
        tmp_path / "key.pem",
        "-o",
        out,
    ]
    letter = tmp_path / "letter.txt"
    letter.write_text("of others")
    for other in (letter, tmp_path / "signed.jpg"):
        wrong = CliRunner().invoke(build(), [*map(str, arguments[:-1]), str(other), "--overwrite"])
        assert wrong.exit_code == 2 and "does not end in .png" in wrong.output
    assert letter.read_text() == "of others" and not (tmp_path / "signed.jpg").exists()
    run = CliRunner().invoke(build(), [str(argument) for argument in arguments])
    assert run.exit_code == 0, run.output
    read = CliRunner().invoke(build(), ["verify", str(out), "--record", str(made.record), "--master", str(made.master)])
    assert read.exit_code == 0 and "credentials: yes" in read.output
    data = bytearray(out.read_bytes())
    data[data.find(b"unfade:PixelsChanged") + 22] ^= 1
    out.write_bytes(data)
    read = CliRunner().invoke(build(), ["verify", str(out), "--record", str(made.record), "--master", str(made.master)])
    assert read.exit_code == 1 and "credentials: NO" in read.output
