#!/usr/bin/env python3
"""Fails when an #include of ours points up or sideways in the table of rooms (src/README.md). What an arrow reaches is reached."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# room -> rooms that it may include directly; base is open to all.
ARROWS = {
    "base": [],
    "record": [], "stats": [], "sysinfo": [], "tensor": [], "workload": [], "sandbox": [],
    "formats": ["tensor"], "backend": ["tensor"], "kernels": ["tensor"],
    "compare": ["record", "stats"], "history": ["record", "stats", "compare"], "report": ["record", "stats", "compare", "history"],
    "catalog": ["formats", "sysinfo", "workload"],
    "text": ["formats"],
    "backend_device": ["backend", "kernels"],
    "model": ["tensor", "formats", "backend"],
    "measure": ["stats", "record", "backend", "sysinfo"],
    "engine": ["text", "model", "backend", "record"],
    "quality": ["engine", "sandbox", "workload", "stats", "record"],
    "recommend": ["record", "stats", "workload"],
}
LEVELS_1_TO_5 = [room for room in ARROWS if room not in ("base", "kernels", "backend_device")]
ARROWS["run"] = LEVELS_1_TO_5
ARROWS["cli"] = [*ARROWS]


def room_of(path):
    parts = path.parts
    if parts[0] == "kernels":
        return "kernels"
    if parts[:2] == ("src", "backend") and len(parts) > 3:
        return "backend_device"
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def target_of(include):
    parts = include.split("/")
    if parts[0] == "kernels":
        return "kernels"
    if parts[0] == "backend" and len(parts) > 2:
        return "backend_device"
    return parts[0] if parts[0] in ARROWS else None


def reachable(room):
    seen, todo = {"base", room}, [room]
    while todo:
        for target in ARROWS[todo.pop()]:
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


def main():
    broken = []
    allowed = {room: reachable(room) for room in ARROWS}
    for top in ("src", "kernels"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".cu", ".cuh"):
                continue
            room = room_of(path.relative_to(ROOT))
            if room not in ARROWS:
                broken.append(f"{path.relative_to(ROOT)}: lies in no room of the table")
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = re.match(r'\s*#include "([^"]+)"', line)
                target = target_of(match[1]) if match else None
                if target and target not in allowed[room]:
                    broken.append(f"{path.relative_to(ROOT)}:{number}: {room} may not include {match[1]}")
    print("\n".join(broken) or "every include follows the table of rooms")
    sys.exit(1 if broken else 0)


main()
