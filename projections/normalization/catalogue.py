"""All strategies, by name."""

from collections.abc import Mapping
from typing import Final

from projections.normalization.providers.business import BUSINESS_STRATEGIES
from projections.normalization.providers.enterprise import ENTERPRISE_STRATEGIES
from projections.normalization.providers.general import GENERAL, GENERAL_STRATEGIES
from projections.normalization.providers.own import OWN_STRATEGIES
from projections.normalization.providers.regional import REGIONAL_STRATEGIES
from projections.normalization.providers.social import SOCIAL_STRATEGIES
from projections.normalization.strategy import Plan, Strategy, compile_plan

_ROWS: Final[Mapping[str, Strategy]] = {
    **OWN_STRATEGIES,
    **ENTERPRISE_STRATEGIES,
    **SOCIAL_STRATEGIES,
    **REGIONAL_STRATEGIES,
    **BUSINESS_STRATEGIES,
    **GENERAL_STRATEGIES,
}
_PLANS: Final[Mapping[str, Plan]] = {name: compile_plan(row) for name, row in _ROWS.items()}
_GENERAL_PLAN: Final = compile_plan(GENERAL)
_BUILT_IN_DATABASE: Final = "Username-Password-Authentication"

KNOWN_STRATEGIES: Final[frozenset[str]] = frozenset(_ROWS)
"""Strategies with a row of their own; any other one is read by the general mapper."""


def plan_of(strategy: str) -> Plan:
    """The compiled row of a strategy, the general one for a strategy nobody knows."""
    return _PLANS.get(strategy, _GENERAL_PLAN)


def is_social(strategy: str) -> bool:
    """`identities[].isSocial`; a strategy nobody knows is a social one."""
    return plan_of(strategy).row.kind == "social"


def default_strategy(connection: str) -> str | None:
    """The strategy that a connection's name gives away (`github`, the built-in database), else None."""
    if connection == _BUILT_IN_DATABASE:
        return "auth0"
    return connection if connection in KNOWN_STRATEGIES else None
