"""Runs the functions of a script whose names begin with `test_`, in the order they are written, and counts.

Prints one line per function and exits with 1 when any failed. An argument after the addresses runs only the functions
whose names contain it.
"""
import os
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


def take_words(load):
    """Begins a load that others disturb, says `ok`, and answers each word of a line, `check` or `end`, with `ok` and what
    the method of that name says. The process ends behind `end`, or with 1 when anything is wrong."""
    try:
        begun = load()
        print("ok", flush=True)
        for word in map(str.strip, sys.stdin):
            print("ok", {"check": begun.check, "end": begun.end}[word](), flush=True)
            if word == "end":
                break
    except BaseException as error:
        traceback.print_exc()
        print(f"FAILED: {error!r}", flush=True)
        # Threads of clients that hang must not keep the process.
        os._exit(1)
    os._exit(0)


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
