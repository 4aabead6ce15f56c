"""Every change accounted for: the record of a restoration, its proof, its repetition, and its layers.

- `sidecar`: the record of one restoration as a file beside the result, `NAME.unfade.json`.
- `verify`: proves a result against its record and its master.
- `replay`: makes a result again from its record.
- `archiving`: a whole archive, on Ray (`crew`, the one import of it); `treating`: one master of it, which
  needs no Ray; `manifest`: what became of each; `checking`, `summary`: looked at by its files alone.
- `risk`, `invented`: what a person must look at first, and what was made up.
- `layers`: a result as layers over its untouched original, for those who go on by hand.
"""
