# Makes wrong variants of a right program: each changes one comparison, operator, constant, condition or return of it. Prints a JSON list of
# sources, spread over the program; reads the source from standard input, the function that matters as its argument.
import ast
import copy
import json
import sys

_COMPARE = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn,
            ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is}
_OPERATOR = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
             ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr}


def changed(node):
    """The node with one thing in it changed, or nothing."""
    if isinstance(node, ast.Compare):
        node.ops[0] = _COMPARE[type(node.ops[0])]()
        return node
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in _OPERATOR:
        node.op = _OPERATOR[type(node.op)]()
        return node
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return ast.Constant(not node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return ast.Constant(node.value + 1)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.Constant(node.value + "x")
    if isinstance(node, ast.Return) and node.value is not None:
        return ast.Return(ast.Constant(None))
    return None


class Changer(ast.NodeTransformer):
    """Changes the n-th place that can be changed."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.seen = 0

    def visit(self, node):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return node  # a docstring
        self.generic_visit(node)
        if changed(copy.copy(copy.deepcopy(node))) is None:
            return node
        self.seen += 1
        return changed(node) if self.seen == self.wanted else node


def main():
    source = sys.stdin.read()
    tree = ast.parse(source)
    entry = sys.argv[1]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry]
    function = functions[-1] if functions else None

    def variant(wanted):
        whole = copy.deepcopy(tree)
        place = next((node for node in reversed(whole.body) if isinstance(node, ast.FunctionDef) and node.name == entry), whole)
        changer = Changer(wanted)
        if place is whole:
            changer.visit(whole)
        else:
            place.body = [changer.visit(node) for node in place.body]
        return changer.seen, ast.unparse(ast.fix_missing_locations(whole))

    total, _ = variant(0)
    limit = int(sys.argv[2])
    order = [1 + i * total // min(total, limit) for i in range(min(total, limit))] if total else []
    made = [variant(number)[1] for number in order]
    if function is not None:
        made.append(source + "\n\ndef %s(*args, **names):\n    return None\n" % entry)
    print(json.dumps(made))


main()
