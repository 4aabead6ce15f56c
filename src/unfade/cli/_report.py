"""The account of a batch as JSON: an object for one photograph, a list for several."""

from __future__ import annotations

import re
from pathlib import Path

_OURS = re.compile(rb'"software":\s*"Unfade"')
_LOOKED_AT = 1 << 20


def is_report(path: Path) -> bool:
    """Whether Unfade wrote the file at `path` as a report. One that cannot be read is not known to be one."""
    try:
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT)
    except OSError:
        return False
    return head.lstrip()[:1] in (b"{", b"[") and _OURS.search(head) is not None
