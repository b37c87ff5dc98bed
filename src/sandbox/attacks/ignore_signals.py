# A loop that no signal and no exception ends.
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
if traps["variant"] == "alarm":
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
import resource

attempt("more time", resource.setrlimit, resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
attempt("higher priority", os.nice, -10)
while True:
    try:
        while True:
            pass
    except BaseException:
        continue
