"""Finds operations that fail for reasons outside the code, and whether something handles it. Also what a web service does with its model.

What is external is followed through plain assignments within one function, no further; the rating's README states that.
"""
import ast

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
IO_CALLS = {"open", "gzip.open", "bz2.open", "lzma.open", "zipfile.ZipFile", "tarfile.open", "io.open", "os.remove", "os.unlink", "os.rename", "os.replace", "os.listdir", "os.scandir",
            "os.makedirs", "os.mkdir", "os.rmdir", "os.stat", "os.path.getsize", "os.path.getmtime", "os.chmod", "Image.open", "PIL.Image.open", "cv2.imread", "aiofiles.open", "np.load",
            "numpy.load", "pd.read_csv", "pandas.read_csv", "sqlite3.connect"}
IO_METHODS = {"read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir", "rmdir", "iterdir", "touch"}
NET_ROOTS = {"requests", "httpx", "aiohttp", "urllib", "urllib3", "socket", "smtplib", "ftplib", "websockets"}
NET_CALLS = {"get", "post", "put", "patch", "delete", "head", "request", "urlopen", "urlretrieve", "create_connection", "connect", "SMTP", "stream", "send", "options"}
SESSIONS = {"Client", "AsyncClient", "Session", "ClientSession", "PoolManager"}
PROCESS_CALLS = {"subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.Popen", "os.system", "os.popen"}
PARSE_CALLS = {"json.load", "json.loads", "yaml.load", "yaml.safe_load", "tomllib.load", "tomllib.loads", "toml.load", "pickle.load", "pickle.loads", "ET.parse", "ET.fromstring",
               "base64.b64decode", "ast.literal_eval", "csv.Sniffer", "uuid.UUID", "ipaddress.ip_address"}
PARSE_METHODS = {"strptime", "fromisoformat", "fromtimestamp", "decode"}
CONVERSIONS = {"int", "float", "Decimal", "decimal.Decimal", "Fraction"}
MODEL_LOADS = {"from_pretrained", "pipeline", "torch.load", "load_model", "joblib.load", "transformers.pipeline", "torch.jit.load"}
EXTERNAL = ("sys.argv", "os.environ", "input", "readline", "readlines", "splitlines", "split", "rsplit", "partition", "groups", "groupdict", "group", "json.load", "json.loads", "json",
            "yaml.safe_load", "read", "read_text", "form", "match", "fullmatch", "search", "recv", "csv.reader", "DictReader", "csv.DictReader", "fetchone", "getenv", "os.getenv")
INDEXABLE = ("sys.argv", "os.environ", "json", "split", "rsplit", "groups", "json.loads", "json.load", "fetchone", "splitlines", "readlines", "groupdict", "csv.reader", "DictReader",
             "csv.DictReader", "yaml.safe_load", "form")
BLOCKING = {"time.sleep", "os.system", "urllib.request.urlopen", "input"}
BLOCKING_ROOTS = {"requests", "subprocess"}
ROUTE_METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "api_route", "websocket"}
OFFLOADS = ("run_in_executor", "to_thread", "run_in_threadpool", "run_sync", "submit", "map", "add_task", "Thread", "Process", "partial", "create_task", "Depends")


