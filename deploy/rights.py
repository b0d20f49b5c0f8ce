"""Applies the declared rights (`rights.yaml`) to a database, so that no role has more or fewer."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
import yaml

from deploy.roles import LOGINS, quoted, role_name
from services.runtime.postgres.named_queries import load

DECLARED: Final = Path(__file__).parent / "rights.yaml"
EVERY_TENANT: Final = "every_tenant"
GENERATION: Final = re.compile(r"view_[0-9]+")
_VERB: Final = re.compile(r"(SELECT|INSERT|UPDATE|DELETE)(?:\(([a-z_, ]+)\))?")


class Right(NamedTuple):
    """A verb that a role may use on an object, or on a column of it."""

    kind: str
    schema: str
    object: str
    column: str
    role: str
    verb: str


@dataclass(frozen=True)
class Declared:
    """The content of `rights.yaml`. `view_N` stands for the schema of any generation; role names have no
    prefix."""

    tables: Mapping[str, Mapping[str, Collection[tuple[str, str]]]]
    """Table -> role -> (verb, column); an empty column stands for all columns."""
    every_tenant: Mapping[str, Collection[str]]
    functions: Mapping[str, Collection[str]]

    def on(self, schema: str, table: str) -> Mapping[str, Collection[tuple[str, str]]]:
        """Return role -> (verb, column) for a table or view, or an empty mapping if it is not declared."""
        return self.tables.get(_declared_name(schema, table), {})


@cache
def declared(file: Path = DECLARED) -> Declared:
    """Read the rights in the file. Raises ValueError when it names an unknown role or verb."""
    content = yaml.safe_load(file.read_text("utf-8"))
    tables: dict[str, dict[str, list[tuple[str, str]]]] = {}
    every_tenant: dict[str, list[str]] = {}
    for table, roles in content["tables"].items():
        every_tenant[table] = _roles(roles.pop(EVERY_TENANT, ""))
        tables[table] = {role: list(_verbs(text)) for role, text in roles.items() if _roles(role)}
    functions = {name: _roles(text) for name, text in content["functions"].items()}
    return Declared(tables, every_tenant, functions)


async def apply_rights(connection: asyncpg.Connection, prefix: str) -> None:
    """Grant what is declared and missing, and revoke everything else.

    Takes no locks if nothing differs. Runs as the owner, in one transaction.
    """
    queries = load("deploy", "rights.sql")
    async with connection.transaction():
        tables = await connection.fetch(queries["tables"])
        wanted = set(_wanted([(row["schema"], row["name"]) for row in tables], prefix))
        held = {Right(*row) for row in await connection.fetch(queries["granted"])}
        changes = [f"REVOKE {_clause(right, 'FROM')}" for right in sorted(held - wanted)]
        changes += [f"GRANT {_clause(right, 'TO')}" for right in sorted(wanted - held)]
        policies = {
            (row["schema"], row["name"]): row["roles"] for row in await connection.fetch(queries["policies"])
        }
        secured = [(row["schema"], row["name"]) for row in tables if row["secured"]]
        changes += _policy_changes(secured, policies, prefix)
        if changes:
            await connection.execute(";\n".join(changes))


def _wanted(tables: Collection[tuple[str, str]], prefix: str) -> Iterator[Right]:
    for schema, table in tables:
        for login, verbs in declared().on(schema, table).items():
            role = role_name(prefix, login)
            yield Right("SCHEMA", schema, "", "", role, "USAGE")
            for verb, column in verbs:
                yield Right("TABLE", schema, table, column, role, verb)
    for function, logins in declared().functions.items():
        schema, _, name = function.partition(".")
        for login in logins:
            yield Right("FUNCTION", schema, name, "", role_name(prefix, login), "EXECUTE")


def _policy_changes(
    secured: Collection[tuple[str, str]], policies: Mapping[tuple[str, str], list[str]], prefix: str
) -> Iterator[str]:
    for schema, table in secured:
        logins = declared().every_tenant.get(_declared_name(schema, table), ())
        roles = sorted(role_name(prefix, login) for login in logins)
        known = policies.get((schema, table))
        policy, names = (
            f"POLICY {EVERY_TENANT} ON {quoted(schema)}.{quoted(table)}",
            ", ".join(map(quoted, roles)),
        )
        if known is not None and not roles:
            yield f"DROP {policy}"
        elif known is not None and sorted(known) != roles:
            yield f"ALTER {policy} TO {names}"
        elif known is None and roles:
            yield f"CREATE {policy} TO {names} USING (true)"


def _clause(right: Right, preposition: str) -> str:
    column = f" ({quoted(right.column)})" if right.column else ""
    place = quoted(right.schema) + (f".{quoted(right.object)}" if right.object else "")
    role = "PUBLIC" if right.role == "public" else quoted(right.role)
    return f"{right.verb}{column} ON {right.kind} {place} {preposition} {role}"


def _declared_name(schema: str, table: str) -> str:
    return f"{'view_N' if GENERATION.fullmatch(schema) else schema}.{table}"


def _roles(text: str) -> list[str]:
    found = [role.strip() for role in text.split(",") if role.strip()]
    if unknown := set(found) - set(LOGINS):
        raise ValueError(f"{DECLARED.name} names unknown roles: {', '.join(sorted(unknown))}")
    return found


def _verbs(text: str) -> Iterator[tuple[str, str]]:
    if not re.fullmatch(rf"{_VERB.pattern}(?:, {_VERB.pattern})*", text):
        raise ValueError(f"{DECLARED.name}: {text!r} is not a list of verbs with their columns")
    for verb, columns in _VERB.findall(text):
        for column in columns.split(",") if columns else ("",):
            yield verb, column.strip()
