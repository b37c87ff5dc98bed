"""Starts a FastAPI answer with a fake model and sends it requests. Prints one JSON line that begins with the nonce it was given.

Usage: service_run.py ROOT FILE...   ({"nonce": ..., "main_file": ...} on standard input)
"""
import base64
import importlib
import inspect
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stub_models  # noqa: E402  (beside this file, as the next two)
import stub_modules  # noqa: E402
import stub_objects  # noqa: E402

TEXT = b"this is no image"


def translate_later_versions():
    """What FastAPI 0.93 to 0.95 and pydantic 2 added, said in the versions that are installed, so that an answer is not failed for being newer."""
    import fastapi
    import fastapi.dependencies.utils as utils
    import pydantic
    version = tuple(int(part) for part in fastapi.__version__.split(".")[:2])
    if version < (0, 93):
        first = fastapi.FastAPI.__init__

        def init(self, *values, lifespan=None, **named):
            first(self, *values, **named)
            if lifespan is not None:
                self.router.lifespan_context = lifespan

        fastapi.FastAPI.__init__ = init
    if version < (0, 95):
        typed = utils.get_typed_signature

        def signature(call):
            return inspect.Signature([plain(one) for one in typed(call).parameters.values()])

        utils.get_typed_signature = signature
    if pydantic.VERSION.startswith("1."):
        translate_pydantic(pydantic)


def plain(parameter):
    """`file: Annotated[UploadFile, File()] = d` as `file: UploadFile = File(d)`."""
    extra = getattr(parameter.annotation, "__metadata__", ())
    if not extra:
        return parameter
    info = next((one for one in extra if type(one).__module__.startswith("fastapi.params")), None)
    default = info if info is not None else parameter.default
    if info is not None and parameter.default is not inspect.Parameter.empty and hasattr(info, "default"):
        info.default = parameter.default
    return parameter.replace(annotation=parameter.annotation.__origin__, default=default)


def translate_pydantic(pydantic):
    def field_validator(*fields, mode="after", **named):
        def wrap(function):
            inner = function.__func__ if isinstance(function, classmethod) else function
            return pydantic.validator(*fields, pre=mode == "before", allow_reuse=True)(inner)
        return wrap

    def model_validator(*values, **named):
        return lambda function: function

    for name, value in (("field_validator", field_validator), ("model_validator", model_validator), ("ConfigDict", dict)):
        if not hasattr(pydantic, name):
            setattr(pydantic, name, value)
    base = pydantic.BaseModel
    for name, old in (("model_dump", "dict"), ("model_dump_json", "json")):
        if not hasattr(base, name):
            setattr(base, name, getattr(base, old))
    if not hasattr(base, "model_validate"):
        base.model_validate = classmethod(lambda cls, value: cls.parse_obj(value))
    module = type(sys)("pydantic_settings")
    module.BaseSettings, module.SettingsConfigDict = pydantic.BaseSettings, dict
    sys.modules.setdefault("pydantic_settings", module)


def find_app(module):
    import fastapi
    apps = [value for value in vars(module).values() if isinstance(value, fastapi.FastAPI)]
    if apps:
        return apps[0]
    for name in ("create_app", "get_app", "make_app", "build_app"):
        if callable(getattr(module, name, None)):
            app = getattr(module, name)()
            if isinstance(app, fastapi.FastAPI):
                return app
    return None


def body_fields(dependant):
    fields = list(dependant.body_params)
    for one in dependant.dependencies:
        fields += body_fields(one)
    return fields


def sample_of(field):
    kind = getattr(field, "type_", str)
    return {int: 1, float: 0.5, bool: True}.get(kind, "1")


def image_routes(app):
    """Endpoints that an image can be sent to, plainest first: as a file, else as a link or as base64 text in a JSON object or in the query."""
    from fastapi import params
    from fastapi.routing import APIRoute
    found = []
    for route in app.routes:
        if not isinstance(route, APIRoute):
            continue
        fields = body_fields(route.dependant)
        files = [one for one in fields if isinstance(one.field_info, params.File)]
        query = {one.alias: sample_of(one) for one in route.dependant.query_params if one.required}
        path = route.path
        for one in route.dependant.path_params:
            path = path.replace("{" + one.name + "}", "1")
        request = {"path": path, "method": sorted(route.methods - {"HEAD", "OPTIONS"})[0], "query": query, "form": {}}
        if files and route.methods & {"POST", "PUT"}:
            many = any(word in str(files[0].outer_type_).lower() for word in ("list", "sequence"))
            form = {one.alias: sample_of(one) for one in fields if one not in files and one.required}
            found.append((1 if many else 0, {**request, "file": files[0].alias, "form": form}))
            continue
        names = text_names(fields) if route.methods & {"POST", "PUT"} else [("parameter", one.alias) for one in route.dependant.query_params]
        for where, name in names:
            if any(word in name.lower() for word in ("url", "link", "b64", "base64", "image")):
                found.append((2, {**request, where: name}))
                break
    return [one[1] for one in sorted(found, key=lambda one: one[0])]


