"""What did the last run of every experiment find? One page with all of it, to be read on a phone, and printed.

Each experiment leaves what it printed in `plots/NAME.json`; this puts them, and their pictures, into `plots/report.html`,
which needs no other file and no network.
"""

import base64
import json
import re
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
import markupsafe
from rich.table import Table
from rich.text import Text

from experiments.measure import machine

MAKES = ("report.html",)
KINDS = {".png": "image/png", ".gif": "image/gif", ".mp4": "video/mp4"}


@dataclass(frozen=True)
class Section:
    """What one experiment left; the fields of its json."""

    name: str
    question: str
    about: list[str]
    finding: list[str]
    tables: list[dict]
    files: list[str]
    seconds: float
    scale: str
    date: str


def keep(
    folder: Path, name: str, doc: str, tables: list, finding: str, files: list[str], seconds: float, scale: str
) -> None:
    """Write down what an experiment found."""
    question, *about = [" ".join(part.split()) for part in textwrap.dedent(doc).split("\n\n")]
    section = Section(
        name, question, about, finding.strip("\n").split("\n\n"), list(map(_as_data, tables)), files, seconds, scale,
        time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    )  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(vars(section), indent=1), encoding="utf-8")


def _as_data(table: Table | str) -> dict:
    """A printed table, or a line of text, as plain data."""
    if not isinstance(table, Table):
        return {"text": table.strip("\n")}
    columns = [{"heading": _plain(column.header), "right": column.justify == "right"} for column in table.columns]
    cells = [[_plain(cell) for cell in column.cells] for column in table.columns]
    return {"title": _plain(table.title or ""), "columns": columns, "rows": [list(row) for row in zip(*cells)]}


def _plain(text) -> str:
    return text.plain if isinstance(text, Text) else Text.from_markup(str(text)).plain


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Section]:
    """Write the page of all that lies in `folder`, in the order of the article."""
    from experiments.__main__ import NAMES

    left = [folder / f"{name}.json" for name in NAMES]
    sections = [Section(**json.loads(path.read_text(encoding="utf-8"))) for path in track([p for p in left if p.exists()])]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["prose"] = _prose
    page = environment.get_template("report.html.jinja").render(
        sections=sections, machine=machine(), pictures={s.name: list(_pictures(folder, s.files)) for s in sections}
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
    return sections


def _prose(text: str) -> markupsafe.Markup:
    """What stands in backquotes is code."""
    return markupsafe.Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text))))


def _pictures(folder: Path, files: list[str]) -> Iterator[dict]:
    """The pictures among some files, as data that a page can hold; a film stands for the gif of the same name."""
    films = {Path(file).stem for file in files if file.endswith(".mp4")}
    for file in map(Path, files):
        if (kind := KINDS.get(file.suffix)) and not (file.suffix == ".gif" and file.stem in films):
            data = base64.b64encode((folder / file).read_bytes()).decode()
            film = kind.startswith("video")
            yield {"name": file.stem, "film": film, "moves": file.suffix != ".png", "source": f"data:{kind};base64,{data}"}


def tables(sections: list[Section]) -> Iterator[Table]:
    table = Table(title="what the page holds", title_justify="left")
    for heading in ("experiment", "run at", "scale"):
        table.add_column(heading)
    table.add_column("seconds", justify="right")
    for s in sections:
        table.add_row(s.name, s.date, s.scale, f"{s.seconds:.0f}")
    yield table


def finding(sections: list[Section]) -> str:
    """A sentence that says what is on the page."""
    if not sections:
        return "There is nothing to report yet: run `python -m experiments` first."
    pictures = sum(Path(file).suffix in KINDS for s in sections for file in s.files)
    return f"plots/report.html holds {len(sections)} experiments and {pictures} pictures, and needs nothing else."
