"""A Slurm of one node on this machine, for the tests of a cluster: started in a temporary folder, with accounting.

It needs root, and the Debian packages slurmd slurmctld slurm-client slurmdbd munge mariadb-server. No systemd, no
cgroups and nothing of the machine's own Slurm are used: every daemon has its files in the folder, and ports of its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import machine

PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "mariadb-install-db", "sbatch", "srun", "scancel")
FOLDERS = f"/usr/sbin{os.pathsep}/usr/bin{os.pathsep}/bin"  # tests see no launchers (tests/machine.py)
MUNGE, DATABASE = "munge", "mysql"  # the users of these daemons, which refuse to run as root
CPUS = 4  # of the node, whatever the machine has: three jobs and one more
PATIENCE = 60  # seconds until a daemon must answer

_SLURM = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounts}
AccountingStoragePass={folder}/munge.socket
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=tests Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=20
PartitionName=urgent Nodes={host} MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
"""
_ACCOUNTS = """
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={accounts}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
"""


def lacks() -> str | None:
    """Why no Slurm can be started here; None: it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "a Slurm for tests needs root"
    import pwd  # not on Windows

    missing = [name for name in PROGRAMS if shutil.which(name, path=FOLDERS) is None]
    users = {entry.pw_name for entry in pwd.getpwall()}
    missing += [f"the user {name}" for name in (MUNGE, DATABASE) if name not in users]
    return f"no Slurm here: {', '.join(missing)} missing (tests/cluster/slurm.py)" if missing else None


class Slurm:
    """The daemons of a Slurm in `folder`, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._daemons: list[subprocess.Popen[bytes]] = []
        names = ("controller", "node", "accounts", "database")
        self._values = {name: str(_free_port()) for name in names}
        self._values |= {"host": socket.gethostname().split(".")[0], "folder": str(folder), "cpus": str(CPUS)}

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of a process needs to use this Slurm."""
        path = os.environ["PATH"].split(os.pathsep)
        own = [folder for folder in path if not Path(folder).is_relative_to(machine.HOME.parent)]  # mirrors, no srun
        return {
            "PATH": os.pathsep.join([*own, *FOLDERS.split(os.pathsep)]),
            "SLURM_CONF": str(self.folder / "slurm.conf"),
        }

    def run(self, *words: str) -> str:
        """The output of a command of Slurm. Raises CalledProcessError."""
        done = subprocess.run(
            words, env=os.environ | self.environment, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return done.stdout.strip()

    def states(self, job: str) -> list[str]:
        """The states of a job, or of the jobs of an array, from the accounts."""
        found = self.run("sacct", "-n", "-X", "-P", "-o", "State", "-j", job)
        return [line.split()[0] for line in found.splitlines()]

    def start(self) -> None:
        """Start all daemons, and wait until the node takes jobs. Raises AssertionError, with a log."""
        for name in ("state", "spool", "database"):
            (self.folder / name).mkdir()
        for name, text in (("slurm.conf", _SLURM), ("slurmdbd.conf", _ACCOUNTS)):
            path = self.folder / name
            path.touch(mode=0o600)  # slurmdbd wants it
            path.write_text(text.format(**self._values), encoding="utf-8")
        (self.folder / "slurm.conf").chmod(0o644)
        self._munge()
        self._database()
        self._daemon("slurmdbd", "-D")
        self._until(lambda: self._listens("accounts"), "slurmdbd")
        self._daemon("slurmctld", "-D", "-i")
        self._daemon("slurmd", "-D")
        self._until(lambda: self.run("sinfo", "-h", "-o", "%T") == "idle", "slurmctld")
        self._until(lambda: "tests" in self.run("sacctmgr", "-n", "-P", "list", "cluster"), "slurmdbd")

    def stop(self) -> None:
        """End all jobs and daemons."""
        with suppress(subprocess.SubprocessError):
            self.run("scancel", "--signal=KILL", "--user=root", "--full")
        with suppress(subprocess.SubprocessError):
            self.run("scancel", "--user=root")
            self._until(lambda: not self.run("squeue", "-h"), "slurmctld")
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()

    def _munge(self) -> None:
        keys = self.folder / "keys"  # apart: everybody must reach the socket, and nobody the key
        keys.mkdir(mode=0o700)
        (keys / "munge.key").write_bytes(secrets.token_bytes(1024))
        (keys / "munge.key").chmod(0o400)
        for path in (keys, keys / "munge.key"):
            shutil.chown(path, MUNGE, MUNGE)
        files = {"key": keys / "munge.key", "pid": keys / "pid", "log": keys / "munge.log", "seed": keys / "seed"}
        options = [f"--{name}-file={path}" for name, path in files.items()]
        shutil.chown(self.folder, MUNGE, MUNGE)
        self._daemon("munged", "--foreground", f"--socket={self.folder}/munge.socket", *options, user=MUNGE)
        self._until((self.folder / "munge.socket").exists, "munged")
        shutil.chown(self.folder, "root", "root")

    def _database(self) -> None:
        place = self.folder / "database"
        shutil.chown(place, DATABASE, DATABASE)
        common = [f"--datadir={place}/data", "--skip-test-db", "--auth-root-authentication-method=normal"]
        with (self.folder / "mariadb-install-db.out").open("wb") as out:
            subprocess.run(
                [*_as(DATABASE), "mariadb-install-db", "--no-defaults", *common],
                env=os.environ | self.environment, stdout=out, stderr=out, check=True, timeout=PATIENCE,
            )  # fmt: skip
        self._daemon(
            "mariadbd", "--no-defaults", f"--datadir={place}/data", f"--socket={place}/socket",
            f"--pid-file={place}/pid", "--bind-address=127.0.0.1", f"--port={self._values['database']}",
            "--innodb-buffer-pool-size=32M", user=DATABASE,
        )  # fmt: skip
        self._until(lambda: self._listens("database"), "mariadbd")
        grant = "CREATE DATABASE slurm; GRANT ALL ON slurm.* TO 'slurm'@'%' IDENTIFIED BY 'slurm';"
        grant += "GRANT ALL ON slurm.* TO 'slurm'@'localhost' IDENTIFIED BY 'slurm';"
        self.run("mariadb", "--no-defaults", f"--socket={place}/socket", "--user=root", f"--execute={grant}")

    def _daemon(self, *words: str, user: str | None = None) -> None:
        with (self.folder / f"{words[0]}.out").open("wb") as out:
            self._daemons.append(
                subprocess.Popen(
                    [*(_as(user) if user else []), *words], env=os.environ | self.environment, cwd=self.folder,
                    stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                )
            )  # fmt: skip

    def _listens(self, port: str) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", int(self._values[port]))) == 0

    def _until(self, done: Callable[[], bool], daemon: str) -> None:
        wait(done, lambda: f"{daemon}:\n{self._said(daemon)}")

    def _said(self, daemon: str) -> str:
        return "\n".join(p.read_text(errors="replace")[-2000:] for p in sorted(self.folder.glob(f"{daemon}.*")))


def wait(done: Callable[[], bool], what: Callable[[], str], seconds: float = PATIENCE) -> None:
    """Wait until `done()`. Raises AssertionError after some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(subprocess.CalledProcessError):
            if done():
                return
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:g} seconds: {what()}")


@contextmanager
def running(folder: Path) -> Iterator[Slurm]:
    """A Slurm in an empty folder."""
    slurm = Slurm(folder)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()


def _as(user: str) -> Sequence[str]:
    return ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
