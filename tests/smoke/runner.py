"""Runs one test in a laboratory of its own and prints its line."""

import os
import signal
import sys
import time
import traceback

import lab

TEST_SECONDS = 120


def too_long(*_):
    raise lab.Failed("not done in time")


def run_one(name, function, workers):
    """Runs a test and prints its line. Returns whether it did not fail."""
    begin, place = time.monotonic(), None
    seconds = getattr(function, "seconds", TEST_SECONDS)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        place = lab.Lab(workers)
        function(place)
        print(f"ok {name} ({time.monotonic() - begin:.1f} s)")
        return True
    except lab.Skipped as reason:
        print(f"skip {name}: {reason}")
        return True
    except Exception as error:
        signal.alarm(0)
        where = traceback.extract_tb(error.__traceback__)
        line = next((f"{os.path.basename(step.filename)}:{step.lineno}" for step in reversed(where)
                     if os.path.basename(step.filename).startswith("test_")), "")
        said = f"{error}" if isinstance(error, lab.Failed) else f"{type(error).__name__}: {error}"
        print(f"FAIL {name}: {said} ({line})")
        if place:
            print("".join(f"    {line}\n" for line in place.evidence().splitlines()), end="")
        return False
    finally:
        signal.alarm(0)
        if place:
            place.close()
        sys.stdout.flush()
