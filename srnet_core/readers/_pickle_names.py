"""Which names a pickle may mention: those that are rebuilt, those that are recorded, those that only an attack needs.

No module is looked up and nothing is called, whatever the name. The list of dangerous names decides only about the
message: a file that asks for one of them is refused with a warning; any other name becomes an `InertRecord`.
"""

import enum

from srnet_core.errors import HostileFileError

DO_NOT_OPEN = "Do not open this file with other programs"


class Plain(enum.Enum):
    """A class of the standard library that is rebuilt as a plain value."""

    DICT = "dict"
    DEFAULTDICT = "defaultdict"
    LIST = "list"
    TUPLE = "tuple"
    SET = "set"
    FROZENSET = "frozenset"
    COMPLEX = "complex"
    BYTEARRAY = "bytearray"
    PATH = "path"
    RECONSTRUCTOR = "copyreg._reconstructor"
    GETATTR = "getattr"


def _under(modules: tuple[str, ...], names: dict[str, Plain]) -> dict[tuple[str, str], Plain]:
    return {(module, name): plain for module in modules for name, plain in names.items()}


_PATHS = ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
PLAIN = {
    **_under(
        ("builtins", "__builtin__"),
        {
            "dict": Plain.DICT,
            "list": Plain.LIST,
            "tuple": Plain.TUPLE,
            "set": Plain.SET,
            "frozenset": Plain.FROZENSET,
            "complex": Plain.COMPLEX,
            "bytearray": Plain.BYTEARRAY,
            "getattr": Plain.GETATTR,
        },
    ),
    **_under(
        ("collections",),
        {
            "OrderedDict": Plain.DICT,
            "Counter": Plain.DICT,
            "defaultdict": Plain.DEFAULTDICT,
            "deque": Plain.LIST,
        },
    ),
    **_under(("copyreg", "copy_reg"), {"_reconstructor": Plain.RECONSTRUCTOR}),
    **_under(("pathlib", "pathlib._local"), dict.fromkeys(_PATHS, Plain.PATH)),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Modules that run programs or code, reach the network, or unpickle; the first part of the name counts.
_DANGEROUS_MODULES = _words(
    """
    os posix nt subprocess _posixsubprocess commands popen2 sys shutil runpy importlib _frozen_importlib imp zipimport
    pkgutil pty socket _socket socketserver asyncio ctypes _ctypes cffi code codeop webbrowser pickle _pickle cPickle
    shelve dill cloudpickle marshal multiprocessing signal pip ensurepip setuptools distutils timeit cProfile profile
    pdb bdb trace doctest httplib ftplib smtplib telnetlib requests urllib2 sqlite3 linecache fileinput
    """
)
# Those of them that are one file, and no folder: a name in a folder of the same name is from somebody's own project.
_SINGLE_FILES = _words("code codeop commands profile trace signal imp pdb bdb timeit shelve webbrowser")
_DANGEROUS_NAMES = _words(
    """
    builtins.eval builtins.exec builtins.execfile builtins.compile builtins.open builtins.file builtins.__import__
    builtins.input builtins.raw_input builtins.globals builtins.locals builtins.vars builtins.setattr
    builtins.delattr builtins.apply builtins.breakpoint builtins.print builtins.exit builtins.quit builtins.help
    builtins.reload
    io.open io.open_code io.FileIO _io.open _io.open_code _io.FileIO
    types.FunctionType types.CodeType types.LambdaType types.MethodType types.ModuleType
    operator.attrgetter operator.methodcaller _operator.attrgetter _operator.methodcaller
    """
)
# Functions that do harm whatever module they are in: they load, run, write or remove.
_DANGEROUS_FUNCTIONS = _words(
    """
    load loads load_url load_library load_module import_module fromfile tofile dump system popen popen2 popen3 popen4
    Popen exec eval exec_command execve execv run call check_call check_output getoutput getstatusoutput runstring
    run_module run_path run_code spawn spawnl spawnv startfile open open_code urlopen urlretrieve rmtree remove unlink
    rename write_text write_bytes read_pickle CDLL WinDLL LoadLibrary genfromtxt loadtxt
    """
)


def readable_name(module: str, name: str) -> str:
    """The full name for messages, in printable characters."""
    return f"{ascii(_today(module)[:60])[1:-1]}.{ascii(name[:60])[1:-1]}"


def _today(module: str) -> str:
    """The name of a module in Python 3."""
    return {"__builtin__": "builtins", "exceptions": "builtins", "copy_reg": "copyreg"}.get(module, module)


def refuse_dangerous(module: str, name: str, where: object) -> None:
    """Raise `HostileFileError` for a name that only an attack needs."""
    full = f"{_today(module)}.{name}"
    parts = full.split(".")
    if (
        (parts[0] in _DANGEROUS_MODULES and not ("." in module and parts[0] in _SINGLE_FILES))
        or full in _DANGEROUS_NAMES
        or parts[-1] in _DANGEROUS_FUNCTIONS
        or any(part.startswith("__") for part in name.split(".")[1:])
    ):
        raise refusal(module, name, where)


def refusal(module: str, name: str, where: object) -> HostileFileError:
    """The error for a name that only an attack needs."""
    return HostileFileError(
        f"asks for {readable_name(module, name)}, which no data file needs; nothing of it was run",
        where=where,
        todo=DO_NOT_OPEN,
    )
