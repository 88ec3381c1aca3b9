"""Mounts against each other: ours, the real borg, restic, squashfuse, and memoryfs, the in-memory yardstick.

Each measure is made on a fresh mount of the same folder, in turn, and what it reads is compared with the folder. `start`
finds nothing that an earlier mount of ours left behind; the others do, save the first of all. Printed are medians; `x real`
says how many times faster than the real borg ours is, `of yardstick` how many times the yardstick's time ours takes (below
1: faster), `cpu` the same of CPU time, the daemon's and its callers', which other work on the machine disturbs less.
`wanted` is what the mount is to reach, worked out from the same run's figures: compare it with `ours`.

Decoding is what our `extract --dry-run` of the same files takes beside its start. The limit of reading in order is the
slower of the yardstick itself and of its CPU time and the decoding's spread over all cores.
What is not installed is left out and said.
"""
import filecmp
import functools
import os
import random
import resource
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

    @property
    def cpu(self):
        """Seconds that the daemon has used so far."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def __exit__(self, *unused):
        for _ in range(50):
            if subprocess.call(['umount', str(self.point)], stderr=subprocess.DEVNULL) == 0:
                break
            time.sleep(0.1)
        self.process.wait()


# --- what is measured: `with watch` stands around it; a measure returns what it got done, nothing where that is fixed ---

class Watch:
    """Wall seconds and CPU seconds, of this process, its children and the daemon."""

    def __init__(self, mount):
        self.mount, self.seconds, self.cpu = mount, 0.0, 0.0

    def __enter__(self):
        self.start, self.cpu_before = time.monotonic(), self.used()

    def __exit__(self, *unused):
        self.seconds, self.cpu = time.monotonic() - self.start, self.used() - self.cpu_before

    def used(self):
        own = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in own) + self.mount.cpu


def expect(holds, message):
    if not holds:
        sys.exit(message)


@functools.cache
def known(folder):
    """Every path below the folder."""
    found = [os.path.join(place, name) for place, folders, files in os.walk(folder) for name in folders + files]
    return [os.path.relpath(path, folder) for path in found]


def list_root(root, source, watch):
    """What follows the start of the program, which `compare` adds."""
    with watch:
        names = os.listdir(root)
    expect(sorted(names) == sorted(os.listdir(source)), 'the root differs')


def finding(*words):
    def measure(root, source, watch):
        with watch:
            lines = subprocess.run(['find', str(root), *words], stdout=subprocess.PIPE, check=True).stdout.count(b'\n')
        expect(lines == len(known(source)) + 1, 'find saw %d entries' % lines)
    return measure


def list_long(root, source, watch):
    with watch:
        lines = subprocess.run(['ls', '-lR', str(root)], stdout=subprocess.PIPE, check=True).stdout.splitlines()
    entries = sum(line[:1] in b'-dl' for line in lines if line)
    expect(entries == len(known(source)), 'ls saw %d entries' % entries)


def find_again(root, source, watch):
    finding()(root, source, watch)
    finding()(root, source, watch)


def lstat_shuffled(root, source, watch):
    shuffled = list(known(source))
    random.Random(1).shuffle(shuffled)
    os.chdir(root)
    with watch:
        sizes = sum(os.lstat(path).st_size for path in shuffled)
    os.chdir('/')
    expect(sizes > 0, 'no sizes')


def tar(root, source, watch):
    words = ['bash', '-c', 'tar c -C "$0" . | wc -c']
    with watch:
        counted = subprocess.run([*words, str(root)], stdout=subprocess.PIPE)
    original = subprocess.run([*words, str(source)], stdout=subprocess.PIPE)
    expect(counted.stdout == original.stdout, 'tar wrote %s' % counted.stdout)


def copying(*words):
    def measure(root, source, watch):
        target = source.parent / 'copied'
        shutil.rmtree(target, ignore_errors=True)
        with watch:
            subprocess.run([*words, '%s/.' % root, str(target)], check=True)
        expect(subprocess.call(['diff', '-rq', str(source), str(target)]) == 0, 'the copy differs')
        shutil.rmtree(target)
    return measure


def heads(root, source, watch):
    """What thumbnailers do: the first bytes of every file, in order."""
    files = [path for path in sorted(known(source)) if (source / path).is_file()]
    total = 0
    with watch:
        for path in files:
            descriptor = os.open(root / path, os.O_RDONLY)
            total += len(os.pread(descriptor, 4096, 0))
            os.close(descriptor)
    expect(total == sum(min(4096, (source / path).stat().st_size) for path in files), 'heads differ')


def sequential(root, source, watch):
    buffer = bytearray(1 << 20)
    with watch, open(root / 'half', 'rb', buffering=0) as file:
        while file.readinto(buffer):
            pass
    expect(filecmp.cmp(root / 'half', source / 'half', shallow=False), 'contents differ')
    return (source / 'half').stat().st_size / 1e6


def sequential_again(root, source, watch):
    sequential(root, source, watch)
    return sequential(root, source, watch)


def reading_randomly(size, readers):
    """Reads at random places for a while with so many processes; the first reads of each are compared."""
    def measure(root, source, watch):
        length = (source / 'half').stat().st_size
        counts, count = os.pipe()
        with watch:
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
        return total
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


# --- what is wanted: bounds in a row's own unit, from the figures of the same run -----------------------------------------

SECONDS, MEGABYTES, OPERATIONS = 's', 'MB/s', 'ops/s'


def times_real(factor):
    def bound(row):
        return row.real and (row.real / factor if row.unit == SECONDS else row.real * factor)
    return bound, '%g x real' % factor


def yardstick(factor):
    def bound(row):
        return row.yardstick and (row.yardstick * factor if row.unit == SECONDS else row.yardstick / factor)
    return bound, '%g yardsticks' % factor


def yardstick_and_decoding(factor):
    def bound(row):
        return row.yardstick and row.yardstick * factor + row.decoding[0]
    return bound, '%g yardsticks + decoding' % factor


def part_of_limit(percent):
    def bound(row):
        if row.yardstick is None:
            return None
        amount = row.amount['yardstick']
        seconds = max(amount / row.yardstick, (row.cpu['yardstick'] + row.decoding[1]) / os.cpu_count())
        return percent / 100 * amount / seconds
    return bound, '%d%% of the limit' % percent


MEASURES = {
    'start': (list_root, 'many', SECONDS, [times_real(15)]),
    'start again': (list_root, 'many', SECONDS, []),
    'find': (finding(), 'many', SECONDS, [yardstick(1.3)]),
    'find again': (find_again, 'many', SECONDS, [yardstick(1.3)]),
    'find -ls': (finding('-ls'), 'many', SECONDS, [yardstick(1.3), times_real(3.5)]),
    'ls -lR': (list_long, 'many', SECONDS, []),
    'lstat shuffled': (lstat_shuffled, 'many', SECONDS, [yardstick(1.3), times_real(15)]),
    'tar': (tar, 'tree', SECONDS, [yardstick_and_decoding(1.5), times_real(2.5)]),
    'cp -a': (copying('cp', '-a'), 'tree', SECONDS, [yardstick_and_decoding(1.5), times_real(2.5)]),
    'rsync -a': (copying('rsync', '-a'), 'tree', SECONDS, [yardstick_and_decoding(1.5), times_real(2.5)]),
    'heads': (heads, 'tree', SECONDS, []),
    'sequential': (sequential, 'mix', MEGABYTES, [part_of_limit(75)]),
    'sequential again': (sequential_again, 'mix', MEGABYTES, [yardstick(1.3)]),
    **{'random %dk x%d' % (size, readers): (reading_randomly(size << 10, readers), 'mix', OPERATIONS, [times_real(50)])
       for size in (4, 128) for readers in (1, 4, 16)},
}


class Mounts:
    """The programs that are there, each with its own picture of a folder."""

    def __init__(self, work, ours, real):
        self.work, self.ours, self.real = work, ours, real
        self.env = dict(os.environ, BORG_BASE_DIR=str(work / 'base'), BORG_PASSPHRASE='bench', RESTIC_PASSWORD='bench',
                        XDG_CACHE_HOME=str(work / 'cache'), LC_ALL='C.UTF-8')
        self.kept = work / 'base' / '.cache' / 'borg' / 'borgfs'
        self.yardstick = work / 'memoryfs'
        flags = self.output('pkg-config', '--cflags', '--libs', 'fuse3').split()
        subprocess.run(['cc', '-O2', str(HERE / 'memoryfs.c'), *flags, '-o', str(self.yardstick)], check=True)
        self.implementations = [name for name in ('pyfuse3', 'llfuse') if self.has_module(name)]
        self.has_squashfuse = bool(shutil.which('mksquashfs') and shutil.which('squashfuse'))
        self.has_restic = bool(shutil.which('restic'))
        self.names = ['yardstick', 'ours', *('real ' + name for name in self.implementations)]
        self.names += ['squashfuse'] * self.has_squashfuse + ['restic'] * self.has_restic
        for name in ('real pyfuse3', 'real llfuse', 'squashfuse', 'restic'):
            if name not in self.names:
                print('not installed: %s' % name)

    def has_module(self, name):
        return subprocess.call([str(Path(self.real).parent / 'python'), '-c', 'import ' + name],
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
        self.run(self.real, 'create', self.archive(source), '.', cwd=source)
        mounts = [Mount('yardstick', [self.yardstick, source], folder / 'y', self.env),
                  Mount('ours', [self.ours, 'mount', '-f', self.archive(source)], folder / 'o', self.env)]
        for name in self.implementations:
            env = dict(self.env, BORG_FUSE_IMPL=name)
            mounts.append(Mount('real ' + name, [self.real, 'mount', '-f', self.archive(source)], folder / name, env))
        if self.has_squashfuse:
            self.run('mksquashfs', source, folder / 'image', '-comp', 'lz4', '-quiet', '-no-progress')
            mounts.append(Mount('squashfuse', ['squashfuse', '-f', folder / 'image'], folder / 's', self.env))
        if self.has_restic:
            self.run('restic', '-r', folder / 'restic', 'init')
            self.run('restic', '-r', folder / 'restic', 'backup', '-q', '.', cwd=source)
            mounts.append(Mount('restic', ['restic', '-r', folder / 'restic', 'mount'], folder / 'r', self.env,
                                root='ids'))
        return mounts

    def archive(self, source):
        return '%s::a' % (self.work / ('pictures-' + source.name) / 'repo')

    def decoding(self, source, runs):
        """Wall and CPU seconds that decoding takes: of the large file where there is one, else of all files."""
        part = ['half'] if (source / 'half').exists() else []
        cost = {}
        for _ in range(runs):
            for which, paths in (('all', part), ('start', ['no-such-path'])):
                cost.setdefault(which, []).append(self.dry_run(source, paths))
        whole, start = ([statistics.median(figure) for figure in zip(*cost[which])] for which in ('all', 'start'))
        return [max(0.0, a - b) for a, b in zip(whole, start)]

    def dry_run(self, source, paths):
        start = time.monotonic()
        child = subprocess.Popen([str(self.ours), 'extract', '--dry-run', self.archive(source), *paths], env=self.env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        expect(child.returncode in (0, 1), 'extract --dry-run: exit %d' % child.returncode)
        return time.monotonic() - start, usage.ru_utime + usage.ru_stime


def restic_root(ids):
    """The one snapshot's folder, which holds the path that was backed up."""
    place = ids / os.listdir(ids)[0]
    while len(os.listdir(place)) == 1:
        place = place / os.listdir(place)[0]
    return place


