"""`python -m toolkit cache`: where compiled derivatives are kept, and how much; with `--clear`, remove them."""
import argparse

from . import cache


def main():
    parser = argparse.ArgumentParser(prog="python -m toolkit", description=__doc__)
    command = parser.add_subparsers(dest="command", required=True).add_parser("cache", help="compiled derivatives on disk")
    command.add_argument("--clear", action="store_true", help="remove all that is kept")
    if parser.parse_args().clear:
        print(f"{cache.clear()} entries removed")
    elif cache.folder() is None:
        print("nothing is kept: DUALTAPE_CACHE_DIR is `off`")
    else:
        found = cache.entries(cache.folder())
        print(f"{len(found)} entries, {sum(size for _, size, _ in found) / 1e6:.1f} MB, in {cache.folder()}")


if __name__ == "__main__":
    main()
