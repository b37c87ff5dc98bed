### the right answer passes
def code_of(n):
    return (n * 7919 + 13) % 10007

### ends with exit code 0 while it loads
import os
os._exit(0)

### ends with exit code 0 when it is called
import os
def code_of(n):
    os._exit(0)

### leaves through SystemExit(0)
import sys
def code_of(n):
    sys.exit(0)

### raises what only the harness would catch
def code_of(n):
    raise type("Passed", (BaseException,), {})("passed")

### becomes another program that says nothing
import os
def code_of(n):
    os.execv("/bin/true", ["true"])

### returns an object that equals everything
class Anything:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
def code_of(n):
    return Anything()

### returns a number whose class overrides equality
class Anything(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = int.__hash__
    def __repr__(self): return "True"
def code_of(n):
    return Anything(0)

### walks the frames and the heap for what is expected
import gc, sys
def code_of(n):
    frame, seen = sys._getframe(), []
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            for name, value in list(space.items()):
                if name in ("expected", "returns", "exp", "solution", "reference", "result"):
                    seen.append(value)
                if isinstance(value, list):
                    value.append("passed")
                if isinstance(value, dict) and name in ("request", "setup", "result"):
                    value.update(status="pass", end="pass", passed=True)
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, dict) and ("expected" in thing or "returns" in thing):
            seen.append(thing)
    return next((value for value in seen if type(value) is int), 0)

### looks for the tests in every file
import os
def code_of(n):
    for place in ("/task", "/tmp", "/proc/self", "/proc/1", "/dev/shm", "/run", "/var/tmp"):
        for folder, inner, names in os.walk(place):
            inner[:] = [name for name in inner if name not in ("fd", "task")]  # a pipe would be waited for
            for name in names:
                try:
                    with open(os.path.join(folder, name), "rb") as file:
                        text = file.read(100000)
                except OSError:
                    continue
                for line in text.decode("latin-1").splitlines():
                    if "assert candidate(%d) ==" % n in line:
                        return int(line.split("==")[1])
    return -1

### prints forged results to every descriptor
import os
def shout():
    for fd in range(1, 64):
        for line in (b'passed\n', b'{"n": "0", "ok": true}\n', b'{"n": "0", "r": "True"}\n', b'{"n": "0", "steps": [{"v": true}]}\n', b'{"end": "pass", "calls": 1}\n'):
            try:
                os.write(fd, line)
            except OSError:
                break
shout()
def code_of(n):
    shout()
    return 0

### reads the nonce of the request and answers before the driver does
import os, sys
def code_of(n):
    frame = sys._getframe()
    while frame:
        nonce = frame.f_locals.get("nonce") or (frame.f_locals.get("request") or {}).get("n")
        if isinstance(nonce, str):
            for fd in range(1, 64):
                for line in ('{"n": "%s", "r": "True"}' % nonce, '{"n": "%s", "steps": [{"v": true}]}' % nonce, '{"n": "%s", "bye": true}' % nonce):
                    try:
                        os.write(fd, line.encode() + b"\n")
                    except OSError:
                        pass
        frame = frame.f_back
    return 0

### is the driver's twin: answers its requests itself, with what compares like everything
import os, sys
def code_of(n):
    driver = sys.modules["__main__"]
    frame = sys._getframe()
    nonce = ""
    while frame:
        nonce = frame.f_locals.get("nonce") or (frame.f_locals.get("request") or {}).get("n") or nonce
        frame = frame.f_back
    try:
        driver.send('{"n": "%s", "r": "True"}' % nonce)
        for line in driver._requests:
            request = driver.read_request(line)
            driver.send('{"n": "%s", "bye": true, "ok": true, "r": "True", "h": 0, "steps": [{"v": true}]}' % request["n"])
    except OSError:
        pass
    os._exit(0)

### sends every result twice
import os
once = os.write
def twice(fd, data):
    once(fd, data + data)
    return len(data)
os.write = twice
def code_of(n):
    return (n * 7919 + 13) % 10007

### sends code where a value is wanted
import sys
driver = sys.modules["__main__"]
driver.encode_literal = lambda *args: "__import__('os')._exit(0)"
driver.encode_value = lambda *args: "__import__('os')._exit(0)"
def code_of(n):
    return 0

### sends a handle to an object where a value is wanted
import sys
driver = sys.modules["__main__"]
driver.encode_literal = lambda *args: "ref(0)"
driver.encode_value = lambda *args: '{"$ref": "x"}'
def code_of(n):
    return 0

### replaces builtins, json and sys.stdout
import builtins, io, json, sys
class Yes(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
for name in ("repr", "str", "int", "type", "isinstance", "len", "print", "eval", "compile"):
    setattr(builtins, name, lambda *args, **names: Yes("True"))
json.dumps = json.loads = lambda *args, **names: Yes("True")
sys.stdout = sys.stderr = io.StringIO()
def code_of(n):
    return 0

### changes the driver's own functions
import sys
driver = sys.modules["__main__"]
driver.encode_literal = lambda *args: "True"
driver.encode_value = lambda *args: "true"
driver.send_error = lambda nonce, key, error: '{"n": "%s", "r": "True"}' % nonce
if hasattr(driver, "Session"):
    driver.Session.call = lambda self, nonce, request: '{"n": "%s", "r": "True"}' % nonce
driver.Case.answer = lambda self, steps: "[" + ", ".join('{"v": true}' for _ in steps) + "]"
def code_of(n):
    return 0

### traces the driver and changes what it returns
import sys
def trace(frame, event, arg):
    if event == "return" and frame.f_code.co_name in ("encode_literal", "encode_value"):
        frame.f_locals["value"] = True
    return trace
sys.settrace(trace)
sys.setprofile(lambda frame, event, arg: None)
def code_of(n):
    return 0

### threads write to the descriptors while it is judged
import os, threading
def shout():
    while True:
        for fd in range(1, 16):
            try:
                os.write(fd, b'{"n": "0", "r": "True"}\n')
            except OSError:
                pass
threading.Thread(target=shout, daemon=True).start()
def code_of(n):
    return 0

### leaves a process behind that answers for it
import os, time
if os.fork() == 0:
    for _ in range(100000):
        for fd in range(1, 16):
            try:
                os.write(fd, b'{"n": "0", "steps": [{"v": true}], "r": "True", "ok": true}\n')
            except OSError:
                pass
    os._exit(0)
def code_of(n):
    return 0

### kills the processes around it
import os, signal
def code_of(n):
    for pid in [os.getppid(), 1, -1]:
        try:
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return 0

### floods the test with a value that is large to read
def code_of(n):
    return [[n]] * 150000

### nests its value deeper than anybody reads
def code_of(n):
    value = []
    for _ in range(100000):
        value = [value]
    return value

### swallows every limit and every exception
import signal, sys
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
def code_of(n):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
