"""The figures of a report: the sheet of one photograph, and the curve of a training run.

matplotlib is imported on first use: it comes with the extra `filmlook[train]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from filmlook.errors import FilmLookError
from filmlook.files.atomic import replacing
from filmlook.fitting.delta_e import to_cielab
from filmlook.training.scores import Scores, as_code, check_same_shape, difference, drawing, writing

# Sheets, in pixels of the PNG
_WIDTH, _MARGIN, _COLUMN, _GAP = 1600, 40, 490, 25
_LEFTS = tuple(_MARGIN + i * (_COLUMN + _GAP) for i in range(3))
_MOST_TALL = 640  # of the photographs: keeps a portrait's sheet on a screen
_HISTOGRAM = 190
_PLOT = 300  # sides of the colour plots
_CURVE_LEFT, _CURVE_WIDTH = 100, 1370
_MOST_NAME = 44  # characters that fit beside the figures
_DPI = 100

_PAPER, _PANEL, _INK, _FAINT = "#242424", "#303030", "#e6e6e6", "#9a9a9a"
_COLOUR_PANEL = "#595959"  # near L* 38, so that dark and light points both stand out
_CHANNELS = {"Red": "#e0564f", "Green": "#58b368", "Blue": "#5a8fe0"}

COLOUR_FIGURES = {"psnr": "PSNR, dB", "mean_de00": "mean ΔE00"}

_BINS = 128
_MOST_SHARE = 8 / _BINS  # clipped tones pile up in a bin or two: cut them off, or they flatten all the others
_POINTS = 4000
_MAP_DE00 = 6.0  # where the map ends: a difference that nobody overlooks


class _Page:
    """A matplotlib figure measured in pixels from its top left corner; no pyplot, so no state outlives it."""

    def __init__(self, height: float) -> None:
        self.height = height
        self.figure = drawing("matplotlib.figure").Figure((_WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor=_PAPER)

    def axes(self, left: float, top: float, width: float, height: float, **options: Any) -> Any:
        box = (left / _WIDTH, 1 - (top + height) / self.height, width / _WIDTH, height / self.height)
        axes = self.figure.add_axes(box, facecolor=_PANEL, **options)
        axes.tick_params(colors=_FAINT, labelsize=9, length=3)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def text(self, left: float, top: float, text: str, size: float, colour: str = _INK, **options: Any) -> None:
        place = (left / _WIDTH, 1 - top / self.height)
        self.figure.text(*place, text, size=size, color=colour, va="top", parse_math=False, **options)

    def save(self, path: Path) -> None:
        drawing("matplotlib.backends.backend_agg").FigureCanvasAgg(self.figure)
        with writing(path), replacing(path) as file:
            self.figure.savefig(file, format="png", dpi=_DPI, facecolor=_PAPER)


def sheet(path: Path, name: str, before: Tensor, after: Tensor, target: Tensor, score: Scores) -> None:
    """Write the sheet of one photograph as a PNG 1600 pixels wide.

    Args:
        name, score: what stands above it.
        before, after, target: display code (3, H, W): the photograph, what the network made of it, what the film does.

    Raises FilmLookError as `scores`, and where the file cannot be written.
    """
    three = {"before": as_code(before), "after": as_code(after), "target": as_code(target)}
    check_same_shape(*three.values())
    height, width = _fitted(three["target"], _COLUMN, _MOST_TALL)
    tops = _tops(height)
    page = _Page(tops["end"])
    page.text(_MARGIN, 26, _shortened(name, _MOST_NAME), 17, weight="bold")
    page.text(_WIDTH - _MARGIN, 31, in_words(score), 12, ha="right")
    captions = ("Before", "After: the network", "Target")
    for left, caption, picture in zip(_LEFTS, captions, three.values(), strict=True):
        inside = left + (_COLUMN - width) // 2
        page.text(inside, tops["pictures"] - 28, caption, 12)
        _draw_picture(page.axes(inside, tops["pictures"], width, height), _resized(picture, height, width))
    _draw_histograms(page, tops["histograms"], three)
    _draw_difference(page, tops["plots"], difference(three["after"], three["target"]))
    _draw_colours(page, tops["plots"], three["after"], three["target"])
    page.save(path)


def _tops(height: int) -> dict[str, int]:
    """Where the rows of a sheet begin, its photographs being `height` tall."""
    pictures = 108
    histograms = pictures + height + 60
    plots = histograms + _HISTOGRAM + 84
    return {"pictures": pictures, "histograms": histograms, "plots": plots, "end": plots + _PLOT + 62}


def _fitted(picture: Tensor, width: int, height: int) -> tuple[int, int]:
    """Height and width of the picture (..., H, W) as large as fits."""
    scale = min(width / picture.shape[-1], height / picture.shape[-2])
    return max(round(scale * picture.shape[-2]), 1), max(round(scale * picture.shape[-1]), 1)


def _resized(picture: Tensor, height: int, width: int, most: float = 1) -> Tensor:
    return F.interpolate(picture[None], (height, width), mode="bilinear", antialias=True)[0].clamp(0, most)


def _shortened(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def in_words(score: Scores) -> str:
    return (
        f"ΔE00 {score.mean_de00:.2f} on average, {score.p95_de00:.2f} at the 95th percentile"
        f"   ·   PSNR {score.psnr:.1f} dB   ·   SSIM {score.ssim:.4f}"
    )


def _draw_picture(axes: Any, picture: Tensor) -> None:
    axes.set_axis_off()
    axes.imshow(picture.permute(1, 2, 0).numpy(), aspect="auto", interpolation="nearest")


def _draw_histograms(page: _Page, top: int, three: Mapping[str, Tensor]) -> None:
    edges = np.linspace(0, 255, _BINS + 1)
    for channel, (left, (caption, colour)) in enumerate(zip(_LEFTS, _CHANNELS.items(), strict=True)):
        page.text(left, top - 28, caption, 12)
        shares = {key: _shares(picture[channel]) for key, picture in three.items()}
        axes = page.axes(left, top, _COLUMN, _HISTOGRAM)
        axes.stairs(shares["after"], edges, fill=True, color=colour, alpha=0.65, label="after")
        axes.stairs(shares["target"], edges, color=_INK, lw=1.3, label="target", baseline=None)
        axes.stairs(shares["before"], edges, color=_FAINT, lw=0.9, ls=(0, (3, 2)), label="before", baseline=None)
        highest = 1.08 * max(share.max() for share in shares.values())
        axes.set(xlim=(0, 255), ylim=(0, min(highest, _MOST_SHARE)), yticks=[], xticks=[0, 64, 128, 192, 255])
        axes.get_xticklabels()[0].set_ha("left")
        axes.get_xticklabels()[-1].set_ha("right")
    legend = page.figure.legend(
        *axes.get_legend_handles_labels(),
        loc="upper right",
        bbox_to_anchor=(1 - _MARGIN / _WIDTH, 1 - (top - 33) / page.height),
        borderaxespad=0,
        ncols=3,
        frameon=False,
        fontsize=10,
        labelcolor=_INK,
    )
    legend.legend_handles[0].set_color(_FAINT)


def _shares(channel: Tensor) -> np.ndarray:
    """The share of pixels in each bin of a channel's code values."""
    return (torch.histc(channel, _BINS, 0, 1) / channel.numel()).numpy()


