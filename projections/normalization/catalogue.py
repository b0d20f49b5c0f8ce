"""All strategies by name."""

from collections.abc import Mapping
from typing import Final

from projections.normalization.providers.business import BUSINESS_STRATEGIES
from projections.normalization.providers.enterprise import ENTERPRISE_STRATEGIES
from projections.normalization.providers.general import GENERAL, GENERAL_STRATEGIES
from projections.normalization.providers.own import OWN_STRATEGIES
from projections.normalization.providers.regional import REGIONAL_STRATEGIES
from projections.normalization.providers.social import SOCIAL_STRATEGIES
from projections.normalization.strategy import CompiledStrategy, Strategy, compile_strategy

_ROWS: Final[Mapping[str, Strategy]] = {
    **OWN_STRATEGIES,
    **ENTERPRISE_STRATEGIES,
    **SOCIAL_STRATEGIES,
    **REGIONAL_STRATEGIES,
    **BUSINESS_STRATEGIES,
    **GENERAL_STRATEGIES,
}
_PLANS: Final[Mapping[str, CompiledStrategy]] = {name: compile_strategy(row) for name, row in _ROWS.items()}
_GENERAL_PLAN: Final = compile_strategy(GENERAL)
_BUILT_IN_DATABASE: Final = "Username-Password-Authentication"

KNOWN_STRATEGIES: Final[frozenset[str]] = frozenset(_ROWS)
"""Strategies with a row of their own. The general mapper reads all others."""


def compiled_strategy(strategy: str) -> CompiledStrategy:
    """Return the compiled row of a strategy, or the general row if the strategy has none."""
    return _PLANS.get(strategy, _GENERAL_PLAN)


def is_social(strategy: str) -> bool:
    """Return `identities[].isSocial`, which is true for strategies without a row of their own."""
    return compiled_strategy(strategy).row.kind == "social"


def default_strategy(connection: str) -> str | None:
    """Return the strategy that a connection's name implies (`github`, the built-in database), or None."""
    if connection == _BUILT_IN_DATABASE:
        return "auth0"
    return connection if connection in KNOWN_STRATEGIES else None
