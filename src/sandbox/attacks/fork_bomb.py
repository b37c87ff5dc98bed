# Processes that make processes; no more than a thousand of them, should nothing hold it.
import time

made = 0
end = time.monotonic() + 1.0
while time.monotonic() < end and made < 10:
    try:
        if os.fork() == 0:
            made = max(made - 7, 0)  # each goes on making its own
        else:
            made += 1
    except OSError:
        time.sleep(0.02)
time.sleep(1)
