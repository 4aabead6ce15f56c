"""Every change accounted for: the record of a restoration, its proof, its repetition, and its layers.

- `sidecar`: the record of one restoration as a file beside the result, `NAME.unfade.json`.
- `verify`: proves a result against its record and its master.
- `replay`: makes a result again from its record.
- `layers`: a result as layers over its untouched original, for those who go on by hand.
"""
