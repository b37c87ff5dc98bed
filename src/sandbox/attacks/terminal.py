# Characters typed into the terminal of whoever started it.
import fcntl
import termios

try:
    succeeded("has the terminal") if os.open("/dev/tty", os.O_RDWR) >= 0 else None
except OSError as error:
    print("no terminal:", error)
master, slave = os.openpty()
for request in (0x5412, 0x541C):  # TIOCSTI, TIOCLINUX
    for number in (request, request | (1 << 32)):
        result = libc.ioctl(slave, ctypes.c_ulong(number), ctypes.c_char_p(b"\x00x"))
        print("ioctl %#x" % number, result, ctypes.get_errno())
os.setsid() if os.getsid(0) != os.getpid() and os.getpgrp() != os.getpid() else None
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
for number in (0x5412, 0x5412 | (1 << 32)):
    if libc.ioctl(slave, ctypes.c_ulong(number), ctypes.c_char_p(b"x")) == 0:
        succeeded("typed into a terminal")
