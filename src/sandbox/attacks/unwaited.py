# Short children that nobody waits for: what they computed is on nobody's account but the control group's.
import signal
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0:
            end = time.process_time() + 0.05
            while time.process_time() < end:
                pass
            os._exit(0)
    except OSError:
        pass
    time.sleep(0.03)
