"""The structure of the package and of the tests: which module may import which, and conventions of all files.

Each test collects all offenders before it fails, so one run shows the whole list.
"""

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest

import lazr.smtptest

ROOT = Path(lazr.smtptest.__file__).parent
PACKAGE = "lazr.smtptest"
TESTS = Path(__file__).parent
MAX_TEST_NAME_LENGTH = 70
# Paths of the machine of a developer, which mean nothing to a reader and fail elsewhere.
MAX_SUMMARY_CHARACTERS = 88
DEVELOPER_PATH = re.compile(r"/(?:root/|(?:home|Users)/\w+)")

# The modules and folders directly in the package, lowest first: a module imports only from its own layer and from lower
# ones.  Modules in one folder have no order, but they must not import each other in a cycle.
LAYERS = (
    "errors",
    "_util",
    "protocol",
    "events",
    "smtp_client",
    "api_client",
    "dns",
    "authentication",
    "mail",
    "bounces",
    "rules",
    "store",
    "folders",
    "net",
    "presets",
    "client_settings",
    "store_delivery",
    "mailserver",
    "server",
    "controller",
    "grading",
    "testing",
    "testcontainers",
    "decorator",
    "testcase",
    "pytest_plugin",
    "pytest_aliases",
    "mcp_server",
    "web",
    "cli",
    "__main__",
)

# The protocol is sans-I/O: it must not read files, sockets or clocks, and not use random numbers or threads.
SANS_IO_LAYER = "protocol"
IO_MODULES = {"asyncio", "logging", "random", "selectors", "socket", "ssl", "threading", "time"}


TREES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(ROOT.rglob("*.py"))}


def get_module_name(path):
    """Return the name within the package, such as `mail.inbox`; an `__init__` has the name of its folder."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {get_module_name(path): tree for path, tree in TREES.items()}


def find_imports(tree):
    """Yield each name that a module imports, including imports in functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def find_internal_imports(tree):
    """Return the names that a module imports from this package, relative to the package."""
    return {name.removeprefix(PACKAGE + ".") for name in find_imports(tree) if name.startswith(PACKAGE + ".")}


