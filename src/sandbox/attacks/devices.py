# Devices: graphics, disks, memory, and ones that it makes itself.
import glob

for pattern in ["/dev/nvidia*", "/dev/dri/*", "/dev/kvm", "/dev/mem", "/dev/kmsg", "/dev/sd*", "/dev/vd*", "/dev/nvme*", "/dev/loop*", "/dev/fuse",
                "/dev/net/tun", "/dev/input/*", "/dev/snd/*", "/dev/uinput", "/dev/vhost*", "/dev/dm-*", "/dev/cuse", "/dev/rtc*", "/dev/hwrng"]:
    for path in glob.glob(pattern):
        attempt(path, lambda: succeeded(path) if os.open(path, os.O_RDONLY | os.O_NONBLOCK) >= 0 else None)
allowed = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "core", "fd", "stdin", "stdout", "stderr", "pts", "shm", "console"}
found = sorted(set(os.listdir("/dev")) - allowed)
if found:
    succeeded("sees /dev/" + ", /dev/".join(found[:5]))
import stat

for folder in ["/tmp", "/dev/shm", "/dev"]:
    attempt("made in " + folder, lambda: (os.mknod(folder + "/memory", stat.S_IFCHR | 0o666, os.makedev(1, 1)), succeeded("made a device")))
