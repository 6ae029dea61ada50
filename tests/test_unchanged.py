"""A lint of what has not changed is answered at once, and never with another answer than a new lint would give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from msaspec.linting import inputs, unchanged
from msaspec.linting.unchanged import Answer, Said

PROGRAM = Path(sys.executable).with_name("msaspec")
SMALL = """\
msaspec: 1
name: small
region: eu-west-1
network: {placement: public}
defaults: {runtime: instance}
services:
  web: {image: docker.io/nginx:1.29, port: 80}
"""
FAULTY = SMALL + "patches:\n  - {op: add, path: /Resources/X, value: {Type: AWS::S3::Bukket}}\n"
FOREIGN = (
    "CI",
    "PYTHONPATH",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    unchanged.TRUSTED,
)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, a working directory and a cache of the test's own."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path / "here")
    Path("msa.yaml").write_text(SMALL, "utf-8")
    return tmp_path


def python(program: str, *arguments: str, options: tuple[str, ...] = ("-P",)) -> str:
    """What a program prints; -P keeps the working directory off the path, as the script `msaspec` does."""
    command = [sys.executable, *options, "-c", textwrap.dedent(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout


REMEMBER = """
    import sys
    from msaspec.linting import unchanged
    question = unchanged.question(sys.argv[1:])
    question.remember(unchanged.Answer(1, (unchanged.Said("out", "kept"),)))
"""
ASK = """
    import sys
    from msaspec.linting import unchanged
    question = unchanged.question(sys.argv[1:])
    print(question and question.answer())
"""
KEPT = f"{Answer(1, (Said('out', 'kept'),))}\n"


def append(file: str, text: str = "# a comment\n") -> Callable[[pytest.MonkeyPatch], object]:
    """A change: text at the end of a file."""

    def change(_: pytest.MonkeyPatch) -> None:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        with open(file, "a", encoding="utf-8") as stream:
            stream.write(text)

    return change


def variable(name: str, value: str = "1") -> Callable[[pytest.MonkeyPatch], object]:
    """A change: a variable of the environment."""
    return lambda patched: patched.setenv(name, value)


@pytest.mark.parametrize(
    "change",
    [
        append("msa.yaml"),
        append("other.yaml"),
        append("own.rc"),
        append(".cfnlintrc"),
        append(".cfnlintrc.yml"),
        append("../home/.cfnlintrc.yaml"),
        append("../home/.cache/aws/cfn-lint/schemas/version.json"),
        lambda _: Path("absent.yaml").mkdir(),
        variable("AWS_REGION"),
        variable("AWS_DEFAULT_REGION"),
        variable("MSASPEC_CFNLINTRC"),
        variable("MSASPEC_ANYTHING"),
        variable("LC_ALL", "C"),
        variable("XDG_CACHE_HOME", "/nowhere"),
        variable("PYTHONUTF8"),
        variable("PYTHONHASHSEED"),
        variable("SYMPY_DEBUG", "True"),
        variable("HOME", "/"),
        lambda patched: patched.chdir(".."),
    ],
)
def test_the_answer_to_another_question_is_not_given(
    change: Callable[[pytest.MonkeyPatch], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change to anything that a lint depends on makes it another one; without one the answer is there."""
    Path("other.yaml").write_text(SMALL, "utf-8")
    words = ("lint", "other.yaml", "absent.yaml", "--cfnlintrc=own.rc")
    python(REMEMBER, *words)
    assert python(ASK, *words) == KEPT
    change(monkeypatch)
    assert python(ASK, *words) == "None\n"


@pytest.mark.parametrize(
    "words",
    [
        ("lint", "--strict"),
        ("lint", "msa.yaml"),
        ("lint", "--format", "json"),
        ("lint", "--env", "prod"),
        ("lint", "--"),
    ],
)
def test_other_arguments_are_another_question(words: tuple[str, ...]) -> None:
    """So are the same arguments in another order."""
    python(REMEMBER, "lint")
    assert python(ASK, "lint") == KEPT
    assert python(ASK, *words) == "None\n"


@pytest.mark.parametrize("options", [("-P", "-O"), ("-P", "-W", "error"), ("-P", "-X", "utf8")])
def test_another_python_is_another_question(options: tuple[str, ...]) -> None:
    """As is the same with other flags."""
    python(REMEMBER, "lint")
    assert python(ASK, "lint", options=options) == "None\n"


