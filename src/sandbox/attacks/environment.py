# Variables of the program that runs it: keys and tokens are kept there.
import glob

print(sorted(os.environ.items()))
for path in glob.glob("/proc/*/environ"):
    attempt(path, content, path)
attempt("of the process outside", content, "/proc/%d/environ" % traps["victim"])
stack = ctypes.cast(ctypes.c_void_p.in_dll(libc, "environ"), ctypes.POINTER(ctypes.c_char_p))
for i in range(100):
    if not stack[i]:
        break
    print(stack[i])
