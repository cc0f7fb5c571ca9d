"""Random numbers that depend only on a key and a counter: the same for every Python, worker, batch and order."""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct

_EIGHT_WORDS = Struct("<8Q")
_LONGEST = 1 << 12  # bytes of a key: every block reads all of it


def message(seed: int, family: str, version: int, language: str, uid: str) -> bytes:
    """The key of one example's stream. It does not include the level, so that a higher level adds to a lower one."""
    key = f"{seed}\x1f{family}\x1f{version}\x1f{language}\x1f{uid}".encode("utf-8", "surrogatepass")
    return key if len(key) <= _LONGEST else blake2b(key).digest()


def block(key: bytes, counter: int) -> tuple[int, ...]:
    """Eight uniform 64-bit words, block `counter` of the stream (BLAKE2b with the counter as salt)."""
    return _EIGHT_WORDS.unpack(blake2b(key, digest_size=64, salt=counter.to_bytes(16, "little")).digest())


def unit(word: int) -> float:
    """A 64-bit word as a float in [0, 1)."""
    return (word >> 11) * 2.0**-53
