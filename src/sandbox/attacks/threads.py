# Many threads and processes that compute: together they are one program's processor time.
import threading


def spin():
    while True:
        pass


for _ in range(3):
    try:
        os.fork()
    except OSError:
        pass
for _ in range(20):
    try:
        threading.Thread(target=spin, daemon=True).start()
    except RuntimeError:
        break
spin()
