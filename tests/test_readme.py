"""The README's Python runs, pasted in order, and its commands are the two that `.ci/run` carries out."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from toolkit import Refusal, grad

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def python_lines(text: str) -> str:
    """The ```python blocks of a Markdown text, each line on its own line number; every other line is left empty."""
    inside, lines = False, []
    for line in text.splitlines():
        if line.startswith("```"):
            inside = line == "```python"
            line = ""
        lines.append(line if inside else "")
    return "\n".join(lines) + "\n"


def test_python_blocks_run_in_order(tmp_path):
    # A real file, so that the toolkit can read the source of the functions; errors then show the README's own lines.
    script = tmp_path / "README.py"
    script.write_text(python_lines(README.read_text(encoding="utf-8")), encoding="utf-8")
    runpy.run_path(str(script), run_name="__main__")


def test_the_refusal_is_what_the_toolkit_says(tmp_path, monkeypatch):
    shown = re.search(r"```text\n(toolkit.errors.Refusal: .*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    script = tmp_path / "common.py"
    script.write_text("import numpy as np\n\n\ndef shared(x):\n    return np.intersect1d(x, np.ones(2))[0]\n", encoding="utf-8")
    shared = runpy.run_path(str(script))["shared"]
    with pytest.raises(Refusal) as refusal:
        grad(shared)(np.ones(3))
    assert f"toolkit.errors.Refusal: {refusal.value}\n" == shown.replace("  common.py", f"  {script}")


def test_the_readme_names_two_commands_that_set_themselves_up():
    commands = re.findall(r"^python3 -m venv .*$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith(".venv/bin/python -m experiments")
    assert commands[1].endswith(".venv/bin/python -m pytest")


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert targets
    assert not missing