class Module:
    """One file: parents of its nodes, functions by name, what is external in each function."""

    def __init__(self, path, tree, dotted):
        self.path, self.tree, self.dotted = path, tree, dotted
        self.parents, self.functions, self.sessions, self.models, self.imported = {}, {}, set(), set(), set()
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
            if isinstance(node, FUNCTIONS):
                self.functions.setdefault(node.name, node)
            elif isinstance(node, ast.ImportFrom):
                self.imported.update((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
            self.note_holder(node)
        self.aliases = dict(self.imported)
        for node in ast.walk(tree):  # what calls a model and hands over its result is one: holders of holders, one step
            self.note_holder(node)

    def note_holder(self, node):
        """Names that hold an HTTP session or a loaded model."""
        pairs = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            pairs = [(node.optional_vars, node.context_expr)]
        for target, value in pairs:
            while isinstance(value, ast.Await):
                value = value.value
            called = self.calls_in_chain(value)
            name = self.dotted(target).split(".")[-1] if isinstance(target, (ast.Name, ast.Attribute)) else (
                target.slice.value if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) else "")
            if not isinstance(name, str) or not name:
                continue
            if any(one.split(".")[-1] in SESSIONS for one in called):
                self.sessions.add(name)
            if any(self.is_model_load(one) for one in called) and not any(word in " ".join(called) for word in ("Processor", "Tokenizer", "FeatureExtractor", "Config")):
                self.models.add(name)
            elif isinstance(value, ast.Call) and self.dotted(value.func).split(".")[-1] in ("compile", "eval", "to", "half", "cuda") and any(
                    self.dotted(one).split(".")[-1] in self.models for one in [value.func] + value.args):
                self.models.add(name)

    def calls_in_chain(self, node):
        """Dotted names of a chain of calls: `A.from_pretrained(x).to(d)` gives both."""
        found = []
        while isinstance(node, (ast.Call, ast.Attribute)):
            if isinstance(node, ast.Call):
                found.append(self.dotted(node.func))
                node = node.func
            else:
                node = node.value
        return found

    @staticmethod
    def is_model_load(name):
        return name in MODEL_LOADS or name.split(".")[-1] in ("from_pretrained", "pipeline", "load_model")

    def function_of(self, node):
        """The nearest enclosing function, and whether a lambda lies between."""
        node = self.parents.get(node)
        while node is not None and not isinstance(node, FUNCTIONS + (ast.Lambda,)):
            node = self.parents.get(node)
        return node

    def call_name(self, node):
        name = self.dotted(node.func)
        first, _, rest = name.partition(".")
        full = self.aliases.get(first)
        return (full + ("." + rest if rest else "")) if full else name

    def in_try(self, node):
        child, parent = node, self.parents.get(node)
        while parent is not None and not isinstance(child, FUNCTIONS):
            if isinstance(parent, ast.Try) and child in parent.body and any(not self.is_empty(handler) for handler in parent.handlers):
                return parent.lineno
            if isinstance(parent, (ast.With, ast.AsyncWith)) and any("suppress" in self.dotted(item.context_expr) or "raises" in self.dotted(item.context_expr) for item in parent.items):
                return parent.lineno
            child, parent = parent, self.parents.get(parent)
        return 0

    def is_empty(self, handler):
        return drops_error(handler, self.dotted)


def drops_error(handler, dotted):
    """A handler that holds nothing, or catches everything and only goes on as if nothing had been."""
    all_kinds = handler.type is None or dotted(handler.type) in ("Exception", "BaseException")

    def nothing(one):
        if isinstance(one, ast.Return):
            return all_kinds and (one.value is None or (isinstance(one.value, ast.Constant) and one.value.value is None))
        return isinstance(one, ast.Pass) or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)) or (isinstance(one, ast.Continue) and all_kinds)

    return all(nothing(one) for one in handler.body)


def base_names(node):
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def external_names(module, function):
    """Names that hold something from outside, in one function or at module level: what `EXTERNAL` calls gave, and what was taken from such names."""
    names, indexable = set(), set()
    body = list(ast.walk(function))
    for _ in range(2):
        for node in body:
            if isinstance(node, ast.Assign):
                targets, value = node.targets, node.value
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                targets, value = [node.target], node.value
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                targets, value = [node.target], node.iter
            elif isinstance(node, ast.NamedExpr):
                targets, value = [node.target], node.value
            else:
                continue
            while isinstance(value, ast.Await):
                value = value.value
            from_outside, can_index = is_external(module, value, names)
            bound = {name for target in targets for name in base_names(target)}
            if from_outside:
                names |= bound
            if can_index:
                indexable |= bound
    return names, indexable


def is_external(module, value, names):
    name = module.dotted(value) if not isinstance(value, ast.Call) else module.call_name(value)
    last = name.split(".")[-1]
    hit = name in EXTERNAL or (isinstance(value, ast.Call) and last in EXTERNAL) or name.startswith("sys.argv") or (
        isinstance(value, ast.Subscript) and base_names(value.value) & names) or (isinstance(value, ast.Name) and value.id in names)
    can_index = name in INDEXABLE or (isinstance(value, ast.Call) and last in INDEXABLE)
    return bool(hit), can_index


def guarded(module, node, names):
    """A test of one of the names before the operation or around it, in the same function."""
    function = module.function_of(node)
    for one in ast.walk(function if function is not None else module.tree):
        if isinstance(one, (ast.If, ast.IfExp, ast.While, ast.Assert)) and one.lineno <= node.lineno and base_names(one.test) & names:
            return one.lineno
        if isinstance(one, ast.BoolOp) and one.lineno <= node.lineno and node in set(ast.walk(one)) and base_names(one.values[0]) & names:
            return one.lineno
    return 0


