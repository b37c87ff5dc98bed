"""Reads Python files and prints what they hold as one JSON object. Nothing of the files is run.

Usage: python_facts.py ROOT FILE...   (files relative to ROOT)
"""
import ast
import builtins
import io
import json
import re
import symtable
import sys
import tokenize

from python_modules import KNOWN_MODULES
from python_risks import drops_error, risks_of

# A comment that says that something is missing. "..." alone is an elision.
MARKER = re.compile(
    r"\b(TODO|FIXME|XXX)\b|\byour (code|logic|implementation)\b|\bimplement (this|me|it|the|here|your)\b|\b(rest|remainder) of (the |your )?(code|file|class|implementation)\b"
    r"|\bremains? (the same|unchanged)\b|\bomitted\b|\bfor brevity\b|\bplaceholder\b|^#\s*(\.\.\.|…)\s*$|\badd (your|more|the rest)\b|\b(goes|go) here\b",
    re.IGNORECASE)
MODULE_NAMES = {"__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__", "__annotations__", "__path__", "__debug__",
                "__class__", "__module__", "__qualname__"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension)


def dotted(node):
    """`a.b.c` of names and attributes; of anything else the part that is."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else node.attr
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    return ""


def own_nodes(function):
    """Nodes of a function without those of functions and classes inside it."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, FUNCTIONS + (ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def complexity_of(function):
    total = 1
    for node in own_nodes(function):
        if isinstance(node, BRANCHES):
            total += 1 + (len(node.ifs) if isinstance(node, ast.comprehension) else 0)
        elif isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
        elif isinstance(node, ast.Match):
            total += len(node.cases)
    return total


def is_constant(node, value):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is value


def body_kind(function, bases):
    """"ok", or which placeholder stands for the body. Abstract methods, protocols and overloads have none by design."""
    marks = {dotted(one).split(".")[-1] for one in function.decorator_list}
    if marks & {"abstractmethod", "overload"} or bases & {"Protocol", "ABC"}:
        return "ok"
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if not body:
        return "docstring only"
    if all(isinstance(one, ast.Pass) for one in body):
        return "ok" if function.name in ("log_message", "__exit__", "__aexit__") else "pass"
    if all(is_constant(one, ...) for one in body):
        return "..."
    if len(body) == 1 and isinstance(body[0], ast.Raise) and body[0].exc is not None and dotted(body[0].exc) == "NotImplementedError":
        return "NotImplementedError"
    return constant_kind(function, body, bases)


def constant_kind(function, body, bases):
    """A body that returns nothing, or the same constant whatever it is given, stands for one; special methods and overrides may be so."""
    if len(body) != 1 or not isinstance(body[0], ast.Return) or bases or function.name.startswith("__"):
        return "ok"
    value = body[0].value
    if value is None or is_none(value):
        return "return None"
    given = [one.arg for one in parameters_of(function) if one.arg not in ("self", "cls", "mcs") and not one.arg.startswith("_")]
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return "ok"
    return "the constant " + ast.unparse(value)[:30] if given else "ok"


def parameters_of(function):
    named = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return named + [one for one in (function.args.vararg, function.args.kwarg) if one]


