# Nothing, for a long time: asleep, stopped, or waiting for what never comes.
import signal
import time

if traps["variant"] == "stopped":
    os.kill(os.getpid(), signal.SIGSTOP)
if traps["variant"] == "reading":
    os.read(os.pipe()[0], 1)
if traps["variant"] == "closed":
    for descriptor in range(3):
        os.close(descriptor)
time.sleep(60)
