#!/usr/bin/env python3
"""Stands for qbench in gpu_validate_test.py: answers from the JSON file FAKE_ANSWERS, writes each call and what it sees of the GPUs into FAKE_CALLS."""
import json
import os
import sys

answers = json.load(open(os.environ["FAKE_ANSWERS"]))
command, arguments = sys.argv[1], sys.argv[2:]
with open(os.environ["FAKE_CALLS"], "a") as calls:
    calls.write(json.dumps({"call": sys.argv[1:], "visible": os.environ.get("CUDA_VISIBLE_DEVICES"), "libraries": os.environ.get("LD_LIBRARY_PATH")}) + "\n")
if command == "doctor":
    document = answers["doctor"]
    if "--limits" in arguments:
        document = dict(document, limits=answers["limits"])
    print(json.dumps(document))
    sys.exit(answers.get("doctor_status", 0))
if command == "bench":
    batch = int(arguments[arguments.index("--batch") + 1]) if "--batch" in arguments else 1
    row = dict(answers["bench"], batch=batch)
    if batch > 1:
        row["tok_per_s_median"] = answers["batch_tok_per_s"]
    print(json.dumps([row]))
    sys.exit(0 if row["status"] == "ok" else 3)
if command == "generate":
    print(json.dumps({"output_ids": [1] * int(arguments[arguments.index("--max-new-tokens") + 1])}))
if command == "perplexity":
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }".ljust(117) + "\n"
    with open(arguments[arguments.index("--dump-logits") + 1], "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + b"\0\0\x80\x3f\0\0\0\x40")