def find_imported_modules(tree):
    """Yield the modules of this package that a module imports; `from folder import module` means that module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(alias.name,) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(f"{node.module}.{alias.name}", node.module) for alias in node.names]
        else:
            continue
        for candidates in names:
            internal = (
                name.removeprefix(PACKAGE).lstrip(".") for name in candidates if f"{name}.".startswith(PACKAGE + ".")
            )
            yield from [name for name in internal if name in MODULES][:1]


def find_cycles(graph):
    """Return the strongly connected components of more than one node (Tarjan's algorithm)."""
    index, low, on_stack, stack, found = {}, {}, set(), [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = set()
            while node not in component:
                component.add(stack.pop())
            on_stack.difference_update(component)
            if len(component) > 1:
                found.append(frozenset(component))

    for node in graph:
        if node not in index:
            visit(node)
    return set(found)


def test_imports_are_absolute():
    assert [
        f"{path}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ] == []


def test_every_module_has_a_layer():
    assert {name.partition(".")[0] for name in MODULES} - {""} == set(LAYERS)


def test_imports_point_down():
    upward = []
    for name, tree in MODULES.items():
        if not name:
            continue  # the package exports the public names of all layers
        own_layer = LAYERS.index(name.partition(".")[0])
        for imported in find_internal_imports(tree):
            layer = imported.partition(".")[0]
            if layer in LAYERS and LAYERS.index(layer) > own_layer:
                upward.append(f"{name} imports {imported}")
    assert sorted(upward) == []


def test_no_modules_import_each_other():
    # Imports in functions and under TYPE_CHECKING count as well.
    found = find_cycles({name: set(find_imported_modules(tree)) - {name} for name, tree in MODULES.items()})

    assert sorted(map(sorted, found)) == []


def test_the_cycle_check_finds_cycles():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a", "f"}}

    assert find_cycles(graph) == {frozenset("abc"), frozenset("de")}


def test_the_protocol_is_sans_io():
    offenders = {
        name: sorted(found)
        for name, tree in MODULES.items()
        if name.partition(".")[0] == SANS_IO_LAYER
        and (found := IO_MODULES & {imported.partition(".")[0] for imported in find_imports(tree)})
    }
    assert offenders == {}


def test_lazr_is_a_namespace_package():
    assert not (ROOT.parent / "__init__.py").exists()


def find_foreign_private_members(tree):
    """Return the private members that a module uses and no class or function of it defines."""
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            is_own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
            (defined if is_own else used).add(node.attr)
    return used - defined


# `_util` is a folder, and `sys` has no public name for the stacks of threads.
PUBLIC_UNDERSCORES = {"_util", "_current_frames"}


@pytest.mark.parametrize("layer", ["protocol", "net", "mailserver", "store_delivery"])
def test_no_module_uses_private_members_of_another_class(layer):
    paths = [path for path in TREES if path.relative_to(ROOT).parts[0].removesuffix(".py") == layer]
    found = {str(path.relative_to(ROOT)): find_foreign_private_members(TREES[path]) for path in paths}

    assert paths
    assert {path: names - PUBLIC_UNDERSCORES for path, names in found.items() if names - PUBLIC_UNDERSCORES} == {}


def test_private_member_of_another_class_is_found():
    tree = ast.parse("class A:\n    def f(self, other):\n        return self._x + other._x + other._y")

    assert find_foreign_private_members(tree) == {"_y"}


def test_every_module_docstring_starts_with_a_short_sentence():
    offenders = {}
    for path, tree in TREES.items():
        first = (ast.get_docstring(tree) or "").split("\n")[0]
        if not (first.endswith((".", ":")) and len(first) <= 110):
            offenders[str(path.relative_to(ROOT))] = first
    assert offenders == {}


def test_first_docstring_lines_have_at_most_88_characters():
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    long_lines = [
        f"{name}: {first}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, nodes)
        and len(first := (ast.get_docstring(node) or "").split("\n")[0]) > MAX_SUMMARY_CHARACTERS
    ]

    assert long_lines == []


def test_test_names_are_short():
    offenders = {}
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_test = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
            if is_test and len(node.name) > MAX_TEST_NAME_LENGTH:
                offenders[node.name] = f"{path.relative_to(TESTS)}:{node.lineno}"
    assert offenders == {}


def test_every_test_folder_is_a_package():
    folders = {path.parent for path in TESTS.rglob("*.py")}
    assert sorted(str(folder.relative_to(TESTS)) for folder in folders if not (folder / "__init__.py").exists()) == []


def test_no_file_contains_a_path_of_a_developers_machine():
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=TESTS.parent, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("this is not a git repository")
    offenders = {}
    for name in listing.stdout.decode().split("\0")[:-1]:
        path = TESTS.parent / name
        if path.is_file() and path != Path(__file__):  # a deleted file may still be in the index
            match = DEVELOPER_PATH.search(path.read_bytes().decode("utf-8", "replace"))
            if match:
                offenders[name] = match[0]
    assert offenders == {}


@pytest.mark.parametrize("text", ["/" + "root/x", "/home/ann/x", "/Users/ann"])
def test_the_path_check_finds_paths(text):
    assert DEVELOPER_PATH.search(f"see {text}")


# Rooms with public names: modules outside of a room import from the room, not from its files.
ROOMS = (
    "protocol.pop3",
    "protocol.smtp",
    "dns",
    "authentication",
    "mail",
    "rules",
    "store",
    "folders",
    "net",
    "testing",
    "mcp_server",
    "web",
)


def find_room(module):
    """Return the room that a module belongs to, or None."""
    return next((room for room in ROOMS if module == room or module.startswith(f"{room}.")), None)


def test_imports_between_rooms_use_exported_names():
    offenders = {}
    for name, tree in MODULES.items():
        if name == "":  # the package exports names of all rooms
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
                module = node.module.removeprefix(f"{PACKAGE}.")
                room = find_room(module)
                if room not in (None, module, find_room(name)):
                    offenders.setdefault(name, []).append(module)

    assert offenders == {}


def test_rooms_export_what_they_list():
    for room in ROOMS:
        module = importlib.import_module(f"{PACKAGE}.{room}")
        assert module.__all__, room
        for name in module.__all__:
            assert getattr(module, name) is not None
