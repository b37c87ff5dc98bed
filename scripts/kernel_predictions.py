#!/usr/bin/env python3
"""What the kernels should reach, before any GPU says so: bytes and operations by their own cost functions, loads on their way by the disassembly.

  scripts/kernel_predictions.py --build build/release          write the tables into kernels/README.md
  scripts/kernel_predictions.py --build build/release --check  exit 1 when they differ from what is there

Needs the targets cuda_kernels (nvcc) and decode_costs. The machine: 132 multiprocessors, 4.3 TB/s, 0.75 us from a load to its data under load. A
launch's time is its bytes at the lower of that bandwidth and of what its loads on their way sustain (Little's law), plus reads of a last block that
wait for one another, plus a gap for each launch: 1.3 us between the nodes of a graph, 0.6 us with programmatic launch. None of these has been measured here."""
import argparse
import functools
import json
import os
import pathlib
import subprocess
import sys

import kernel_report
import sass_loads

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "kernels" / "README.md"
BEGIN, END = "<!-- predictions: scripts/kernel_predictions.py -->", "<!-- end of predictions -->"
ARCHITECTURE = "90a"
SM_COUNT, BYTES_PER_S, LATENCY_S, GAP_S, GAP_PROGRAMMATIC_S = 132, 4.3e12, 0.75e-6, 1.3e-6, 0.6e-6
SHARED_PER_SM, SHARED_RESERVED = 228 << 10, 1 << 10
# Those of the table, at the depth where decoding is usually compared, and the 7B at depth.
MODELS = [("qwen2.5-coder-7b-instruct", "bf16", 1024), ("qwen2.5-coder-32b-instruct", "bf16", 1024), ("qwen3-32b", "bf16", 1024), ("qwen3-30b-a3b", "bf16", 1024),
          ("qwen3-4b", "bf16", 1024), ("qwen2.5-0.5b-instruct", "bf16", 1024), ("qwen2.5-coder-7b-instruct", "q4_k_m", 1024),
          ("qwen2.5-coder-32b-instruct", "q4_k_m", 1024), ("qwen3-30b-a3b", "q4_k_m", 1024), ("qwen3-4b", "q4_k_m", 1024),
          ("qwen2.5-coder-7b-instruct", "bf16", 16384), ("qwen2.5-coder-7b-instruct", "bf16", 32768)]
DETAILED = MODELS[0]


@functools.cache
def compiled(build):
    """kernel -> (facts of kernel_report, weight type in lower case -> bytes of a thread's loads on their way)."""
    folder = build / "kernels" / "cuda" / "cuda_kernels"
    facts = {row["kernel"]: row for row in kernel_report.collect(folder) if row["architecture"] == ARCHITECTURE}
    loads = {}
    for path in sorted(folder.glob("*.cu.o")):
        for mangled, types in sass_loads.of_object(path, kernel_report.tool("cuobjdump"), kernel_report.tool("nvdisasm"), ARCHITECTURE).items():
            name = kernel_report.short_name(kernel_report.run("c++filt", mangled).strip())
            loads[name] = {kind.lower(): size for kind, size in types.items()}
    if not facts:
        sys.exit(f"kernel_predictions.py: no compiled kernels in {folder}; build the target cuda_kernels first")
    return {name: (row, loads.get(name, {})) for name, row in facts.items()}


