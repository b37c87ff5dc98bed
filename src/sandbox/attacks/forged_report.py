# The channel on which the first process inside tells how the program ended: found, written to, or its owner frozen.
import glob
import socket

for path in glob.glob("/proc/*/fd/*"):
    if path.startswith("/proc/%d/" % os.getpid()) or path.startswith("/proc/self/") or path.startswith("/proc/thread-self/"):
        continue
    attempt(path, lambda: succeeded("sees " + os.readlink(path)))
for number in range(3, 64):
    try:
        socket.socket(fileno=os.dup(number)).send(b"\x03" + b"\0" * 39)
        succeeded("wrote to descriptor %d" % number)
    except OSError:
        pass
attempt("memory of the first process", lambda: succeeded(os.open("/proc/1/mem", os.O_RDWR)))
attempt("its program", lambda: os.open("/keeper", os.O_WRONLY) and succeeded("may change the keeper"))
os._exit(0)
