"""Histogram intersection of b*."""

from __future__ import annotations

from unfade.measures.histogram import histogram_measure

MEASURE = histogram_measure("b")
