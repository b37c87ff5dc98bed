# More rights than it began with: setuid programs, other users, limits raised, capabilities.
import glob
import resource
import stat
import subprocess

status = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""
for line in status.splitlines():
    if line.startswith("NoNewPrivs") and line.split()[1] != "1":
        succeeded("setuid programs give it rights")
    if line.startswith(("CapEff", "CapPrm", "CapInh", "CapAmb")) and int(line.split()[1], 16) != 0:
        succeeded("has capabilities: " + line)
for path in glob.glob("/usr/bin/*"):
    try:
        if not os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID) or os.path.basename(path) in ("sudo",):
            continue
    except OSError:
        continue
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open("/dev/null", os.O_RDWR), 0)
        os.execv(path, [path, "--version"])
    time = 0
    try:
        if "Uid:\t%d\t0\t" % os.getuid() in open("/proc/%d/status" % child).read():
            succeeded(path + " ran as root")
    except OSError:
        pass
    os.waitpid(child, 0)
for user in [0, 1, 1000]:
    for name in ["setuid", "seteuid", "setgid", "setegid"]:
        attempt("%s(%d)" % (name, user), lambda: (getattr(os, name)(user), succeeded("is user or group %d now" % user)))
attempt("groups", lambda: (os.setgroups([0]), succeeded("is in group 0")))
for name in ["RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_CORE"]:
    number = getattr(resource, name)
    attempt(name, lambda: (resource.setrlimit(number, (resource.RLIM_INFINITY,) * 2), succeeded("raised " + name)))
attempt("nice", lambda: (os.nice(-5), succeeded("raised its priority")))
attempt("real time", lambda: (os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)), succeeded("runs in real time")))
