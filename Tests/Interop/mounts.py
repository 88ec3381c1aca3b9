"""What the tests of mounts share: checks, a place to work in, mounts with their process, calls that may not hang."""
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

FAILURES = []
PATIENCE = 30


def check(what, expected, got):
    """Notes and tells a difference."""
    if expected != got:
        FAILURES.append(what)
        print('%s: expected %.300r, got %.300r' % (what, expected, got), flush=True)


def check_that(what, holds, told=''):
    check(what + (' (%s)' % (told,) if not holds else ''), True, bool(holds))


def attempt(call, *arguments, seconds=PATIENCE):
    """A call's result, its errno's name where it fails, 'hangs' where it takes longer."""
    result = ['hangs']

    def perform():
        try:
            result[0] = call(*arguments)
        except OSError as error:
            result[0] = errno.errorcode[error.errno]
    thread = threading.Thread(target=perform, daemon=True)
    thread.start()
    thread.join(seconds)
    return result[0]


def eventually(condition, seconds=PATIENCE):
    """Whether a condition comes to hold."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def read(path):
    return Path(path).read_bytes()


def read_uncached(path):
    """What the file system tells, the kernel's own pages having been dropped."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        pieces = []
        while piece := os.pread(descriptor, 1 << 20, sum(map(len, pieces))):
            pieces.append(piece)
        return b''.join(pieces)
    finally:
        os.close(descriptor)


class Mount:
    """A mount in the background, or with `foreground` one that this process is the parent of."""

    def __init__(self, stage, what, *options, foreground=False, program=None, environment=None, prefix=()):
        self.root = stage.root
        self.log = stage.work / 'log'
        words = list(prefix) + [program or stage.borg, 'mount', *(['-f'] if foreground else []), *options]
        words += [what, str(self.root)]
        environment = dict(stage.environment, **(environment or {}))
        self.process = None
        if foreground:
            with open(self.log, 'wb') as log:
                self.process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
            check_that('the mount is there', eventually(lambda: os.path.ismount(self.root) or self.process.poll()))
            self.pid = self.process.pid
        else:
            done = subprocess.run(words, env=environment, timeout=PATIENCE)
            check('mount exit code', 0, done.returncode)
            self.pid = self.find()

    def find(self):
        """The process in the background: the only one that lives with this mount point among its arguments."""
        for name in os.listdir('/proc'):
            if name.isdigit() and os.fsencode(str(self.root)) in words_of(name) and state_of(int(name)) != 'Z':
                return int(name)
        return None

    def lives(self):
        if self.process is not None and self.process.poll() is not None:
            return False
        return self.pid is not None and state_of(self.pid) not in (None, 'Z')

    def has_ended(self, seconds=PATIENCE):
        """Whether the process goes. What is left of one in the background is for process 1 to take away."""
        if self.process is not None:
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
            return True
        return self.pid is not None and eventually(lambda: state_of(self.pid) in (None, 'Z'), seconds)

    def unmount(self):
        check('umount', 0, subprocess.run(['umount', str(self.root)], timeout=PATIENCE).returncode)
        check_that('the process ends after umount', self.has_ended())

    def peak(self):
        """The most memory the process has had so far, in KiB."""
        for line in open('/proc/%d/status' % self.pid):
            if line.startswith('VmHWM:'):
                return int(line.split()[1])


def words_of(pid):
    try:
        return read('/proc/%s/cmdline' % pid).split(b'\0')
    except OSError:
        return []


def state_of(pid):
    try:
        return read('/proc/%d/stat' % pid).rpartition(b')')[2].split()[0].decode()
    except OSError:
        return None


class Stage:
    """A folder to work in with a repository's name and a mount point; takes everything away in the end."""

    def __init__(self, name, borg, oracle=None):
        self.name, self.borg = name, os.path.abspath(borg)
        self.oracle = oracle and os.path.abspath(oracle)
        self.work = Path(tempfile.mkdtemp(prefix=name + '-'))
        self.repository, self.root = self.work / 'repo', self.work / 'mnt'
        self.root.mkdir()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Mounts would be left behind.
        self.mounted = [self.root]
        self.environment = dict(
            os.environ, BORG_BASE_DIR=str(self.work / 'base'), BORG_PASSPHRASE='test', LC_ALL='C.UTF-8',
            BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK='yes', BORG_RELOCATED_REPO_ACCESS_IS_OK='yes')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in os.listdir('/proc'):
            if pid.isdigit() and os.fsencode(str(self.root)) in words_of(pid) and b'mount' in words_of(pid):
                os.kill(int(pid), 9)
        for place in reversed(self.mounted):
            while subprocess.call(['umount', '-l', str(place)], stderr=subprocess.DEVNULL) == 0:
                pass
        os.chdir('/')
        shutil.rmtree(self.work, ignore_errors=True)

    def run(self, *words, program=None, expected=0, **options):
        """Runs our borg, or another program, to its end."""
        options.setdefault('env', self.environment)
        done = subprocess.run(
            [program or self.borg, *map(str, words)], stdin=options.pop('stdin', subprocess.DEVNULL),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        if expected is not None:
            check_that('%s ends with %s' % (' '.join(map(str, words[:2])), expected), done.returncode == expected,
                       '%d: %.300s' % (done.returncode, done.stdout.decode(errors='replace')))
        return done

    def archive(self, name):
        return '%s::%s' % (self.repository, name)

    def finish(self):
        print('%s: %s' % (self.name, '%d checks failed' % len(FAILURES) if FAILURES else 'all checks passed'))
        return bool(FAILURES)
