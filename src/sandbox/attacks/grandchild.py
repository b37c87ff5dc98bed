# A grandchild in a session of its own, that holds its streams open and ignores what can be ignored; then the program ends, or hangs.
import signal
import time

for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            time.sleep(30)
        os._exit(0)
if traps["hang"]:
    time.sleep(30)
time.sleep(0.2)
