"""Reads C++ files with a lexer and prints what they hold as one JSON object; what the compiler says comes from the compiler.

A lexer knows neither types nor macros: functions are found by their shape, and what only a type could tell is not said.
Usage: cpp_facts.py ROOT FILE...   (files relative to ROOT)
"""
import json
import re
import sys

MARKER = re.compile(
    r"\b(TODO|FIXME|XXX)\b|\byour (code|logic|implementation)\b|\bimplement (this|me|it|the|here|your)\b|\b(rest|remainder) of (the |your )?(code|file|class|implementation)\b"
    r"|\bremains? (the same|unchanged)\b|\bomitted\b|\bfor brevity\b|\bplaceholder\b|^(//|/\*)\s*(\.\.\.|…)|\badd (your|more|the rest)\b|\b(goes|go) here\b", re.IGNORECASE)
TOKEN = re.compile(r"""
    (?P<comment>//[^\n]*(?:\\\n[^\n]*)*|/\*.*?(?:\*/|\Z))
  | (?P<raw>R"(?P<delimiter>[^\s()\\]{0,16})\(.*?(?:\)(?P=delimiter)"|\Z))
  | (?P<string>"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)
  | (?P<directive>^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<number>\.?\d(?:[\w.']|[eEpP][+-])*)
  | (?P<mark>::|->|&&|\|\||<<|>>|[-+*/%=<>!&|^]=|\+\+|--|[^\s\w])
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
BRANCHES = {"if", "for", "while", "case", "catch", "&&", "||", "?"}
NO_FUNCTION = {"if", "for", "while", "switch", "catch", "return", "sizeof", "decltype", "alignas", "do", "else", "try", "noexcept", "requires", "static_assert", "throw", "new", "delete"}
CONVERSIONS = {"stoi", "stol", "stoll", "stoul", "stoull", "stof", "stod", "stold"}
STREAMS = {"ifstream", "ofstream", "fstream"}
UNSAFE = {"strcpy", "strcat", "sprintf", "gets", "system", "rand", "alloca", "mktemp"}
STANDARD = frozenset("""algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits clocale cmath codecvt compare complex concepts
condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution expected filesystem format forward_list fstream
functional future generator initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map mdspan memory memory_resource mutex new numbers numeric optional ostream
print queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span spanstream sstream stack stacktrace stdexcept stop_token streambuf string string_view
strstream syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version assert.h ctype.h errno.h fcntl.h inttypes.h
limits.h math.h signal.h stdarg.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h time.h unistd.h sys/stat.h sys/types.h sys/socket.h netinet/in.h arpa/inet.h pthread.h""".split())
LIBRARIES = ("boost/", "gtest/", "gmock/", "catch2/", "doctest", "nlohmann/", "fmt/", "spdlog/", "Eigen/", "absl/", "opencv2/", "CLI/", "benchmark/", "google/", "curl/", "openssl/", "asio")


class File:
    def __init__(self, path, text, out):
        self.path, self.text, self.out = path, text, out
        self.tokens, self.comment_lines, self.code_lines, self.ends, self.directives = [], set(), set(), {}, []
        self.lex()

    def lex(self):
        line, last = 1, 0
        for match in TOKEN.finditer(self.text):
            line += self.text.count("\n", last, match.start())
            last = match.start()
            kind, text = match.lastgroup, match.group()
            kind = "raw" if kind == "delimiter" else kind
            height = text.count("\n")
            covered = range(line, line + height + 1)
            if kind == "comment":
                self.comment_lines.update(covered)
                self.ends[line + height] = text[:300]
                if MARKER.search(text):
                    self.finding(line, "marker", " ".join(text.split()))
                continue
            self.code_lines.update(covered)
            if kind == "directive":
                self.directives.append(text.split("//")[0])
                self.include(text, line)
                continue
            self.tokens.append((kind, text, line))

    def finding(self, line, kind, text):
        self.out["findings"].append({"file": self.path, "line": line, "kind": kind, "text": text[:160]})

    def include(self, text, line):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', text)
        if not match:
            return
        name = match[2]
        base = name.rsplit("/", 1)[-1]
        where = "stdlib" if name in STANDARD else "answer" if any(one.rsplit("/", 1)[-1] == base for one in self.out["paths"]) else "known" if name.startswith(LIBRARIES) else "unknown"
        self.out["imports"].append({"file": self.path, "line": line, "module": name, "where": where})

    def read(self):
        entry = {"path": self.path, "lines": self.text.count("\n") + (0 if self.text.endswith("\n") or not self.text else 1), "code_lines": len(self.code_lines),
                 "comment_lines": len(self.comment_lines), "loose_lines": 0, "head_comment": bool(self.comment_lines) and min(self.comment_lines) < min(self.code_lines, default=1 << 30),
                 "is_test": bool(re.search(r"(^|[/_])tests?[._]|_test\.", self.path)), "parse_error": None, "code": " ".join(self.directives + [text for _, text, _ in self.tokens])}
        self.out["files"].append(entry)
        self.scopes(entry)

    def scopes(self, entry):
        """Walks braces; what stands before each says what it opens."""
        stack, start, depth, function = [], 0, 0, None
        tokens = self.tokens
        for index, (kind, text, line) in enumerate(tokens):
            if text in ("(", "["):
                depth += 1
            elif text in (")", "]"):
                depth = max(0, depth - 1)
            elif text == "{":
                scope = {"kind": "block", "depth": depth, "line": line, "index": index}
                if function is None and depth == 0:
                    scope.update(self.opened(tokens[start:index], stack))
                    if scope["kind"] in ("function", "class"):
                        scope["start"] = tokens[start][2]
                    if scope["kind"] == "function":
                        function = scope
                elif function is not None and index and tokens[index - 1][1] == "try":
                    scope["kind"] = "try"
                stack.append(scope)
                depth, start = 0, index + 1
            elif text == "}":
                if not stack:
                    continue
                scope = stack.pop()
                depth = scope["depth"]
                if scope is function:
                    self.close_function(scope, index, stack, entry)
                    function = None
                elif scope["kind"] == "class":
                    self.close_class(scope, line, entry)
                start = index + 1
            elif text == ";" and depth == 0:
                start = index + 1
            elif text == ":" and depth == 0 and function is None and index and tokens[index - 1][1] in ("public", "private", "protected"):
                if stack:
                    stack[-1]["access"] = tokens[index - 1][1]
                start = index + 1

    def opened(self, before, stack):
        while before and before[0][1] == "template":  # template <...>: may hold "class"
            level, position = 0, 1
            while position < len(before):
                level += {"<": 1, ">": -1, ">>": -2}.get(before[position][1], 0)
                position += 1
                if level <= 0:
                    break
            before = before[position:]
        words = [text for _, text, _ in before]
        if "namespace" in words[:2] or words[:1] == ["extern"] and len(words) == 2:
            return {"kind": "namespace"}
        if "enum" in words[:2]:
            return {"kind": "enum"}
        for keyword in ("class", "struct", "union"):
            if keyword in words and "(" not in words[:words.index(keyword)] and "=" not in words:
                at = words.index(keyword) + 1
                names = [one for one in before[at:] if one[0] == "word" and one[1] not in ("final", "alignas")]
                return {"kind": "class", "name": names[0][1] if names else "", "access": "private" if keyword == "class" else "public"}
        if "(" in words:
            at = words.index("(")
            if "operator" in words:
                name = "operator" + "".join(words[words.index("operator") + 1:at] or words[at:at + 2])
            elif at and before[at - 1][0] == "word" and before[at - 1][1] not in NO_FUNCTION and "=" not in words[:at]:
                name = ("~" if at > 1 and words[at - 2] == "~" else "") + before[at - 1][1]
            else:
                return {}
            level, slots, inside = 0, 0, False
            for _, text, _ in before[at:]:
                if text in "([{<":
                    level += 1
                elif text in ")]}>":
                    level -= 1
                    if level == 0:
                        break
                elif level == 1 and text == ",":
                    slots += 1
                if level >= 1 and text not in "()":
                    inside = inside or text != "void"
            return {"kind": "function", "name": name, "slots": slots + (1 if inside else 0) + 1, "override": "override" in words or "virtual" in words}
        return {}

    @staticmethod
    def is_constant(texts, body):
        """`return;`, `return {};` or a return of one literal, whatever the function is given."""
        if texts[:1] != ["return"] or texts[-1:] != [";"]:
            return False
        value = body[1:-1]
        return len(value) == 0 or [one[1] for one in value] == ["{", "}"] or (len(value) == 1 and (value[0][0] in ("number", "string", "raw") or value[0][1] in ("nullptr", "true", "false")))

    def close_function(self, scope, index, stack, entry):
        body = self.tokens[scope["index"] + 1:index]
        end = self.tokens[index][2]
        owner = next((one["name"] for one in reversed(stack) if one["kind"] == "class"), "")
        public = not any(one["kind"] == "class" and one.get("access") != "public" for one in stack)
        lines = end - scope["start"] + 1
        texts = [text for _, text, _ in body]
        kind = "ok"
        if not texts and not scope["name"].startswith(("~", "operator")) and scope["name"] != owner:
            kind = "empty"
        elif re.search(r"not (yet )?implemented", " ".join(texts), re.IGNORECASE) and "throw" in texts and len(texts) < 14:
            kind = "throws \"not implemented\""
        elif self.is_constant(texts, body) and (scope["slots"] > 1 or scope["name"] == "main") and not scope["override"] and not scope["name"].startswith(("~", "operator")):
            kind = "the constant " + " ".join(texts[1:-1]) if len(texts) > 2 else "return"
        self.out["functions"].append({"file": self.path, "name": scope["name"], "owner": owner, "line": scope["start"], "start": scope["start"], "end_line": end, "lines": lines,
                                      "complexity": 1 + sum(one in BRANCHES for one in texts), "doc": self.ends.get(scope["start"] - 1, ""), "public": public and scope["name"] != "main", "slots": scope["slots"],
                                      "typed": scope["slots"], "is_async": False, "body": kind, "nested": False, "is_test": entry["is_test"]})
        self.risks(body, scope["name"])

    def close_class(self, scope, line, entry):
        self.out["classes"].append({"file": self.path, "name": scope["name"], "line": scope["start"], "end_line": line, "is_test": entry["is_test"], "nested": False, "public": True, "bases": [],
                                    "doc": self.ends.get(scope["start"] - 1, "")})

    def risks(self, body, function):
        texts = [text for _, text, _ in body]
        in_try, level, tries = [], 0, []
        for index, text in enumerate(texts):
            if text == "{":
                level += 1
                if index and texts[index - 1] == "try":
                    tries.append((level, body[index][2]))
            elif text == "}":
                if tries and tries[-1][0] == level:
                    tries.pop()
                level -= 1
            in_try.append(tries[-1][1] if tries else 0)
        for index, (kind, text, line) in enumerate(body):
            following = texts[index + 1] if index + 1 < len(texts) else ""
            before = texts[index - 1] if index else ""
            what = handled = ""
            if text in CONVERSIONS and following == "(":
                what = f"std::{text}()"
            elif text in STREAMS and following not in ("::", "&", ">", ")"):
                what, handled = f"std::{text}", self.tested(texts, index + 1)
            elif text == "fopen" and following == "(":
                what, handled = "fopen()", self.tested(texts, index - 2 if before == "=" else index)
            elif text == "from_chars":
                what, handled = "std::from_chars()", "its error code is read" if "ec" in texts else ""
            elif text == "cin" and following == ">>":
                what, handled = "std::cin >>", "tested" if "(" in texts[max(0, index - 4):index] and any(one in ("if", "while") for one in texts[max(0, index - 6):index]) else ""
            elif text == "getenv" and following == "(":
                what, handled = "getenv()", self.tested(texts, index - 2 if before in ("=", "::") else index)
            elif text in UNSAFE and following == "(" and before not in (".", "->"):
                self.finding(line, "unsafe", text + "()")
            elif text == "new" and before != "operator":
                self.finding(line, "raw_new", "new without an owner")
            elif text == "delete" and before not in ("=", "operator"):
                self.finding(line, "raw_new", "delete by hand")
            elif text == "throw":
                end = next((at for at in range(index + 1, len(texts)) if texts[at] in "({;"), index + 1)
                if end > index + 1:
                    self.out["raises"].append({"file": self.path, "line": line, "name": "".join(texts[index + 1:end])})
            elif text == "catch" and re.match(r"\( (\.\.\.|\. \. \.|.{0,60}?) \) \{ \}", " ".join(texts[index + 1:index + 14])):
                self.finding(line, "swallowed", "an exception is dropped without a word")
            if what:
                if in_try[index]:
                    handled = f"try in line {in_try[index]}"
                self.out["risks"].append({"file": self.path, "line": line, "kind": "io" if "stream" in what or "fopen" in what else "convert", "what": what, "handled": bool(handled),
                                          "why": handled, "function": function})

    @staticmethod
    def tested(texts, index):
        name = texts[index] if 0 <= index < len(texts) else ""
        if not re.match(r"[A-Za-z_]\w*$", name):
            return ""
        joined = " ".join(texts)
        escaped = re.escape(name)
        return "it is tested" if re.search(rf"(! {escaped}\b|\( {escaped} \)|\b{escaped} \. (is_open|good|fail|bad)\b|\b{escaped} (==|!=) nullptr)", joined) else ""


def main():
    out = {key: [] for key in ("files", "functions", "classes", "findings", "imports", "risks", "undefined", "features", "raises")}
    out["paths"] = sys.argv[2:]
    for path in sys.argv[2:]:
        with open(f"{sys.argv[1]}/{path}", "rb") as file:
            raw = file.read()
        try:
            text = raw.decode()
            problem = "it holds NUL bytes" if "\0" in text else ""
        except UnicodeDecodeError as error:
            problem = f"it is not UTF-8: byte {error.start}"
        if problem:
            out["files"].append({"path": path, "lines": raw.count(b"\n") + 1, "code_lines": raw.count(b"\n") + 1, "comment_lines": 0, "loose_lines": 0, "head_comment": False, "is_test": False,
                                 "parse_error": {"line": 0, "message": problem}})
            continue
        File(path, text, out).read()
        if re.search(r"\.(h|hpp|hh)$", path) and "using namespace std" in text:
            line = text[:text.index("using namespace std")].count("\n") + 1
            out["findings"].append({"file": path, "line": line, "kind": "using_namespace", "text": "using namespace std in a header"})
    out["tool"] = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    del out["paths"]
    sys.stdout.buffer.write(json.dumps(out, ensure_ascii=False).encode("utf-8", "replace"))


main()
