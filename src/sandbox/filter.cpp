#include "sandbox/filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "sandbox/descriptor.h"

namespace qbench::sandbox {

namespace {

/// What compilers, interpreters and ordinary programs call. Names that a machine does not have are skipped.
constexpr const char* kAllowed[] = {
    // files
    "read", "write", "open", "openat", "openat2", "creat", "close", "close_range", "stat", "fstat", "lstat", "newfstatat", "statx",
    "statfs", "fstatfs", "access", "faccessat", "faccessat2", "lseek", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev",
    "preadv2", "pwritev2", "dup", "dup2", "dup3", "fcntl", "flock", "fsync", "fdatasync", "sync_file_range", "truncate", "ftruncate",
    "fallocate", "getdents", "getdents64", "getcwd", "chdir", "fchdir", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir",
    "link", "linkat", "unlink", "unlinkat", "symlink", "symlinkat", "readlink", "readlinkat", "chmod", "fchmod", "fchmodat", "fchmodat2",
    "chown", "fchown", "lchown", "fchownat", "umask", "utime", "utimes", "utimensat", "futimesat", "mknod", "mknodat", "copy_file_range",
    "sendfile", "splice", "tee", "vmsplice", "fadvise64", "readahead", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr",
    "flistxattr", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "pipe", "pipe2",
    // waiting
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "eventfd", "eventfd2", "signalfd", "signalfd4", "pause", "nanosleep", "clock_nanosleep",
    // memory
    "mmap", "mprotect", "munmap", "brk", "mremap", "msync", "mincore", "madvise", "mlock", "munlock", "mlock2", "mlockall", "munlockall",
    "membarrier",
    // time
    "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getitimer", "setitimer", "alarm", "timer_create", "timer_settime",
    "timer_gettime", "timer_getoverrun", "timer_delete", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    // processes and threads
    "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill", "pidfd_open",
    "pidfd_send_signal", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack", "restart_syscall", "futex", "futex_waitv", "futex_wake", "futex_wait",
    "futex_requeue", "set_tid_address", "set_robust_list", "get_robust_list", "rseq", "arch_prctl", "prctl", "sched_yield",
    "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setparam", "sched_getscheduler", "sched_setscheduler",
    "sched_getattr", "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "getpriority", "setpriority", "getpid",
    "getppid", "gettid", "getpgrp", "getpgid", "setpgid", "setsid", "getsid", "getuid", "geteuid", "getgid", "getegid", "getgroups",
    "getresuid", "getresgid", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid",
    "capget", "capset", "getrlimit", "setrlimit", "prlimit64", "getrusage", "sysinfo", "uname", "getcpu", "getrandom",
    // sockets; socket() and socketpair() have rules of their own
    "connect", "bind", "listen", "accept", "accept4", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown",
    "getsockname", "getpeername", "setsockopt", "getsockopt"};

/// Only an attack makes these: it is killed, and its row says so.
constexpr const char* kAttacks[] = {"ptrace",
                                    "process_vm_readv",
                                    "process_vm_writev",
                                    "process_madvise",
                                    "pidfd_getfd",
                                    "kcmp",
                                    "mount",
                                    "umount",
                                    "umount2",
                                    "pivot_root",
                                    "chroot",
                                    "move_mount",
                                    "open_tree",
                                    "open_tree_attr",
                                    "fsopen",
                                    "fsconfig",
                                    "fsmount",
                                    "fspick",
                                    "mount_setattr",
                                    "open_by_handle_at",
                                    "swapon",
                                    "swapoff",
                                    "reboot",
                                    "kexec_load",
                                    "kexec_file_load",
                                    "init_module",
                                    "finit_module",
                                    "delete_module",
                                    "create_module",
                                    "bpf",
                                    "perf_event_open",
                                    "userfaultfd",
                                    "keyctl",
                                    "add_key",
                                    "request_key",
                                    "unshare",
                                    "setns",
                                    "clock_settime",
                                    "clock_settime64",
                                    "settimeofday",
                                    "stime",
                                    "clock_adjtime",
                                    "adjtimex",
                                    "iopl",
                                    "ioperm",
                                    "acct",
                                    "quotactl",
                                    "quotactl_fd",
                                    "syslog",
                                    "sethostname",
                                    "setdomainname",
                                    "vhangup"};

constexpr unsigned kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr unsigned kTiocLinux = 0x541C;
/// Terminals, and what descriptors of any kind have.
constexpr unsigned kIoctls[] = {TCGETS,     TCSETS,    TCSETSW,   TCSETSF,  TIOCGPGRP, TIOCSPGRP,  TIOCGSID,    TIOCGWINSZ,
                                TIOCSWINSZ, TIOCSCTTY, TIOCNOTTY, TIOCOUTQ, TIOCGPTN,  TIOCSPTLCK, TIOCGPTPEER, TCFLSH,
                                TCSBRK,     FIONREAD,  FIONBIO,   FIOASYNC, FIOCLEX,   FIONCLEX};

class Rules {
 public:
  Rules() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release) {
    if (!context_) fail(ENOMEM);
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
  }

  template <class... Comparison>
  void add(std::uint32_t action, const char* name, Comparison... comparison) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // newer than the library, or of another machine: ENOSYS by default
    const int result = seccomp_rule_add(context_.get(), action, number, sizeof...(comparison), comparison...);
    if (result != 0 && number >= 0) fail(-result);  // below zero: a pseudo number, no call of this machine
  }

  std::string exported() {
    const Descriptor file = make_memory_file("qbench-filter", std::string_view());
    check(seccomp_export_bpf(context_.get(), file.get()));
    std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    if (::pread(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) fail(errno);
    return text;
  }

 private:
  [[noreturn]] static void fail(int reason) {
    throw Error(ErrorCode::kConfig, std::string("libseccomp cannot make the filter: ") + std::strerror(reason), "sandbox");
  }
  static void check(int result) {
    if (result != 0) fail(-result);
  }
  std::unique_ptr<void, void (*)(void*)> context_;
};

}  // namespace

std::string make_filter() {
  Rules rules;
  for (const char* name : kAllowed) rules.add(SCMP_ACT_ALLOW, name);
  for (const char* name : kAttacks) rules.add(SCMP_ACT_KILL_PROCESS, name);

  rules.add(SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, kNewNamespaces, 0));
  for (unsigned bit = 1; bit != 0; bit <<= 1) {
    if ((kNewNamespaces & bit) != 0) rules.add(SCMP_ACT_KILL_PROCESS, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
  }

  for (const char* name : {"socket", "socketpair"}) {
    rules.add(SCMP_ACT_ALLOW, name, SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, AF_UNIX));
    rules.add(SCMP_ACT_ERRNO(EACCES), name, SCMP_A0(SCMP_CMP_GT, AF_UNIX));
    rules.add(SCMP_ACT_ERRNO(EACCES), name, SCMP_A0(SCMP_CMP_LT, AF_UNIX));
  }

  // The kernel looks at the lower half of an ioctl's number only, so the rules do too. A list, since a rule for all others would swallow
  // the refusals: what has no rule of its own does not exist.
  for (const unsigned request : kIoctls) rules.add(SCMP_ACT_ALLOW, "ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, request));
  for (const unsigned request : {unsigned{TIOCSTI}, kTiocLinux}) {
    rules.add(SCMP_ACT_ERRNO(EPERM), "ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, request));
  }
  rules.add(SCMP_ACT_ALLOW, "personality", SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0xffffffffu));
  return rules.exported();
}

}  // namespace qbench::sandbox
