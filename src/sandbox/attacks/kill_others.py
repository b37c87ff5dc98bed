# Signals to whoever can be named: its parent, the process outside, all.
import signal

try:
    alone = open("/proc/1/comm").read().strip() == "keeper"  # elsewhere some of this would end the user's session
except OSError:
    alone = False
parent = os.getppid()
signals = [signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGABRT]
for name in signals:
    attempt("process outside " + name.name, os.kill, traps["victim"], name)
    attempt("group outside " + name.name, os.killpg, traps["victim"], name)
for name in signals if alone or parent != 1 else []:
    attempt("parent " + name.name, os.kill, parent, name)
attempt("by descriptor", lambda: signal.pidfd_send_signal(os.pidfd_open(traps["victim"]), signal.SIGKILL))
if alone:
    attempt("all", os.kill, -1, signal.SIGKILL)
print("still here", flush=True)
