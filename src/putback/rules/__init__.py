"""The rules, one file each. A new rule is its file, its specification in `fixtures/rules/`, and one line in `ALL`."""

from __future__ import annotations

from putback.rules import (
    pb001_syntax_error,
    pb009_internal_error,
    pb101_connection_never_released,
    pb102_connection_leaked_on_exception,
    pb103_connection_leaked_on_early_exit,
    pb104_pooled_connection_closed,
    pb105_connection_released_twice,
    pb106_connection_used_after_release,
    pb107_acquired_connection_lost,
    pb108_provider_without_finally,
    pb109_with_does_not_release,
    pb110_release_not_awaited,
    pb111_release_of_unbound_name,
    pb113_context_manager_never_entered,
    pb201_missing_rollback,
    pb301_session_dependency_returns,
    pb302_manual_session_in_route,
    pb304_scoped_session_never_removed,
    pb305_teardown_skips_remove,
    pb306_job_without_session_cleanup,
    pb307_thread_without_session_cleanup,
    pb310_sessionmaker_as_dependency,
)
from putback.rules.rule import Rule

ALL: tuple[Rule, ...] = (
    pb001_syntax_error.RULE,
    pb009_internal_error.RULE,
    pb101_connection_never_released.RULE,
    pb102_connection_leaked_on_exception.RULE,
    pb103_connection_leaked_on_early_exit.RULE,
    pb104_pooled_connection_closed.RULE,
    pb105_connection_released_twice.RULE,
    pb106_connection_used_after_release.RULE,
    pb107_acquired_connection_lost.RULE,
    pb108_provider_without_finally.RULE,
    pb109_with_does_not_release.RULE,
    pb110_release_not_awaited.RULE,
    pb111_release_of_unbound_name.RULE,
    pb113_context_manager_never_entered.RULE,
    pb201_missing_rollback.RULE,
    pb301_session_dependency_returns.RULE,
    pb302_manual_session_in_route.RULE,
    pb304_scoped_session_never_removed.RULE,
    pb305_teardown_skips_remove.RULE,
    pb306_job_without_session_cleanup.RULE,
    pb307_thread_without_session_cleanup.RULE,
    pb310_sessionmaker_as_dependency.RULE,
)
