"""Attacks a server with nothing but sockets, until it is ended.

    attacker ATTACK SIZE TARGET [ARGUMENT…]     ATTACK: MODULE.FUNCTION; TARGET: JSON, see place.py

Says `reached` when the attack has its full size, and goes on.
"""

import importlib
import resource
import sys

from place import Target

if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    attack, size, target, *more = sys.argv[1:]
    module, name = attack.split(".")
    getattr(importlib.import_module(module), name)(Target(target), int(size), *more)
