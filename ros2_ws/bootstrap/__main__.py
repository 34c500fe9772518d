"""`python ros2_ws/bootstrap`: parses the command line and turns errors into exit codes."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a folder, import as a package

from bootstrap.errors import SetupError
from bootstrap.lock import write_locks
from bootstrap.stages import setup


def main() -> int:
    """Sets up; exit code 0 done, 1 failed, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="bootstrap", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    parser.add_argument("--python", help="the interpreter for .venv (default: the first that fits)")
    parser.add_argument("--lock", metavar="UV", help="write the lock files with this uv instead")
    arguments = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    if arguments.lock:
        write_locks(root, arguments.lock)
        return 0
    try:
        asyncio.run(setup(root, dev=arguments.dev, python=arguments.python))
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"set-up: {error}; check the disk and the permissions there", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("set-up: interrupted; the next run goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
