"""Where the picture proper lies on a scan, and how it is cut out: prints on a glass, borders, mounts; box,
turn, four corners."""
