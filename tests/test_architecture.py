"""The house rules that a reader relies on, read off the source with the ast module."""

import ast
from pathlib import Path

import pytest

import floormodel

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "floormodel"

# Lower rooms never import from higher ones. A name stands for a module or for everything in that package;
# the longest name that fits a module gives its rank.
LADDER = [
    {"errors"},
    {"schema", "validation", "study_text", "balancing", "reconcile"},
    {"figure_tables", "correlations"},
    {"market"},
    {"equilibrium"},  # kernels: functions of arrays
    {"policies"},
    {"equilibrium.system", "equilibrium.homogeneous"},
    {"equilibrium.solve", "solve"},
    {"booking"},
    {"accounts", "labelled"},
    {"hosts", "ensemble", "distributions", "benchmark_draws"},
    {"scenario"},
    {"indicators", "finance"},
    {"results", "response", "textbook", "dynamics"},
    {"search", "sensitivity", "strategy"},
    {"report"},
    {"explain", "constraints", "difference", "input_difference"},
    {"cli"},
]
# Imports that may stand inside a function, because what they load is slow or an extra that is not always installed:
# (module, what it imports). `results` hands charts, texts and files to the report above it when they are asked for.
LAZY = {
    ("results", "floormodel.report"),
    ("results", "tqdm"),
    ("simulate", "tqdm"),
}
# Rooms of pure functions that calibration, experiments and notebooks may use besides the public names.
OPEN_ROOMS = {"accounts", "balancing", "dynamics", "errors", "figure_tables", "schema", "indicators", "finance", "report"}
MAX_LINES = 350


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def rank(module: str) -> int:
    fitting = [(len(name), level) for level, names in enumerate(LADDER) for name in names
               if module == name or module.startswith(name + ".")]
    assert fitting, f"floormodel.{module} has no place in the ladder; add it to LADDER"
    return max(fitting)[1]


