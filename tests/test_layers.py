"""The structure of the code: direction of imports, sizes of files and folders, class names,
optional packages, and which rooms may see ``opt``."""

import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from plugin_files import tracked_files

ROOT = Path(__file__).parents[1]
LEVEL = {
    "util": 0,
    "compat.options": 0, "compat.transforms": 0, "compat.old_attributes": 0, "compat.helpers": 0,
    "compat.image_files": 1, "compat.loader": 1, "compat.images": 1, "compat.results": 1,
    "compat.visualizer": 1,
    "display": 1, "data": 1, "models.networks": 1,
    "models": 2, "compat": 2, "metrics": 2, "datasets": 2,
    "inference": 3,
    "training": 4, "options": 4, "serving": 4,
    "train": 5, "test": 5,
    "scripts": 6, "i2i_programs": 6,
}
ROOMS = ("util", "display", "data", "models", "metrics", "datasets", "inference", "training",
         "options", "serving", "scripts", "compat")
OPTIONAL = {"visdom", "wandb", "dominate", "matplotlib", "skimage", "torchvision", "scipy",
            "torchmetrics", "torch_fidelity", "lpips", "onnx", "onnxruntime"}
PLUGIN_ENDINGS = ("_model", "_metric", "_sink", "_dataset", "_file", "_generator", "_discriminator")
# Files and folders that may use all flags: docs/overview.md. All other code takes named values.
DOORS = (
    "options/", "data/__init__", "display/sinks/", "models/__init__", "models/building",
    "models/registration", "models/execution/speed", "training/setup", "training/validation/",
    "training/memory/", "compat/",
)
PLUGIN_DOOR = re.compile(r"models/\w+_model\.py|data/\w+_dataset\.py")
MOST_FILES = 15  # of one folder, without plug-ins and __init__.py
MOST_LINES = 250
MOST_LINES_OF = {"models/base_model.py": 210, "train.py": 180, "test.py": 140}


def sources(*rooms: str) -> list[Path]:
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    return sorted([*files, *ROOT.glob("*.py")])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def level(module: str) -> int | None:
    room = ".".join(module.split(".")[:2])
    return LEVEL.get(room, LEVEL.get(module.split(".")[0]))


def dotted(path: Path) -> str:
    """Return the module name; for an ``__init__.py``, that of the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", sources(*ROOMS), ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    here = level(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert here is not None
    tree = ast.parse(path.read_text())
    if only_forwards(tree):
        pytest.skip("only import lines, for programs of users that import from this path")
    for name in imports(tree):
        there = level(name)
        assert there is None or there <= here, f"{path} imports {name}"


def only_forwards(tree: ast.Module) -> bool:
    """Return whether a module has a docstring, imports and ``__all__``, and nothing else."""
    assignments = [node for node in tree.body if isinstance(node, ast.Assign)]
    return (
        all(isinstance(node, ast.Expr | ast.Import | ast.ImportFrom | ast.Assign)
            for node in tree.body)
        and [ast.unparse(node.targets[0]) for node in assignments] == ["__all__"]
    )


def test_the_check_sees_more_than_import_lines() -> None:
    line = '"""Text."""\nfrom a import b\n__all__ = ["b"]\n'
    assert only_forwards(ast.parse(line))
    for more in ("c = b", "def f(): ...", "if b: ..."):
        assert not only_forwards(ast.parse(line + more))


def test_the_check_sees_a_wrong_import() -> None:
    assert level("util.files") == 0
    assert level("models.networks.unet") == 1
    assert level("models.base_model") == 2
    assert list(imports(ast.parse("def f():\n    from models.losses import x"))) == [
        "models.losses"
    ]


def takes_opt(tree: ast.AST) -> bool:
    return any(node.arg == "opt" for node in ast.walk(tree) if isinstance(node, ast.arg))


def test_options_stop_at_the_door() -> None:
    paths = [path for path in sources(*ROOMS) if path.parent != ROOT]
    users = {name_of(path) for path in paths if takes_opt(ast.parse(path.read_text()))}
    inner = {name for name in users if not name.startswith(DOORS)}
    assert {name for name in inner if not PLUGIN_DOOR.fullmatch(name)} == set()
    assert {door for door in DOORS if not any(name.startswith(door) for name in users)} == set()


def test_the_check_sees_options() -> None:
    assert takes_opt(ast.parse("class A:\n    def f(self, *, opt: Namespace): ..."))
    assert not takes_opt(ast.parse("def f(options: int): opt = options"))


def test_a_start_imports_no_optional_package() -> None:
    """--help and errors in flags appear quickly, and training needs no display packages."""
    code = "import sys, train, test; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {name.split(".")[0] for name in run.stdout.split()} & OPTIONAL


# ---- names, cycles and sizes -------------------------------------------------------------------


def public_classes(path: Path) -> list[str]:
    return [node.name for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sources(*ROOMS):
        for name in public_classes(path):
            places[name].append(name_of(path))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def module_level_imports(statements: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield imports that run with the module, and those under ``if TYPE_CHECKING`` or ``try``."""
    for node in statements:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If | ast.Try):
            for child in ast.iter_child_nodes(node):
                nested = child.body if isinstance(child, ast.ExceptHandler) else [child]
                yield from module_level_imports([n for n in nested if isinstance(n, ast.stmt)])


def import_graph(code: dict[str, str]) -> dict[str, set[str]]:
    """Map each module of ``code`` (name -> text) to the modules of ``code`` that it imports."""
    graph: dict[str, set[str]] = {module: set() for module in code}
    for module, text in code.items():
        for node in module_level_imports(ast.parse(text).body):
            if isinstance(node, ast.Import):
                graph[module] |= {alias.name for alias in node.names} & code.keys()
                continue
            assert node.module and not node.level, f"{module} has a relative import"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                graph[module] |= {submodule if submodule in code else node.module} & code.keys()
    return graph


def test_no_files_import_each_other_in_a_circle() -> None:
    code = {dotted(path): path.read_text() for path in sources(*ROOMS)}
    try:
        TopologicalSorter(import_graph(code)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("second", [
    "import p.a", "from p.a import f", "from p import a",
    "if TYPE_CHECKING:\n    from p.a import f",
    "try:\n    import q\nexcept ImportError:\n    from p import a",
])
def test_the_check_sees_a_circle(second: str) -> None:
    code = {"p": "", "p.a": "from p.b import g", "p.b": second}
    with pytest.raises(CycleError):
        TopologicalSorter(import_graph(code)).prepare()


def test_a_folder_has_few_files_of_its_own() -> None:
    counts = Counter(
        name_of(path.parent) for path in sources(*ROOMS)
        if not path.stem.endswith(PLUGIN_ENDINGS) and path.name != "__init__.py"
        and not only_forwards(ast.parse(path.read_text()))
    )
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_files_are_short() -> None:
    """A file that git does not track may be the plug-in of a user, and may be longer."""
    lines = {name_of(path): len(path.read_text().splitlines()) for path in sources(*ROOMS)
             if name_of(path) in tracked_files()}
    assert lines.keys() >= MOST_LINES_OF.keys()
    assert {name: count for name, count in lines.items()
            if count > MOST_LINES_OF.get(name, MOST_LINES)} == {}
