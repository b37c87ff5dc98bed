"""What a web service does: its routes, where it loads its model, what blocks its event loop. And what a reader would name as good habits."""
import ast

from python_risks import BLOCKING, BLOCKING_ROOTS, FUNCTIONS, OFFLOADS

STARTUP_WORDS = ("lifespan", "startup", "load", "init", "setup", "get_model", "create")
CACHES = {"lru_cache", "cache", "cached", "alru_cache", "cached_property"}


def annotation_text(node):
    return ast.unparse(node) if node is not None else ""


def service_facts(modules, out, dotted, route_of):
    pydantic = {one["name"] for one in out["classes"] if {"BaseModel", "SQLModel"} & set(one["bases"])}
    for module in modules:
        routed = {}
        for function in (node for node in ast.walk(module.tree) if isinstance(node, FUNCTIONS)):
            route = route_of(function, dotted)
            if route:
                routed[function.name] = function
                out["routes"].append(route_row(module, function, route, pydantic, dotted))
        note_loads(module, routed, out, dotted)
        note_blocking(module, out, dotted)
        note_features(module, out, dotted)


def route_row(module, function, route, pydantic, dotted):
    parameters = []
    positional = function.args.args
    defaults = [None] * (len(positional) - len(function.args.defaults)) + function.args.defaults
    for argument, default in list(zip(positional, defaults)) + list(zip(function.args.kwonlyargs, function.args.kw_defaults)):
        parameters.append({"name": argument.arg, "annotation": annotation_text(argument.annotation)[:120], "default": annotation_text(default)[:120]})
    text = " ".join(one["annotation"] + " " + one["default"] for one in parameters)
    checks = []
    tested = {name for one in ast.walk(function) if isinstance(one, (ast.If, ast.IfExp, ast.Assert)) for name in names_of(one.test)}
    # What an endpoint hands to a function of the answer may be tested there.
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        helper = module.functions.get(dotted(call.func).split(".")[-1])
        if helper is not None and helper is not function:
            inner = {name for one in ast.walk(helper) if isinstance(one, (ast.If, ast.IfExp, ast.Assert)) for name in names_of(one.test)}
            handed = {name for argument in call.args for name in names_of(argument)}
            if inner & {argument.arg for argument in helper.args.args} or any(module.is_model_load(dotted(one)) is False and isinstance(one, ast.Try) for one in ast.walk(helper)):
                tested |= handed
    tries = any(isinstance(node, ast.Try) for node in ast.walk(function))
    for one in parameters:
        if one["name"] in tested or any(model in one["annotation"] for model in pydantic):
            checks.append(one["name"])
    derived = derived_names(function, {one["name"] for one in parameters})
    checks += [name for name in derived & tested if name not in checks]
    return {"file": module.path, "line": function.lineno, "method": route[0], "path": route[1], "function": function.name, "is_async": isinstance(function, ast.AsyncFunctionDef),
            "parameters": parameters, "upload": "UploadFile" in text or "File(" in text or ("bytes" in text and "File" in text), "checked": checks, "has_try": tries,
            "raises_http": any(isinstance(node, ast.Raise) and node.exc is not None and dotted(node.exc).endswith("HTTPException") for node in ast.walk(function))}


def names_of(node):
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def derived_names(function, names):
    """Names assigned from the parameters, directly or by way of others."""
    derived = set()
    for _ in range(3):
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and names_of(node.value) & (names | derived):
                derived |= {name for target in node.targets for name in names_of(target)}
    return derived


def note_loads(module, routed, out, dotted):
    """Where the model is loaded: at module level, at startup, once behind a cache or a test, or with each request."""
    callers = {}
    for call in (node for node in ast.walk(module.tree) if isinstance(node, ast.Call)):
        owner = module.function_of(call)
        callers.setdefault(dotted(call.func).split(".")[-1], []).append(getattr(owner, "name", "") if owner is not None else "")
    for call in (node for node in ast.walk(module.tree) if isinstance(node, ast.Call)):
        name = module.call_name(call)
        if not module.is_model_load(name):
            continue
        function = module.function_of(call)
        where = "module"
        if function is not None:
            where = load_place(module, call, function, routed, callers, dotted)
        out["loads"].append({"file": module.path, "line": call.lineno, "what": name[:80], "where": where, "function": getattr(function, "name", "") if function is not None else ""})


def load_place(module, call, function, routed, callers, dotted):
    name = getattr(function, "name", "")
    decorators = {dotted(one).split(".")[-1] for one in getattr(function, "decorator_list", [])}
    if decorators & CACHES:
        return "cached"
    if decorators & {"on_event", "asynccontextmanager"} or "lifespan" in name or "startup" in name:
        return "startup"
    if once_behind_test(module, call, function):
        return "once"
    if name in routed:
        return "request"
    if name == "__init__":
        owner = module.parents.get(function)
        users = callers.get(getattr(owner, "name", ""), [])
        return "request" if any(one in routed for one in users) else "init"
    users = set(callers.get(name, []))
    for _ in range(3):
        users |= {caller for one in list(users) for caller in callers.get(one, []) if one and one not in routed and not is_once(module, one, dotted)}
    direct = {one for one in users if one in routed}
    if direct and not all(guarded_call(module, one, name, dotted) for one in direct):
        return "request"
    depends = any(isinstance(one, ast.Call) and dotted(one.func).endswith("Depends") and one.args and dotted(one.args[0]) == name for one in ast.walk(module.tree))
    return "request" if depends else "function"


