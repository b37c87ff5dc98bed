# One system call that only an attack makes, with arguments that do no harm where it is allowed.
NUMBERS = {  # x86-64, AArch64
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429), "open_tree": (428, 428),
    "fsopen": (430, 430), "fsmount": (432, 432), "mount_setattr": (442, 442), "open_by_handle_at": (304, 265), "unshare": (272, 97),
    "setns": (308, 268), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "clock_settime": (227, 112), "settimeofday": (164, 170), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "swapon": (167, 224), "reboot": (169, 142), "syslog": (103, 116), "sethostname": (170, 161), "acct": (163, 89), "quotactl": (179, 60),
    "clone": (56, 220), "clone3": (435, 435), "io_uring_setup": (425, 425), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "shmget": (29, 194), "fanotify_init": (300, 262), "seccomp": (317, 277), "name_to_handle_at": (303, 264), "mbind": (237, 235),
}
name = traps["call"]
number = NUMBERS[name][os.uname().machine != "x86_64"]
spec = (ctypes.c_long * 2)()
values = {
    "ptrace": (0, 0, 0, 0), "mount": (b"none", b"/tmp", b"tmpfs", 0, 0), "umount2": (b"/tmp", 0), "pivot_root": (b"/tmp", b"/tmp"),
    "chroot": (b"/tmp",), "unshare": (0x10000000,), "clone": (0x10000000 | 17, 0, 0, 0, 0), "keyctl": (0, -3, 0), "memfd_create": (b"x", 0),
    "add_key": (b"user", b"qbench", b"x", 1, -1), "shmget": (0, 4096, 0o1600), "syslog": (10, 0, 0), "fsopen": (b"tmpfs", 0),
    "reboot": (0, 0, 0), "sethostname": (b"x", -1), "perf_event_open": (0, 0, -1, -1, 0), "userfaultfd": (1,), "seccomp": (2, 0, 0),
    "open_tree": (-100, b"/", 1), "clock_settime": (99, ctypes.byref(spec)), "mbind": (0, 0, 0, 0, 0, 0),
}.get(name, (-1, 0, 0, 0, 0))
result = libc.syscall(ctypes.c_long(number), *[v if isinstance(v, bytes) else ctypes.c_long(v) if isinstance(v, int) else v for v in values])
if name == "clone" and result == 0:
    os._exit(0)
if result >= 0 or ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM, errno.EACCES):
    succeeded("%s returned %d, errno %d" % (name, result, ctypes.get_errno()))
print(name, result, ctypes.get_errno())
