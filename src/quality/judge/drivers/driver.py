# Runs the answer and sends values back as data. It judges nothing and knows nothing of what is expected.
# session: one process; functions are called with Python literals. cases: each case in a forked process of its own, values as tagged JSON.
import os
import sys

_requests = os.fdopen(os.dup(0), "rb", closefd=False)
_answers = os.dup(1)
_null = os.open(os.devnull, os.O_RDWR)
os.dup2(_null, 0)
os.dup2(2, 1)  # what the answer prints counts as its error output
os.set_inheritable(_answers, False)
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)

_ROOT = os.path.join(os.path.dirname(__file__), "answer")  # beside this file: without namespaces that is not /task
_MAX_VALUE = 1 << 20  # of a case
_MAX_LITERAL = 16 << 20


def send(text):
    data = text.encode("ascii") + b"\n"
    while data:
        data = data[os.write(_answers, data):]


def one_line(error):
    try:
        args = getattr(error, "args", None)
        said = args[0] if type(args) is tuple and len(args) == 1 and type(args[0]) is str else str(error)  # KeyError quotes its argument
        text = " ".join(said.split())
    except BaseException:
        text = "(its text cannot be made)"
    return text[:500].encode("ascii", "backslashreplace").decode("ascii")


def class_names(error):
    """Names of the error's class and its bases; a class that only bears a builtin's name is none."""
    names = []
    for kind in type.mro(type(error)):
        name = str(kind.__name__)
        builtin = _BUILTINS.get(name)
        if kind is object or (isinstance(builtin, type) and builtin is not kind):
            continue
        names.append(name)
    return names


def send_error(nonce, key, error):
    names = ", ".join(quote(name) for name in class_names(error)[:20])
    return '{"n": "%s", "%s": [%s], "m": %s}' % (nonce, key, names, quote(one_line(error)))


def compile_file(path):
    with open(os.path.join(_ROOT, path), "rb") as file:
        return compile(file.read(), path, "exec", 0, True)


def compile_all(paths):
    """What is wrong with the source, or nothing. No line of the answer has run yet."""
    for path in paths:
        if not path.endswith(".py"):
            continue
        try:
            compile_file(path)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            return "%s: %s: %s" % (path, type(error).__name__, one_line(error))
    return None


_BUILTINS = dict(vars(__import__("builtins")))
_eval = eval  # of trusted text only: the judge's own literals
_READER = dict(_TYPES, __builtins__={}, nan=float("nan"), inf=float("inf"), complex=complex)


# ---- session ----------------------------------------------------------------------------------------------------------------

def compile_prompt(prefix):
    """What stands before the answer, as a module: its last function may have no body yet."""
    try:
        return compile(prefix, "prompt.py", "exec", 0, True)
    except SyntaxError:
        return compile(prefix + "\n    pass\n", "prompt.py", "exec", 0, True)


def load_session(setup):
    module = type(sys)("solution")
    sys.modules["solution"] = module
    space = module.__dict__
    if setup["prefix"]:
        exec(compile_prompt(setup["prefix"]), space)
        space.pop(setup["entry"], None)
    for path in setup["paths"]:
        exec(compile_file(path), space)
    return space