class Row:
    """The medians of one measure, by mount."""

    def __init__(self, name, unit, decoding):
        self.name, self.unit, self.decoding = name, unit, decoding
        self.runs = {}

    def add(self, mount, amount, seconds, cpu):
        value = seconds if self.unit == SECONDS else amount / seconds
        self.runs.setdefault(mount, []).append((value, cpu, amount))

    def finish(self):
        medians = {mount: [statistics.median(figures) for figures in zip(*runs)] for mount, runs in self.runs.items()}
        self.value, self.cpu, self.amount = ({mount: found[place] for mount, found in medians.items()}
                                             for place in range(3))
        self.yardstick, self.ours = self.value.get('yardstick'), self.value.get('ours')
        reals = [value for mount, value in self.value.items() if mount.startswith('real')]
        self.real = (min if self.unit == SECONDS else max)(reals) if reals else None

    def show(self, names, wanted):
        line = '%-17s' % self.name
        for name in names:
            line += '%14s' % (self.text(self.value[name]) if name in self.value else '')
        line += '%9s%13s' % (self.faster(self.ours, self.real), self.faster(self.yardstick, self.ours))
        cpus = [self.cpu.get(name) for name in ('ours', 'yardstick')]
        line += '%7s   ' % ('%.2f' % (cpus[0] / cpus[1]) if all(cpus) and self.unit != OPERATIONS else '')
        bounds = [(bound(self), text) for bound, text in wanted]
        sign = '<=' if self.unit == SECONDS else '>='
        print(line + ', '.join('%s %s (%s)' % (sign, self.text(bound), text) for bound, text in bounds if bound),
              flush=True)

    def text(self, value):
        return ('%.3f %s' if self.unit == SECONDS else '%.0f %s') % (value, self.unit)

    def faster(self, one, other):
        """How many times faster the one is."""
        if one is None or other is None:
            return ''
        return '%.2f' % (other / one if self.unit == SECONDS else one / other)


