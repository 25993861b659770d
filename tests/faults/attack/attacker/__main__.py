"""Attacks a server with nothing but sockets, until it is ended.

    attacker ATTACK SIZE TARGET [ARGUMENT…]     ATTACK: MODULE.FUNCTION; TARGET: JSON, see place.py

Says `reached` when the attack has its full size, and goes on.
"""

import ctypes
import importlib
import resource
import signal
import sys

from place import Target

# prctl(2): what the system sends this process when the one that started it has ended
PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    attack, size, target, *more = sys.argv[1:]
    module, name = attack.split(".")
    getattr(importlib.import_module(module), name)(Target(target), int(size), *more)
