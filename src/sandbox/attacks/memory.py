# Memory of every kind, up to four times what it may have; it says how far it got with all of it in use at once.
import mmap
import time

MIB = 1 << 20
most = traps["memory_bytes"] // MIB * 4
kept = []


def reached(count):
    print("REACHED", count * MIB, flush=True)


def private():
    for i in range(most // 8):
        kept.append(bytearray(b"x" * (8 * MIB)))
        reached((i + 1) * 8)


def shared():
    for i in range(most // 8):
        area = mmap.mmap(-1, 8 * MIB, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        area.write(b"x" * (8 * MIB))
        kept.append(area)
        reached((i + 1) * 8)


def hidden():
    """Shared pages that no process has in its tables: written, then given back, yet not gone."""
    for i in range(most // 8):
        area = mmap.mmap(-1, 8 * MIB, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        area.write(b"x" * (8 * MIB))
        area.madvise(mmap.MADV_DONTNEED)
        kept.append(area)
        reached((i + 1) * 8)
        time.sleep(0.005)


def files():
    for folder in ["/tmp", "/dev/shm", "/dev", "/", "/task", "/usr/local"]:
        try:
            for i in range(most):
                with open(os.path.join(folder, "fill%d" % i), "wb") as file:
                    file.write(b"x" * MIB)
                kept.append(1)
                reached(len(kept))
        except OSError as error:
            print(folder, error)


def processes():
    for i in range(16):
        try:
            if os.fork() == 0:
                kept.append(bytearray(b"x" * (most // 16 * MIB)))
                os.write(1, b"HELD %d\n" % (most // 16 * MIB))
                time.sleep(30)
        except OSError:
            break
    time.sleep(30)


def anonymous_files():
    for i in range(most // 8):
        descriptor = os.memfd_create("x")
        for _ in range(8):
            os.write(descriptor, b"x" * MIB)
        reached((i + 1) * 8)


def system_v():
    for i in range(most // 8):
        number = libc.shmget(0, 8 * MIB, 0o1600)
        if number < 0:
            print("refused")
            return
        libc.shmat.restype = ctypes.c_void_p
        address = libc.shmat(number, None, 0)
        ctypes.memset(address, 1, 8 * MIB)
        libc.shmdt(ctypes.c_void_p(address))
        reached((i + 1) * 8)


def huge():
    """One request for more than there is."""
    kept.append(mmap.mmap(-1, most * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0x8000)))
    reached(most)


globals()[traps["variant"]]()
