"""Several pytest processes go through one list of test files, each file in one of them (scripts/e2e starts them).

UPDRAFT_TEST_TURNS names an empty folder that they share. A process takes a file by making its name there, which only
one can, when it begins the last test of the file before; so all end at about the same time, whatever a file costs.
"""
import itertools
import os
from pathlib import Path


def take(turns, path):
    try:
        (turns / path.name).touch(exist_ok=False)
        return True
    except FileExistsError:
        return False


def our_turn(items, turns):
    """The tests of those files that this process gets to take, asked for one by one."""
    for path, tests in itertools.groupby(items, key=lambda item: item.path):
        if take(turns, path):
            yield from tests


def runtestloop(session):
    """As pytest's own loop, over the tests that fall to this process; None where it is the only one."""
    turns = os.environ.pop("UPDRAFT_TEST_TURNS", None)  # not for a pytest that a test starts
    if not turns or session.testsfailed or session.config.option.collectonly:
        return None
    coming = our_turn(session.items, Path(turns))
    item = next(coming, None)
    while item is not None:
        following = next(coming, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True
