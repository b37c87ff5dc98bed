# Links from where it may write to where it may not.
path = traps["secret_file"]
os.symlink(path, "link")
attempt("symbolic link", content, "link")
attempt("hard link", lambda: (os.link(path, "hard"), content("hard")))
os.symlink("/proc/1/root", "root")
attempt("link into /proc", content, "root" + path)
os.symlink(os.path.dirname(path), "folder")
attempt("link to the folder", content, "folder/" + os.path.basename(path))
attempt("written through a link", lambda: open("folder/" + traps["mark"], "w").write("x"))
attempt("task folder", lambda: (os.rename("/task", "/task2"), succeeded("renamed /task")))
