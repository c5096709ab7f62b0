"""Generic faults: small changes of expressions, found with the ast module. Text is replaced in place, the rest of a file stays as it is.

Messages are left alone: faults, notes, warnings, assertions, and the checks of input, which tests/test_bad_inputs.py asks for.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

MESSAGES = {"append", "inert", "warn", "Fault"}  # calls whose arguments are text
CHECKS = {"check", "check_all", "quota_faults", "price_faults", "rent_owner_faults", "_warn_if_slack", "register", "did_you_mean"}
FLIPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
           ast.BitOr: ast.BitAnd}
REVERSED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
            ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
SHIFTED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OTHER_NAME = {"minimum": "maximum", "maximum": "minimum", "min": "max", "max": "min", "any": "all", "all": "any", "origin": "destination",
              "destination": "origin", "buyer_price": "price", "buyer_price0": "price0", "border_price0": "landed_price0",
              "border": "landed", "import_levy": "export_levy", "lower": "upper", "upper": "lower"}
OTHER_AXIS = {-1: -2, -2: -1, 0: 1, 1: 2, 2: 1}


@dataclass(frozen=True)
class Mutant:
    """One changed place: bytes `start` to `end` of a file become `text`."""

    path: str
    line: int
    what: str
    start: int
    end: int
    text: str

    def applied(self, source: bytes) -> bytes:
        return source[:self.start] + self.text.encode() + source[self.end:]


def mutants_of(path: str, source: str) -> list[Mutant]:
    """All mutants of a file, in the order of their places; very few do not parse."""
    raw = source.encode()
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, new, what in _walk(ast.parse(source)):
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        text = new if isinstance(new, str) else ast.unparse(new)
        if isinstance(node, ast.expr):
            text = f"({text})"
        shown = text[1:-1] if isinstance(node, ast.expr) else text
        found.append(Mutant(path, node.lineno, f"{what}: {_short(ast.unparse(node))} -> {_short(shown)}", start, end, text))
    return found


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) < 70 else text[:67] + "..."


def _walk(node: ast.AST, inside: bool = False, axis: bool = False) -> Iterator[tuple[ast.AST, ast.AST | str, str]]:
    """Places and their replacements, inside functions only."""
    if isinstance(node, ast.FunctionDef):
        if node.name in CHECKS:
            return
        for statement in node.body:
            yield from _walk(statement, True)
        return
    if isinstance(node, ast.Assert | ast.Raise | ast.JoinedStr) or (isinstance(node, ast.Expr) and _says(node.value)):
        return
    if isinstance(node, ast.AnnAssign):
        if inside and node.value is not None:
            yield from _walk(node.value, True)
        return
    if isinstance(node, ast.If) and inside and all(_is_message(s) for s in node.body) and not node.orelse:
        return
    if inside:
        yield from _changes(node, axis)
    if isinstance(node, ast.Call):
        summed = isinstance(node.func, ast.Attribute) and node.func.attr in ("sum", "any", "all", "max", "swapaxes", "argmax")
        yield from _walk(node.func, inside)
        for child in [*node.args, *(k.value for k in node.keywords)]:
            yield from _walk(child, inside, summed)
        return
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Subscript) and child is node.slice and not isinstance(child, ast.Compare | ast.BinOp)):
            yield from _walk(child, inside, axis and isinstance(node, ast.Tuple | ast.UnaryOp))


def _says(call: ast.AST) -> bool:
    """Text, or a call that only says something."""
    if not isinstance(call, ast.Call):
        return isinstance(call, ast.Constant)
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = ast.unparse(call.func)
    return name in MESSAGES and not place.startswith(("terms.unknowns", "terms.contracts", "terms.floors", "terms.contents", "terms.off",
                                                      "terms.evas", "terms.sell", "unknowns", "contents", "columns", "rows_of"))


def _is_message(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Return | ast.Continue) or (isinstance(statement, ast.Expr) and _says(statement.value))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _changes(node: ast.AST, axis: bool) -> Iterator[tuple[ast.AST, ast.AST | str, str]]:
    if isinstance(node, ast.BinOp) and type(node.op) in FLIPPED:
        yield node, _with(node, op=FLIPPED[type(node.op)]()), "operator"
        yield node, node.left, "right term dropped"
        if isinstance(node.op, ast.Add | ast.Mult):
            yield node, node.right, "left term dropped"
    elif isinstance(node, ast.BoolOp):
        yield node, _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or()), "and/or"
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield node, node.operand, "sign or negation dropped"
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for table, what in ((REVERSED, "comparison reversed"), (SHIFTED, "boundary")):
            if type(node.ops[0]) in table:
                yield node, _with(node, ops=[table[type(node.ops[0])]()]), what
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, str(not node.value), "truth value"
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        if axis and node.value in OTHER_AXIS:
            yield node, str(OTHER_AXIS[int(node.value)]), "axis"
        else:
            yield node, repr(2 * node.value or 1), "constant doubled"
            if node.value:
                yield node, "0", "constant to 0"
    elif isinstance(node, ast.If | ast.IfExp) and not isinstance(node.test, ast.Compare):
        yield node.test, f"not ({ast.unparse(node.test)})", "condition negated"
    elif isinstance(node, ast.AugAssign):
        yield node, "pass", "statement dropped"
        if type(node.op) in FLIPPED:
            yield node, _with(node, op=FLIPPED[type(node.op)]()), "operator"
    elif isinstance(node, ast.Subscript):
        yield from _axes(node)
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in OTHER_NAME:
        yield node, _with(node, attr=OTHER_NAME[node.attr]), "name"
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name == "np.where" and len(node.args) == 3:
            yield node, _with(node, args=[node.args[0], node.args[2], node.args[1]]), "branches swapped"
        elif name in ("min", "max"):
            yield node, _with(node, func=ast.Name("max" if name == "min" else "min")), "min/max"
        elif name == "routes" and len(node.args) == 2:
            yield node, _with(node, args=node.args[::-1]), "origin and destination swapped"


def _axes(node: ast.Subscript) -> Iterator[tuple[ast.AST, ast.AST | str, str]]:
    """x[..., :, None] for x[..., None, :] and the reverse: of an origin, of a destination."""
    entries = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
    for i in range(len(entries) - 1):
        pair = [ast.unparse(e) for e in entries[i:i + 2]]
        if sorted(pair) == [":", "None"]:
            new = copy.deepcopy(node)
            new.slice.elts[i:i + 2] = new.slice.elts[i:i + 2][::-1]  # type: ignore[attr-defined]
            yield node, new, "axes swapped"
