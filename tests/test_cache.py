"""Compiled derivatives between processes: read where they are right, compiled again where they cannot be had, never stale."""
import json
import os
import re
import resource
import subprocess
import sys
import warnings
from collections import namedtuple
from pathlib import Path

import numba
import numpy as np
import pytest

import toolkit
from toolkit import CacheWarning, cache, custom, grad, infer, jvp, vjp
from toolkit.transform import types_of

HOME = Path(toolkit.__file__).parents[1]
SCRIPT = """
import json, sys, warnings
import numpy as np
from numba import njit
from toolkit import grad, vjp

SCALE = {scale}

@njit
def squared(x):
    return {callee}

def f(x):
    s = 0.0
    for v in x:
        s += SCALE * squared(v)
    return s

g = grad(f)

@njit
def inside(x):
    return g(x)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    x = np.arange(1.0, 4.0)
    out = [g(x).tolist(), inside(x).tolist(), vjp(f)((x,), 1.0)[1][0].tolist()]
print(json.dumps(dict(out=out, hits=sum(g.entry.stats.cache_hits.values()), told=[str(w.message) for w in caught])))
"""


def started(tmp_path, folder, scale=2.0, callee="x * x", **more):
    """A process that differentiates the script's function."""
    script = tmp_path / f"script_{scale}_{len(callee)}.py"
    script.write_text(SCRIPT.format(scale=scale, callee=callee))
    env = {**os.environ, "PYTHONPATH": str(HOME), "DUALTAPE_CACHE_DIR": str(folder)}
    return subprocess.Popen([sys.executable, script], env=env, stdout=subprocess.PIPE, text=True, **more)


def ended(process):
    """What it printed."""
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return json.loads(text)


def run(*args, **kw):
    return ended(started(*args, **kw))


