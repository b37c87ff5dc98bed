# Files without content: they take none of the disk's room, and of the kernel's memory a kilobyte each.
for i in range(400000):
    os.close(os.open("/tmp/%d" % i, os.O_CREAT | os.O_WRONLY))
    if i % 1000 == 999:
        print("MADE", i + 1, flush=True)
