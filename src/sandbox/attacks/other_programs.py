# The same tries from programs that it starts, past every Python function that a guard may have replaced.
import posix

path, folder, mark = traps["secret_file"], traps["open_folder"], traps["mark"]
script = "cat '%s' /proc/%d/environ; echo x > '%s/%s'; kill -9 %d" % (path, traps["victim"], folder, mark, traps["victim"])
way = traps["variant"]
if way == "posix":
    posix.system(script)
elif way == "libc":
    libc.system(script.encode())
elif way == "posix_spawn":
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", script], {}), 0)
elif way == "execv":
    os.execv("/bin/sh", ["sh", "-c", script])
