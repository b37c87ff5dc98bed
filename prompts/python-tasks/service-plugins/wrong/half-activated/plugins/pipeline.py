"""Text through all active plug-ins."""

from plugins.registry import Registry


class Pipeline:
    """Runs text through the active plug-ins of a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def run(self, text: str) -> str:
        """Return the text as the active plug-ins leave it."""
        for name in self._registry.active():
            text = self._registry.get(name).process(text)
        return text