def resident_blocks(row, threads, shared_bytes):
    """Of one multiprocessor, with this dynamic shared memory."""
    shared = row["static_shared_bytes"] + shared_bytes + SHARED_RESERVED
    return max(1, min(row["resident_blocks"] or 1, SHARED_PER_SM // shared, 2048 // threads))


def load_bytes(types, loads):
    """Of the launch's weight types the fewest; of a kernel whose loads have no type, all of them."""
    plain = {kind.replace("_", ""): size for kind, size in loads.items()}
    named = [plain[kind] for kind in types.lower().replace("_", "").split(",") if kind in plain]
    return min(named) if named else loads.get("", 0)


def predict(build, launch):
    """Adds to a launch of decode_costs: bytes on their way in a multiprocessor, and seconds."""
    if launch["kernel"] not in compiled(build):
        sys.exit(f"kernel_predictions.py: decode_costs names {launch['kernel']}, which is not compiled; known: {', '.join(sorted(compiled(build)))}")
    row, loads = compiled(build)[launch["kernel"]]
    blocks = min(resident_blocks(row, launch["threads"], launch["shared_bytes"]), launch["blocks"] / SM_COUNT)
    flying = blocks * launch["threads"] * load_bytes(launch["types"], loads)
    rate = min(BYTES_PER_S, flying * SM_COUNT / LATENCY_S) if flying else BYTES_PER_S
    return {**launch, "flying": flying, "seconds": launch["bytes"] / rate + launch["round_trips"] * LATENCY_S, "rate": rate}


@functools.cache
def step_of(build, model, precision, positions):
    program = build / "tests" / "bench" / "decode_costs"
    environment = {**os.environ, "QBENCH_DATA_DIR": str(ROOT)}
    done = subprocess.run([program, model, precision, str(positions), str(SM_COUNT)], capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"kernel_predictions.py: {done.stderr.strip()}")
    return [predict(build, launch) for launch in json.loads(done.stdout)]


def by_type(build):
    used = {launch["kernel"] for model in MODELS for launch in step_of(build, *model)}
    lines = ["| kernel | registers | blocks / SM | bytes a thread has on their way, by weight type |", "|---|---:|---:|---|"]
    for name, (row, loads) in sorted(compiled(build).items()):
        if name not in used:
            continue
        kinds = {kind: size for kind, size in loads.items() if kind and kind != "halfformat"} or {"all": loads.get("", 0)}
        grouped = {}
        for kind, size in sorted(kinds.items()):
            grouped.setdefault(size, []).append(kind)
        text = "; ".join(f"{size}: {', '.join(names)}" for size, names in sorted(grouped.items(), reverse=True))
        lines.append(f"| `{name}` | {row['registers']} | {row['resident_blocks']} | {text} |")
    return lines


def in_detail(build):
    model, precision, positions = DETAILED
    lines = ["| step | kernel | launches | MB each | MFLOP each | blocks | KB on their way / SM | us each |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for launch in sorted(step_of(build, model, precision, positions), key=lambda l: -l["count"] * l["seconds"]):
        lines.append(f"| {launch['step']} | `{launch['kernel']}` | {launch['count']} | {launch['bytes'] / 1e6:.3f} | {launch['flops'] / 1e6:.1f} | {launch['blocks']} | "
                     f"{launch['flying'] / 1024:.1f} | {launch['seconds'] * 1e6:.2f} |")
    return lines


def by_model(build):
    lines = ["| model | weights | depth | GB a token | launches | floor, ms | kernels, ms | ms with gaps of 1.3 us | share of the floor | ms with 0.6 us | share of the floor |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for model, precision, positions in MODELS:
        launches = [l for l in step_of(build, model, precision, positions) if not l["step"].startswith("+")]
        bytes_all = sum(l["count"] * l["bytes"] for l in launches)
        count = sum(l["count"] for l in launches)
        floor, kernels = bytes_all / BYTES_PER_S, sum(l["count"] * l["seconds"] for l in launches)
        graph, programmatic = kernels + count * GAP_S, kernels + count * GAP_PROGRAMMATIC_S
        lines.append(f"| {model} | {precision} | {positions} | {bytes_all / 1e9:.3f} | {count} | {floor * 1e3:.3f} | {kernels * 1e3:.3f} | {graph * 1e3:.3f} | "
                     f"{100 * floor / graph:.0f} % | {programmatic * 1e3:.3f} | {100 * floor / programmatic:.0f} % |")
    return lines


def tables(build):
    needed = BYTES_PER_S * LATENCY_S / SM_COUNT / 1024
    model, precision, positions = DETAILED
    parts = [
        BEGIN, "",
        f"Predictions for a machine of {SM_COUNT} multiprocessors, {BYTES_PER_S / 1e12} TB/s and {LATENCY_S * 1e6} us from a load to its data: {needed:.0f} KB must be on their way in each "
        f"multiprocessor. Compiled for sm_{ARCHITECTURE}. **Nothing of this is measured**; `scripts/gpu-validate.sh` confirms or refutes it.", "",
        "Loads of the kernels of these tables, from the disassembly (what neighbouring lanes share is counted for each):", "", *by_type(build), "",
        f"One token of {model}, {precision}, depth {positions}, batch 1, by the kernels' cost functions (+: only where its options ask for it; a draw's last block works alone, "
        "so each of its reads that wait for one another takes the time from a load to its data):", "", *in_detail(build), "",
        "A token of each model, KV cache in BF16. The floor is all bytes at the bandwidth; gaps are those between launches:", "", *by_model(build), "", END]
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release", help="build folder (default build/release)")
    parser.add_argument("--check", action="store_true", help="exit 1 when kernels/README.md says something else")
    options = parser.parse_args()
    text = README.read_text()
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        sys.exit(f"kernel_predictions.py: {README.relative_to(ROOT)} has no part between '{BEGIN}' and '{END}'")
    new = text[:begin] + tables(options.build.resolve()) + text[end + len(END):]
    if new == text:
        return
    if not options.check:
        README.write_text(new)
        return
    for old_line, new_line in zip(text.splitlines(), new.splitlines()):
        if old_line != new_line:
            print(f"kernel_predictions.py: {README.relative_to(ROOT)} says\n  {old_line}\nbut the kernels give\n  {new_line}", file=sys.stderr)
            break
    sys.exit("kernel_predictions.py: the tables are out of date; run scripts/kernel_predictions.py and look at what changed")


if __name__ == "__main__":
    main()
