"""Become another program that ends when the process that started us does. Run by path, stdlib only.

    python -I -S tied.py PARENT SIGNAL UID GID PROGRAM ARGUMENT...

UID and GID are "-" to stay who we are. A `preexec_fn` would do the same, but runs Python in the forked
child of a process that may have threads, which newer Pythons warn of and which can deadlock.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns."""
    parent, death_signal, uid, gid, *command = arguments
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":  # after the change of user, which would clear it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):  # it died before the call took effect
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  # nosec B606 # this is the point


if __name__ == "__main__":
    main(sys.argv[1:])