def test_a_clock_past_the_day_on_which_cfn_lint_changes_its_mind() -> None:
    """Some findings depend on the day: an answer holds for as long as they stay, also where the clock is set back."""
    python(REMEMBER, "lint")
    for day in ("1999-01-01", "2999-01-01"):
        asked = ASK.replace("print(", f"unchanged.time.strftime = lambda form: '{day}'\n    print(")
        assert python(asked, "lint") == "None\n"
    assert python(ASK, "lint") == KEPT


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("compile",), {}),
        ((), {}),
        (("lint", "-"), {}),
        (("lint", "--no-cache"), {}),
        (("lint", "--help"), {}),
        (("lint",), {"CI": "true", "MSASPEC_CACHE_DIR": ""}),
        (("lint",), {"PYTHONPATH": "."}),
    ],
)
def test_what_is_not_to_be_remembered(
    words: tuple[str, ...], variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other commands, standard input, `--no-cache`, CI without a cache of its own, modules from elsewhere."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert python(
        "import sys; from msaspec.linting import unchanged; print(unchanged.question(sys.argv[1:]))", *words
    ) == ("None\n")


def test_modules_of_the_working_directory_are_not_in_the_hash() -> None:
    """`python -m msaspec` could import any of them, so then nothing is asked."""
    assert python("from msaspec.linting import unchanged; print(unchanged.question(['lint']))", options=()) == "None\n"


def test_an_answer_is_kept_only_if_the_files_stayed_as_they_were() -> None:
    """A file that is saved while it is linted may have been read before or after, even if it is as before again."""
    change = """
        import os, sys
        from pathlib import Path
        from msaspec.linting import unchanged
        question = unchanged.question(["lint"])
        text = Path("msa.yaml").read_bytes()
        Path("msa.yaml").write_bytes(b"other")
        Path("msa.yaml").write_bytes(text)
        question.remember(unchanged.Answer(0, ()))
    """
    python(change)
    assert python(ASK, "lint") == "None\n"


def test_an_answer_is_kept_only_if_all_modules_are_in_the_hash(alone: Path) -> None:
    """Such as not where cfn-lint, or anything, was loaded from a folder of its own."""
    (alone / "elsewhere").mkdir()
    (alone / "elsewhere" / "foreign.py").write_text("", "utf-8")
    program = f"""
        import sys
        from msaspec.linting import unchanged
        question = unchanged.question(["lint"])
        sys.path.append({str(alone / "elsewhere")!r})
        import foreign
        sys.path.pop()
        question.remember(unchanged.Answer(0, ()))
    """
    python(program)
    assert python(ASK, "lint") == "None\n"


def test_an_answer_of_somebody_else_is_none(alone: Path) -> None:
    """A file in the cache that another user made, or that was changed, is as good as none."""
    python(REMEMBER, "lint")
    (file,) = (alone / "cache" / "answers").iterdir()
    kept = file.read_bytes()
    file.write_bytes(kept.replace(b"kept", b"fake"))
    assert python(ASK, "lint") == "None\n"
    file.write_bytes(kept)
    assert python(ASK, "lint") == KEPT
    (alone / "home" / ".local" / "state" / "msaspec" / "verdicts.key").write_bytes(b"x" * 32)
    assert python(ASK, "lint") == "None\n"


