# Runs a suite's own test. The functions that it tests lie elsewhere: each call goes out as a line with literals, and a literal comes back.
import ast
import builtins
import json
import os
import sys

_replies = os.fdopen(os.dup(0), "rb", closefd=False)
_calls = os.dup(1)
_null = os.open(os.devnull, os.O_RDWR)
os.dup2(_null, 0)
os.dup2(2, 1)
sys.path.append(os.path.join(os.path.dirname(__file__), "lib"))
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)

_handles = {}
_counted = 0
_from_answer = None  # the exception that the answer raised last


class Unusual(BaseException):
    """The answer ended by an exception that is no Exception (SystemExit), or by StopIteration, which map() and its like would take for
    the end of their input: nothing in a test may take it for something else."""


def send(message):
    data = json.dumps(message).encode("ascii") + b"\n"
    while data:
        data = data[os.write(_calls, data):]


def read_literal(text):
    if len(text) > 100000:
        try:
            return json.loads(text)  # means the same where it can be read so; a tree of a million nodes takes a gigabyte
        except ValueError:
            pass
    return value_of(ast.parse(text, mode="eval").body)


def value_of(node):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [value_of(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(value_of(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return {value_of(item) for item in node.elts}
    if isinstance(node, ast.Dict):
        return {value_of(key): value_of(item) for key, item in zip(node.keys, node.values)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = value_of(node.operand)
        return -value if isinstance(node.op, ast.USub) else +value
    if isinstance(node, ast.Name):
        return float(node.id) if node.id in ("nan", "inf") else _TYPES[node.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset", "complex", "ref"):
        values = [value_of(item) for item in node.args]
        if node.func.id == "ref":
            return handle_of(values[0])
        return {"set": set, "frozenset": frozenset, "complex": complex}[node.func.id](*values)
    raise ValueError("no literal")


def put_back(old, new):
    """Makes a changed argument look as the answer left it, in the object that the test holds."""
    if isinstance(old, (list, tuple)) and type(old) is type(new) and len(old) == len(new):
        changed = [put_back(a, b) for a, b in zip(old, new)]
        if isinstance(old, list):
            old[:] = changed
            return old
        return old if all(a is b for a, b in zip(old, changed)) else tuple(changed)
    if isinstance(old, list) and isinstance(new, list):
        old[:] = new
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        kept = {key: put_back(old[key], item) if key in old else item for key, item in new.items()}
        old.clear()
        old.update(kept)
        return old
    if isinstance(old, set) and isinstance(new, set):
        old.clear()
        old.update(new)
        return old
    if type(old) is not type(new):
        return new
    if isinstance(old, (list, tuple, dict, set, frozenset, Handle)):  # comparing could compare objects of the answer
        return new
    return new if old != new else old


def handle_of(index):
    """One handle an object, so that the test finds again in a list what it put there."""
    if index not in _handles:
        _handles[index] = Handle(index)
    return _handles[index]


def index_of(value):
    return object.__getattribute__(value, "_index") if type(value) in (Handle, Opaque) else None


def exchange(message, args=()):
    global _counted, _from_answer
    _counted += 1
    send(message)
    line = _replies.readline()
    if not line:
        os._exit(1)
    reply = json.loads(line)
    if "e" in reply:
        _from_answer = rebuilt(reply["e"], reply["m"])
        raise _from_answer
    if "a" in reply:
        put_back(args, read_literal(reply["a"]))
    if "h" in reply:
        if "t" in reply:
            _handles[reply["h"]] = Opaque(reply["h"], bool(reply["t"]), reply.get("m", ""))
        return handle_of(reply["h"])
    if "c" in reply:
        return proxy(message["get"], message["on"])
    return read_literal(reply["r"])


def rebuilt(names, text):
    """An exception of the nearest builtin class."""
    for name in names:
        kind = getattr(builtins, name, None)
        if not isinstance(kind, type) or not issubclass(kind, BaseException):
            continue
        if not issubclass(kind, Exception) or issubclass(kind, (StopIteration, StopAsyncIteration)):
            return Unusual(names[0] + ": " + text)
        try:
            return kind(text)
        except TypeError:  # UnicodeDecodeError and its like want more
            error = kind.__new__(kind)
            error.args = (text,)
            return error
    return Exception(text)


def request_of(args, names):
    return {"a": encode_literal(args, 0, index_of), "k": encode_literal(names, 0, index_of)}


def proxy(name, on=None):
    def call(*args, **names):
        request = dict(request_of(args, names), f=name)
        if on is not None:
            request["on"] = on
        return exchange(request, args)
    call.__name__ = call.__qualname__ = name
    return call


class Handle:
    """An object of a class of the answer, made by the test's own set-up. It can be passed and its attributes used; it equals only itself and
    is neither true nor false."""

    def __init__(self, index):
        object.__setattr__(self, "_index", index)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        index = index_of(self)
        return exchange({"on": index, "get": name})

    def __setattr__(self, name, value):
        exchange({"on": index_of(self), "put": name, "v": encode_literal(value, 0, index_of)})

    def __bool__(self):
        raise NoLiteral("an object where a value is tested")

    def __eq__(self, other):
        raise NoLiteral("an object where a value is compared")

    __hash__ = object.__hash__


class Opaque(Handle):
    """A result that has no literal. A test may ask whether it is true and take its items, which are values; anything else is wrong."""

    def __init__(self, index, truth, why):
        Handle.__init__(self, index)
        object.__setattr__(self, "_truth", truth)
        object.__setattr__(self, "_why", why)

    def __bool__(self):
        return object.__getattribute__(self, "_truth")

    def __iter__(self):
        return iter(exchange({"f": "list", "items": index_of(self)}))

    def no_value(self, *_):
        raise NoLiteral(object.__getattribute__(self, "_why") + " is no value")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = __getattr__ = __setattr__ = no_value
    __hash__ = object.__hash__


def import_as(source, names, space):
    """Modules that the test calls by the names under which the reference imports them."""
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            node.names = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in names]
            if node.names:
                exec(compile(ast.Module([node], []), "reference.py", "exec", 0, True), space)


def free_names(tree):
    """Names that the test uses and neither binds nor finds among the builtins: what the answer must define."""
    bound, used = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return used - bound - set(dir(builtins))


def prompt_space(prefix):
    space = {"__name__": "qbench_test"}
    for tail in ("", "\n    pass\n"):
        try:
            exec(compile(prefix + tail, "prompt.py", "exec", 0, True), space)
            return space
        except SyntaxError:
            continue
    raise ValueError("the prompt's code does not compile")


def place_of(error):
    """The test's line that failed, for a person."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "test.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    if line == 0:
        return ""
    return "line %d of the test: %s" % (line, _lines[line - 1].strip()[:200])


def verdict_of(error):
    said = " ".join(str(error).split())[:300]
    if isinstance(error, NoLiteral):
        return {"end": "wrong", "detail": "%s; %s" % (said, place_of(error))}
    if error is _from_answer:
        what = said if isinstance(error, Unusual) else "%s: %s" % (type(error).__name__, said)
        return {"end": "exception", "detail": "%s; %s" % (what, place_of(error))}
    if isinstance(error, AssertionError):
        return {"end": "wrong", "detail": place_of(error) + (" (" + said + ")" if said else "")}
    # What a value of the wrong type does to the test's own arithmetic is the value's fault, as it would be in one process.
    return {"end": "wrong", "detail": "%s: %s; %s" % (type(error).__name__, said, place_of(error))}


def main():
    global _lines
    setup = json.loads(_replies.readline())
    _lines = setup["test"].split("\n")
    try:
        tree = ast.parse(setup["test"], "test.py")
        space = prompt_space(setup["prefix"])
        program = compile(tree, "test.py", "exec", 0, True)
    except Exception as error:
        send({"end": "broken", "detail": "%s: %s" % (type(error).__name__, error)})
        return
    wanted = {name for name in free_names(tree) if name not in space}
    try:
        import_as(setup["imports"], wanted, space)
    except Exception as error:
        send({"end": "broken", "detail": "the reference's imports: %s: %s" % (type(error).__name__, error)})
        return
    wanted = {name for name in wanted if name not in space} | set(setup["names"])
    if setup["entry"]:
        wanted |= {"candidate", setup["entry"]}
    for name in wanted:
        space[name] = proxy(setup["entry"] if name == "candidate" and setup["entry"] else name)
    send({"ready": True})
    try:
        exec(program, space)
        result = {"end": "pass"}
    except BaseException as error:
        result = verdict_of(error)
    result["calls"] = _counted
    send(result)


main()
os._exit(0)