def is_any(annotation):
    """`Any` alone, or a union with it; inside of a container it says that any JSON may stand there."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return re.fullmatch(r"(typing\.)?Any|(typing\.)?Optional\[(typing\.)?Any\]", annotation.value.strip()) is not None
    if isinstance(annotation, ast.BinOp):
        return is_any(annotation.left) or is_any(annotation.right)
    if isinstance(annotation, ast.Subscript) and dotted(annotation.value).split(".")[-1] in ("Optional", "Union"):
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        return any(is_any(one) for one in inner)
    return isinstance(annotation, (ast.Name, ast.Attribute)) and dotted(annotation).split(".")[-1] == "Any"


def is_test_file(path):
    name = path.rsplit("/", 1)[-1]
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


class Reader:
    def __init__(self, root, paths):
        self.root, self.paths = root, paths
        self.out = {key: [] for key in ("files", "functions", "classes", "findings", "imports", "risks", "blocking", "features", "undefined", "raises", "routes", "loads")}
        self.modules = {}  # path -> tree
        self.lines_of = {}  # path -> (lines with code, lines with comments)

    def add(self, key, **row):
        self.out[key].append(row)

    def finding(self, path, node_or_line, kind, text):
        line = node_or_line if isinstance(node_or_line, int) else node_or_line.lineno
        self.add("findings", file=path, line=line, kind=kind, text=text[:160])

    def read(self):
        for path in self.paths:
            self.read_file(path)
        self.local_names = {path.rsplit("/", 1)[-1].removesuffix(".py") for path in self.paths} | {part for path in self.paths for part in path.split("/")[:-1]}
        for path, tree in self.modules.items():
            self.read_imports(path, tree)
        risks_of(self.modules, self.out, dotted)
        self.mark_unused()
        return self.out

    def read_file(self, path):
        entry = {"path": path, "lines": 0, "code_lines": 0, "comment_lines": 0, "loose_lines": 0, "head_comment": False, "is_test": is_test_file(path), "parse_error": None}
        self.out["files"].append(entry)
        with open(f"{self.root}/{path}", "rb") as file:
            raw = file.read()
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
            text = raw.decode(encoding)
            tree = ast.parse(text, path)
            table = symtable.symtable(text, path, "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError, UnicodeDecodeError) as error:
            line = getattr(error, "lineno", None)
            message = error.msg if isinstance(error, SyntaxError) else f"{type(error).__name__}: {error}"
            entry["parse_error"] = {"line": line or 0, "message": str(message)[:200]}
            entry["lines"] = entry["code_lines"] = raw.count(b"\n") + 1
            return
        self.modules[path] = tree
        self.read_lines(path, text, tree, entry)
        self.read_definitions(path, tree, entry)
        self.read_statements(path, tree, entry)
        self.read_undefined(path, tree, table)

    def read_lines(self, path, text, tree, entry):
        comments, code, tokens = {}, set(), []
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token
                if MARKER.search(token.string):
                    self.finding(path, token.start[0], "marker", token.string)
            elif token.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
                code.update(range(token.start[0], token.end[0] + 1))
                tokens.append((token.start[0], token.string))
        doc = set()
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS + (ast.ClassDef, ast.Module)) and ast.get_docstring(node, clean=False) is not None:
                doc.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        only = {line for line in comments if line not in code}
        self.comment_only = {line: comments[line].string.lstrip("# ") for line in only}
        entry["code"] = " ".join(words for line, words in tokens if line not in doc)
        entry["lines"] = text.count("\n") + (0 if text.endswith("\n") or not text else 1)
        entry["code_lines"] = len(code - doc)
        self.lines_of[path] = (code - doc, sorted(only | doc) + [line for line in comments if line in code])
        entry["comment_lines"] = len(self.lines_of[path][1])
        first = min(code - doc, default=0)
        entry["head_comment"] = ast.get_docstring(tree) is not None or any(line < first and not comments[line].string.startswith("#!") for line in only)

    def read_definitions(self, path, tree, entry):
        test_file = entry["is_test"]

        def visit(node, owner, bases, inside_function, in_test):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, FUNCTIONS):
                    test = in_test or test_file or child.name.startswith("test_") or any("fixture" in dotted(one) for one in child.decorator_list)
                    self.add_function(path, child, owner, bases, inside_function, test)
                    visit(child, owner, set(), True, test)
                elif isinstance(child, ast.ClassDef):
                    kinds = {dotted(one).split(".")[-1] for one in child.bases}
                    test = in_test or test_file or child.name.startswith("Test") or "TestCase" in kinds
                    start = min([child.lineno] + [one.lineno for one in child.decorator_list])
                    self.add("classes", file=path, name=child.name, line=child.lineno, end_line=child.end_lineno, is_test=test, nested=inside_function,
                             public=not child.name.startswith("_"), bases=sorted(kinds), doc=self.doc_of(child, start))
                    visit(child, child.name, kinds, inside_function, test)
                else:
                    visit(child, owner, bases, inside_function, in_test)

        visit(tree, "", set(), False, False)

    def doc_of(self, node, start):
        """The docstring, else the comment right before; empty: neither."""
        return (ast.get_docstring(node) or self.comment_only.get(start - 1, ""))[:300]

    def add_function(self, path, node, owner, bases, nested, test):
        arguments, open_ended = parameters_of(node), (node.args.vararg, node.args.kwarg)
        static = any(dotted(one) == "staticmethod" for one in node.decorator_list)
        if owner and not nested and not static and arguments and arguments[0].arg in ("self", "cls", "mcs"):
            arguments = arguments[1:]
        slots = len(arguments) + (0 if node.name == "__init__" and arguments else 1)
        typed = sum(one.annotation is not None for one in arguments) + (1 if node.returns is not None and not (node.name == "__init__" and arguments) else 0)
        given_up = [one.annotation for one in arguments if one not in open_ended and is_any(one.annotation)] + ([node.returns] if is_any(node.returns) else [])
        for annotation in [] if test else given_up:  # counted by its finding, not as a slot
            self.finding(path, annotation, "any", "Any")
        slots, typed = slots - len(given_up), typed - len(given_up)
        start = min([node.lineno] + [one.lineno for one in node.decorator_list])
        self.add("functions", file=path, name=node.name, owner=owner, line=node.lineno, start=start, end_line=node.end_lineno, lines=node.end_lineno - node.lineno + 1,
                 complexity=complexity_of(node), doc=self.doc_of(node, start),
                 public=not node.name.startswith("_"), slots=slots, typed=typed, is_async=isinstance(node, ast.AsyncFunctionDef), body=body_kind(node, bases),
                 nested=nested, is_test=test, decorated=bool(node.decorator_list))

    def read_statements(self, path, tree, entry):
        in_function = set()
        for function in (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)):
            in_function.update(range(function.lineno, function.end_lineno + 1))
            for default in function.args.defaults + [one for one in function.args.kw_defaults if one]:
                if isinstance(default, (ast.List, ast.Dict, ast.Set)) or (isinstance(default, ast.Call) and dotted(default) in ("list", "dict", "set") ):
                    self.finding(path, default, "mutable_default", f"{function.name}() has a mutable default value")
            if len(function.body) > 1:
                for one in function.body:
                    if is_constant(one, ...):
                        self.finding(path, one, "marker", "... stands for code in " + function.name + "()")
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                if node.type is None:
                    self.finding(path, node, "bare_except", "except: catches everything, also KeyboardInterrupt")
                elif dotted(node.type) == "BaseException":
                    self.finding(path, node, "bare_except", "except BaseException catches everything, also KeyboardInterrupt")
                if drops_error(node, dotted) and (node.type is None or dotted(node.type) in ("Exception", "BaseException")):
                    self.finding(path, node, "swallowed", "an exception of any kind is dropped without a word")
            elif isinstance(node, ast.Call) and dotted(node.func) == "print" and node.lineno in in_function:
                if not any(key.arg == "file" for key in node.keywords):
                    self.finding(path, node, "print", "print() in a function")
            elif isinstance(node, ast.Call) and dotted(node.func) in ("eval", "exec") :
                self.finding(path, node, "eval", dotted(node.func) + "() runs text as code")
            elif isinstance(node, ast.Global):
                self.finding(path, node, "global", "global " + ", ".join(node.names))
            elif isinstance(node, ast.Raise) and node.exc is not None and dotted(node.exc) != "NotImplementedError":
                self.add("raises", file=path, line=node.lineno, name=dotted(node.exc))
            elif isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) and is_none(right) for op, right in zip(node.ops, node.comparators)):
                self.finding(path, node, "none_comparison", "compared with None by == instead of is")
        loose = set()
        for node in tree.body:
            simple = isinstance(node, FUNCTIONS + (ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            if not simple:
                lines = set(range(node.lineno, node.end_lineno + 1))
                loose |= lines - in_function
        entry["loose_lines"] = len(loose)
        entry["main_guard"] = any(isinstance(node, ast.If) and "__name__" in ast.dump(node.test) for node in tree.body)

    def read_imports(self, path, tree):
        defined = {one["name"] for key in ("functions", "classes") for one in self.out[key]}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                wanted = [(alias.name, None) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                wanted = [("." * node.level + (node.module or ""), {alias.name for alias in node.names})]
            else:
                continue
            for module, names in wanted:
                top = module.lstrip(".").split(".")[0]
                if top in self.local_names or (module.startswith(".") and not top):
                    where = "answer"
                elif top in sys.stdlib_module_names:
                    where = "stdlib"
                elif top in KNOWN_MODULES:
                    where = "known"
                elif names and names <= defined:
                    where = "answer"  # its own file by a name that it chose
                else:
                    where = "unknown"
                self.add("imports", file=path, line=node.lineno, module=module, where=where)

    def mark_unused(self):
        """Functions that nothing names: private ones, and in a program (one that runs something) all but those that a decorator hands on."""
        named = set()
        for tree in self.modules.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.Name):
                    named.add(node.id)
                elif isinstance(node, ast.Attribute):
                    named.add(node.attr)
                elif isinstance(node, ast.ImportFrom):
                    named.update(alias.name for alias in node.names)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                    named.add(node.value)
        program = any(one.get("main_guard") or one["loose_lines"] > 0 for one in self.out["files"] if not one["is_test"]) or bool(self.out["routes"])
        for one in self.out["functions"]:
            can_be = not (one["owner"] or one["nested"] or one["is_test"] or one["decorated"] or one["name"].startswith("__"))
            one["unused"] = can_be and (program or not one["public"]) and one["name"] not in named
        for one in self.out["functions"]:
            if one["unused"]:
                entry = next(file for file in self.out["files"] if file["path"] == one["file"])
                for key, lines in zip(("code_lines", "comment_lines"), self.lines_of[one["file"]]):
                    entry[key] -= sum(one["start"] <= line <= one["end_line"] for line in lines)

    def read_undefined(self, path, tree, table):
        top = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()}
        todo, used = [table], set()
        while todo:
            scope = todo.pop()
            todo.extend(scope.get_children())
            for symbol in scope.get_symbols():
                if symbol.is_declared_global() and symbol.is_assigned():
                    top.add(symbol.get_name())
                # symtable takes every function called "top" for the module, and its own names for global ones
                own = scope is not table and not symbol.is_declared_global() and (symbol.is_assigned() or symbol.is_parameter() or symbol.is_imported())
                if symbol.is_referenced() and ((symbol.is_global() and not own) or (scope is table and symbol.get_name() not in top)):
                    used.add(symbol.get_name())
        star = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree))
        missing = set() if star else used - top - set(dir(builtins)) - MODULE_NAMES
        for name in sorted(missing):
            lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
            self.add("undefined", file=path, line=min(lines, default=0), name=name)


def is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


def main():
    sys.setrecursionlimit(4000)
    out = Reader(sys.argv[1], sys.argv[2:]).read()
    out["tool"] = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    sys.stdout.buffer.write(json.dumps(out, ensure_ascii=False).encode("utf-8", "replace"))  # a lone surrogate is no JSON text


main()