def lint(*words: str, heavy: list[str] | None = None) -> tuple[int, str, str]:
    """What the command does; `heavy` gets the modules that it imported."""
    command = [str(PROGRAM), "lint", *words]
    if heavy is not None:
        command[:0] = [sys.executable, "-X", "importtime"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines(keepends=True)
    if heavy is not None:
        heavy += [line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")]
    return done.returncode, done.stdout, "".join(line for line in lines if not line.startswith("import time:"))


@pytest.mark.parametrize(
    ("manifest", "words", "code"),
    [
        (SMALL, (), 0),
        (FAULTY, (), 1),
        (FAULTY, ("--format", "json"), 1),
        (SMALL.replace("eu-west-1", "eu-west-9"), ("--strict",), 1),
        (SMALL.replace("small", "smäll"), (), 1),
        (SMALL + "patches: [\n", ("--format=json",), 1),
    ],
)
def test_the_second_lint_says_the_same(manifest: str, words: tuple[str, ...], code: int) -> None:
    """Word for word on both streams, with the same exit code, and without an import that takes time."""
    Path("msa.yaml").write_text(manifest, "utf-8")
    Path(".cfnlintrc").write_text("ignore_checks: [E3006]\n", "utf-8")
    first = lint(*words)
    assert first[0] == code, first
    assert "Ignored: .cfnlintrc" in first[1 if "json" in "".join(words) else 2]
    imported: list[str] = []
    assert lint(*words, heavy=imported) == first
    ours = {"msaspec.linting.unchanged", "msaspec.linting.inputs", "msaspec.linting.sealed"}
    assert ours <= set(imported)
    if manifest.isascii():
        heavy = {"click", "yaml", "pydantic", "troposphere", "cfnlint", "pathlib", "dataclasses", "platformdirs"}
        assert not heavy.intersection(imported)
    Path("msa.yaml").write_text(manifest + "# a comment\n", "utf-8")
    again: list[str] = []
    lint(*words, heavy=again)
    assert "yaml" in again


def test_nothing_is_remembered_of_rules_in_other_files(alone: Path) -> None:
    """What those hold is not in the hash."""
    Path("own.rc").write_text("append_rules: [rules]\n", "utf-8")
    Path("rules").mkdir()
    lint("--cfnlintrc", "own.rc")
    assert not (alone / "cache").exists()


def test_an_answer_that_nobody_reads() -> None:
    """A closed pipe is no traceback, the first time and again."""
    Path("msa.yaml").write_text(FAULTY, "utf-8")
    for _ in range(2):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([str(PROGRAM), "lint"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
        os.close(write)
        assert (done.returncode, done.stderr) == (1, "\n1 file, 1 stack: 1 error.\n")


WATCH = """
    import json, os, sys
    opened, asked = set(), set()

    class Watched(type(os.environ)):
        def __getitem__(self, name):
            asked.add(name)
            return super().__getitem__(name)

        def __contains__(self, name):
            asked.add(name)
            return super().__contains__(name)

        def items(self):  # for names with a certain beginning
            return dict(zip(self, map(super().__getitem__, self))).items()

    def hook(event, arguments):
        if event == "open" and isinstance(arguments[0], str | bytes) and not isinstance(arguments[2], type(None)):
            if not arguments[2] & (os.O_WRONLY | os.O_RDWR):
                opened.add(os.path.abspath(os.fsdecode(arguments[0])))

    os.environ.__class__ = Watched
    sys.addaudithook(hook)
    from msaspec.__main__ import run
    sys.argv = ["msaspec", "lint", *sys.argv[1:]]
    try:
        run()
    except SystemExit:
        pass
    sys.stdout.flush()
    print("\\n" + json.dumps([sorted(opened), sorted(asked)]))
"""


def test_all_that_a_lint_reads_is_in_the_hash(alone: Path) -> None:
    """A lint is watched: each file that it opens and each variable that it asks for makes another question.

    Whoever lets a manifest name further files has to put these into the hash: `Question.files`.
    """
    root = Path(inputs.PACKAGE).parent
    manifest = root / "examples" / "production" / "msa.yaml"
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(WATCH), str(manifest)], capture_output=True, text=True, check=True
    )
    opened, asked = json.loads(done.stdout.splitlines()[-1])
    library = os.path.dirname(os.__file__)
    named = {path for path in sys.path if path.endswith(".zip")}  # of Python's library, which most do not have
    hashed = (library, inputs.PACKAGE, *(folder for folder in sys.path if folder.endswith("site-packages")))
    cached = str(alone / "cache"), str(alone / "home" / ".local" / "state" / "msaspec")
    named |= {str(manifest)} | {os.path.abspath(file) for file in unchanged.Question([str(manifest)]).files()}
    named |= {os.path.join(folder, "version.json") for folder in inputs.schema_folders()}
    assert [file for file in opened if not file.startswith((*hashed, *cached)) and file not in named] == []
    assert [name for name in asked if name not in unchanged.VARIABLES and not name.startswith(unchanged.PREFIXES)] == []


def test_files_that_a_manifest_names_are_read_again() -> None:
    """What is in them is in no hash, so nothing is kept of a manifest that names one."""
    uses = "uses: {main: {init: ./schema.sql}}"
    text = SMALL.replace("port: 80}", f"{uses}}}").replace("defaults:", "databases: {main: }\ndefaults:")
    Path("msa.yaml").write_text(text, "utf-8")
    codes = []
    for sql in ("CREATE TABLE item (id int);\n", "\\connect other\n"):
        Path("schema.sql").write_text(sql, "utf-8")
        done = subprocess.run([PROGRAM, "lint"], capture_output=True, text=True, check=False)
        codes.append((done.returncode, "MSA406" in done.stdout))
    assert codes == [(0, False), (1, True)]
