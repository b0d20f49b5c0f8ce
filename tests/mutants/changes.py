"""One-place changes of decisions: another comparison, a negated condition, the other of two merged states.

The operators are mutmut's, and two of our own. Left out are those that replace texts, arguments and assigned
values: such changes break every test that passes by and would flatter the share.
"""

import ast
import difflib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

ROOT: Final = Path(__file__).parents[2]
TARGETS: Final = (
    "projections/**/*.py",
    "services/*/decide.py",
    *(
        f"services/commands/**/{name}.py"
        for name in ("create", "edit", "edit_rules", "decide*", "credentials", "capacity")
    ),
    *(f"services/queries/search/{name}.py" for name in ("analysis", "predicates", "conditions")),
    "schemas/sealing/mapper.py",
)
_LEFT_OUT: Final = (
    mutators.operator_string,
    mutators.operator_arg_removal,
    mutators.operator_dict_arguments,
    mutators.operator_assignment,
)
_NOT_VISITED: Final = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.Assert)
_WITH_TYPES: Final = ("cast", "isinstance", "TypeVar")
_LPAR: Final = [cst.LeftParen()]
_RPAR: Final = [cst.RightParen()]


@dataclass(frozen=True)
class Change:
    """A module's source with one place changed. `lines` are those of the statement that contains it."""

    path: Path
    lines: range
    before: str
    after: str
    source: str


def modules() -> list[Path]:
    """The modules whose decisions are changed, relative to the root."""
    found = {path.relative_to(ROOT) for pattern in TARGETS for path in ROOT.glob(pattern)}
    return sorted(found)


def changes(seed: int) -> Iterator[Change]:
    """All changes in an order that depends on the seed and on the code only, one per place."""
    return changes_of({path: (ROOT / path).read_text() for path in modules()}, seed)


def changes_of(sources: Mapping[Path, str], seed: int) -> Iterator[Change]:
    """The changes of these modules, by path."""
    dice = random.Random(seed)
    places = [place for path, source in sources.items() for place in _places(path, source)]
    dice.shuffle(places)
    for place in places:
        change = place.change(dice)
        if change is not None:
            yield change


@dataclass(frozen=True, eq=False)
class _Place:
    path: Path
    module: cst.Module
    lines: range
    node: cst.CSTNode
    replacements: list[cst.CSTNode]

    def change(self, dice: random.Random) -> Change | None:
        """One of the changes of this place, None when it is none or does not compile."""
        old = self.module.code
        new = self.module.deep_replace(self.node, dice.choice(self.replacements))
        assert isinstance(new, cst.Module)
        try:
            if ast.dump(ast.parse(new.code)) == ast.dump(ast.parse(old)):
                return None
            compile(new.code, str(self.path), "exec")
        except SyntaxError:
            return None
        return Change(self.path, self.lines, *_difference(old, new.code), new.code)


def _difference(old: str, new: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(old.splitlines(), new.splitlines()))
    return _joined(lines, "- "), _joined(lines, "+ ")


def _joined(lines: Iterable[str], sign: str) -> str:
    return " ".join(line[2:].strip() for line in lines if line.startswith(sign))


def _places(path: Path, source: str) -> list[_Place]:
    wrapper = MetadataWrapper(cst.parse_module(source))
    collector = _Collector(path, wrapper.module)
    wrapper.visit(collector)
    return collector.places


class _Collector(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, path: Path, module: cst.Module) -> None:
        super().__init__()
        self.places: list[_Place] = []
        self._path, self._module = path, module
        self._statements: list[cst.CSTNode] = []
        self._functions = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, _NOT_VISITED) or self._is_about_types(node):
            return False
        self._functions += isinstance(node, cst.FunctionDef)
        if isinstance(node, cst.SimpleStatementLine):
            self._statements.append(node)
        for kind, operator in OPERATORS:
            if isinstance(node, kind) and (replacements := list(operator(node))):
                self.places.append(_Place(self._path, self._module, self._lines(node), node, replacements))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, _NOT_VISITED) or self._is_about_types(original_node):
            return
        self._functions -= isinstance(original_node, cst.FunctionDef)
        if isinstance(original_node, cst.SimpleStatementLine):
            self._statements.pop()

    def _lines(self, node: cst.CSTNode) -> range:
        shown = self._statements[-1] if self._statements else getattr(node, "test", node)
        position = self.get_metadata(PositionProvider, shown, None) or self.get_metadata(
            PositionProvider, node
        )
        return range(position.start.line, position.end.line + 1)

    def _is_about_types(self, node: cst.CSTNode) -> bool:
        """Whether it is a call like `isinstance`, or a union outside of functions."""
        if isinstance(node, cst.Call):
            return isinstance(node.func, cst.Name) and node.func.value in _WITH_TYPES
        return (
            not self._functions
            and isinstance(node, cst.BinaryOperation)
            and isinstance(node.operator, cst.BitOr)
        )


def negated_condition(node: cst.If | cst.While | cst.CompIf) -> Iterable[cst.CSTNode]:
    """`if a` becomes `if not a`; comparisons, `not`, `and` and `or` have separate operators."""
    if not isinstance(node.test, cst.Comparison | cst.UnaryOperation | cst.BooleanOperation):
        yield node.with_changes(
            test=cst.UnaryOperation(cst.Not(), node.test.with_changes(lpar=_LPAR, rpar=_RPAR))
        )


def negated_guard(node: cst.MatchCase) -> Iterable[cst.CSTNode]:
    """`case A() if a` becomes `case A() if not a`."""
    if node.guard is not None:
        yield node.with_changes(
            guard=cst.UnaryOperation(cst.Not(), node.guard.with_changes(lpar=_LPAR, rpar=_RPAR))
        )


def swapped_operands(node: cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    """`a | b` becomes `b | a`: the other of two merged states wins."""
    if isinstance(node.operator, cst.BitOr):
        yield node.with_changes(
            left=node.right.with_changes(lpar=_LPAR, rpar=_RPAR),
            right=node.left.with_changes(lpar=_LPAR, rpar=_RPAR),
        )


def reversed_display(node: cst.Dict) -> Iterable[cst.CSTNode]:
    """`{**a, "b": c}` becomes `{"b": c, **a}`: what was overwritten wins."""
    if len(node.elements) > 1 and any(isinstance(one, cst.StarredDictElement) for one in node.elements):
        elements = [one.with_changes(comma=cst.MaybeSentinel.DEFAULT) for one in reversed(node.elements)]
        yield node.with_changes(elements=elements)


Operator = tuple[Any, Callable[[Any], Iterable[cst.CSTNode]]]
OPERATORS: Final[tuple[Operator, ...]] = (
    *((kind, operator) for kind, operator in mutators.mutation_operators if operator not in _LEFT_OUT),
    ((cst.If, cst.While, cst.CompIf), negated_condition),
    (cst.MatchCase, negated_guard),
    (cst.BinaryOperation, swapped_operands),
    (cst.Dict, reversed_display),
)
