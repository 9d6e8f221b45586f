"""One visual language: the style, what each colour means, graphs of computations, and pictures that move.

The primal is blue, the tangent green, the cotangent vermilion, in every picture; what is none of these has the other colours.
All are Okabe & Ito's (2008) and Tol's (2021), which colour-blind readers tell apart.
"""

import contextlib
import shutil
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from matplotlib.animation import FFMpegWriter
from matplotlib.patches import FancyArrowPatch
from PIL import Image
from scipy.optimize import isotonic_regression

PRIMAL, TANGENT, COTANGENT = "#0072B2", "#009E73", "#D55E00"
PINK, ORANGE, SKY, BLACK, GREY, PALE = "#AA4499", "#E69F00", "#56B4E9", "#000000", "#595959", "#D9D9D9"
OLIVE, WINE = "#999933", "#882255"
OTHERS = (PINK, ORANGE, SKY, BLACK, OLIVE, WINE)
STYLE = Path(__file__).with_name("style.mplstyle")


@contextlib.contextmanager
def figure(
    path: Path, rows: int = 1, columns: int = 1, size: tuple[float, float] = (14, 7.8), dpi: float | None = None, **options
) -> Iterator:
    """(figure, axes) in the common style, written to `path` when the block ends; `options` are those of plt.subplots."""
    with plt.style.context(STYLE):
        made, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", **options)
        yield made, axes
        made.savefig(path, dpi=dpi or plt.rcParams["savefig.dpi"])
        plt.close(made)


