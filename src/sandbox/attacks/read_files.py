# The secret file, by its path and by every way around it.
path = traps["secret_file"]
attempt("direct", content, path)
for root in ["/proc/self/root", "/proc/1/root", "/proc/1/cwd/..", "/proc/self/cwd/../../..", "/..", "/task/../..", "/tmp/../../.."]:
    attempt(root, content, root + path)
attempt("directory descriptor", lambda: os.read(os.open(path.lstrip("/"), os.O_RDONLY, dir_fd=os.open("/", os.O_RDONLY)), 4096))
for name in ["/etc/shadow", "/etc/hostname", "/root/.ssh/id_rsa", "/root/.bashrc", "/var/log/syslog", "/sys/class/dmi/id/product_uuid", "/run/utmp"]:
    attempt(name, lambda: succeeded(name) if os.path.exists(name) else "is not there")
for folder in ["/home", "/root", "/run", "/sys", "/var", "/mnt", "/srv", "/opt", "/boot"]:
    attempt(folder, lambda: succeeded(folder) if os.listdir(folder) else "is empty")