class Session:
    def __init__(self, space):
        self.space = space
        self.kept = []

    def reference(self, value):
        for index, kept in enumerate(self.kept):
            if kept is value:
                return index
        return None

    def read(self, text):
        return _eval(text, dict(_READER, ref=lambda index: self.kept[index]))

    def write(self, value):
        text = encode_literal(value, 0, self.reference)
        if len(text) > _MAX_LITERAL:
            raise NoLiteral("a value of %d characters" % len(text))
        return text

    def target(self, request):
        if "on" in request:
            return getattr(self.kept[request["on"]], request["f"])
        if request["f"] not in self.space:
            raise NameError("name '%s' is not defined" % request["f"])
        return self.space[request["f"]]

    def call(self, nonce, request):
        args = self.read(request["a"])
        names = self.read(request["k"])
        target = self.target(request)
        before = self.write(args) if args else ""
        value = target(*args, **names)
        if isinstance(target, type) and isinstance(value, target) and type(value) not in _READER.values() and not self.is_literal(value):
            self.kept.append(value)
            return '{"n": "%s", "h": %d}' % (nonce, len(self.kept) - 1)
        answer = '{"n": "%s", %s' % (nonce, self.result(value))
        if args:
            after = self.write_arguments(args)
            if after != before:
                answer += ', "a": ' + quote(after)
        return answer + "}"

    def result(self, value):
        """The value, or what a test may ask of one that has no literal (a match, an iterator): whether it is true, and its items."""
        try:
            return '"r": %s' % quote(self.write(value))
        except NoLiteral as why:
            reason = one_line(why)
        self.kept.append(value)
        return '"h": %d, "t": %s, "m": %s' % (len(self.kept) - 1, "true" if value else "false", quote(reason))

    def items(self, nonce, request):
        return '{"n": "%s", "r": %s}' % (nonce, quote(self.write(list(self.kept[request["items"]]))))

    def write_arguments(self, args):
        try:
            return self.write(args)
        except NoLiteral as why:
            raise NoLiteral("it put into an argument " + str(why))

    def is_literal(self, value):
        try:
            encode_literal(value, 0, self.reference)
            return True
        except NoLiteral:
            return False

    def get(self, nonce, request):
        value = getattr(self.kept[request["on"]], request["get"])
        if callable(value):
            return '{"n": "%s", "c": true}' % nonce
        return '{"n": "%s", "r": %s}' % (nonce, quote(self.write(value)))

    def put(self, nonce, request):
        setattr(self.kept[request["on"]], request["put"], self.read(request["v"]))
        return '{"n": "%s", "r": "None"}' % nonce


def serve_session(setup):
    session = None
    try:
        session = Session(load_session(setup))
        send('{"n": "%s", "ok": true}' % setup["n"])
    except BaseException as error:
        send(send_error(setup["n"], "load", error))
        return
    for line in _requests:
        request = read_request(line)
        nonce = request["n"]
        if "bye" in request:
            send('{"n": "%s", "bye": true}' % nonce)
            return
        work = next((getattr(session, name) for name in ("get", "put", "items") if name in request), session.call)
        try:
            answer = work(nonce, request)
        except NoLiteral as why:
            answer = '{"n": "%s", "x": %s}' % (nonce, quote(one_line(why)))
        except BaseException as error:
            answer = send_error(nonce, "e", error)
        send(answer)


# ---- cases ------------------------------------------------------------------------------------------------------------------

