"""Stands in for what a model server imports and this machine does not have: a small fake model, images known by their first bytes, HTTP without a network.

The fakes keep count of model loads and can be told to fail. Everything else that is known by name and missing becomes an object that takes any use.
"""
import importlib.abc
import importlib.machinery
import sys
import types

from python_modules import KNOWN_MODULES

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108020000009077" "53de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082")
STATE = {"loads": 0, "runs": 0, "fail": False}
LABELS = {0: "normal", 1: "nsfw"}


class Anything:
    """Takes any use. As a decorator it leaves the function as it is."""

    def __init__(self, name="anything"):
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Anything(f"{self._name}.{name}")

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)

    def __call__(self, *values, **named):
        if len(values) == 1 and not named and isinstance(values[0], types.FunctionType):
            return values[0]
        return Anything(f"{self._name}()")

    def __mro_entries__(self, bases):
        return ()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return False

    def __await__(self):
        return self
        yield  # makes this a generator, as await wants

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 1

    def __bool__(self):
        return True

    def __getitem__(self, key):
        return Anything(f"{self._name}[]")

    def __setitem__(self, key, value):
        pass

    def __float__(self):
        return 0.5

    def __int__(self):
        return 1

    __index__ = __int__

    def __str__(self):
        return self._name

    def _same(self, *others):
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __neg__ = __matmul__ = _same

    def __lt__(self, other):
        return False

    __gt__ = __le__ = __ge__ = __lt__


class Tensor:
    """Numbers in nested lists: as much of a tensor as servers use on a classifier's output."""

    def __init__(self, data):
        self.data = data

    def _same(self, *values, **named):
        return self

    to = cpu = cuda = detach = numpy = float = half = clone = contiguous = unsqueeze = double = requires_grad_ = pin_memory = _same

    def _rows(self, act):
        return Tensor([act(row) for row in self.data]) if isinstance(self.data, list) and self.data and isinstance(self.data[0], list) else Tensor(act(self.data))

    def softmax(self, *values, **named):
        return self._rows(softmax)

    def sigmoid(self):
        return self._rows(softmax)

    def argmax(self, *values, **named):
        return self._rows(lambda row: row.index(max(row)))

    def max(self, *values, **named):
        if not values and not named:
            return Tensor(max(flat(self.data)))
        return Pair(self._rows(max), self.argmax())

    def topk(self, k, *values, **named):
        order = lambda row: sorted(range(len(row)), key=lambda one: -row[one])[:k]
        return Pair(self._rows(lambda row: [row[one] for one in order(row)]), self._rows(order))

    def sum(self, *values, **named):
        return Tensor(sum(flat(self.data)))

    mean = sum

    def squeeze(self, *values):
        return Tensor(self.data[0]) if isinstance(self.data, list) and len(self.data) == 1 else self

    def flatten(self, *values):
        return Tensor(flat(self.data))

    def item(self):
        values = flat(self.data)
        if len(values) != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return values[0]

    def tolist(self):
        return self.data

    @property
    def shape(self):
        shape, data = [], self.data
        while isinstance(data, list):
            shape.append(len(data))
            data = data[0] if data else 0
        return tuple(shape)

    def size(self, *index):
        return self.shape[index[0]] if index else self.shape

    def __getitem__(self, key):
        data = self.data
        for one in key if isinstance(key, tuple) else (key,):
            data = data[int(one)] if not isinstance(one, slice) else data[one]
        return Tensor(data)

    def __iter__(self):
        return (Tensor(one) for one in self.data)

    def __len__(self):
        return len(self.data)

    def __float__(self):
        return float_of(self.item())

    def __int__(self):
        return int(self.item())

    __index__ = __int__

    def __round__(self, digits=None):
        return round(self.item(), digits)

    def __format__(self, spec):
        return format(self.item(), spec)

    def __mul__(self, other):
        return Tensor(self.item() * float_of(other)) if not isinstance(self.data, list) else self

    __rmul__ = __truediv__ = __add__ = __sub__ = __mul__

    def __lt__(self, other):
        return self.item() < float_of(other)

    def __gt__(self, other):
        return self.item() > float_of(other)

    def __ge__(self, other):
        return self.item() >= float_of(other)

    def __eq__(self, other):
        return not isinstance(self.data, list) and self.data == (other.data if isinstance(other, Tensor) else other)

    def __hash__(self):
        return hash(str(self.data))


