"""The ids that a file has brought, in memory that does not grow with it."""

from __future__ import annotations

_BITS = 16
#: Ids that follow each other take an eighth of a byte each, others up to 8 KiB: 32 MiB of them.
_MOST_PIECES = 4096


class SeenIds:
    """Ids that came before; where they are strewn about, those of the pieces there is room for."""

    def __init__(self) -> None:
        self._pieces: dict[int, bytearray] = {}

    def add(self, id_: int) -> bool:
        """Note an id; True where it came before."""
        number, place = id_ >> _BITS, id_ & ((1 << _BITS) - 1)
        piece = self._pieces.get(number)
        if piece is None:
            if len(self._pieces) >= _MOST_PIECES:
                return False
            piece = self._pieces[number] = bytearray(1 << (_BITS - 3))
        byte, bit = place >> 3, 1 << (place & 7)
        has_come = bool(piece[byte] & bit)
        piece[byte] |= bit
        return has_come