def move(made, update: Callable[[int], None], frames: int, path: Path, *, per_second: float = 2.0, dpi: int = 60) -> None:
    """Write `path` (a .gif), and an .mp4 beside it where ffmpeg is: frame k is the figure after update(k); the last one stays."""
    update(0)
    made.canvas.draw()
    made.set_layout_engine("none")  # that of the first frame stays: nothing jumps
    # H.264 takes even numbers of pixels, and browsers take yuv420p alone.
    filters = "pad=ceil(iw/2)*2:ceil(ih/2)*2,tpad=stop_mode=clone:stop_duration=2"
    film = FFMpegWriter(fps=per_second, extra_args=["-pix_fmt", "yuv420p", "-vf", filters]) if shutil.which("ffmpeg") else None
    pictures = []
    with film.saving(made, path.with_suffix(".mp4"), 2 * dpi) if film else contextlib.nullcontext():
        for k in range(frames):
            if k:
                update(k)
            made.set_dpi(dpi)
            made.canvas.draw()
            pictures.append(_few_colours(np.array(made.canvas.buffer_rgba())[..., :3]))
            if film:
                film.grab_frame()
    # One palette for all, so that of a frame only what has changed is written.
    some = Image.fromarray(np.vstack([pictures[k] for k in (0, frames // 3, 2 * frames // 3, frames - 1)]))
    palette = some.quantize(128, dither=Image.Dither.NONE)
    pictures = [Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    pause = round(1000 / per_second)
    durations = [pause] * (frames - 1) + [pause + 2000]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=True)


def _few_colours(picture: np.ndarray) -> np.ndarray:
    """Sixteen levels of each colour: what is nearly white is white."""
    return np.minimum(255, np.rint(picture / 17.0) * 17).astype(np.uint8)


# --- graphs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """A node of a drawn graph: its text (lines), and the colours of its edge and of what it is filled with."""

    text: str
    edge: str = GREY
    fill: str = "white"


class Drawing:
    """A directed acyclic graph on axes, in layers from left to right; boxes and arrows can be coloured anew later."""

    def __init__(self, axes, boxes: Mapping[Hashable, Box], arrows: Iterable[tuple[Hashable, Hashable]], fontsize: float = 11):
        self.axes, self.texts, self.arrows = axes, {}, {}
        graph = nx.DiGraph(list(arrows))
        graph.add_nodes_from(boxes)
        widths = {node: max(map(len, box.text.splitlines())) / 4 for node, box in boxes.items()}
        self.places = layers(graph, widths)
        for node, box in boxes.items():
            self.texts[node] = axes.text(
                *self.places[node], box.text, ha="center", va="center", fontsize=fontsize, linespacing=1.3, zorder=3,
                bbox={"boxstyle": "round,pad=0.35", "edgecolor": box.edge, "facecolor": box.fill, "linewidth": 1.6},
            )  # fmt: skip
        columns = {x: k for k, x in enumerate(sorted({x for x, _ in self.places.values()}))}
        columns = {node: columns[x] for node, (x, _) in self.places.items()}
        for tail, head in graph.edges:
            patches = {"patchA": self.texts[tail].get_bbox_patch(), "patchB": self.texts[head].get_bbox_patch()}
            looks = {"arrowstyle": "-|>", "mutation_scale": 13, "color": PALE, "linewidth": 1.5, "zorder": 1}
            # What leaps over columns goes in an arc, past the boxes in between.
            bend = 0.0 if columns[head] - columns[tail] == 1 else 0.18 if self.places[head][1] > self.places[tail][1] else -0.18
            looks["connectionstyle"] = f"arc3,rad={bend}"
            arrow = FancyArrowPatch(self.places[tail], self.places[head], **patches, **looks, shrinkA=2, shrinkB=2)
            self.arrows[tail, head] = axes.add_patch(arrow)
        across, up = np.array(list(self.places.values())).T
        edge = max(widths.values()) / 2
        axes.set(xlim=(across.min() - edge, across.max() + edge), ylim=(up.min() - 0.6, up.max() + 0.6))
        axes.axis("off")

    def box(self, node: Hashable, *, text: str | None = None, edge: str | None = None, fill: str | None = None) -> None:
        """Change a box."""
        patch = self.texts[node].get_bbox_patch()
        if text is not None:
            self.texts[node].set_text(text)
        if edge is not None:
            patch.set_edgecolor(edge)
        if fill is not None:
            patch.set_facecolor(fill)

    def arrow(self, tail: Hashable, head: Hashable, colour: str, *, width: float = 2.4, backward: bool = False) -> None:
        """Change an arrow; backward, it points from head to tail, as a message to a parent does."""
        arrow = self.arrows[tail, head]
        arrow.set(color=colour, linewidth=width, zorder=2)
        arrow.set_arrowstyle("<|-" if backward else "-|>")


def layers(graph: nx.DiGraph, widths: Mapping[Hashable, float]) -> dict[Hashable, tuple[float, float]]:
    """A place for each node: across by the longest way from it to the end, in columns as wide as their widest node and one more;
    up so that arrows are short."""
    level = {}
    for depth, nodes in enumerate(nx.topological_generations(graph.reverse())):
        level |= dict.fromkeys(nodes, -depth)
    columns = {depth: [n for n in graph if level[n] == depth] for depth in sorted(set(level.values()))}
    up = {n: k - (len(column) - 1) / 2 for column in columns.values() for k, n in enumerate(column)}
    for _ in range(30):  # every node towards the middle of its neighbours, a column at a time, 1 apart from the next
        for column in (*reversed(columns.values()), *columns.values()):
            wish = {n: np.mean([up[m] for m in (*graph.pred[n], *graph.succ[n])] or [up[n]]) for n in column}
            column.sort(key=wish.get)
            up |= dict(zip(column, _apart(np.array([wish[n] for n in column]))))
    wide = np.array([max(widths[n] for n in column) for column in columns.values()])
    middles = np.cumsum(wide + 1) - wide / 2
    across = dict(zip(columns, middles))
    return {n: (float(across[level[n]]), -float(up[n])) for n in graph}


def _apart(wishes: np.ndarray) -> np.ndarray:
    """The nearest places, in least squares, that keep their order and are 1 or more apart."""
    steps = np.arange(wishes.size)
    return isotonic_regression(wishes - steps).x + steps
