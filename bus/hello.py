"""Whether the first command of a CURVE connection was made for a key (RFC 26); pure.

What seals it is X25519, XSalsa20 and Poly1305. No library here that may be called from Python has the second.
"""

from __future__ import annotations

import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.poly1305 import Poly1305

HELLO_BYTES = 200
_NAME = b"\x05HELLO"
_TRANSIENT = slice(80, 112)
"""The key that the client made for this connection."""
_NONCE = slice(112, 120)
_SEAL, _SEALED = slice(120, 136), slice(136, 200)
_PREFIX = b"CurveZMQHELLO---"

_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_MASK = 0xFFFFFFFF
_QUARTERS = (
    (0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
    (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14),
)  # fmt: skip


def is_made_for(secret: bytes, hello: bytes) -> bool:
    """Whether whoever made `hello` knows the public half of `secret`, both as raw bytes."""
    if len(hello) != HELLO_BYTES or not hello.startswith(_NAME):
        return False
    try:
        shared = X25519PrivateKey.from_private_bytes(secret).exchange(
            X25519PublicKey.from_public_bytes(hello[_TRANSIENT])
        )
    except ValueError:  # a point of low order
        return False
    sealing = _half(_half(shared, bytes(16)), _PREFIX)
    first = _whole(sealing, hello[_NONCE])
    try:
        Poly1305.verify_tag(first[:32], hello[_SEALED], hello[_SEAL])
    except InvalidSignature:
        return False
    return True


def _half(key: bytes, block: bytes) -> bytes:
    """HSalsa20: another key, from a key and 16 bytes."""
    worked = _work(_state(key, block))
    return struct.pack("<8I", *(worked[at] for at in (0, 5, 10, 15, 6, 7, 8, 9)))


def _whole(key: bytes, nonce: bytes) -> bytes:
    """The first 64 bytes that Salsa20 makes of a key and a nonce of 8 bytes."""
    state = _state(key, nonce + bytes(8))
    return struct.pack("<16I", *((one + other) & _MASK for one, other in zip(state, _work(state), strict=True)))


def _state(key: bytes, block: bytes) -> list[int]:
    k, b = struct.unpack("<8I", key), struct.unpack("<4I", block)
    return [_SIGMA[0], *k[:4], _SIGMA[1], *b, _SIGMA[2], *k[4:], _SIGMA[3]]


def _work(state: list[int]) -> list[int]:
    """The 20 rounds of Salsa20."""
    x, mask = state.copy(), _MASK
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            # Written out, as this is all that a stranger can make a node work for.
            t = x[a] + x[d] & mask
            x[b] ^= (t << 7 | t >> 25) & mask
            t = x[b] + x[a] & mask
            x[c] ^= (t << 9 | t >> 23) & mask
            t = x[c] + x[b] & mask
            x[d] ^= (t << 13 | t >> 19) & mask
            t = x[d] + x[c] & mask
            x[a] ^= (t << 18 | t >> 14) & mask
    return x
