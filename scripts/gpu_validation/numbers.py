"""Numbers of gpu_validate.py: logits as NumPy files, how far two devices are apart, and what a model's shape makes of a rate."""
import array
import json
import math
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def shape_of(model):
    models = json.loads((ROOT / "configs" / "models.json").read_text())["models"]
    return next(m for m in models if model in (m["name"], *m.get("aliases", [])))["shape"]


def weights_of_layers(model):
    """Weights that every token of a prompt meets: of the layers, active experts only. The head meets the last token alone, and attention's own
    operations are left out, so a rate made of this is on the low side."""
    shape = shape_of(model)
    hidden, head_dim = shape["hidden"], shape["head_dim"]
    attention = hidden * head_dim * (2 * shape["heads"] + 2 * shape["kv_heads"])
    if shape.get("experts"):
        ffn = 3 * hidden * shape["expert_ffn"] * shape["experts_used"] + hidden * shape["experts"]
    else:
        ffn = 3 * hidden * shape["ffn"]
    return shape["layers"] * (attention + ffn)


def read_npy(path):
    """Rows of a two-dimensional float32 NumPy file (format 1.0)."""
    data = path.read_bytes()
    if data[:6] != b"\x93NUMPY":
        raise ValueError(f"{path} is no NumPy file")
    length = int.from_bytes(data[8:10], "little")
    rows, cols = map(int, re.search(rb"'shape':\s*\((\d+),\s*(\d+)", data[10:10 + length]).groups())
    numbers = array.array("f", data[10 + length:])
    if len(numbers) != rows * cols:
        raise ValueError(f"{path}: {len(numbers)} numbers, expected {rows} x {cols}")
    return [numbers[r * cols:(r + 1) * cols] for r in range(rows)]


def log_softmax(row):
    most = max(row)
    total = math.log(sum(math.exp(x - most) for x in row))
    return [x - most - total for x in row]


def kl(a, b):
    """KL divergence of softmax(b) from softmax(a), in nats; infinite where b has no numbers."""
    if not all(map(math.isfinite, b)):
        return math.inf
    return max(0.0, sum(math.exp(p) * (p - q) for p, q in zip(log_softmax(a), log_softmax(b))))


def spread(row):
    mean = sum(row) / len(row)
    return math.sqrt(sum((x - mean) ** 2 for x in row) / len(row))
