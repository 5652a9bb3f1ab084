"""Ways in which a life of the program ends before it is done.

Each is a function (rng, folder, command) -> Life. A strike that comes too late (the program was done)
is not counted. What is drawn depends on the seed alone; where it hits depends on the machine as well.
"""
import contextlib
import ctypes
import dataclasses
import os
import select
import shutil
import signal
import subprocess
import time

LIFE_MAX_S = 600  # A busy machine takes its time; what hangs does so for ever.


@dataclasses.dataclass
class Life:
    kind: str
    code: int | None  # None: it did not end within LIFE_MAX_S.
    struck: bool
    said: str = ""


def start(folder, command):
    log = open(os.path.join(folder, "log"), "ab")
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            start_new_session=True)


def finish(kind, process, struck_by=None):
    """Waits for the end; `struck_by` is the signal that counts as a strike."""
    try:
        code = process.wait(LIFE_MAX_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return Life(kind, None, False)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # strace that ends early leaves a stopped child.
    return Life(kind, code, struck_by is not None and code == -struck_by)


def none(_, folder, command):
    return finish("none", start(folder, command))


def at_random(rng, folder, command):
    """SIGKILL after a while: as likely after 5 ms as after half a second."""
    wait = 0.005 * 100 ** rng.random()
    process = start(folder, command)
    time.sleep(wait)
    process.kill()
    return finish("at random", process, signal.SIGKILL)


def twice(rng, folder, command):
    """Two kills, the second while the start after the first is still under way."""
    first = at_random(rng, folder, command)
    process = start(folder, command)
    time.sleep(0.002 + 0.015 * rng.random())
    process.kill()
    second = finish("in the start after a kill", process, signal.SIGKILL)
    return second if second.struck or second.code != 0 else first


def asked(rng, folder, command):
    """SIGTERM, and sometimes SIGKILL or a second SIGTERM in the drain that follows."""
    wait = 0.005 * 60 ** rng.random()
    process = start(folder, command)
    time.sleep(wait)
    process.terminate()
    then = rng.randrange(3)
    if then == 0:
        life = finish("SIGTERM", process)
        return dataclasses.replace(life, struck=life.code in (0, 75, -signal.SIGTERM))
    time.sleep(0.02 * rng.random())
    process.terminate() if then == 1 else process.kill()
    life = finish("SIGTERM, then another" if then == 1 else "SIGKILL in a drain", process)
    return dataclasses.replace(life, struck=life.code in (0, 75, -signal.SIGTERM, -signal.SIGKILL))


LIBC = ctypes.CDLL(None, use_errno=True)
IN_CHANGES = 0x2 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200  # modify, close, moved, create, delete


def at_event(rng, folder, command):
    """SIGKILL at the n-th change in data_dir: between the writes of a checkpoint."""
    state = os.path.join(folder, "state")
    os.makedirs(state, exist_ok=True)
    watch = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    LIBC.inotify_add_watch(watch, state.encode(), IN_CHANGES)
    left = int(1.0 * 60 ** rng.random())
    process = start(folder, command)
    until = time.monotonic() + LIFE_MAX_S
    while left > 0 and process.poll() is None and time.monotonic() < until:
        if not select.select([watch], [], [], 0.05)[0]:
            continue
        data = os.read(watch, 1 << 16)
        while data:  # struct inotify_event, inotify(7)
            size = 16 + int.from_bytes(data[12:16], "little")
            # Each slice that is evaluated is noted there.
            left -= not data[16:size].startswith(b"last_words")
            data = data[size:]
    process.kill()
    os.close(watch)
    return finish("at an event in data_dir", process, signal.SIGKILL)


CALLS = (
    "pwrite64,pwritev,write,writev",
    "fsync,fdatasync",
    "rename,renameat,renameat2,unlink,unlinkat",
    "open,openat",
    "ftruncate",
    "pread64,preadv,read,readv",
    "io_uring_enter",
    "newfstatat,statx,fstat,stat",
    "fcntl,mkdir,mkdirat,getdents64",
)


def has_strace():
    return shutil.which("strace") is not None


def at_call(rng, folder, command):
    """SIGKILL at the n-th system call of a kind, told by strace(1)."""
    calls = rng.choice(CALLS)
    when = int(1.0 * 300 ** rng.random())
    inject = f"inject={calls}:signal=SIGKILL:when={when}"
    traced = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject]
    return finish("at a system call", start(folder, traced + command), signal.SIGKILL)


ERRORS = (
    ("pwrite64,pwritev", ("ENOSPC", "EIO", "EDQUOT", "EINTR")),
    ("fsync,fdatasync", ("EIO", "ENOSPC", "EINTR")),
    ("rename,renameat,renameat2", ("ENOSPC", "EIO", "EROFS")),
    ("openat", ("EMFILE", "EACCES", "EIO", "ENOMEM")),
    ("ftruncate", ("EIO", "ENOSPC")),
    ("pread64,preadv", ("EIO", "EINTR", "EAGAIN")),
    ("newfstatat,statx,fstat", ("EIO", "ESTALE", "ENOMEM")),
    ("getdents64", ("EIO", "ENOMEM")),
)


def with_error(rng, folder, command):
    """A system call fails: once, now and then, or for ever from some moment on."""
    calls, errors = rng.choice(ERRORS)
    error = rng.choice(errors)
    # Before that the loader and the runtime's start are hit, which tells nothing.
    first = 25 + int(1.0 * 200 ** rng.random())
    often = rng.choice(["", "", "+" + str(rng.randrange(2, 40)), "+"])
    when = f"{first}..{first + 300}{often}" if often else str(first)
    inject = f"inject={calls}:error={error}:when={when}"
    traced = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject]
    process = start(folder, traced + command)
    time.sleep(0.05 + 1.0 * rng.random())
    process.poll() is None and process.terminate()
    time.sleep(0.05 + 0.3 * rng.random())
    process.poll() is None and os.killpg(process.pid, signal.SIGKILL)
    life = finish(f"{error} injected", process)
    return dataclasses.replace(life, struck=life.code is not None)
