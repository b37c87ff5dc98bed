"""The disk of gpu_validate.py: how fast it reads, what the page cache holds of a checkpoint, and a checkpoint to read."""
import concurrent.futures
import ctypes
import itertools
import json
import mmap
import os
import pathlib
import time

BLOCK = 8 << 20     # bytes of one read: large enough for any disk's own rate
READERS = 8         # at once: one reader leaves a solid-state disk waiting
MOST = 4 << 30      # bytes read for the rate


def files_of(checkpoint):
    """The files that hold the weights."""
    checkpoint = pathlib.Path(checkpoint)
    return [checkpoint] if checkpoint.is_file() else sorted(checkpoint.glob("*.safetensors"))


def blocks_of(files):
    """Equally spaced whole blocks, MOST bytes at most."""
    every = [(f, at) for f in files for at in range(0, f.stat().st_size - BLOCK + 1, BLOCK)]
    step = max(1, len(every) * BLOCK // MOST)
    return every[::step]


def read_rate(files):
    """(bytes a second of several readers, how they read): past the page cache where the file system can (O_DIRECT), else what forget() left."""
    blocks = blocks_of(files)
    if not blocks:
        raise ValueError(f"smaller than {BLOCK} bytes, so that no rate can be measured")
    for how, flags in (("O_DIRECT", os.O_DIRECT), ("buffered", 0)):
        try:
            return timed_reads(blocks, flags), how
        except OSError:
            if not flags:
                raise
            forget(files, False)  # what was read before the file system refused


def timed_reads(blocks, flags):
    def reader(own):
        buffer = mmap.mmap(-1, BLOCK)  # a page's alignment, which O_DIRECT needs
        handles = {}
        try:
            for path, at in own:
                if path not in handles:
                    handles[path] = os.open(path, os.O_RDONLY | flags)
                if os.preadv(handles[path], [buffer], at) != BLOCK:
                    raise OSError(f"{path}: short read at {at}")
        finally:
            for handle in handles.values():
                os.close(handle)

    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        for done in [pool.submit(reader, blocks[i::READERS]) for i in range(min(READERS, len(blocks)))]:
            done.result()
    return len(blocks) * BLOCK / (time.perf_counter() - start)


def forget(files, everything):
    """Takes the files out of the page cache and says how: with all of it where `everything` and the system permit that, else the system is asked to
    for these files."""
    os.sync()
    try:
        if everything:
            pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")
            return "dropped"
    except OSError:
        pass  # not permitted
    for path in files:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return "asked to be dropped (posix_fadvise)"


def cached_share(files):
    """Share of the files that the page cache holds (mincore)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    held = total = 0
    for path in files:
        size = path.stat().st_size
        handle = os.open(path, os.O_RDONLY)
        try:
            address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, handle, 0)
        finally:
            os.close(handle)
        if address in (None, ctypes.c_void_p(-1).value):
            raise OSError(ctypes.get_errno(), f"mmap of {path}")
        pages = -(-size // mmap.PAGESIZE)
        resident = ctypes.create_string_buffer(pages)
        failed = libc.mincore(address, size, resident)
        libc.munmap(address, size)
        if failed:
            raise OSError(ctypes.get_errno(), f"mincore of {path}")
        held += sum(byte & 1 for byte in resident.raw[:pages])
        total += pages
    return held / total


def tensors_of(shape):
    """(name, dimensions) of a Qwen2 checkpoint of the shape."""
    hidden, ffn, width = shape["hidden"], shape["ffn"], shape["head_dim"]
    yield "model.embed_tokens.weight", (shape["vocab"], hidden)
    for i in range(shape["layers"]):
        layer = f"model.layers.{i}."
        for name, rows in (("q", shape["heads"] * width), ("k", shape["kv_heads"] * width), ("v", shape["kv_heads"] * width)):
            yield f"{layer}self_attn.{name}_proj.weight", (rows, hidden)
            yield f"{layer}self_attn.{name}_proj.bias", (rows,)
        yield f"{layer}self_attn.o_proj.weight", (hidden, shape["heads"] * width)
        yield f"{layer}mlp.gate_proj.weight", (ffn, hidden)
        yield f"{layer}mlp.up_proj.weight", (ffn, hidden)
        yield f"{layer}mlp.down_proj.weight", (hidden, ffn)
        yield f"{layer}input_layernorm.weight", (hidden,)
        yield f"{layer}post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    if not shape["tied_head"]:
        yield "lm_head.weight", (shape["vocab"], hidden)


def checkpoint_bytes(shape):
    return sum(2 * rows * (rest[0] if rest else 1) for _, (rows, *rest) in tensors_of(shape))


def random_bf16(count):
    """Numbers of random sign between 2^-7 and 2^-6: finite, and no file system can compress them to nothing."""
    numbers = bytearray(os.urandom(2 * count))
    numbers[1::2] = bytes(numbers[1::2]).translate(bytes(0x3C | (i & 0x80) for i in range(256)))
    numbers[0::2] = bytes(numbers[0::2]).translate(bytes(i & 0x7F for i in range(256)))
    return bytes(numbers)


def write_checkpoint(folder, shape, may_go_on):
    """A BF16 checkpoint of a Qwen2 shape (an entry of configs/models.json) with random weights. may_go_on() is asked about every 64 MiB; False
    ends it with TimeoutError."""
    folder.mkdir(parents=True)
    config = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "dtype": "bfloat16", "hidden_size": shape["hidden"],
              "intermediate_size": shape["ffn"], "num_hidden_layers": shape["layers"], "num_attention_heads": shape["heads"],
              "num_key_value_heads": shape["kv_heads"], "vocab_size": shape["vocab"], "max_position_embeddings": shape["context"],
              "rms_norm_eps": shape["rms_eps"], "rope_theta": shape["rope_theta"], "tie_word_embeddings": shape["tied_head"], "use_sliding_window": False}
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    header, end = {}, 0
    for name, dimensions in tensors_of(shape):
        begin, end = end, end + 2 * dimensions[0] * (dimensions[1] if len(dimensions) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": list(dimensions), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        chunk = random_bf16(32 << 20)
        for at in itertools.takewhile(lambda at: at < end, itertools.count(0, len(chunk))):
            if not may_go_on():
                raise TimeoutError("no time is left to write a checkpoint")
            out.write(chunk[: min(len(chunk), end - at)])
        out.flush()
        os.fsync(out.fileno())