class Pair(tuple):
    def __new__(cls, values, indices):
        return super().__new__(cls, (values, indices))

    values = property(lambda self: self[0])
    indices = property(lambda self: self[1])


float_of = float


def flat(data):
    return [one for part in data for one in flat(part)] if isinstance(data, list) else [data]


def softmax(row):
    top = max(row)
    powers = [2.718281828459045**(one - top) for one in row]
    return [one / sum(powers) for one in powers]


class Batch(dict):
    """What a processor gives: any key, the number of images behind each."""

    def __init__(self, images):
        super().__init__(pixel_values=Tensor([[0.0]] * images))

    def to(self, *values, **named):
        return self

    def __getattr__(self, name):
        return self[name] if name in self else Tensor([[0.0]])


def run_model(images):
    STATE["runs"] += 1
    if STATE["fail"]:
        raise RuntimeError("CUDA out of memory")
    return [[1.0, 3.0]] * images


class Loaded:
    """A processor or a model: which one its class's name says."""

    def __init__(self, *values, **named):
        self.config = types.SimpleNamespace(id2label=dict(LABELS), label2id={name: key for key, name in LABELS.items()}, num_labels=2)
        self.device = "cpu"
        self.dtype = "float32"

    @classmethod
    def from_pretrained(cls, *values, **named):
        if "Config" not in cls.__name__ and not cls.is_processor():
            STATE["loads"] += 1
        return cls()

    @classmethod
    def is_processor(cls):
        return any(word in cls.__name__ for word in ("Processor", "Extractor", "Tokenizer"))

    def _same(self, *values, **named):
        return self

    to = eval = cuda = cpu = half = float = bfloat16 = requires_grad_ = share_memory = to_bettertransformer = _same

    def parameters(self):
        return iter([Tensor([0.0])])

    def __call__(self, *values, **named):
        if self.is_processor():
            images = named.get("images", values[0] if values else None)
            return Batch(len(images) if isinstance(images, (list, tuple)) else 1)
        given = named.get("pixel_values", values[0] if values else None)
        return types.SimpleNamespace(logits=Tensor(run_model(len(given) if isinstance(given, Tensor) else 1)))

    preprocess = __call__

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)


class Pipeline:
    def __init__(self):
        STATE["loads"] += 1
        self.model, self.device, self.tokenizer = Loaded(), "cpu", None

    def __call__(self, images, *values, **named):
        many = isinstance(images, (list, tuple))
        rows = [[{"label": LABELS[one], "score": score} for one, score in sorted(enumerate(softmax(row)), key=lambda pair: -pair[1])] for row in run_model(len(images) if many else 1)]
        return rows if many else rows[0]


class UnidentifiedImageError(OSError):
    pass


class Image:
    """An image of one pixel, read only as far as its first bytes."""

    size, width, height, mode, format, info = (1, 1), 1, 1, "RGB", "PNG", {}

    def _same(self, *values, **named):
        return self

    convert = resize = copy = crop = rotate = transpose = _same

    def _nothing(self, *values, **named):
        return None

    verify = load = close = thumbnail = save = _nothing

    def tobytes(self):
        return b"\0\0\0"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def open_image(file, *values, **named):
    if isinstance(file, (str, bytes)) or hasattr(file, "__fspath__"):
        with open(file, "rb") as opened:
            head = opened.read(16)
    else:
        head = file.read(16)
    if not head.startswith((b"\x89PNG", b"\xff\xd8", b"GIF8", b"RIFF", b"BM")):
        raise UnidentifiedImageError("cannot identify image file")
    return Image()


class Response:
    status_code, ok, content, text, headers = 200, True, PNG, "", {"content-type": "image/png"}

    def raise_for_status(self):
        return self

    def json(self):
        return {}

    def iter_content(self, *values, **named):
        return iter([PNG])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


class Context:
    """torch.no_grad() and its like: a context, and a decorator with or without parentheses."""

    def __init__(self, *values, **named):
        pass

    def __call__(self, function):
        return function

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def context(*values, **named):
    return values[0] if values and isinstance(values[0], types.FunctionType) else Context()


class Device:
    def __init__(self, kind="cpu", *values):
        self.type, self.index = str(kind).split(":")[0], None

    def __str__(self):
        return self.type


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
