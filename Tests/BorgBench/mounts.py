"""Mounts against each other: ours, the real borg, restic, squashfuse, and memoryfs, the in-memory yardstick.

Each measure is made on a fresh mount of the same folder, in turn, and what it reads is compared with the folder. Printed are
medians; `x real` says how many times faster than the real borg ours is, `of yardstick` how many times the yardstick's time
ours takes (below 1: faster). What is not installed is left out and said.
"""
import filecmp
import functools
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
READ_SECONDS = 2.0


class Mount:
    """One program's mount of one folder: `start` makes it live and `root` is the folder in it."""

    def __init__(self, name, words, folder, env, root=''):
        self.name, self.words, self.folder, self.env = name, words, folder, env
        self.point = folder / 'mnt'
        self.root = self.point / root
        self.point.mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        words = [str(word) for word in self.words] + [str(self.point)]
        self.process = subprocess.Popen(words, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not os.path.ismount(self.point):
            expect(self.process.poll() is None, '%s ended' % self.name)
            time.sleep(0.002)
        return self.root

    def __exit__(self, *unused):
        for _ in range(50):
            if subprocess.call(['umount', str(self.point)], stderr=subprocess.DEVNULL) == 0:
                break
            time.sleep(0.1)
        self.process.wait()


# --- what is measured: each returns seconds, or operations a second with a unit ------------------------------------------

def expect(holds, message):
    if not holds:
        sys.exit(message)


@functools.cache
def known(folder):
    """Every path below the folder."""
    found = [os.path.join(place, name) for place, folders, files in os.walk(folder) for name in folders + files]
    return [os.path.relpath(path, folder) for path in found]


def list_root(root, source):
    """What follows the start of the program, which `compare` adds."""
    start = time.monotonic()
    expect(sorted(os.listdir(root)) == sorted(os.listdir(source)), 'the root differs')
    return time.monotonic() - start


def finding(*words):
    def measure(root, source):
        start = time.monotonic()
        lines = subprocess.run(['find', str(root), *words], stdout=subprocess.PIPE, check=True).stdout.count(b'\n')
        seconds = time.monotonic() - start
        expect(lines == len(known(source)) + 1, 'find saw %d entries' % lines)
        return seconds
    return measure


def find_again(root, source):
    finding()(root, source)
    return finding()(root, source)


def lstat_shuffled(root, source):
    shuffled = list(known(source))
    random.Random(1).shuffle(shuffled)
    os.chdir(root)
    start = time.monotonic()
    sizes = sum(os.lstat(path).st_size for path in shuffled)
    seconds = time.monotonic() - start
    os.chdir('/')
    expect(sizes > 0, 'no sizes')
    return seconds


def tar(root, source):
    start = time.monotonic()
    counted = subprocess.run(['bash', '-c', 'tar c -C "$0" . | wc -c', str(root)], stdout=subprocess.PIPE)
    seconds = time.monotonic() - start
    original = subprocess.run(['bash', '-c', 'tar c -C "$0" . | wc -c', str(source)], stdout=subprocess.PIPE)
    expect(counted.stdout == original.stdout, 'tar wrote %s' % counted.stdout)
    return seconds


def copying(*words):
    def measure(root, source):
        target = source.parent / 'copied'
        shutil.rmtree(target, ignore_errors=True)
        start = time.monotonic()
        subprocess.run([*words, '%s/.' % root, str(target)], check=True)
        seconds = time.monotonic() - start
        expect(subprocess.call(['diff', '-rq', str(source), str(target)]) == 0, 'the copy differs')
        shutil.rmtree(target)
        return seconds
    return measure


def heads(root, source):
    """What thumbnailers do: the first bytes of every file, in order."""
    files = [path for path in sorted(known(source)) if (source / path).is_file()]
    start = time.monotonic()
    total = 0
    for path in files:
        descriptor = os.open(root / path, os.O_RDONLY)
        total += len(os.pread(descriptor, 4096, 0))
        os.close(descriptor)
    seconds = time.monotonic() - start
    expect(total == sum(min(4096, (source / path).stat().st_size) for path in files), 'heads differ')
    return seconds


def read_through(path, original):
    buffer = bytearray(1 << 20)
    start = time.monotonic()
    with open(path, 'rb', buffering=0) as file:
        while file.readinto(buffer):
            pass
    seconds = time.monotonic() - start
    expect(filecmp.cmp(path, original, shallow=False), 'contents differ')
    return original.stat().st_size / seconds / 1e6


def sequential(root, source):
    return read_through(root / 'half', source / 'half')


def sequential_again(root, source):
    read_through(root / 'half', source / 'half')
    return read_through(root / 'half', source / 'half')


def reading_randomly(size, readers):
    """Reads at random places for a while with so many processes; the first reads of each are compared."""
    def measure(root, source):
        length = (source / 'half').stat().st_size
        counts, count = os.pipe()
        for number in range(readers):
            child = os.fork()
            if child == 0:
                os.write(count, b'%d\n' % read_randomly(root, source, size, length, number))
                os._exit(0)
        for _ in range(readers):
            expect(os.wait()[1] == 0, 'a reader failed')
        total = sum(map(int, os.read(counts, 65536).split()))
        os.close(counts)
        os.close(count)
        return total / READ_SECONDS
    return measure


def read_randomly(root, source, size, length, number):
    chance = random.Random(number)
    mounted, original = (os.open(place / 'half', os.O_RDONLY) for place in (root, source))
    os.posix_fadvise(mounted, 0, 0, os.POSIX_FADV_RANDOM)
    done = 0
    end = time.monotonic() + READ_SECONDS
    while time.monotonic() < end:
        offset = chance.randrange((length - size) // 4096) * 4096
        read = os.pread(mounted, size, offset)
        if done < 20 and read != os.pread(original, size, offset):
            os._exit(1)
        done += 1
    return done


# --- tables --------------------------------------------------------------------------------------------------------------

SECONDS, MEGABYTES, OPERATIONS = 's', 'MB/s', 'ops/s'
MEASURES = {
    'start': (list_root, 'many', SECONDS),
    'find': (finding(), 'many', SECONDS),
    'find again': (find_again, 'many', SECONDS),
    'find -ls': (finding('-ls'), 'many', SECONDS),
    'lstat shuffled': (lstat_shuffled, 'many', SECONDS),
    'tar': (tar, 'tree', SECONDS),
    'cp -a': (copying('cp', '-a'), 'tree', SECONDS),
    'rsync -a': (copying('rsync', '-a'), 'tree', SECONDS),
    'heads': (heads, 'tree', SECONDS),
    'sequential': (sequential, 'mix', MEGABYTES),
    'sequential again': (sequential_again, 'mix', MEGABYTES),
    **{'random %dk x%d' % (size, readers): (reading_randomly(size << 10, readers), 'mix', OPERATIONS)
       for size in (4, 128) for readers in (1, 4, 16)},
}


class Mounts:
    """The programs that are there, each with its own picture of a folder."""

    def __init__(self, work, ours, real):
        self.work, self.ours, self.real = work, ours, real
        self.env = dict(os.environ, BORG_BASE_DIR=str(work / 'base'), BORG_PASSPHRASE='bench', RESTIC_PASSWORD='bench',
                        XDG_CACHE_HOME=str(work / 'cache'), LC_ALL='C.UTF-8')
        self.yardstick = work / 'memoryfs'
        flags = self.output('pkg-config', '--cflags', '--libs', 'fuse3').split()
        subprocess.run(['cc', '-O2', str(HERE / 'memoryfs.c'), *flags, '-o', str(self.yardstick)], check=True)
        self.has_llfuse = subprocess.call([str(Path(real).parent / 'python'), '-c', 'import llfuse'],
                                          stderr=subprocess.DEVNULL) == 0
        self.has_pyfuse3 = subprocess.call([str(Path(real).parent / 'python'), '-c', 'import pyfuse3'],
                                           stderr=subprocess.DEVNULL) == 0

    def output(self, *words):
        return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=self.env).stdout

    def run(self, *words, **options):
        subprocess.run([str(word) for word in words], check=True, env=self.env, stdout=subprocess.DEVNULL, **options)

    def of(self, source):
        """A mount of the folder by each program."""
        folder = self.work / ('pictures-' + source.name)
        folder.mkdir()
        self.run(self.real, 'init', '-e', 'repokey', folder / 'repo', stderr=subprocess.DEVNULL)
        self.run(self.real, 'create', '%s::a' % (folder / 'repo'), '.', cwd=source)
        archive = '%s::a' % (folder / 'repo')
        mounts = [Mount('yardstick', [self.yardstick, source], folder / 'y', self.env),
                  Mount('ours', [self.ours, 'mount', '-f', archive], folder / 'o', self.env)]
        for name, there in (('pyfuse3', self.has_pyfuse3), ('llfuse', self.has_llfuse)):
            if there:
                env = dict(self.env, BORG_FUSE_IMPL=name)
                mounts.append(
                    Mount('real ' + name, [self.real, 'mount', '-f', archive], folder / name, env))
            else:
                print('not installed beside the real borg: %s' % name)
        if shutil.which('mksquashfs') and shutil.which('squashfuse'):
            self.run('mksquashfs', source, folder / 'image', '-comp', 'lz4', '-quiet', '-no-progress')
            mounts.append(Mount('squashfuse', ['squashfuse', '-f', folder / 'image'], folder / 's', self.env))
        else:
            print('not installed: squashfuse, squashfs-tools')
        if shutil.which('restic'):
            self.run('restic', '-r', folder / 'restic', 'init')
            self.run('restic', '-r', folder / 'restic', 'backup', '-q', '.', cwd=source)
            mounts.append(Mount('restic', ['restic', '-r', folder / 'restic', 'mount'], folder / 'r', self.env,
                                root='ids'))
        else:
            print('not installed: restic')
        return mounts


def restic_root(ids):
    """The one snapshot's folder, which holds the path that was backed up."""
    place = ids / os.listdir(ids)[0]
    while len(os.listdir(place)) == 1:
        place = place / os.listdir(place)[0]
    return place


def compare(work, ours, real, corpora, rows, runs, only):
    mounts = Mounts(work, ours, real)
    shown = {}
    names = ['yardstick', 'ours', 'real pyfuse3', 'real llfuse', 'squashfuse', 'restic']
    print('%-18s' % 'measure' + ''.join('%14s' % name for name in names) + '%10s%14s' % ('x real', 'of yardstick'))
    for name, (measure, corpus, unit) in MEASURES.items():
        if rows and not any(name.startswith(wanted) for wanted in rows.split(',')):
            continue
        if corpus not in shown:
            for pictures in shown:
                shutil.rmtree(work / ('pictures-' + pictures))
            shown = {corpus: mounts.of(corpora(corpus))}
        results = {}
        for _ in range(runs):
            for mount in shown[corpus]:
                if only and not any(mount.name.startswith(wanted) for wanted in only.split(',')):
                    continue
                start = time.monotonic()
                with mount as root:
                    started = time.monotonic() - start if name == 'start' else 0
                    root = restic_root(root) if mount.name == 'restic' else root
                    results.setdefault(mount.name, []).append(started + measure(root, corpora(corpus)))
        show(name, unit, names, {name: statistics.median(values) for name, values in results.items()})


def show(name, unit, names, values):
    line = '%-18s' % name
    for column in names:
        line += '%14s' % ('%.3f %s' % (values[column], unit) if unit == SECONDS else '%.0f %s' % (values[column], unit)
                          ) if column in values else '%14s' % ''
    ours = values.get('ours')

    def times(other, mine):
        if mine is None or other is None:
            return ''
        return '%.2f' % (other / mine if unit == SECONDS else mine / other)
    reals = [values[column] for column in names if column.startswith('real') and column in values]
    best = (min if unit == SECONDS else max)(reals) if reals else None
    print(line + '%10s%14s' % (times(best, ours), times(ours, values.get('yardstick'))), flush=True)
