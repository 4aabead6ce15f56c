"""Histogram intersection of a*."""

from __future__ import annotations

from unfade.measures.histogram import histogram_measure

MEASURE = histogram_measure("a")
