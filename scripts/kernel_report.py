#!/usr/bin/env python3
"""What the compiler says of every CUDA kernel: registers, spills, static shared memory, resident blocks, widths of global loads.

Reads what the target cuda_kernels left in a build folder: the logs of `ptxas -v` and the objects, disassembled by cuobjdump.

  cmake --build build/release --target cuda_kernels && scripts/kernel_report.py
  scripts/kernel_report.py --check       exit 1 when a kernel of a decode step spills or touches local memory
  scripts/kernel_report.py --json        for machines
  scripts/kernel_report.py --all         compiles for every architecture first (some minutes), into build/kernels

Resident blocks are those of one multiprocessor by registers, threads and static shared memory; dynamic shared memory, which depends on
the model's width, is not in the objects."""
import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Kernels that no step of up to 64 sequences launches: there a spill costs a prompt time, but no decoded token waits for it.
PREFILL_ONLY = ("attention_prefill_kernel", "matmul_kernel")
# Per multiprocessor: registers, threads, blocks, shared bytes (CUDA C++ programming guide, table of compute capabilities).
LIMITS = {"80": (65536, 2048, 32, 163 << 10), "86": (65536, 1536, 16, 99 << 10), "89": (65536, 1536, 24, 99 << 10), "90a": (65536, 2048, 32, 227 << 10),
          "100": (65536, 2048, 32, 227 << 10), "120": (65536, 1536, 24, 99 << 10)}
RESERVED_SHARED = 1 << 10  # of every block, from compute capability 8.0 on


def tool(name):
    local = sorted(ROOT.glob(f".cache/cuda/nvidia/cu*/bin/{name}"))
    found = str(local[-1]) if local else shutil.which(name) or f"/usr/local/cuda/bin/{name}"
    if not pathlib.Path(found).exists():
        sys.exit(f"kernel_report.py: {name} not found; ./scripts/setup.sh --cuda gets it")
    return found


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"kernel_report.py: {' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def type_names():
    """Names of tensor::DType in the enum's order: template arguments are numbers in the objects."""
    body = re.search(r"enum class DType[^{]*\{([^}]*)\}", (ROOT / "src" / "tensor" / "dtype.h").read_text())[1]
    return re.findall(r"\bk([A-Z]\w*)", body)


def short_name(demangled):
    """`attention_decode_kernel<Q8_0, 8>` out of the mangled name's text."""
    types = type_names()
    text = re.sub(r"\(anonymous namespace\)::", "", demangled)
    text = re.sub(r"\((?:\w+::)*tensor::DType\)(\d+)", lambda m: types[int(m[1])], text)
    text = re.sub(r"\((?:int|bool|unsigned int)\)", "", text)
    text = re.sub(r"^void ", "", text)
    text = re.sub(r"\((?:[^()]|\([^()]*\))*\)$", "", text)
    return re.sub(r"(?:\w+::)+(\w+)", r"\1", text)


def read_log(path):
    """(kernel, architecture) -> registers, stack, spills, static shared memory."""
    kernels, current = {}, None
    for line in path.read_text().splitlines():
        if m := re.search(r"Compiling entry function '(\w+)' for 'sm_(\w+)'", line):
            current = kernels.setdefault((m[1], m[2]), {"spill_bytes": 0, "stack_bytes": 0, "shared_bytes": 0})
        elif current is None:
            continue
        elif m := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            current["stack_bytes"], current["spill_bytes"] = int(m[1]), int(m[2]) + int(m[3])
        elif m := re.search(r"Used (\d+) registers", line):
            current["registers"] = int(m[1])
            shared = re.search(r"(\d+) bytes smem", line)
            current["shared_bytes"] = int(shared[1]) if shared else 0
    return kernels