class Risks:
    def __init__(self, modules, out, dotted):
        self.out, self.dotted = out, dotted
        self.modules = [Module(path, tree, dotted) for path, tree in modules.items()]
        self.tests = {(one["file"], one["line"]) for one in out["functions"] if one["is_test"]}

    def run(self):
        found = []
        for module in self.modules:
            for function in [None] + [node for node in ast.walk(module.tree) if isinstance(node, FUNCTIONS)]:
                if function is not None and (module.path, function.lineno) in self.tests:
                    continue
                scope = function if function is not None else module.tree
                names, indexable = external_names(module, scope)
                if function is not None:
                    names |= {one.arg for one in function.args.args + function.args.kwonlyargs if one.annotation is not None and self.dotted(one.annotation) in ("str", "bytes")}
                for node in ast.walk(scope):
                    if module.function_of(node) is function and not isinstance(node, FUNCTIONS):
                        risk = self.classify(module, node, names, indexable)
                        if risk:
                            found.append((module, function, node, *risk))
        self.settle(found)

    def classify(self, module, node, names, indexable):
        """(kind, what, names whose test is a guard), or nothing."""
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and not isinstance(node.slice, ast.Slice):
            name = module.dotted(node.value)
            if name in ("sys.argv", "os.environ"):
                return "index", f"{name}[...]", base_names(node)
            if isinstance(node.value, ast.Name) and node.value.id in indexable:
                return "index", f"{node.value.id}[...]", {node.value.id}
            if isinstance(node.value, ast.Call) and name.split(".")[-1] in ("json", "split", "groups", "loads"):
                return "index", f"{name}()[...]", base_names(node)
            return None
        if not isinstance(node, ast.Call):
            return None
        name = module.call_name(node)
        last, root = name.split(".")[-1], name.split(".")[0]
        if name in IO_CALLS or last in IO_METHODS or (last == "open" and root not in ("webbrowser", "Image") and not name.startswith("self.")):
            return "io", f"{name}()", set()
        if (root in NET_ROOTS and last in NET_CALLS) or (last in NET_CALLS and len(name.split(".")) > 1 and name.split(".")[-2] in module.sessions):
            return "network", f"{name}()", set()
        if name in PROCESS_CALLS:
            return "process", f"{name}()", set()
        if last in module.models or (last in ("generate", "predict", "forward") and name.split(".")[-2:-1] and name.split(".")[-2] in module.models):
            return "model", f"{name}()", set()
        if name in PARSE_CALLS or (last in PARSE_METHODS and node.args) or (last == "decode" and isinstance(node.func, ast.Attribute)):
            literal = node.args and isinstance(node.args[0], ast.Constant) and last != "decode"
            return None if literal else ("parse", f"{name}()", set())
        if last == "json" and isinstance(node.func, ast.Attribute) and not node.args:
            return "parse", f"{name}()", set()
        if name in CONVERSIONS and len(node.args) == 1 and (base_names(node.args[0]) & names or self.reads_outside(module, node.args[0])):
            return "convert", f"{name}() of external text", base_names(node.args[0])
        return None

    def reads_outside(self, module, node):
        return isinstance(node, (ast.Call, ast.Subscript)) and is_external(module, node, set())[0]

    def settle(self, found):
        """An operation is handled where it stands, or where all calls of its function are; functions that argparse calls are handled by it."""
        callers, by_argparse, caught = self.call_sites()
        handled_functions = set(by_argparse) | caught
        for _ in range(4):
            for name, sites in callers.items():
                if name not in handled_functions and sites and all(inside or (owner and owner in handled_functions) for inside, owner in sites):
                    handled_functions.add(name)
        for module, function, node, kind, what, names in found:
            line = module.in_try(node)
            why = f"try in line {line}" if line else ""
            if not why and names:
                line = guarded(module, node, names)
                why = f"test in line {line}" if line else ""
            if not why and function is not None and function.name in handled_functions:
                why = f"callers of {function.name}()"
            self.out["risks"].append({"file": module.path, "line": node.lineno, "kind": kind, "what": what[:80], "handled": bool(why), "why": why,
                                      "function": function.name if function is not None else ""})

    def call_sites(self):
        callers, by_argparse, caught = {}, set(), set()
        known = {name for module in self.modules for name in module.functions}
        for module in self.modules:
            catch_all = any(isinstance(node, FUNCTIONS) and any(isinstance(one, ast.Call) and self.dotted(one.func).endswith("exception_handler") and one.args and self.dotted(one.args[0]) == "Exception"
                                                                for one in node.decorator_list) for node in ast.walk(module.tree))
            if catch_all:
                caught |= {name for name, node in module.functions.items() if route_of(node, self.dotted)}
            for node in ast.walk(module.tree):
                if not isinstance(node, ast.Call):
                    continue
                owner = module.function_of(node)
                if owner is not None and (module.path, getattr(owner, "lineno", 0)) in self.tests:
                    continue
                name = self.dotted(node.func).split(".")[-1]
                handed = [self.dotted(one).split(".")[-1] for one in node.args if isinstance(one, (ast.Name, ast.Attribute))] if name in OFFLOADS else []
                for one in [name] + handed:
                    if one in known:
                        callers.setdefault(one, []).append((bool(module.in_try(node)), getattr(owner, "name", "")))
                if name == "add_argument":
                    by_argparse |= {self.dotted(key.value) for key in node.keywords if key.arg == "type"} & known
        return callers, by_argparse, caught


def route_of(function, dotted):
    for one in function.decorator_list:
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in ROUTE_METHODS and one.args and isinstance(one.args[0], ast.Constant) and isinstance(one.args[0].value, str):
            return one.func.attr, one.args[0].value
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in ROUTE_METHODS:
            path = [key.value.value for key in one.keywords if key.arg == "path" and isinstance(key.value, ast.Constant)]
            if path:
                return one.func.attr, str(path[0])
    return None


def risks_of(modules, out, dotted):
    risks = Risks(modules, out, dotted)
    risks.run()
    from python_service import service_facts
    service_facts(risks.modules, out, dotted, route_of)
