# Output without end, on both streams, from several processes, and as one line.
os.fork()
os.fork()
block = b"x" * 65536
while True:
    for stream in (1, 2):
        os.write(stream, block)