def _draw_difference(page: _Page, top: int, difference: Tensor) -> None:
    """The map of CIEDE2000 (H, W) in the first column, its colour bar beside it."""
    page.text(_LEFTS[0], top - 28, "Difference between after and target, ΔE00", 12)
    height, width = _fitted(difference, _COLUMN - 60, _PLOT)
    axes = page.axes(_LEFTS[0], top, width, height)
    axes.set_axis_off()
    shown = _resized(difference[None], height, width, _MAP_DE00)[0].numpy()
    image = axes.imshow(shown, cmap="magma", vmin=0, vmax=_MAP_DE00, aspect="auto", interpolation="nearest")
    bar = page.axes(_LEFTS[0] + width + 12, top, 14, height)
    page.figure.colorbar(image, cax=bar, ticks=range(int(_MAP_DE00) + 1)).outline.set_visible(False)
    bar.set_yticklabels([*map(str, range(int(_MAP_DE00))), f"{_MAP_DE00:g}+"])


def _draw_colours(page: _Page, top: int, after: Tensor, target: Tensor) -> None:
    """The same pixels of both as points over a* and b*, and in space with a line from the target to what was made of it."""
    codes = [_sample(picture) for picture in (after, target)]
    points = [to_cielab(code).numpy() for code in codes]
    most = max(1.08 * max(np.abs(point[:, 1:]).max() for point in points), 30)
    first, second, space = (_LEFTS[1] + 52 + i * (_PLOT + 22) for i in range(3))
    page.text(first, top - 28, "Colours after", 12)
    left_axes = page.axes(first, top, _PLOT, _PLOT)
    _draw_plane(left_axes, codes[0], points[0], most)
    left_axes.set_ylabel("b*: blue – yellow", color=_FAINT, size=9, labelpad=0)
    page.text(second, top - 28, "Colours of the target", 12)
    right_axes = page.axes(second, top, _PLOT, _PLOT)
    _draw_plane(right_axes, codes[1], points[1], most)
    right_axes.tick_params(left=False, labelleft=False)
    page.text(space, top - 28, "From target to after, L* upwards", 12)
    _draw_space(page.axes(space, top, _PLOT, _PLOT, projection="3d"), codes[1], points[0], points[1], most)


def _draw_plane(axes: Any, code: Tensor, point: np.ndarray, most: float) -> None:
    """Points (N, 3) of CIELAB in their own colour over a* and b*, both from -most to most."""
    axes.set_facecolor(_COLOUR_PANEL)
    axes.axhline(0, color=_FAINT, lw=0.6)
    axes.axvline(0, color=_FAINT, lw=0.6)
    axes.scatter(point[:, 1], point[:, 2], s=5, c=code.numpy(), lw=0)
    ticks = [tick for tick in range(-120, 121, 20 if most < 70 else 40) if abs(tick) < 0.95 * most]
    axes.set(xlim=(-most, most), ylim=(-most, most), xticks=ticks, yticks=ticks)
    axes.set_xlabel("a*: green – red", color=_FAINT, size=9)


