"""Histogram intersection of L*."""

from __future__ import annotations

from unfade.measures.histogram import histogram_measure

MEASURE = histogram_measure("L")