def encode_value(value, depth=0):
    """Tagged JSON of prompts/README.md."""
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return repr(value) if -(1 << 53) <= value <= 1 << 53 else '{"$int": "%d"}' % value
    if kind is float:
        if value != value or value in (float("inf"), float("-inf")):
            return '{"$float": "%s"}' % repr(value)
        return repr(value)
    if kind is str:
        try:
            value.encode("utf-8")
        except UnicodeError:
            raise NoLiteral("a string with half a surrogate pair")
        return quote(value)
    if kind is bytes:
        return '{"$bytes": "%s"}' % value.hex()
    if depth > _MAX_DEPTH // 2:
        raise NoLiteral("a value nested deeper than %d" % (_MAX_DEPTH // 2))
    inner = lambda item: encode_value(item, depth + 1)
    if kind is list:
        return "[" + ", ".join(map(inner, value)) + "]"
    if kind is tuple:
        return '{"$tuple": [' + ", ".join(map(inner, value)) + "]}"
    if kind is set or kind is frozenset:
        return '{"$set": [' + ", ".join(map(inner, value)) + "]}"
    if kind is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return "{" + ", ".join(inner(key) + ": " + inner(item) for key, item in value.items()) + "}"
        return '{"$dict": [' + ", ".join("[" + inner(key) + ", " + inner(item) + "]" for key, item in value.items()) + "]}"
    return encode_value(_base_of(value), depth)


def decode_value(value, kept):
    if isinstance(value, list):
        return [decode_value(item, kept) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        tag, inner = next(iter(value.items()))
        if tag == "$tuple":
            return tuple(decode_value(inner, kept))
        if tag == "$set":
            return set(decode_value(inner, kept))
        if tag == "$dict":
            return {decode_value(key, kept): decode_value(item, kept) for key, item in inner}
        if tag == "$bytes":
            return bytes.fromhex(inner)
        if tag == "$float":
            return float(inner)
        if tag == "$int":
            return int(inner)
        if tag == "$ref":
            return kept[inner]
        if tag == "$undefined":
            return None
    return {key: decode_value(item, kept) for key, item in value.items()}


class Case:
    def __init__(self, paths):
        self.paths = paths
        self.kept = {}

    def find(self, name):
        import importlib
        module, colon, chain = name.rpartition(":")
        parts = chain.split(".")
        if not colon and parts[0] in self.kept:
            found = self.kept[parts.pop(0)]
        else:
            found = importlib.import_module(module if colon else self.paths[0][:-3].replace("/", "."))
        for part in parts:
            found = getattr(found, part)
        return found

    def run(self, step):
        name = step.get("call") or step.get("new") or step.get("get")
        value = self.find(name)
        if "get" not in step:
            value = value(*decode_value(step["args"], self.kept))
        if type(value).__name__ == "coroutine":
            import asyncio
            value = asyncio.run(value)
        if "as" in step:
            self.kept[step["as"]] = value
            return '{"v": null}'
        text = encode_value(value) if step["wanted"] else "null"
        if len(text) > _MAX_VALUE:
            raise NoLiteral("a value of %d characters" % len(text))
        return '{"v": %s}' % text

    def answer(self, steps):
        results = []
        for step in steps:
            try:
                results.append(self.run(step))
            except NoLiteral as why:
                results.append('{"x": %s}' % quote(one_line(why)))
            except BaseException as error:
                names = ", ".join(quote(name) for name in class_names(error)[:20])
                results.append('{"e": [%s], "m": %s}' % (names, quote(one_line(error))))
        return "[" + ", ".join(results) + "]"


def run_forked(request, paths):
    """The case's text from a process of its own: the answer's modules are loaded there, and whatever it breaks ends with it."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        os.close(_answers)
        os.close(_requests.fileno())
        sys.path.insert(0, _ROOT)
        data = Case(paths).answer(request["steps"]).encode("ascii") + b"\n"
        while data:
            data = data[os.write(sink, data):]
        os._exit(0)
    os.close(sink)
    received = b""
    while not received.endswith(b"\n") and len(received) <= 4 * _MAX_VALUE:
        piece = os.read(source, 1 << 16)
        if not piece:
            break
        received += piece
    if received:
        try:
            os.kill(child, 9)  # it has answered; what else it would do is not waited for
        except ProcessLookupError:
            pass
    _, status = os.waitpid(child, 0)
    os.set_blocking(source, False)  # a grandchild may hold the other end
    try:
        received += os.read(source, 1 << 16)
    except BlockingIOError:
        pass
    os.close(source)
    if received.endswith(b"\n") and received.count(b"\n") == 1:
        return '"steps": ' + received[:-1].decode("ascii", "replace").encode("ascii", "replace").decode("ascii")
    how = "by signal %d" % os.WTERMSIG(status) if os.WIFSIGNALED(status) else "with exit code %d" % os.WEXITSTATUS(status)
    return '"died": "%s", "signal": %d' % (how, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)


def serve_cases(setup):
    send('{"n": "%s", "ok": true}' % setup["n"])
    for line in _requests:
        request = read_request(line)
        if "bye" in request:
            send('{"n": "%s", "bye": true}' % request["n"])
            return
        send('{"n": "%s", %s}' % (request["n"], run_forked(request, setup["paths"])))


def read_request(line):
    """A line of qbench's JSON; its strings, numbers and names are Python's too."""
    return _eval(line.decode("utf-8"), {"__builtins__": {}, "true": True, "false": False, "null": None})


def main():
    setup = read_request(_requests.readline())
    problem = compile_all(setup["paths"])
    if problem is not None:
        send('{"n": "%s", "compile": %s}' % (setup["n"], quote(problem)))
    elif setup["mode"] == "session":
        serve_session(setup)
    else:
        serve_cases(setup)
    os._exit(0)


main()
