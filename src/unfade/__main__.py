"""`python -m unfade` is `unfade`."""

from unfade.cli import main

main()
