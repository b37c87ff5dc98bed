"""What a bench row says of --breakdown and --ablate, checked: steps and rest add up, nothing is faster than the machine."""

MOST_OF_A_LIMIT = 1.1  # of a rate that was measured a moment earlier, with the clocks of then


def check(row, against_limits):
    """Figures for the report. ValueError, naming phase and step, for what cannot be true. `against_limits`: the model is too large for the caches, so that
    no step can move its bytes faster than the read probe did."""
    breakdown, ablation = row["breakdown"], row["ablation"]
    for record in [breakdown, *ablation["rows"]]:
        if record["status"] != "ok":
            raise ValueError(record["failure"]["message"])
    values = {"rest_share_most": 0.0, "read_ratio_most": 0.0, "matmul_ratio_most": 0.0}
    for phase in breakdown["phases"]:
        name = f"{phase['phase']}, {'fused' if phase['fused'] else 'taken apart'}"
        total = sum(phase["timed_ns"])
        rest = total - sum(step["time_ns"] for step in phase["steps"])
        if rest < 0:
            raise ValueError(f"{name}: the steps take {-rest} ns more than the phase")
        values["rest_share_most"] = max(values["rest_share_most"], rest / total)
        for step in phase["steps"]:
            for key, work, limit in (("read_ratio_most", step["bytes"], breakdown["limits"]["read_gbps"]),
                                     ("matmul_ratio_most", step["flops"] / 1e3, breakdown["limits"]["matmul_tflops"])):
                if not limit or not step["time_ns"]:
                    continue
                ratio = work / step["time_ns"] / limit
                values[key] = max(values[key], ratio)
                # Activations of a prompt, and of steps taken apart, may lie in a cache.
                from_memory = phase["fused"] and phase["phase"] == "decode" or key == "matmul_ratio_most"
                if against_limits and from_memory and ratio > MOST_OF_A_LIMIT:
                    raise ValueError(f"{name}, {step['step']}: {ratio:.2f} times the measured limit")
    for entry in ablation["rows"]:
        times = sorted(entry["time_ns"])
        values[f"{entry['phase']}_ms_without_{entry['off'] or 'nothing'}"] = times[len(times) // 2] / 1e6
    return values
