# Files outside its own folder, by name and through what the guards of other harnesses forget.
import importlib
import shutil

mark = traps["mark"]
for folder in [traps["open_folder"], "/var/tmp", "/dev/shm/..", "/usr/lib", "/usr/bin", "/etc", "/", "/task", "/dev", "/root", "/home", "/run"]:
    attempt(folder, lambda: open(os.path.join(folder, mark), "w").write("x"))
    if folder != traps["open_folder"] and os.path.exists(os.path.join(folder, mark)):
        succeeded("wrote below " + folder)
importlib.reload(os)
attempt("a mount point", lambda: os.rmdir("/task"))
attempt("its own program", lambda: open(__file__, "a").write("x"))
attempt("remove", lambda: os.remove(traps["secret_file"]))
attempt("change", lambda: os.chmod(traps["secret_file"], 0o777))
attempt("tree", lambda: shutil.rmtree(traps["open_folder"]))
attempt("libc", lambda: libc.creat(os.path.join(traps["open_folder"], mark).encode(), 0o666))
