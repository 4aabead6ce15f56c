"""Content Credentials: a C2PA manifest in the result's file, signed with the user's certificate.

The record and the XMP hold a digest, which shows a change but proves no author. A C2PA manifest is signed: it
says what was done, names the master as its ingredient, and binds the file's bytes. It must be written last,
since any later change of the file breaks it. Source: C2PA Technical Specification 2.2.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from unfade.archive import keys
from unfade.archive.sidecar import Sidecar
from unfade.errors import UnwritableError, UsageError
from unfade.files.formats import FORMATS
from unfade.files.names import readable

_PARENT = "xmp:iid:unfade-master"
KINDS = ("jpeg", "png", "tiff")
"""The formats in which manifests are written here."""

_UNTRUSTED = "signingCredential.untrusted"  # a signer on no list, which is no change of the file

# Of each step, the action of the specification (18.15, c2pa.actions).
_ACTIONS = {"fill": "c2pa.edited", "clean": "c2pa.color_adjustments", "colorize": "c2pa.color_adjustments", "frame": "c2pa.cropped"}
_EDITED = "c2pa.edited"


@dataclass(frozen=True)
class Signing:
    """Who signs: the certificate's chain and its private key, both PEM; `algorithm` as C2PA calls it (es256,
    es384, ps256, ed25519 …); `timestamp_url`: of a timestamp server, none: no timestamp, and no network."""

    certificates: str
    key: str
    algorithm: str = "es256"
    timestamp_url: str | None = None


@dataclass(frozen=True)
class Credentials:
    """What a file's manifest says. `state`: "Valid" (whole, of a signer on no list of trusted ones),
    "Trusted", or "Invalid"; `problems`: what makes it so."""

    state: str
    problems: tuple[str, ...]
    generator: str
    actions: tuple[dict[str, Any], ...]
    ingredients: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed since it was signed."""
        return self.state in ("Valid", "Trusted")


def sign(result: bytes, record: Sidecar, master: bytes, master_format: str, who: Signing) -> bytes:
    """The result's file with a signed manifest in it. `record`: of this result.

    Raises `UsageError` for a format that cannot carry one here, and for a certificate or key that C2PA does
    not take; `UnwritableError` where the file cannot be written anew.
    """
    import c2pa

    if record.result.format not in KINDS:
        kinds = ", ".join(FORMATS[kind].title for kind in KINDS)
        raise UsageError(f"{record.result.name} is {record.result.format}; a C2PA manifest is written into {kinds}")
    if (fault := keys.fault(who.key, who.algorithm)) is not None:
        raise UsageError(f"the certificate and its key cannot sign as {who.algorithm}: {fault}")
    media_type = FORMATS[record.result.format].media_type
    texts = [None if text is None else text.encode() for text in (who.certificates, who.key, who.timestamp_url)]
    try:
        info = c2pa.C2paSignerInfo(who.algorithm, *texts)
        signer = c2pa.Signer.from_info(info)
    except (c2pa.C2paError, ValueError, TypeError) as error:
        raise UsageError(f"the certificate and its key cannot sign as {who.algorithm}: {error}; give a chain and a key in PEM") from error
    signed = io.BytesIO()
    try:
        with signer, c2pa.Builder(_manifest(record, media_type)) as builder:
            parent = {"title": readable(record.master.name), "relationship": "parentOf", "instance_id": _PARENT}
            builder.add_ingredient(parent, FORMATS[master_format].media_type, io.BytesIO(master))
            builder.sign(signer, media_type, io.BytesIO(result), signed)
    except c2pa.C2paError as error:
        raise UnwritableError(f"{record.result.name} cannot be signed: {error}") from error
    return signed.getvalue()


def _manifest(record: Sidecar, media_type: str) -> dict[str, Any]:
    agent = {"name": record.software, "version": record.software_version}
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}
    actions = [opened]
    for step in record.steps:
        if not step.pixels_changed and step.step != "fill":
            continue
        action: dict[str, Any] = {
            "action": _ACTIONS.get(step.step, _EDITED),
            "softwareAgent": agent,
            "parameters": {
                "description": f"{step.step}: {step.pixels_changed:,} pixels changed",
                "com.unfade.step": step.step,
                "com.unfade.models": [f"{model.name} {model.version} sha256:{model.sha256}" for model in step.models],
            },
        }
        if step.models and step.pixels_changed:
            action["digitalSourceType"] = record.digital_source_type
        actions.append(action)
    facts = {"masterSha256": record.master.sha256, "masterSamplesSha256": record.master.samples_sha256, "recordDigest": record.digest}
    return {
        "claim_generator_info": [agent],
        "title": readable(record.result.name),
        "format": media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": "com.unfade.record", "data": facts},
        ],
    }


def read(data: bytes, format: str) -> Credentials | None:
    """What the manifest in a file says; None where it has none. Raises `UsageError` for one that cannot be
    read at all."""
    import c2pa

    try:
        with c2pa.Reader(FORMATS[format].media_type, io.BytesIO(data)) as reader:
            told = json.loads(reader.json())
    except c2pa.C2paError as error:
        if "ManifestNotFound" in str(error) or "no JUMBF" in str(error):
            return None
        raise UsageError(f"the C2PA manifest cannot be read: {error}") from error
    manifest = told["manifests"][told["active_manifest"]]
    found = [one for one in manifest.get("assertions", []) if one["label"].startswith("c2pa.actions")]
    actions = tuple(action for one in found for action in one["data"]["actions"])
    failures = told.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    failures = [one for one in failures if one["code"] != _UNTRUSTED] or failures
    generator = manifest.get("claim_generator_info", [{}])[0]
    return Credentials(
        state=told.get("validation_state", "Invalid"),
        problems=tuple(f"{failure['code']}: {failure.get('explanation', '')}" for failure in failures),
        generator=f"{generator.get('name', '')} {generator.get('version', '')}".strip(),
        actions=actions,
        ingredients=tuple(str(one.get("title")) for one in manifest.get("ingredients", [])),
    )