def text_names(fields):
    """Fields of a JSON body: of the one model, or the body's own."""
    if len(fields) == 1 and hasattr(fields[0].type_, "__fields__"):
        return [("json", name) for name in fields[0].type_.__fields__]
    return [("embedded", one.alias) for one in fields]


def send(client, route, name, content, kind):
    """(status, what kind of answer or exception)."""
    named = {"params": dict(route["query"]) or None}
    if "file" in route:
        named["files"] = [(route["file"], (name, content, kind))]
        named["data"] = route["form"] or None
    else:
        where = next(one for one in ("json", "embedded", "parameter") if one in route)
        field = route[where]
        is_link = any(word in field.lower() for word in ("url", "link"))
        text = ("http://images.test/cat.png" if content == stub_models.PNG else "no link") if is_link else base64.b64encode(content).decode()
        named.update({"params": {**route["query"], field: text}} if where == "parameter" else {"json": {field: text}})
    try:
        answer = client.request(route["method"], route["path"], **named)
    except BaseException as error:  # noqa: B902  the answer's own: whatever left the application
        return {"status": None, "text": f"{type(error).__name__}: {error}"[:200]}
    return {"status": answer.status_code, "text": answer.text[:200]}


def exercise(app, out):
    from fastapi.testclient import TestClient
    state = stub_models.STATE
    routes = image_routes(app)
    out["upload_routes"] = [f"{one['method']} {one['path']}" for one in routes]
    with TestClient(app) as client:
        out["started"] = True
        out["loads_at_start"] = state["loads"]
        if not routes:
            return
        route = routes[0]
        out["good"] = send(client, route, "cat.png", stub_models.PNG, "image/png")
        out["runs"], out["loads_after_one"] = state["runs"], state["loads"]
        send(client, route, "cat.png", stub_models.PNG, "image/png")
        out["loads_after_two"] = state["loads"]
        out["text_as_image"] = send(client, route, "cat.png", TEXT, "image/png")
        out["text"] = send(client, route, "notes.txt", TEXT, "text/plain")
        out["nothing"] = send(client, route, "empty.png", b"", "image/png")
        state["fail"] = True
        out["failing_model"] = send(client, route, "cat.png", stub_models.PNG, "image/png")
        state["fail"] = False


def load(root, name):
    import importlib.util
    dotted = name.removesuffix(".py").replace("/", ".")
    if "/" in name:  # a module of a package may import its neighbours by dots
        return importlib.import_module(dotted)
    spec = importlib.util.spec_from_file_location(dotted if dotted.isidentifier() else "answer_app", os.path.join(root, name))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main():
    asked = json.loads(sys.stdin.read())
    result = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the answer prints is not the result
    root = sys.argv[1]
    sys.argv = [asked["main_file"]]
    sys.path.insert(0, root)
    out = {"started": False}
    try:
        import fastapi
        import httpx
        out["fastapi"], out["httpx"] = fastapi.__version__, httpx.__version__
    except ImportError as error:
        out["missing"] = error.name or str(error)
        return finish(result, asked, out)
    try:
        import multipart  # noqa: F401
    except ImportError:
        out["no_multipart"] = True
    stub_modules.install()
    translate_later_versions()
    import fastapi.encoders
    fastapi.encoders.ENCODERS_BY_TYPE[stub_objects.Anything] = lambda value: 0.5
    try:
        app = find_app(load(root, asked["main_file"]))
        if app is None:
            out["error"] = "no FastAPI application at module level"
        else:
            exercise(app, out)
    except BaseException as error:  # noqa: B902  the answer's own
        out["error"] = f"{type(error).__name__}: {error}"[:300]
        out["error_type"] = type(error).__name__
    finish(result, asked, out)


def finish(result, asked, out):
    result.write(asked["nonce"] + json.dumps(out) + "\n")
    result.flush()
    os._exit(0)


main()
