"""Plots of an evaluation: arrays in, matplotlib figure out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .calibration import calibration_error


def confusion_figure(confusion: np.ndarray, classes: Sequence[str]) -> Figure:
    """Plot counts (C, C), coloured by the share of each true class; rows are the truth."""
    clips = confusion.sum(axis=1, keepdims=True)
    share = np.divide(100.0 * confusion, clips, out=np.zeros(confusion.shape), where=clips > 0)
    size = 2.5 + 0.7 * len(classes)
    figure = Figure(figsize=(size + 0.8, size), layout='constrained')
    axes = figure.add_subplot()
    image = axes.imshow(share, vmin=0, vmax=100, cmap='Blues')
    for row, column in np.ndindex(*confusion.shape):
        if confusion[row, column]:
            text = f'{share[row, column]:.0f}\n({confusion[row, column]})'
            color = 'white' if share[row, column] > 55 else 'black'
            axes.text(column, row, text, ha='center', va='center', fontsize=8, color=color)
    ticks = range(len(classes))
    axes.set_xticks(ticks, classes, rotation=45, ha='right', rotation_mode='anchor')
    axes.set_yticks(ticks, classes)
    axes.set(xlabel='predicted', ylabel='truth')
    figure.colorbar(image, ax=axes, label='% of the true class', shrink=0.8)
    return figure


def curves_figure(curves: Mapping[str, pd.Series]) -> Figure:
    """Plot ``loss`` by iteration and, beside it, the others, in percent by epoch."""
    figure = Figure(figsize=(10, 4), layout='constrained')
    left, right = figure.subplots(1, 2)
    if 'loss' in curves:
        left.plot(curves['loss'], color='tab:gray')
    left.set(xlabel='iteration', ylabel='training loss')
    left.set_ylim(bottom=0)
    # Line styles keep curves with equal values apart.
    shown = {name: curve for name, curve in curves.items() if name != 'loss'}
    for (name, curve), style in zip(shown.items(), cycle(('-', '--', ':')), strict=False):
        right.plot(curve, style, marker='.', label=name)
    right.set(xlabel='epoch', ylabel='validation, %', ylim=(0, 102))
    if shown:
        right.legend(loc='best')
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def reliability_figure(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot accuracy over confidence, and below how many clips have which confidence.

    Each curve is a table of `reliability`; its name in the legend is followed by its ECE.
    """
    figure = Figure(figsize=(5, 5.5), layout='constrained')
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot((0, 1), (0, 1), color='tab:gray', linestyle='--', linewidth=1, label='calibrated')
    for (name, curve), marker in zip(curves.items(), cycle('os^D'), strict=False):
        share = curve.clips / curve.clips.sum()
        filled = curve[curve.clips > 0]
        label = f'{name}: ECE {calibration_error(curve):.3f}'
        upper.plot(filled.confidence, filled.accuracy, marker=marker, label=label)
        lower.stairs(100 * share, np.linspace(0, 1, len(curve) + 1), fill=True, alpha=0.5)
    upper.set(ylabel='accuracy', ylim=(-0.02, 1.02))
    upper.legend(loc='best')
    lower.set(xlabel='confidence', ylabel='clips, %', xlim=(0, 1))
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    return figure


def risk_coverage_figure(
    coverage: np.ndarray, risk: np.ndarray, point: Mapping[str, Any]
) -> Figure:
    """Plot the error among the surest clips over their share, both (N,) from 0 to 1.

    A point is marked: a ``threshold`` with its ``coverage``, ``error`` and ``wished_error``.
    """
    figure = Figure(figsize=(5, 4), layout='constrained')
    axes = figure.subplots()
    axes.plot(100 * coverage, 100 * risk, label=f'AURC {risk.mean():.3f}')
    if point['error'] is not None:
        wished = point['wished_error']
        axes.axhline(100 * wished, color='tab:gray', linestyle='--', linewidth=1)
        label = f'answers above {point["threshold"]:.2f} (wished: {wished:.0%})'
        axes.plot(100 * point['coverage'], 100 * point['error'], 'ro', label=label)
    axes.set(xlabel='answered clips, %', ylabel='wrong among them, %', xlim=(0, 100))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(loc='best')
    return figure