def _sample(picture: Tensor) -> Tensor:
    """Some pixels (N, 3), the same in all pictures of one size."""
    count = picture[0].numel()
    places = np.random.default_rng(0).choice(count, min(count, _POINTS), replace=False)
    return picture.flatten(1)[:, torch.from_numpy(places)].T


def _draw_space(axes: Any, code: Tensor, after: np.ndarray, target: np.ndarray, most: float) -> None:
    """Targets (N, 3) as points in their own colour over a*, b* and L*, each with a line to `after`."""
    colours = code.numpy()
    ways = np.stack((target, after), 1)[..., [1, 2, 0]]
    axes.add_collection3d(drawing("mpl_toolkits.mplot3d.art3d").Line3DCollection(ways, colors=colours, linewidths=0.7))
    axes.scatter(*target[:, [1, 2, 0]].T, s=3, c=colours, lw=0, depthshade=False)
    axes.set(xlim=(-most, most), ylim=(-most, most), zlim=(0, 100))
    axes.set_facecolor(_PAPER)
    axes.view_init(elev=18, azim=-60)
    axes.set_box_aspect((1, 1, 1), zoom=1.12)
    for axis, label in zip((axes.xaxis, axes.yaxis, axes.zaxis), ("a*", "b*", "L*"), strict=True):
        axis.set_pane_color(_COLOUR_PANEL)
        axis.set_ticks([])  # a* and b* are those of the neighbours; here it is the shape that counts
        axis.set_label_text(label, color=_FAINT, size=9)
        axis.labelpad = -14


def curve(path: Path, rows: Sequence[Mapping[str, float]], figures: Mapping[str, str] = COLOUR_FIGURES) -> None:
    """Plot a training log as a PNG: the loss, and two figures on the held-out photographs, against steps.

    Args:
        rows: `step`, `loss` and `rate` (the learning rate); on some the figures, elsewhere absent or NaN.
        figures: the two figures' keys, and what they are called.

    Raises FilmLookError where the log is empty or the file cannot be written.
    """
    if not rows:
        raise FilmLookError(f"{path}: the training log has no rows to plot")
    page = _Page(840)
    page.text(_CURVE_LEFT, 24, "Loss in training", 13)
    _draw_loss(page, 56, rows)
    page.text(_CURVE_LEFT, 444, "Held-out photographs", 13)
    _draw_held_out(page, 476, rows, figures)
    steps = [row["step"] for row in rows]
    margin = max(0.01 * (max(steps) - min(steps)), 0.5)
    for axes in page.figure.axes:
        axes.set_xlim(min(steps) - margin, max(steps) + margin)
    page.save(path)


def _series(rows: Sequence[Mapping[str, float]], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of the rows where `key` is a finite number."""
    values = np.array([(row["step"], row.get(key, math.nan)) for row in rows], float)
    return tuple(values[np.isfinite(values[:, 1])].T)


def _draw_loss(page: _Page, top: float, rows: Sequence[Mapping[str, float]]) -> None:
    axes = page.axes(_CURVE_LEFT, top, _CURVE_WIDTH, 320)
    axes.set_yscale("log")
    steps, loss = _series(rows, "loss")
    axes.plot(steps, loss, color=_FAINT, lw=0.6, alpha=0.6)
    window = max(len(steps) // 50, 1)  # steady enough to read, short enough to follow
    smooth = [np.convolve(x, np.full(window, 1 / window), "valid") if len(x) else x for x in (steps, loss)]
    _draw_line(axes, "loss", smooth, "#e8b04a")
    rates = axes.twinx()
    rate = _series(rows, "rate")
    _draw_line(rates, "learning rate", rate, _FAINT, lw=1, ls=(0, (3, 2)))
    rates.set_ylim(0, 1.08 * rate[1].max(initial=0) or 1)
    rates.locator_params(axis="y", nbins=4)
    rates.yaxis.set_major_formatter("{x:.3g}")


def _draw_held_out(page: _Page, top: float, rows: Sequence[Mapping[str, float]], figures: Mapping[str, str]) -> None:
    axes = page.axes(_CURVE_LEFT, top, _CURVE_WIDTH, 300)
    axes.set_xlabel("steps", color=_FAINT)
    for side, (key, name), colour in zip((axes, axes.twinx()), figures.items(), ("#5a8fe0", "#e0564f"), strict=True):
        _draw_line(side, name, _series(rows, key), colour, lw=1.8, marker="o", ms=4)


def _draw_line(axes: Any, label: str, series: Sequence[np.ndarray], colour: str, **options: Any) -> None:
    """Values over steps, the scale at the side in the colour of the line."""
    axes.plot(*series, color=colour, **options)
    axes.margins(y=0.08)
    axes.tick_params(axis="y", colors=colour, which="both", labelsize=9)
    if not len(series[0]):
        axes.set_yticks([])
        label += ": not in this log"
    axes.set_ylabel(label, color=colour)
    axes.yaxis.set_label_coords(-0.05 if axes.yaxis.get_label_position() == "left" else 1.07, 0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