def imports(path: Path) -> list[tuple[str, ast.stmt, bool]]:
    """(imported module, statement, in a function) of every import; `from a import b` gives a.b for a module b."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = {id(node) for function in functions for node in ast.walk(function)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node, id(node) in inner) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = whole.startswith("floormodel.") and _is_module(whole.removeprefix("floormodel."))
                found.append((whole if is_module else str(node.module), node, id(node) in inner))
    return found


def _is_module(name: str) -> bool:
    base = PACKAGE.joinpath(*name.split("."))
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def is_lazy(path: Path, name: str, inside: bool) -> bool:
    """Is this an import inside a function that LAZY lists?"""
    return inside and any(path.stem == module and f"{name}.".startswith(f"{what}.") for module, what in LAZY)


def ours(path: Path) -> list[str]:
    """Our modules that this one imports, the lazy ones apart."""
    names = [name for name, _, inside in imports(path)
             if name.split(".")[0] == "floormodel" and not is_lazy(path, name, inside)]
    return [name.removeprefix("floormodel").lstrip(".") for name in names]


MODULES = [p for p in sources(PACKAGE) if module_name(p)]
IDS = [module_name(p) for p in MODULES]


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_no_module_imports_from_a_higher_room(path):
    here = module_name(path)
    for name in ours(path):
        assert name, f"{here} imports the public package; inside it, import from the module itself"
        inside = name == here or name.startswith(here + ".") or here.startswith(name + ".")
        assert inside or rank(name) <= rank(here), f"{here} imports {name}, which is above it"


def test_no_cycles():
    graph = {module_name(p): set(ours(p)) - {module_name(p)} for p in MODULES}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "cycle: " + " -> ".join((*trail, name))
        if name in graph and name not in done:
            for other in graph[name]:
                visit(other, (*trail, name))
            done.add(name)

    for start in graph:
        visit(start, ())


def test_the_solver_knows_no_economics():
    """newton.py and the two files it is made of import nothing of ours but each other."""
    solver = {"equilibrium.newton", "equilibrium.iteration", "equilibrium.fischer"}
    seen = {module_name(p): set(ours(p)) for p in MODULES if module_name(p) in solver}
    assert "equilibrium.newton" in seen
    for name, used in seen.items():
        assert used <= solver, f"{name} imports {used - solver}"


def test_no_instrument_imports_another():
    shared = {f"policies.{name}" for name in ("base", "content", "credits", "licences", "reference")}
    files = [p for p in sources(PACKAGE / "policies") if p.stem != "__init__" and module_name(p) not in shared]
    assert len(files) >= 6
    for path in files:
        others = {name for name in ours(path) if name.startswith("policies.")} - shared
        assert not others, f"{path.name} imports {others}"


def test_only_the_report_draws():
    for path in sources(PACKAGE):
        draws = any(name.split(".")[0] == "matplotlib" for name, _, _ in imports(path))
        assert not draws or module_name(path).startswith("report"), f"{path} imports matplotlib"


@pytest.mark.parametrize("path", sources(PACKAGE) + sources(ROOT / "calibration") + sources(ROOT / "experiments"),
                         ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_stand_at_the_top(path):
    for name, node, inside in imports(path):
        assert not inside or is_lazy(path, name, inside), f"{path}:{node.lineno} imports {name} inside a function"


@pytest.mark.parametrize("folder", ["calibration", "experiments", "notebooks"])
def test_users_of_the_package_use_public_names(folder):
    """They see `floormodel.__all__` and the pure functions of the open rooms; no kernel, no private name."""
    public = set(floormodel.__all__)
    for path in sources(ROOT / folder):
        for name, node, _ in imports(path):
            room = name.removeprefix("floormodel").lstrip(".").split(".")[0]
            assert name.split(".")[0] != "floormodel" or not room or room in OPEN_ROOMS, f"{path}:{node.lineno}: {name}"
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "floormodel":
                names = {a.name for a in node.names}
                assert not [n for n in names if n.startswith("_")], f"{path}:{node.lineno}: {names}"
                assert node.module != "floormodel" or names <= public, f"{path}:{node.lineno}: {names - public}"


def test_a_notebook_session_finds_every_public_name():
    assert sorted(set(floormodel.__all__)) == sorted(floormodel.__all__)
    for name in floormodel.__all__:
        assert hasattr(floormodel, name), name


@pytest.mark.parametrize("path", [p for f in ("src", "calibration", "experiments", "notebooks", "benchmarks", "tests")
                                  for p in sources(ROOT / f)], ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short(path):
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= MAX_LINES, f"{path} has {lines} lines; split it by what it does"


def test_every_public_function_says_what_it_does():
    missing = []
    for path in sources(PACKAGE):
        for node in ast.parse(path.read_text("utf-8")).body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                missing.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not missing, "no docstring: " + "; ".join(missing)


def test_no_name_says_nothing():
    for path in [p for f in ("src", "calibration", "experiments") for p in sources(ROOT / f)]:
        words = path.stem.split("_")
        assert not {"utils", "util", "helpers", "helper", "manager", "common", "misc"} & set(words), path
        assert words[0] not in ("process", "handle") or path.stem == "process", path


def test_the_package_runs_no_code_from_its_inputs():
    """No eval, exec, pickle, DataFrame.eval or query on what a user wrote (reliability: security)."""
    banned_calls = {"eval", "exec", "query", "read_pickle", "compile"}
    for path in sources(PACKAGE):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                regex = name == "compile" and getattr(getattr(node.func, "value", None), "id", "") == "re"
                assert name not in banned_calls or regex, f"{path}:{node.lineno} calls {name}"
        assert not [n for n, _, _ in imports(path) if n.split(".")[0] in ("pickle", "shelve", "marshal")], path


def test_lock_names_versions_and_nothing_else():
    """requirements.lock holds `name==version ; marker` lines: no host, no path, no hash of a registry."""
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    assert len(lines) > 50
    for line in lines:
        assert "==" in line and "/" not in line and "@" not in line and not line.startswith("-"), line
    names = {line.split("==")[0] for line in lines}
    assert {"numpy", "scipy", "pydantic", "pytest"} <= names
    assert not {"torch", "jax", "tensorflow"} & names
