"""The objects that issue commands."""

from dataclasses import dataclass

from schemas.sealing.keys import Keyring
from services.commands.execute import Executor
from services.commands.links.commands import LinkCommands
from services.commands.links.link_target import LinkTargets
from services.commands.links.saga import Sagas
from services.commands.protection.commands import ProtectionCommands
from services.commands.reconciler import Reconciler
from services.commands.reserve import Reserver
from services.commands.settings.clients import ClientCommands, ClientStore
from services.commands.settings.connections import ConnectionCommands, ConnectionStore
from services.commands.settings.settings import SettingCommands, SettingStore
from services.commands.undo.restore import RestoreCommands
from services.commands.user_locks import UserLocks
from services.commands.users.commands import UserCommands, UserRules
from services.commands.users.registration import Registrar
from services.commands.users.store import UserStore
from services.commands.writer import WaitTimes, Writer
from services.ledger.keys.users import users_to_edit
from services.ledger.progress.position_watch import PositionWatch
from services.queries.connections import connections_by_name
from services.queries.users import users_by_subject
from services.runtime.auth.passwords import Hasher
from services.runtime.kafka.log_reader import LogReader
from services.runtime.postgres.tenant_pool import TenantPool


@dataclass(frozen=True, slots=True)
class LogAccess:
    """The event log of a topic: its writer, its end, and the positions that the views show."""

    writer: Writer
    end: LogReader
    watch: PositionWatch
    partitions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """The commands of every kind."""

    users: UserCommands
    settings: SettingCommands
    connections: ConnectionCommands
    clients: ClientCommands
    protection: ProtectionCommands
    links: LinkCommands
    restores: RestoreCommands


@dataclass(frozen=True, slots=True)
class Recovery:
    """The loops that complete or undo interrupted writes."""

    sagas: Sagas
    reconciler: Reconciler


def build_commands(
    database: TenantPool,
    keyring: Keyring,
    log: LogAccess,
    passwords: Hasher,
    rules: UserRules,
    times: WaitTimes,
) -> tuple[Commands, Recovery]:
    """Create the commands over these ports, and the recovery of their interrupted writes."""
    sagas = Sagas(database, keyring, log.writer, log.watch, times)
    reconciler = Reconciler(database, log.writer, log.end, log.partitions, sagas, times.settle_seconds)
    executor = Executor(database, keyring, log.writer, Reserver(database, reconciler))
    store = UserStore(
        users_to_edit(database),
        users_by_subject(database),
        connections_by_name(database),
        keyring,
        UserLocks(),
    )
    registrar = Registrar(database, keyring, reconciler)
    users = UserCommands(executor, store, registrar, sagas, passwords, rules)
    commands = Commands(
        users=users,
        settings=SettingCommands(executor, SettingStore(database, keyring)),
        connections=ConnectionCommands(executor, ConnectionStore(database, keyring)),
        clients=ClientCommands(executor, ClientStore(database, keyring)),
        protection=ProtectionCommands(executor),
        links=LinkCommands(sagas, LinkTargets(database, sagas)),
        restores=RestoreCommands(database, keyring, store, sagas, reconciler),
    )
    return commands, Recovery(sagas, reconciler)
