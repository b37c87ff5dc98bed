#!/usr/bin/env python3
"""Compares qbench's tokenizer with the Python package `tokenizers` on the same tokenizer.json: no difference is allowed.

    scripts/check_tokenizer.py DIR...                 DIR holds tokenizer.json, as hub checkpoints have it
    scripts/check_tokenizer.py --speed DIR            MB/s of both on one thread, interleaved

The texts: code and documentation found on this machine, words of fifteen scripts, digits, CRLF, emoji, white space of every kind, added tokens
glued to text, long runs, every code point assigned in this Python's Unicode, and random strings of them (Python 3.11: Unicode 14, which is
also what PCRE2 10.42 knows). Needs: pip install tokenizers.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
WHITE = [chr(c) for c in (9, 10, 11, 12, 13, 28, 31, 32, 0x85, 0xA0, 0x1680, 0x180E, 0x2000, 0x2007, 0x200A, 0x200B, 0x200D, 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF)]
SCRIPTS = {
    "Latin": ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF)),
    "Greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "Cyrillic": ((0x400, 0x52F),),
    "Armenian": ((0x531, 0x58A),),
    "Hebrew": ((0x5B0, 0x5F4),),
    "Arabic": ((0x610, 0x6FF),),
    "Devanagari": ((0x900, 0x97F),),
    "Bengali": ((0x980, 0x9FE),),
    "Tamil": ((0xB82, 0xBFA),),
    "Thai": ((0xE01, 0xE5B),),
    "Tibetan": ((0xF00, 0xFDA),),
    "Georgian": ((0x10A0, 0x10FF),),
    "Hangul": ((0xAC00, 0xD7A3), (0x1100, 0x11FF)),
    "Kana": ((0x3041, 0x30FF),),
    "Han": ((0x4E00, 0x9FFF), (0x3400, 0x34FF), (0x20000, 0x20100)),
}


def assigned(c):
    return unicodedata.category(chr(c)) not in ("Cn", "Cs")


def files(roots, suffixes, budget, rng):
    """Whole files below the roots, in random order, until the budget of bytes is used. No suffixes: every file."""
    found = []
    for root in roots:
        for folder, _, names in os.walk(root):
            found += [os.path.join(folder, name) for name in names if not suffixes or name.endswith(suffixes)]
    found.sort()
    rng.shuffle(found)
    total = 0
    for path in found:
        try:
            if os.path.getsize(path) > 400_000:
                continue
            text = pathlib.Path(path).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        total += len(text.encode())
        yield text
        if total > budget:
            return


def real_texts(rng, scale):
    stdlib = os.path.dirname(os.__file__)
    mb = int(scale * 1_000_000)
    yield from files([stdlib], (".py",), 2 * mb, rng)
    yield from files(["/usr/include"], (".h", ".hpp", ".tcc"), 2 * mb, rng)
    yield from files([sys.prefix + "/lib", "/usr/share"], (".js", ".css", ".html", ".json", ".yaml"), mb, rng)
    yield from files(["/usr/share/doc", "/usr/share/perl", "/usr/share/i18n/locales"], (), mb, rng)
    yield from files([ROOT / "src", ROOT / "tests", ROOT / "prompts", ROOT / "scripts"], (".md", ".cpp", ".h", ".txt", ".py"), mb, rng)


def script_texts(rng, count):
    pools = [[c for a, b in ranges for c in range(a, b + 1) if assigned(c)] for ranges in SCRIPTS.values()]
    for _ in range(count):
        for pool in pools:
            words = ["".join(chr(rng.choice(pool)) for _ in range(rng.randint(1, 9))) for _ in range(rng.randint(3, 60))]
            yield "".join(w + rng.choice([" ", " ", " ", ", ", ". ", "\n", "\r\n", "-", "'s ", "\u3002", "\u060c ", "  "]) for w in words)


def emoji_texts(rng, count):
    faces = [chr(c) for c in range(0x1F300, 0x1FAFF) if assigned(c)] + ["\u2764\ufe0f", "\u00a9\ufe0f", "1\ufe0f\u20e3", "#\ufe0f\u20e3"]
    tones = [chr(c) for c in range(0x1F3FB, 0x1F400)]
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 20)):
            kind = rng.randrange(5)
            if kind == 0:
                parts.append("\u200d".join(rng.choice(faces) for _ in range(rng.randint(2, 5))))
            elif kind == 1:
                parts.append("".join(chr(0x1F1E6 + rng.randrange(26)) for _ in range(rng.randint(1, 4))))
            elif kind == 2:
                parts.append(rng.choice(faces) + rng.choice(tones))
            else:
                parts.append(rng.choice(faces))
            parts.append(rng.choice(["", " ", "ok", "!"]))
        yield "".join(parts)


def number_texts(rng, count):
    digits = ["0123456789", "".join(chr(c) for c in range(0x660, 0x66A)), "".join(chr(c) for c in range(0x966, 0x970)), "\u00b2\u00b3\u00bd\u2167\u2460\u5341"]
    for _ in range(count):
        pool = rng.choice(digits)
        yield "".join(rng.choice([rng.choice(pool), rng.choice(pool), rng.choice(" .,_-+eExX/:'\n"), str(rng.randrange(10**9))]) for _ in range(rng.randint(1, 40)))


def white_texts(rng, count):
    for _ in range(count):
        yield "".join(rng.choice([rng.choice(WHITE) * rng.randint(1, 6), " " * rng.randint(1, 9), rng.choice(["a", "Z", ".", "\u00e9", "5", "'s", "_"]), "\r\n", "\n" * rng.randint(1, 4)]) for _ in range(rng.randint(1, 24)))


def contraction_texts(rng, count):
    heads = ["it", "I", "\u017f", "K", "\u212a", "they", "\u00e9", "5", " ", "", "\n"]
    tails = ["'s", "'S", "'t", "'re", "'RE", "'vE", "'m", "'ll", "'LL", "'d", "'\u017f", "\u2019s", "'rE've", "'", "''s"]
    for _ in range(count):
        yield "".join(rng.choice(heads) + rng.choice(tails) + rng.choice(["", " ", "x", "\n"]) for _ in range(rng.randint(1, 6)))


def added_texts(rng, count, tokens):
    glue = ["", "", " ", "  ", "\n", "\r\n", "x", "<|", "|>", "<", "\u00e9", "\u0301", "5", "<|im_", "think>", "\u3000"]
    for _ in range(count):
        yield "".join(rng.choice(glue) + rng.choice(tokens + [rng.choice(tokens)[:-1], rng.choice(tokens)[1:]]) + rng.choice(glue) for _ in range(rng.randint(1, 6)))


def run_texts():
    for unit in ("a", " ", "\n", "\t", "0", "=", "\u4e00", "\u0301", "\U0001f600", "ab", "\r\n", "\u3000", "e\u0301", "'", "\u200d", "-=", "\u00e9", "\u1100\u1161\u11a8"):
        for length in (2, 3, 63, 64, 65, 66, 127, 128, 129, 1000, 20000):
            yield unit * length
            yield "x" + unit * length + "y"


def code_point_texts():
    """Every assigned code point alone, between letters, after a blank, doubled, and beside marks that NFC would sort it against."""
    for c in range(1, 0x110000):
        if assigned(c) and (unicodedata.category(chr(c)) != "Co" or c % 997 == 0):
            ch = chr(c)
            yield f"{ch}\ta{ch}b {ch}{ch}\u0334 x{ch}5\u0345{ch} '{ch}\n{ch} a\u0301{ch}\u0323"


def random_texts(rng, count):
    pool = [chr(c) for c in range(1, 0x110000) if assigned(c)]
    common = [ch for ch in pool if ord(ch) < 0x2000]
    marks = [ch for ch in pool if unicodedata.combining(ch)] + common[:200]
    for _ in range(count):
        source = rng.choice([pool, pool, common, marks])
        yield "".join(rng.choice(source) if rng.random() < 0.9 else rng.choice(WHITE) for _ in range(rng.randint(1, 40)))


def mended(text):
    return text.encode("utf-8", "replace").decode("utf-8")


def corpus(args, tokens):
    rng = random.Random(args.seed)
    groups = {
        "files": list(real_texts(rng, args.scale)),
        "scripts": list(script_texts(rng, 120)),
        "emoji": list(emoji_texts(rng, 4000)),
        "numbers": list(number_texts(rng, 8000)),
        "white space": list(white_texts(rng, 20000)),
        "contractions": list(contraction_texts(rng, 5000)),
        "added tokens": list(added_texts(rng, 20000, tokens)),
        "runs": list(run_texts()),
        "code points": list(code_point_texts()),
        "random": list(random_texts(rng, args.random)),
    }
    slices = []
    for text in groups["files"]:  # pieces cut anywhere, with CRLF here and there
        for _ in range(6):
            a = rng.randrange(max(1, len(text)))
            piece = text[a : a + rng.randint(1, 400)]
            slices.append(piece.replace("\n", "\r\n") if rng.random() < 0.3 else piece)
    groups["slices"] = slices
    return {name: [mended(t) for t in texts] for name, texts in groups.items()}


def run_ours(args, folder, texts):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False, encoding="ascii") as out:
        for text in texts:
            out.write(json.dumps(text) + "\n")
    try:
        if args.tool:
            with open(out.name, "rb") as lines:
                done = subprocess.run([args.tool, folder], stdin=lines, capture_output=True, check=True)
        else:
            done = subprocess.run([args.qbench, "tokenize", "--models", folder, "--no-special", "--jsonl", out.name], capture_output=True, check=True)
    finally:
        os.unlink(out.name)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(args, folder):
    oracle = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokens = [t.content for t in oracle.get_added_tokens_decoder().values()] or ["<|none|>"]
    total_bytes = total = wrong = 0
    for name, texts in corpus(args, tokens).items():
        size = sum(len(t.encode()) for t in texts)
        ours = run_ours(args, folder, texts)
        if len(ours) != len(texts):
            print(f"{folder}: {name}: {len(texts)} texts in, {len(ours)} lines out")
            return False
        bad = 0
        for text, got in zip(texts, ours):
            want = oracle.encode(text, add_special_tokens=False).ids
            if got != want:
                bad += 1
                if wrong + bad <= args.show:
                    at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
                    print(f"  differs from token {at}: {text[:120]!r}\n    ours   {got[max(0, at - 2) : at + 8]}\n    theirs {want[max(0, at - 2) : at + 8]}")
        print(f"{folder}: {name}: {len(texts)} texts, {size / 1e6:.2f} MB, {bad} differ", flush=True)
        total_bytes, total, wrong = total_bytes + size, total + len(texts), wrong + bad
    print(f"{folder}: {total} texts, {total_bytes / 1e6:.2f} MB, {wrong} differ")
    return wrong == 0


def speed(args, folder):
    """Medians of MB per second of processor time, ours and theirs in turns, each on one thread in one process."""
    rng = random.Random(args.seed)
    oracle = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    stdlib = os.path.dirname(os.__file__)
    sets = {
        "code": list(files([stdlib, "/usr/include"], (".py", ".h", ".tcc"), 4_000_000, rng)),
        "prose": list(files(["/usr/share/doc", "/usr/share/perl"], (), 4_000_000, rng)),
        "scripts": list(script_texts(rng, 150)),
    }
    for name, texts in sets.items():
        lines = "".join(json.dumps(t) + "\n" for t in texts).encode()
        size = sum(len(t.encode()) for t in texts) / 1e6
        ours, single, batch = [], [], []
        for _ in range(args.repeats):
            out = subprocess.run([args.tool, folder, "--time", "1"], input=lines, capture_output=True, check=True).stdout.decode()
            ours.append(float(out.split()[0]))
            begin = time.process_time()
            for text in texts:
                oracle.encode(text, add_special_tokens=False)
            single.append(size / (time.process_time() - begin))
            begin = time.process_time()
            oracle.encode_batch_fast(texts, add_special_tokens=False)
            batch.append(size / (time.process_time() - begin))
        medians = [statistics.median(v) for v in (ours, single, batch)]
        print(f"{folder}: {name}: {size:.2f} MB, median of {args.repeats}: ours {medians[0]:.2f} MB/s, tokenizers encode {medians[1]:.2f}, encode_batch_fast {medians[2]:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--qbench", default=str(ROOT / "build/release/qbench"))
    parser.add_argument("--tool", help="tests' tokenize_lines, instead of qbench; --speed needs it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="real files: about 7 MB times this")
    parser.add_argument("--random", type=int, default=100_000, help="random strings")
    parser.add_argument("--show", type=int, default=10, help="differences to print")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    if args.speed:
        if not args.tool:
            parser.error("--speed needs --tool")
        for folder in args.folders:
            speed(args, folder)
        return 0
    return 0 if all([check(args, folder) for folder in args.folders]) else 1


if __name__ == "__main__":
    sys.exit(main())
