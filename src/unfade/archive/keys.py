"""What a private key is, told from its PEM, for a sentence that helps: C2PA says only that it cannot sign."""

from __future__ import annotations

import base64
import binascii
import re

# The object identifiers of curves (SEC 2, RFC 8410) as DER has them, and who signs with them.
_KINDS = {
    bytes.fromhex("2a8648ce3d030107"): ("a P-256 key", ("es256",)),
    bytes.fromhex("2b81040022"): ("a P-384 key", ("es384",)),
    bytes.fromhex("2b81040023"): ("a P-521 key", ("es512",)),
    bytes.fromhex("2b6570"): ("an Ed25519 key", ("ed25519",)),
    bytes.fromhex("2a864886f70d010101"): ("an RSA key", ("ps256", "ps384", "ps512")),
}
_CONVERT = "openssl pkcs8 -topk8 -nodes -in KEY -out KEY8"
_PEM = re.compile(r"-----BEGIN PRIVATE KEY-----(.*?)-----END PRIVATE KEY-----", re.DOTALL)


def fault(key: str, algorithm: str) -> str | None:
    """Why a key in PEM cannot sign with an algorithm, and what to do; None where nothing is seen.

    >>> fault("-----BEGIN EC PRIVATE KEY-----", "es256")
    'the key is in the older form (SEC1 or PKCS#1); convert it: openssl pkcs8 -topk8 -nodes -in KEY -out KEY8'
    """
    if "ENCRYPTED" in key:
        return f"the key is encrypted; take its password away in a copy: {_CONVERT}"
    if "BEGIN EC PRIVATE KEY" in key or "BEGIN RSA PRIVATE KEY" in key:
        return f"the key is in the older form (SEC1 or PKCS#1); convert it: {_CONVERT}"
    found = _PEM.search(key)
    try:
        der = b"" if found is None else base64.b64decode("".join(found[1].split()), validate=True)[:40]
    except binascii.Error:
        return None
    for mark, (what, algorithms) in _KINDS.items():
        if b"\6" + bytes([len(mark)]) + mark in der and algorithm not in algorithms:
            return f"this is {what}: --algorithm {algorithms[0]}"
    return None
