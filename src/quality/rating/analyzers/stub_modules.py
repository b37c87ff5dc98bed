"""Stands in for the modules that a model server imports and this machine does not have: torch, transformers, PIL and requests; any other that is known by name becomes an object that takes any use."""
import importlib.abc
import importlib.machinery
import sys
import types

from python_modules import KNOWN_MODULES
from stub_models import Image, Loaded, Pipeline, Response, UnidentifiedImageError, open_image
from stub_objects import Anything, Device, context
from stub_tensors import Tensor


class Fake(types.ModuleType):
    """A module: what it was given, classes for capitalised names, exceptions for errors, and objects that take any use for the rest."""

    def __init__(self, name, **given):
        super().__init__(name)
        self.__path__ = []
        self.__version__ = "2.0.0"
        self.__dict__.update(given)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name.endswith(("Error", "Exception", "Timeout")):
            made = type(name, (Exception,), {})
        elif name[:1].isupper() and not name.isupper():
            made = type(name, (Loaded,) if self.__name__.startswith("transformers") else (Anything,), {} if self.__name__.startswith("transformers") else {"__init__": take_anything})
        else:
            made = Anything(f"{self.__name__}.{name}")
        setattr(self, name, made)
        return made


def take_anything(self, *values, **named):
    object.__setattr__(self, "_name", type(self).__name__)


def fake_torch():
    softmax_of = lambda tensor, *values, **named: tensor.softmax()
    functional = Fake("torch.nn.functional", softmax=softmax_of, sigmoid=lambda tensor: tensor.sigmoid())
    nn = Fake("torch.nn", functional=functional)
    cuda = Fake("torch.cuda", is_available=lambda: False, device_count=lambda: 0, empty_cache=lambda: None, synchronize=lambda *values: None, memory_allocated=lambda *values: 0,
                get_device_name=lambda *values: "none", amp=Fake("torch.cuda.amp", autocast=context), OutOfMemoryError=type("OutOfMemoryError", (RuntimeError,), {}))
    mps = Fake("torch.backends.mps", is_available=lambda: False)
    given = dict(nn=nn, cuda=cuda, backends=Fake("torch.backends", mps=mps, cudnn=Fake("torch.backends.cudnn"), cuda=Anything("cuda")), Tensor=Tensor, device=Device, no_grad=context,
                 inference_mode=context, autocast=context, enable_grad=context, softmax=softmax_of, sigmoid=lambda tensor: tensor.sigmoid(), argmax=lambda tensor, *values, **named: tensor.argmax(),
                 max=lambda tensor, *values, **named: tensor.max(*values, **named), topk=lambda tensor, k, *values, **named: tensor.topk(k), compile=lambda model, *values, **named: model,
                 stack=lambda tensors, *values: Tensor([one.data for one in tensors]), cat=lambda tensors, *values, **named: Tensor([row for one in tensors for row in one.data]),
                 set_num_threads=lambda count: None, get_num_threads=lambda: 1, tensor=lambda data, *values, **named: Tensor(data), zeros=lambda *shape, **named: Tensor([[0.0]]),
                 randn=lambda *shape, **named: Tensor([[0.0]]), float16="float16", float32="float32", bfloat16="bfloat16", set_float32_matmul_precision=lambda kind: None,
                 quantization=Fake("torch.quantization", quantize_dynamic=lambda model, *values, **named: model))
    return Fake("torch", **given)


def fakes():
    errors = Fake("requests.exceptions", RequestException=type("RequestException", (OSError,), {}))
    for name in ("Timeout", "ConnectionError", "HTTPError", "InvalidURL", "MissingSchema"):
        setattr(errors, name, type(name, (errors.RequestException,), {}))
    get = lambda *values, **named: Response()
    requests = Fake("requests", get=get, post=get, head=get, Session=lambda: types.SimpleNamespace(get=get, post=get, close=lambda: None), exceptions=errors,
                    RequestException=errors.RequestException, Timeout=errors.Timeout, ConnectionError=errors.ConnectionError, HTTPError=errors.HTTPError, Response=Response)
    image = Fake("PIL.Image", open=open_image, Image=Image, UnidentifiedImageError=UnidentifiedImageError, DecompressionBombError=type("DecompressionBombError", (Exception,), {}))
    transformers = Fake("transformers", pipeline=lambda *values, **named: Pipeline(), Pipeline=Pipeline, logging=Anything("logging"))
    return {"torch": fake_torch(), "transformers": transformers, "PIL": Fake("PIL", Image=image, UnidentifiedImageError=UnidentifiedImageError), "requests": requests, "uvicorn": Fake("uvicorn")}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """`always`: names that are fakes even where the real package is installed."""

    def __init__(self, always):
        self.always, self.made = always, {}

    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        known = top in self.made or (top in self.always if self.always is not None else top in KNOWN_MODULES)
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if known else None

    def create_module(self, spec):
        parts = spec.name.split(".")
        module = fakes_by_name().get(parts[0]) or self.made.setdefault(parts[0], Fake(parts[0]))
        for part in parts[1:]:
            inner = module.__dict__.get(part)
            if not isinstance(inner, types.ModuleType):
                inner = Fake(f"{module.__name__}.{part}")
                setattr(module, part, inner)
            module = inner
        return module

    def exec_module(self, module):
        module.__path__ = []


_FAKES = {}


def fakes_by_name():
    if not _FAKES:
        _FAKES.update(fakes())
    return _FAKES


def install():
    sys.meta_path.insert(0, Finder(set(fakes_by_name())))
    sys.meta_path.append(Finder(None))
