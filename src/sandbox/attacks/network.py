# Connections: to the machine, out of it, and below it.
import socket

for family, address in [(socket.AF_INET, ("127.0.0.1", traps["port"])), (socket.AF_INET6, ("::1", traps["port"]))]:
    for kind in [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW]:
        attempt("socket %s %s" % (family.name, kind.name), lambda: socket.socket(family, kind).connect(address))
attempt("packet", lambda: succeeded(socket.socket(17, socket.SOCK_RAW)))
attempt("netlink", lambda: succeeded(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)))
attempt("vsock", lambda: succeeded(socket.socket(40, socket.SOCK_STREAM)))
attempt("name", lambda: succeeded(socket.gethostbyname("localhost.localdomain")) if os.path.exists("/etc/resolv.conf") else "no resolver")
attempt("libc", lambda: succeeded("socket") if libc.socket(2, 1, 0) >= 0 else "refused")
attempt("high half", lambda: succeeded("socket with bits above") if libc.syscall(ctypes.c_long(41), ctypes.c_ulong((1 << 32) | 2), 1, 0) >= 0 and os.uname().machine == "x86_64" else "refused")
