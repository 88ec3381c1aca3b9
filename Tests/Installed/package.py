"""The Debian package: it installs, works, and leaves nothing behind."""

import glob
import os
import shutil
import subprocess

NAME = "borgfs"


def call(*words, code=0, **options):
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8", **options.pop("variables", {}))
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300, check=False, **options)
    if code is not None:
        assert done.returncode == code, f"{' '.join(words)}: rc {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def is_installed(name):
    return "install ok installed" in call("dpkg-query", "-W", "-f", "${Status}", name, code=None).stdout


def install(package):
    """Manual pages are wanted even where the system leaves them out, as containers do."""
    call("apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120",
         "-o", "Dpkg::Options::=--path-include=/usr/share/man/*", "-o",
         "Dpkg::Options::=--path-include=/usr/share/doc/*", os.path.abspath(package))


def installed_files():
    paths = call("dpkg", "-L", NAME).stdout.splitlines()
    return [path for path in paths if os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path))]


def try_out(work):
    folder = os.path.join(work, "package")
    os.makedirs(os.path.join(folder, "mountpoint"))
    with open(os.path.join(folder, "file"), "w") as out:
        out.write("content\n")
    own = {"BORG_BASE_DIR": folder, "BORG_PASSPHRASE": "package", "BORG_REPO": os.path.join(folder, "repo")}
    call("borg", "init", "-e", "repokey-blake2", variables=own)
    call("borg", "create", "::one", "file", variables=own, cwd=folder)
    assert call("borg", "extract", "--stdout", "::one", variables=own, cwd=folder).stdout == "content\n"
    if os.path.exists("/dev/fuse"):
        mountpoint = os.path.join(folder, "mountpoint")
        call("mount", "-t", "fuse.borgfs", own["BORG_REPO"], mountpoint, variables=own)
        try:
            with open(os.path.join(mountpoint, "one", "file")) as file:
                assert file.read() == "content\n"
        finally:
            call("borg", "umount", mountpoint, variables=own)


def run(report, work, package):
    if not report.wants("package"):
        return
    with report.case("package: installs, works, and is purged without a trace"):
        for name in (NAME, "borgbackup"):
            assert not is_installed(name), f"{name} is installed already; this test would replace it"
        depends = call("dpkg-deb", "--field", package, "Depends").stdout
        for library in ("libc6", "fuse3", "libsodium", "libzstd"):
            assert library in depends, depends
        install(package)
        try:
            files = installed_files()
            assert call("borg", "--version").stdout == "borg 1.4.5\n" and shutil.which("borg") == "/usr/bin/borg"
            assert call("borgfs", "--version").stdout == "borgfs 1.4.5\n"
            for page in ("borg", "borg-create", "borg-key-export", "borg-patterns", "borgfs"):
                assert f"/{page}.1" in call("man", "-w", page).stdout, page
            assert "/usr/share/bash-completion/completions/borgfs" in files, files
            assert call("dpkg", "--verify", NAME).stdout == ""
            try_out(work)
        finally:
            call("dpkg", "--purge", NAME)
        left = [path for path in files if os.path.lexists(path)]
        assert not left and not is_installed(NAME), left
        assert call("man", "-w", "borg-create", code=None).returncode != 0


def run_install(report, work, program):
    """`Scripts/install` of the programs that are built already, into a prefix of its own, and back."""
    if not report.wants("install"):
        return
    with report.case("install: everything is below its prefix, and goes again"):
        scripts = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Scripts")
        prefix = os.path.join(work, "prefix")
        call(os.path.join(scripts, "install"), "--prefix", prefix, "--no-build")
        found = [os.path.relpath(path, prefix) for path in glob.glob(f"{prefix}/**/*", recursive=True)
                 if not os.path.isdir(path)]
        for path in ("bin/borg", "bin/borgfs", "share/man/man1/borg-list.1", "share/zsh/site-functions/_borg",
                     "share/bash-completion/completions/borg", "share/fish/vendor_completions.d/borg.fish"):
            assert path in found, (path, found)
        assert call(os.path.join(prefix, "bin/borgfs"), "-V").stdout == "borgfs 1.4.5\n"
        call(os.path.join(scripts, "install"), "--prefix", prefix, "--uninstall")
        assert not [path for path in glob.glob(f"{prefix}/**/*", recursive=True) if not os.path.isdir(path)]