def is_right(said, slope=4.0):
    return said["out"] == 3 * [[slope * v for v in (1.0, 2.0, 3.0)]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder in which a process has left what it compiled."""
    tmp = tmp_path_factory.mktemp("kept")
    first = run(tmp, tmp / "cache")
    assert is_right(first)
    assert first["hits"] == 0
    assert first["told"] == []
    assert len(cache.entries(tmp / "cache")) == 6       # two derivatives, what three are called, Numba's answers
    return tmp


def test_the_next_process_reads_what_the_first_has_compiled(kept):
    for _ in range(2):
        again = run(kept, kept / "cache")
        assert is_right(again)
        assert again["hits"] == 1
        assert again["told"] == []


def test_a_changed_constant_or_callee_is_another_entry(kept):
    """Numba's own cache would give the old answer: it reads the file that a function stands in, and no more."""
    for change, slope in ((dict(scale=5.0), 10.0), (dict(callee="x * x * 1.5"), 6.0)):
        said = run(kept, kept / "cache", **change)
        assert is_right(said, slope)
        assert said["hits"] == 0


@pytest.mark.parametrize("damage", [lambda b: b[:len(b) // 2], lambda b: b"", lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_what_is_truncated_or_altered_is_compiled_again(kept, tmp_path, damage):
    folder = tmp_path / "cache"
    folder.mkdir()
    for _, _, path in cache.entries(kept / "cache"):
        (folder / path.name).write_bytes(damage(path.read_bytes()))
    said = run(kept, folder)
    assert is_right(said)
    assert said["hits"] == 0
    assert said["told"] == []
    assert run(kept, folder)["hits"] == 1       # and mended


def test_whole_entries_that_this_process_cannot_load_are_compiled_again(kept, tmp_path):
    for _, _, path in cache.entries(kept / "cache"):
        payload = b"not what Numba wrote"
        (tmp_path / path.name).write_bytes(cache.hashlib.sha256(payload).digest() + payload)
    assert is_right(run(kept, tmp_path))


def test_two_processes_at_once(tmp_path):
    both = [started(tmp_path, tmp_path / "cache") for _ in range(2)]
    assert all(is_right(ended(p)) for p in both)
    assert run(tmp_path, tmp_path / "cache")["hits"] == 1
    assert not list((tmp_path / "cache").glob(".*"))


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = run(tmp_path, tmp_path / "file" / "cache")
    assert is_right(said)
    assert len(said["told"]) == 1
    assert "are not kept in" in said["told"][0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_is_read_only_is_told_once(kept, tmp_path):
    tmp_path.chmod(0o500)
    said = run(kept, tmp_path)
    assert is_right(said)
    assert len(said["told"]) == 1


def test_a_disk_that_is_full_is_told_once(tmp_path):
    """No file of this process may grow beyond 50 bytes: a write fails half-way, as on a full disk."""
    said = run(tmp_path, tmp_path / "cache", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50)))
    assert is_right(said)
    assert len(said["told"]) == 1
    assert list((tmp_path / "cache").iterdir()) == []       # nothing half-written is left


def test_off(tmp_path):
    said = run(tmp_path, "off")
    assert is_right(said)
    assert said["told"] == []


# ---- in this process
def cube(x):
    return x * x * x


def name_of(transform, *args):
    """What an entry is called; None where it is not kept."""
    args = types_of("test", args)
    return cache.key(transform.build(args).code, args, transform.options())


def test_an_entry_is_named_after_all_that_it_depends_on(monkeypatch, tmp_path):
    monkeypatch.setenv("DUALTAPE_CACHE_DIR", str(tmp_path))
    parallel = grad(numba.njit(parallel=True)(cube))
    assert repr(parallel.options()) == repr(grad(numba.njit(parallel=True)(cube)).options()), "nothing of this process in it"
    names = {name_of(parallel, 1.0), name_of(grad(cube), 1.0), name_of(grad(cube), np.float32(1.0)),
             name_of(vjp(cube), (1.0,), 1.0), name_of(grad(numba.njit(fastmath=True)(cube)), 1.0)}
    cache.stamp.cache_clear()
    monkeypatch.setattr(cache.host, "versions", lambda: "another release of Numba")
    names.add(name_of(grad(cube), 1.0))
    cache.stamp.cache_clear()
    assert None not in names
    assert len(names) == 6


def test_what_numba_has_answered_is_not_asked_again(monkeypatch, tmp_path):
    def diagonal(x):
        return np.sum(np.diag(x) * np.exp(x[0]))
    monkeypatch.setenv("DUALTAPE_CACHE_DIR", str(tmp_path))
    grad(diagonal).build(types_of("test", (np.eye(3),)))
    assert cache.kept_answers() == cache.answers() != {}
    cache.ANSWERS.clear()
    monkeypatch.setattr(infer, "asked", None)           # to ask would fail
    grad(diagonal).build(types_of("test", (np.eye(3),)))
    cache.ANSWERS.clear()


def test_what_another_process_might_take_for_something_else_is_not_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("DUALTAPE_CACHE_DIR", str(tmp_path))
    pair = namedtuple("pair", "a b")

    def product(p):
        return p[0] * p[1]

    @custom
    def own(x):
        return x * x

    @own.differential
    def _(x, x_dot):
        return 2.0 * x * x_dot

    def calls(x):
        return own(x) + 1.0
    assert name_of(jvp(product), ((1.0, 2.0),), ((1.0, 2.0),)) is not None
    assert name_of(jvp(product), (pair(1.0, 2.0),), (pair(1.0, 2.0),)) is None
    assert name_of(jvp(calls), (1.0,), (1.0,)) is None


def test_what_was_not_used_for_longest_is_removed_beyond_the_limit(monkeypatch, tmp_path):
    monkeypatch.setenv("DUALTAPE_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "LIMIT", 2500)
    cache.made_room.cache_clear()
    for k, letter in enumerate("abcd"):
        cache.made_room(tmp_path)
        cache.write(letter * 64, bytes(968))
        os.utime(tmp_path / (letter * 64), (k, k))
    assert cache.read("a" * 64) == bytes(968)       # used: now the youngest
    cache.made_room.cache_clear()
    cache.made_room(tmp_path)
    assert {p.name[0] for p in tmp_path.iterdir()} == {"a", "d"}
    (tmp_path / "notes.txt").write_text("not ours")
    assert cache.clear() == 2
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_where_it_lies(monkeypatch, tmp_path):
    monkeypatch.setenv("DUALTAPE_CACHE_DIR", "")
    monkeypatch.setattr(cache.host.config, "CACHE_DIR", str(tmp_path))
    assert cache.folder() == tmp_path / "dualtape"
    monkeypatch.setattr(cache.host.config, "CACHE_DIR", "")
    assert cache.folder().name == "dualtape"
    monkeypatch.setenv("DUALTAPE_CACHE_DIR", "off")
    assert cache.folder() is None
    assert cache.clear() == 0


def test_the_command(tmp_path):
    def command(*more, folder=tmp_path):
        return subprocess.run([sys.executable, "-m", "toolkit", "cache", *more], capture_output=True, text=True, check=True,
                              env={**os.environ, "PYTHONPATH": str(HOME), "DUALTAPE_CACHE_DIR": str(folder)}).stdout
    (tmp_path / ("a" * 64)).write_bytes(bytes(10))
    assert re.fullmatch(rf"1 entries, 0.0 MB, in {re.escape(str(tmp_path))}\n", command())
    assert command("--clear") == "1 entries removed\n"
    assert command().startswith("0 entries")
    assert "off" in command(folder="off")


def test_the_warning_is_one_a_user_can_catch():
    with warnings.catch_warnings():
        warnings.simplefilter("error", CacheWarning)
        cache.warn.cache_clear()
        with pytest.raises(CacheWarning, match="Set DUALTAPE_CACHE_DIR"):
            cache.warn("there", "why not")
        cache.warn.cache_clear()
