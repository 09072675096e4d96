"""When something is said: not at the first bad number, not again and again."""


class Watch:
    """Judges one thing look by look; it begins, and it is over, when ``looks`` in a row say so.

    ``ill``: it is so already, and was said.
    """

    def __init__(self, looks: int, *, ill: bool = False) -> None:
        self.looks = looks
        self.ill = ill
        self._others = 0  # looks in a row that say the other thing

    @property
    def suspected(self) -> bool:
        """Whether the last look saw it, said or not."""
        return self.ill != bool(self._others)

    def look(self, ill: bool | None, *, may_begin: bool = True) -> bool:
        """Whether ``self.ill`` has changed. None: this look cannot tell.

        Without ``may_begin`` nothing begins, but looks are counted.
        """
        if ill is None:
            return False
        self._others = self._others + 1 if ill != self.ill else 0
        if self._others < self.looks or (ill and not may_begin):
            return False
        self.ill, self._others = ill, 0
        return True