def compare(work, ours, real, corpora, rows, runs, only):
    mounts = Mounts(work, ours, real)
    shown, decoding = {}, {}
    names = [name for name in mounts.names if not only or any(name.startswith(wanted) for wanted in only.split(','))]
    print('%-17s' % 'measure' + ''.join('%14s' % name for name in names)
          + '%9s%13s%7s   wanted' % ('x real', 'of yardstick', 'cpu'))
    for name, (measure, corpus, unit, wanted) in MEASURES.items():
        if rows and not any(name.startswith(chosen) for chosen in rows.split(',')):
            continue
        source = corpora(corpus)
        if corpus not in shown:
            for pictures in shown:
                shutil.rmtree(work / ('pictures-' + pictures))
            shown = {corpus: mounts.of(source)}
            decoding = mounts.decoding(source, runs)
        row = Row(name, unit, decoding)
        for _ in range(runs):
            for mount in (mount for mount in shown[corpus] if mount.name in names):
                if name == 'start':
                    shutil.rmtree(mounts.kept, ignore_errors=True)
                start = time.monotonic()
                with mount as root:
                    started = time.monotonic() - start if name.startswith('start') else 0
                    root = restic_root(root) if mount.name == 'restic' else root
                    watch = Watch(mount)
                    amount = measure(root, source, watch)
                    row.add(mount.name, amount or 0, started + watch.seconds, watch.cpu)
        row.finish()
        row.show(names, wanted)