def read_object(path, kernels):
    """Adds threads a block, and counts of global and local accesses, by architecture."""
    for (name, architecture), facts in kernels.items():
        facts["threads"] = 0
        facts["loads"] = collections.Counter()
        facts["local_accesses"] = 0
    section = architecture = None
    for line in run(tool("cuobjdump"), "-elf", path).splitlines():
        if m := re.match(r"arch = sm_(\w+)", line):
            architecture = m[1]
        if m := re.match(r"\.nv\.info\.(\w+)$", line.strip()):
            section, waiting = m[1], False
        elif "EIATTR_MAX_THREADS" in line:
            waiting = True
        elif section and waiting and (m := re.search(r"Value:\s+0x(\w+) 0x(\w+) 0x(\w+)", line)):
            waiting = False
            for key, facts in kernels.items():
                if key[0] == section and architecture in (None, key[1]):
                    facts["threads"] = int(m[1], 16) * int(m[2], 16) * int(m[3], 16)
    current = None
    for line in run(tool("cuobjdump"), "-sass", path).splitlines():
        if m := re.match(r"arch = sm_(\w+)", line.strip()):
            architecture = m[1]
        elif m := re.match(r"\s*Function : (\w+)", line):
            current = kernels.get((m[1], architecture))
        elif current is not None and (m := re.search(r"\b(LDGSTS|LDG|LDL|STL)\b([.\w]*)", line)):
            if m[1] in ("LDL", "STL"):
                current["local_accesses"] += 1
            else:
                current["loads"]["128" if ".128" in m[2] else "64" if ".64" in m[2] else "32 or less"] += 1


def resident_blocks(facts, architecture):
    registers, threads, blocks, shared = LIMITS[architecture]
    if not facts["threads"]:
        return None
    warps = (facts["threads"] + 31) // 32
    per_warp = (facts["registers"] * 32 + 255) // 256 * 256  # registers are given out by 256 a warp
    return min(blocks, threads // facts["threads"], registers // per_warp // warps, shared // (facts["shared_bytes"] + RESERVED_SHARED))


def collect(folder):
    rows = []
    for log in sorted(folder.glob("*.ptxas")):
        kernels = read_log(log)
        if not kernels:
            continue  # host code: cuobjdump refuses an object without device code
        read_object(log.with_suffix(""), kernels)
        names = run("c++filt", *[name for name, _ in kernels]).splitlines() if kernels else []
        for ((_, architecture), facts), name in zip(kernels.items(), names):
            rows.append({"source": log.name.removesuffix(".o.ptxas"), "kernel": short_name(name), "architecture": architecture, "threads": facts["threads"],
                         "registers": facts["registers"], "stack_bytes": facts["stack_bytes"], "spill_bytes": facts["spill_bytes"],
                         "local_accesses": facts["local_accesses"], "static_shared_bytes": facts["shared_bytes"],
                         "resident_blocks": resident_blocks(facts, architecture), "loads_128": facts["loads"]["128"], "loads_64": facts["loads"]["64"],
                         "loads_32_or_less": facts["loads"]["32 or less"], "decode": not is_prefill_only(short_name(name))})
    return sorted(rows, key=lambda r: (r["source"], r["kernel"], r["architecture"]))


def is_prefill_only(kernel):
    return any(kernel.startswith(prefix) for prefix in PREFILL_ONLY)


def table(rows):
    titles = ["kernel", "sm", "threads", "registers", "spill B", "local", "static shared B", "blocks / SM", "loads 128", "64", "<= 32"]
    keys = ["kernel", "architecture", "threads", "registers", "spill_bytes", "local_accesses", "static_shared_bytes", "resident_blocks", "loads_128",
            "loads_64", "loads_32_or_less"]
    lines = ["| " + " | ".join(titles) + " |", "|---|---|" + "---:|" * (len(titles) - 2)]
    lines += ["| " + " | ".join("" if row[key] is None else str(row[key]) for key in keys) + " |" for row in rows]
    return "\n".join(lines)


def compile_all():
    """The build folder of all architectures, brought up to date."""
    folder = ROOT / "build" / "kernels"
    run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DQBENCH_TESTS=OFF", f"-DQBENCH_CUDA_ARCHITECTURES={';'.join(LIMITS)}")
    run("cmake", "--build", folder, "--target", "cuda_kernels")
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release", help="build folder (default build/release)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a kernel of a decode step spills or touches local memory")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--all", action="store_true", help="compile for all of " + ", ".join(LIMITS) + " into build/kernels, and report those")
    options = parser.parse_args()
    if options.all:
        options.build = compile_all()
    folder = options.build / "kernels" / "cuda" / "cuda_kernels"
    rows = collect(folder)
    if not rows:
        sys.exit(f"kernel_report.py: no compiled kernels in {folder}; build the target cuda_kernels first (it needs nvcc: ./scripts/setup.sh --cuda)")
    print(json.dumps(rows, indent=1) if options.json else table(rows))
    if options.check:
        bad = [row for row in rows if row["decode"] and (row["spill_bytes"] or row["local_accesses"])]
        for row in bad:
            print(f"kernel_report.py: {row['kernel']} (sm_{row['architecture']}): {row['spill_bytes']} bytes spilled, {row['local_accesses']} accesses of local memory",
                  file=sys.stderr)
        sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
