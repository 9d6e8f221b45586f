"""Every error that a user can meet; those about code point at the user's file, line and column."""
import linecache
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A position in the user's source: a line, and how many bytes of it come before."""
    file: str
    line: int
    offset: int

    def short(self):
        """The file's name and the line."""
        return f"{os.path.basename(self.file)}:{self.line}"

    def show(self):
        """The line itself, with a caret under the column."""
        text = linecache.getline(self.file, self.line).rstrip("\n")
        column = len(text.encode()[:self.offset].decode(errors="ignore"))
        lead = len(text) - len(text.lstrip())
        caret = " " * max(column - lead, 0) + "^"
        return f"{self.file}:{self.line}:{column + 1}\n    {text.strip()}\n    {caret}"


class DualtapeError(Exception):
    """The root of this package's errors."""


class Refusal(DualtapeError, NotImplementedError):
    """The function uses something whose derivative the toolkit does not take; `place` is where."""

    def __init__(self, what, instead, place=None):
        self.what, self.instead, self.place = what, instead, place
        super().__init__(what)

    def at(self, place):
        """The same refusal, placed, if it was not yet."""
        if self.place is None:
            self.place = place
        return self

    def __str__(self):
        where = f"\n  {self.place.show()}" if self.place else ""
        return f"{self.what}{where}\n  {self.instead}"


class UsageError(DualtapeError, TypeError):
    """A transform was called with arguments that do not fit it."""
