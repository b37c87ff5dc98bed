"""Registry of plug-ins that need each other."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class PluginError(Exception):
    """The registry does not allow what was asked for."""


class UnknownPlugin(PluginError):
    """No such plug-in is registered, or it is not active."""


class DuplicatePlugin(PluginError):
    """A plug-in of this name is registered already."""


class PluginConflict(PluginError):
    """Plug-ins need each other in a way that forbids the step."""


class _Plugin(NamedTuple):
    factory: Callable[[], Any]
    requires: tuple[str, ...]
    priority: int


class _Active(NamedTuple):
    value: Any
    turn: int


class Registry:
    """Plug-ins by name; activating one activates what it requires."""

    def __init__(self) -> None:
        self._plugins: dict[str, _Plugin] = {}
        self._active: dict[str, _Active] = {}
        self._turns = itertools.count()

    def register(
        self,
        name: str,
        factory: Callable[[], Any],
        requires: Sequence[str] = (),
        priority: int = 0,
    ) -> None:
        """Make a plug-in known; DuplicatePlugin if the name is taken."""
        if name in self._plugins:
            raise DuplicatePlugin(name)
        self._plugins[name] = _Plugin(factory, tuple(requires), priority)

    def activate(self, name: str) -> list[str]:
        """Activate a plug-in and what it requires, all or nothing.

        Returns the newly active names in order. Raises UnknownPlugin, PluginConflict
        for a cycle, and whatever a factory raises.
        """
        order: list[str] = []
        self._plan(name, order, [])
        # Nothing is stored before all factories have succeeded.
        values = [self._plugins[planned].factory() for planned in order]
        for planned, value in zip(order, values):
            self._active[planned] = _Active(value, next(self._turns))
        return order

    def deactivate(self, name: str) -> None:
        """Drop a plug-in's object; PluginConflict while an active one requires it."""
        self._known(name)
        users = [user for user in self._active if name in self._plugins[user].requires]
        if name in self._active and users:
            raise PluginConflict(f"{name!r} is required by {users}")
        self._active.pop(name, None)

    def active(self) -> list[str]:
        """Return the active names by priority, then in order of activation."""
        return sorted(
            self._active,
            key=lambda name: (self._plugins[name].priority, self._active[name].turn),
        )

    def get(self, name: str) -> Any:
        """Return an active plug-in's object; UnknownPlugin if it is not active."""
        if name not in self._active:
            raise UnknownPlugin(f"{name!r} is not active")
        return self._active[name].value

    def _known(self, name: str) -> _Plugin:
        if name not in self._plugins:
            raise UnknownPlugin(name)
        return self._plugins[name]

    def _plan(self, name: str, order: list[str], path: list[str]) -> None:
        """Append to ``order`` what is to be activated, requirements first."""
        plugin = self._known(name)
        if name in path:
            raise PluginConflict(f"plug-ins require each other: {[*path, name]}")
        if name in self._active or name in order:
            return
        for required in plugin.requires:
            self._plan(required, order, [*path, name])
        order.append(name)
