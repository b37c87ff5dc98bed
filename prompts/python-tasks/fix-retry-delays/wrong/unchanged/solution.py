def delays(strategy, base_ms, attempts, max_ms=60000, jitter=[]):
    result = []
    if strategy == "fixed":
        for i in range(attempts):
            result.append(base_ms + jitter[i % len(jitter)])
    elif strategy == "linear":
        for i in range(attempts):
            result.append(min(base_ms * i, max_ms) + jitter[i % len(jitter)])
    else:
        for i in range(attempts):
            result.append(min(base_ms ^ i, max_ms) + jitter[i % len(jitter)])
    return result

def fits(strategy, base_ms, budget_ms, max_ms=60000):
    n = 0
    while sum(delays(strategy, base_ms, n, max_ms)) < budget_ms:
        n += 1
    return n
