"""THE OPEN BENCHMARK: anyone's photographs damaged by pinned seeds, Unfade and its rivals judged on them.

tracks: what is judged, and how its pictures are made. making: a folder of sound photographs becomes a bench.
entries: Unfade, and anyone's folder or command. costs: seconds and memory of whole processes. leaderboard:
all of it together. page: HTML and JSON. classical: a classical method as a program.
"""
