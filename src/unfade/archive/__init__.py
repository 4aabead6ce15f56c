"""Every change accounted for: the sidecar that records a restoration, the proof of it, and the making of it
again.

- `sidecar`: the record of one restoration as a file beside the result, `NAME.unfade.json`.
- `verify`: proves a result against its record and its master.
- `replay`: makes a result again from its record.
"""
