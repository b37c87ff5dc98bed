# Links from where it may write to where it may not.
path = traps["secret_file"]
os.symlink(path, "/tmp/link")
attempt("symbolic link", content, "/tmp/link")
attempt("hard link", lambda: (os.link(path, "/tmp/hard"), content("/tmp/hard")))
os.symlink("/proc/1/root", "/tmp/root")
attempt("link into /proc", content, "/tmp/root" + path)
os.symlink(os.path.dirname(path), "/tmp/folder")
attempt("link to the folder", content, "/tmp/folder/" + os.path.basename(path))
attempt("written through a link", lambda: open("/tmp/folder/" + traps["mark"], "w").write("x"))
attempt("task folder", lambda: (os.rename("/task", "/task2"), succeeded("renamed /task")))
