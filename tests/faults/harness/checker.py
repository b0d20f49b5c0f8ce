"""Compares a model with what can be seen: nothing lost, nothing doubled, each person's order kept. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from tests.faults.harness.model import Account, Couple, Fate, Login, Model, Poison

Kind = Literal["lost", "doubled", "disordered"]


class Violation(NamedTuple):
    """A broken promise, and the time of the fact that it is about (None: of the whole run)."""

    kind: Kind
    text: str
    moment: float | None = None


class LogEntry(NamedTuple):
    """An entry of the API's logs."""

    log_id: str
    type: str
    user_id: str | None
    ip: str | None
    correlation: str | None


class Session(NamedTuple):
    """A session of an account, by the id that its login gave it."""

    account: str
    id: str


@dataclass
class Seen:
    """What can be seen of an installation at rest."""

    entries: Sequence[LogEntry] = ()
    documents: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    """What `GET /users/{id}` answers; None for 404."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """`logins_count` of the search view, those put by for a linked account included."""
    sessions: Sequence[Session] = ()
    listed: Sequence[str] = ()
    """The ids of all pages of the list of users."""
    found: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    """By address of an account: ids and values of `user_metadata.n` that a search for it finds."""
    log: Mapping[int, Sequence[tuple[int, bytes]]] = field(default_factory=dict)
    """Partition -> offset and leaf hash of each record of profile.events."""
    trail: Mapping[int, Sequence[tuple[int, bytes]]] = field(default_factory=dict)
    letters: frozenset[Poison] = frozenset()
    """Where the quarantined records lie."""
    wrongly_quarantined: frozenset[Poison] = frozenset()
    """Those of them that were not sent to be quarantined."""


def check(model: Model, seen: Seen) -> list[Violation]:
    """Return every broken promise."""
    return [
        *(Violation("disordered", text, moment) for text, moment in model.wrong),
        *_logins(model, seen),
        *_sessions(model, seen),
        *_counts(model, seen),
        *_order(model, seen),
        *_changes(model, seen),
        *_accounts(model, seen),
        *_couples(model, seen),
        *_trail(seen),
        *_letters(model, seen),
    ]


def _logins(model: Model, seen: Seen) -> Iterator[Violation]:
    """Each acknowledged login has one entry of the logs, each other one at most one."""
    entries: defaultdict[str | None, list[LogEntry]] = defaultdict(list)
    for entry in seen.entries:
        if entry.type == "s":
            entries[entry.ip].append(entry)
    known = {login.address for login in model.logins}
    for login in model.logins:
        found = entries[login.address]
        yield from _once(len(found), login.fate, f"the log entry of {login.name}", login.sent)
        if found and login.account not in model.paired and found[0].user_id != login.account:
            yield Violation("lost", f"{login.name} is logged for {found[0].user_id}", login.sent)
    for address in entries.keys() - known:
        yield Violation("doubled", f"a login from {address} that nobody sent")


def _once(count: int, fate: Fate, what: str, moment: float) -> Iterator[Violation]:
    if fate is Fate.DONE and count == 0:
        yield Violation("lost", f"{what} is missing", moment)
    if count > 1:
        yield Violation("doubled", f"{what} is there {count} times", moment)
    if fate is Fate.REFUSED and count:
        yield Violation("doubled", f"{what} is there although it was refused", moment)


def _sessions(model: Model, seen: Seen) -> Iterator[Violation]:
    """Each acknowledged login has one session; those of an account end when it is linked to another."""
    found = Counter(session.id for session in seen.sessions)
    ended = {couple.secondary for couple in model.couples}
    for login in model.logins:
        fate = Fate.UNKNOWN if login.account in ended else login.fate
        yield from _once(found[login.name], fate, f"the session of {login.name}", login.sent)


def _by_account(logins: Sequence[Login]) -> dict[str, list[Login]]:
    found: defaultdict[str, list[Login]] = defaultdict(list)
    for login in logins:
        found[login.account].append(login)
    return found


def _counts(model: Model, seen: Seen) -> Iterator[Violation]:
    """`logins_count` is the number of acknowledged logins, and at most one more for each unknown one; in the
    search view and in the API alike."""
    logins = _by_account(model.logins)
    for couple in model.couples:
        logins[couple.primary] = [*logins.get(couple.primary, ()), *logins.pop(couple.secondary, ())]
    for account, sent in logins.items():
        least = sum(login.fate is Fate.DONE for login in sent)
        most = least + sum(login.fate is Fate.UNKNOWN for login in sent)
        members = {account, *(one.secondary for one in model.couples if one.primary == account)}
        yield from _between(sum(seen.counts.get(one, 0) for one in members), least, most, account, sent)
        if account in model.paired or not least:
            continue
        document = seen.documents.get(account)
        if document is None:
            yield Violation("lost", f"{account} is not answered", sent[-1].sent)
        else:
            yield from _between(document.get("logins_count", 0), least, most, account, sent)


def _between(count: int, least: int, most: int, account: str, sent: Sequence[Login]) -> Iterator[Violation]:
    text = f"{account} counts {count} logins instead of {least} to {most}"
    if count < least:
        yield Violation("lost", text, sent[-1].sent)
    if count > most:
        yield Violation("doubled", text, sent[-1].sent)


def _order(model: Model, seen: Seen) -> Iterator[Violation]:
    """Logins that were sent one after the other are logged in that order, and the newest decides the name."""
    places = {entry.ip: entry.log_id for entry in seen.entries if entry.type == "s"}
    for account, sent in _by_account(model.logins).items():
        if account in model.paired:
            continue
        done = [login for login in sent if login.fate is Fate.DONE and login.address in places]
        ordered = [login for login in done if login.ordered]
        for before, after in pairwise(ordered):
            if places[before.address] > places[after.address]:
                yield Violation("disordered", f"{after.name} is logged before {before.name}", after.sent)
        document = seen.documents.get(account)
        if done and document is not None:
            newest = max(done, key=lambda login: login.moment)
            allowed = {
                login.moment
                for login in sent
                if login is newest or (login.fate is Fate.UNKNOWN and login.moment > newest.moment)
            }
            if document.get("name") not in {f"Moment {moment}" for moment in allowed}:
                text = f"{account} is called {document.get('name')!r} after moment {newest.moment}"
                yield Violation("disordered", text, newest.sent)


def _changes(model: Model, seen: Seen) -> Iterator[Violation]:
    """Each acknowledged change is logged once, each other one at most once."""
    found = Counter(entry.correlation for entry in seen.entries if entry.type == "sapi")
    for change in model.changes:
        yield from _once(found[change.name], change.fate, f"the change {change.name}", change.sent)


def _accounts(model: Model, seen: Seen) -> Iterator[Violation]:
    """An account is in the list, the API and the searches if it exists, with its latest value, else not."""
    listed = Counter(seen.listed)
    for user_id, count in listed.items():
        if count > 1:
            yield Violation("doubled", f"{user_id} is listed {count} times")
    for account in model.accounts.values():
        yield from _existence(account, listed[account.user_id], seen)
        yield from _values(account, seen)


def _existence(account: Account, listed: int, seen: Seen) -> Iterator[Violation]:
    places = {
        "the list": listed,
        "the API": int(seen.documents.get(account.user_id) is not None),
        "the search": len(seen.found.get(account.email, ())),
    }
    for place, count in places.items():
        if count > 1:
            yield Violation("doubled", f"{place} has {account.user_id} {count} times", account.touched)
        if account.exists is True and count == 0:
            yield Violation("lost", f"{account.user_id} is not in {place}", account.touched)
        if account.exists is False and count:
            yield Violation("lost", f"{account.user_id} was deleted and is in {place}", account.touched)
    if len(set(map(bool, places.values()))) > 1 and account.exists is None:
        yield Violation("lost", f"{account.user_id} is in some of {sorted(places)} only", account.touched)


def _values(account: Account, seen: Seen) -> Iterator[Violation]:
    document = seen.documents.get(account.user_id)
    found = [value for _, value in seen.found.get(account.email, ())]
    shown = [] if document is None else [(document.get("user_metadata") or {}).get("n", 0)]
    for value in (*shown, *found):
        if value not in account.values:
            text = f"{account.user_id} has the value {value} instead of {sorted(account.values)}"
            yield Violation("lost", text, account.touched)


def _couples(model: Model, seen: Seen) -> Iterator[Violation]:
    """A secondary account is shown by its own profile or by the one it is linked to: never both or none."""
    for couple in model.couples:
        yield from _couple(couple, seen)


def _couple(couple: Couple, seen: Seen) -> Iterator[Violation]:
    primary, own = seen.documents.get(couple.primary), seen.documents.get(couple.secondary)
    if primary is None:
        return
    inside = f"{couple.secondary}" in {
        f"{one['provider']}|{one['user_id']}" for one in primary.get("identities", ())
    }
    if inside == (own is not None):
        how = "doubled" if inside else "lost"
        yield Violation(how, f"{couple.secondary} is linked by half", couple.touched)
    if couple.linked is not None and couple.linked != inside:
        yield Violation("lost", f"{couple.secondary}: linked is {inside}", couple.touched)


def _trail(seen: Seen) -> Iterator[Violation]:
    """The trail has one leaf per record of the log, in its order, with its hash."""
    for partition in sorted({*seen.log, *seen.trail}):
        log, trail = list(seen.log.get(partition, ())), list(seen.trail.get(partition, ()))
        if log == trail:
            continue
        offsets = [offset for offset, _ in trail]
        if len(offsets) != len(set(offsets)):
            yield Violation("doubled", f"partition {partition} has leaves twice")
        missing = {offset for offset, _ in log} - set(offsets)
        kind: Kind = "lost" if missing else "disordered"
        yield Violation(
            kind, f"the trail of partition {partition} differs from the log: {sorted(missing)[:5]}"
        )


def _letters(model: Model, seen: Seen) -> Iterator[Violation]:
    """Every bad record is quarantined, and no other one is."""
    for one in model.poison - seen.letters:
        yield Violation("lost", f"{one} is not quarantined")
    for one in seen.wrongly_quarantined:
        yield Violation("lost", f"{one} is quarantined")
