"""How many bytes of weights or cache a thread has on their way at once, from a kernel's disassembly.

A load is on its way from its instruction to the first one that reads its registers. Code is taken in the order in which it stands; loops are not
unrolled further than the compiler did. Loads are told apart by the source line that they were inlined from: in weight_formats.cuh each weight type
has its own lines, elsewhere loads belong to the kernel as a whole."""
import collections
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FORMATS = ROOT / "kernels" / "cuda" / "weight_formats.cuh"


def format_lines():
    """line of weight_formats.cuh -> (weight type, types that inherit its load)."""
    owners, owner, heirs = {}, None, collections.defaultdict(list)
    for number, line in enumerate(FORMATS.read_text().splitlines(), 1):
        if m := re.match(r"struct (?:Format<DType::k(\w+)>|(\w+Format)\b)(?:\s*:\s*(?:Format<DType::k(\w+)>|(\w+)))?", line):
            owner = m[1] or m[2]
            if base := m[3] or m[4]:
                heirs[base].append(owner)
        if owner:
            owners[number] = owner
        if line.startswith("};"):
            owner = None
    return owners, heirs


def registers(operand):
    """Registers that an operand names: R4, R4.64, R4.reuse, [R4.64+0x10]."""
    found = set()
    for m in re.finditer(r"\bR(\d+)(\.64)?", operand):
        found.add(int(m[1]))
        if m[2]:
            found.add(int(m[1]) + 1)
    return found


def parse(text):
    """Yields (kernel, opcode, operands, frames) for each instruction; frames: (file, line) from the innermost out."""
    kernel, frames, fresh = None, [], False
    for line in text.splitlines():
        if m := re.match(r"\s*\.section\s+\.text\.(\w+)", line):
            kernel = m[1]
        elif m := re.search(r'//## File "([^"]+)", line (\d+)', line):
            if fresh:
                frames, fresh = [], False
            frames.append((pathlib.Path(m[1]).name, int(m[2])))
        elif m := re.match(r"\s*/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)\s*([^;]*);", line):
            fresh = True
            yield kernel, m[1], m[2], frames


WIDTHS = {"128": 16, "64": 8, "U16": 2, "S16": 2, "U8": 1, "S8": 1}


def in_flight(text):
    """kernel -> weight type ('' where a load belongs to none) -> most bytes of a thread's global loads on their way."""
    owners, heirs = format_lines()
    most = collections.defaultdict(lambda: collections.defaultdict(int))
    flying, last_kernel = [], None  # (registers, bytes, owner)
    for kernel, opcode, operands, frames in parse(text):
        if kernel != last_kernel:
            flying, last_kernel = [], kernel
        parts = opcode.split(".")
        used = registers(operands)
        if parts[0] == "LDG":
            width = next((WIDTHS[p] for p in parts[1:] if p in WIDTHS), 4)
            destination, _, address = operands.partition(",")
            flying = [load for load in flying if not load[0] & registers(address)]
            first = min(registers(destination), default=None)
            if first is None:
                continue
            owner = next((owners[line] for file, line in frames if file == FORMATS.name and line in owners), "")
            wanted = set(range(first, first + max(1, width // 4)))
            flying = [load for load in flying if not load[0] & wanted] + [(wanted, width, owner)]
            now = collections.Counter()
            for _, size, who in flying:
                now[who] += size
            for who, size in now.items():
                most[kernel][who] = max(most[kernel][who], size)
        else:
            flying = [load for load in flying if not load[0] & used]
    for loads in most.values():
        for owner in list(loads):
            for heir in heirs.get(owner, []):
                loads[heir] = max(loads[heir], loads[owner])
    return {kernel: dict(loads) for kernel, loads in most.items()}


def of_object(path, cuobjdump, nvdisasm, architecture):
    """The same for an object file of nvcc."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([cuobjdump, "-xelf", f"sm_{architecture}", str(path.resolve())], cwd=folder, check=True, capture_output=True)
        kernels = {}
        for cubin in sorted(pathlib.Path(folder).glob("*.cubin")):
            text = subprocess.run([nvdisasm, "-gi", "-c", str(cubin)], check=True, capture_output=True, text=True).stdout
            kernels.update(in_flight(text))
        return kernels
