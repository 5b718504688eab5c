"""Runs the functions of a script whose names begin with `test_`, in the order they are written, and counts.

Prints one line per function and exits with 1 when any failed. An argument after the addresses runs only the functions
whose names contain it.
"""
import sys
import time
import traceback
import uuid

# Part of every name that a run creates, so that runs on one server do not meet.
RUN = uuid.uuid4().hex[:8]


def wait_until(what, condition, seconds=20):
    """Waits for a condition to give something true, and gives that."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.01)


def raises(kind, call, *args, **kwargs):
    """The call must fail with exactly this kind of error."""
    try:
        call(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


def run(functions, wanted=""):
    failed = 0
    tests = [function for name, function in functions.items() if name.startswith("test_") and wanted in name]
    for test in tests:
        started = time.monotonic()
        try:
            test()
            print(f"  ok     {test.__name__[5:]} ({time.monotonic() - started:.2f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"  FAILED {test.__name__[5:]}", flush=True)
            traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed or not tests else 0)
