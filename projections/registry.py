"""All views, for the projector, deployment and rebuilds. To add a view, add a folder and a line here."""

from typing import Any, Final

from projections.applied import EventView, FollowingView
from projections.client.view import CLIENT
from projections.connection.view import CONNECTION
from projections.daily.view import DAILY
from projections.fold_view import DecidingView, FoldView
from projections.linked_identity.view import LINKED_IDENTITY
from projections.log_entry.view import LOG_ENTRY
from projections.login_guard.view import IP_GUARD, LOGIN_GUARD
from projections.membership.view import MEMBERSHIP
from projections.population.view import POPULATION
from projections.profile.view import PROFILE
from projections.quarantined_login.view import QUARANTINED_LOGIN
from projections.search.view import SEARCH
from projections.session.view import SESSION
from projections.setting.view import SETTING

VIEWS: Final[tuple[FoldView[Any, Any] | EventView, ...]] = (
    PROFILE,
    SEARCH,
    CONNECTION,
    CLIENT,
    SETTING,
    MEMBERSHIP,
    LINKED_IDENTITY,
    LOGIN_GUARD,
    IP_GUARD,
    LOG_ENTRY,
    DAILY,
    POPULATION,
    SESSION,
    QUARANTINED_LOGIN,
)
"""All views, in the order in which their tables are created."""
FOLD_VIEWS: Final = tuple(view for view in VIEWS if isinstance(view, FoldView))
DECIDING_VIEWS: Final = tuple(view for view in VIEWS if isinstance(view, DecidingView))
FOLLOWING_VIEWS: Final = tuple(view for view in VIEWS if isinstance(view, FollowingView))
EVENT_VIEWS: Final = tuple(view for view in VIEWS if isinstance(view, EventView))
FOLDERS: Final = tuple(dict.fromkeys(view.name for view in VIEWS))
