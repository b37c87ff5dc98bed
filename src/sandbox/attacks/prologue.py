# In front of every attack. `traps` is what stands outside for it to reach; what proves a success is either seen there, or the secret that it
# must not know appears in its output, or it prints succeeded(), which its own mark makes unmistakable.
import ctypes
import errno
import json
import os
import sys

traps = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
print("BEGAN", traps["mark"], flush=True)


def succeeded(what):
    print("SUCCEEDED", traps["mark"], what, flush=True)


def attempt(what, action, *arguments):
    """Runs one try; what it returns is printed, so that a secret in it is seen outside."""
    try:
        print(what, action(*arguments), flush=True)
    except BaseException as error:
        print(what, "failed:", type(error).__name__, error, flush=True)


def content(path):
    with open(path, "rb") as file:
        return file.read(4096)