def is_once(module, name, dotted):
    function = module.functions.get(name)
    return function is not None and ({dotted(one).split(".")[-1] for one in function.decorator_list} & (CACHES | {"on_event", "asynccontextmanager"}) or "lifespan" in name or name == "__init__")


def once_behind_test(module, call, function):
    """`if model is None: model = load()`: inside a test of a name that the load's result is assigned to."""
    node, targets = call, set()
    while node is not None and node is not function:
        parent = module.parents.get(node)
        if isinstance(node, ast.Assign):
            targets |= {module.dotted(target) for target in node.targets}
        if isinstance(parent, ast.If) and node in parent.body and any(isinstance(one, (ast.Compare, ast.UnaryOp, ast.BoolOp)) for one in ast.walk(parent.test)):
            tested = {module.dotted(one) for one in ast.walk(parent.test) if isinstance(one, (ast.Name, ast.Attribute))}
            if targets & tested:
                return True
        node = parent
    # An early `if model is not None: return model` does the same.
    for one in ast.walk(function):
        if isinstance(one, ast.If) and one.lineno < call.lineno and any(isinstance(inner, ast.Return) for inner in one.body):
            if targets & {module.dotted(name) for name in ast.walk(one.test) if isinstance(name, (ast.Name, ast.Attribute))}:
                return True
    return False


def guarded_call(module, caller, name, dotted):
    function = module.functions.get(caller)
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == name]
    return all(once_behind_test(module, call, function) for call in calls)


def blocking_calls(module, function, dotted, seen):
    """Calls in the function's own body that block; through plain functions of the answer that it calls, not through what it hands to a thread."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or module.function_of(node) is not function:
            continue
        name = module.call_name(node)
        last, root = name.split(".")[-1], name.split(".")[0]
        if name in BLOCKING or (root in BLOCKING_ROOTS and last[:1].islower() and last not in ("Session",)) or (name.endswith(".file.read") and not isinstance(module.parents.get(node), ast.Await)):
            yield node, f"{name}()"
        elif last in module.models or (last in ("generate", "predict", "forward") and name.split(".")[-2:-1] and name.split(".")[-2] in module.models):
            if not isinstance(module.parents.get(node), ast.Await):
                yield node, f"inference, {name}()"
        elif module.is_model_load(name):
            continue
        elif last in module.functions and last not in seen and not isinstance(module.functions[last], ast.AsyncFunctionDef):
            for _, what in blocking_calls(module, module.functions[last], dotted, seen | {last}):
                yield node, f"{last}() with {what}"
                break


def note_blocking(module, out, dotted):
    for function in (node for node in ast.walk(module.tree) if isinstance(node, ast.AsyncFunctionDef)):
        decorators = {dotted(one).split(".")[-1] for one in function.decorator_list}
        starts = bool(decorators & {"on_event", "asynccontextmanager"}) or "lifespan" in function.name or "startup" in function.name
        for node, what in blocking_calls(module, function, dotted, {function.name}):
            out["blocking"].append({"file": module.path, "line": node.lineno, "what": what[:120], "function": function.name, "at_startup": starts})


FEATURE_CALLS = {"logging.getLogger": "logging", "logging.basicConfig": "logging", "structlog.get_logger": "logging", "argparse.ArgumentParser": "argparse", "torch.no_grad": "no gradients at inference",
                 "torch.inference_mode": "no gradients at inference", "asyncio.to_thread": "work handed to threads", "run_in_threadpool": "work handed to threads",
                 "ThreadPoolExecutor": "work handed to threads", "contextlib.closing": "context managers"}


def note_features(module, out, dotted):
    def add(kind, node, text):
        out["features"].append({"file": module.path, "line": node.lineno, "kind": kind, "text": text[:100]})

    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            name = module.call_name(node)
            kind = FEATURE_CALLS.get(name) or FEATURE_CALLS.get(name.split(".")[-1])
            if kind:
                add(kind, node, name)
            elif name.split(".")[-1] == "run_in_executor":
                add("work handed to threads", node, name)
            elif name.split(".")[-1] == "eval" and "." in name:
                add("model in evaluation mode", node, name)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            add("context managers", node, dotted(node.items[0].context_expr))
        elif isinstance(node, ast.ClassDef):
            bases = {dotted(one).split(".")[-1] for one in node.bases}
            if {"BaseModel", "SQLModel"} & bases:
                add("data models", node, node.name)
            elif any(one.endswith(("Error", "Exception")) for one in bases):
                add("exceptions of its own", node, node.name)
            if any(dotted(one).split(".")[-1] == "dataclass" for one in node.decorator_list) or "NamedTuple" in bases or "Enum" in bases:
                add("data classes", node, node.name)
        elif isinstance(node, FUNCTIONS):
            decorators = {dotted(one).split(".")[-1] for one in node.decorator_list}
            if "asynccontextmanager" in decorators or "lifespan" in node.name or "on_event" in decorators:
                add("work at startup", node, node.name)
            if any(word in node.name for word in ("health", "ready", "liveness")):
                add("health endpoint", node, node.name)
