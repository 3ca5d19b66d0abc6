"""zarr 3: the bytes-to-bytes codec `shazip`, for arrays of format 3."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from zarr.abc.codec import BytesBytesCodec

from shazip.hooks.numcodecs import Shazip

if TYPE_CHECKING:
    from typing import Self

    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer
    from zarr.core.common import JSON


@dataclass(frozen=True)
class ShazipCodec(BytesBytesCodec):
    """Compresses each chunk into an archive of its own, with an installed model or the default."""

    is_fixed_size = False

    model: str | None = None

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Return the codec that an array's metadata describe."""
        configuration: Any = data.get("configuration", {})
        return cls(**configuration)

    def to_dict(self) -> dict[str, JSON]:
        """Return what an array's metadata keep of this codec."""
        configuration: dict[str, JSON] = {} if self.model is None else {"model": self.model}
        return {"name": "shazip", "configuration": configuration}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Raise NotImplementedError: the size depends on the content."""
        raise NotImplementedError

    @cached_property
    def _codec(self) -> Shazip:
        return Shazip(self.model)

    async def _encode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        packed = await asyncio.to_thread(self._codec.encode, chunk_bytes.to_bytes())
        return chunk_spec.prototype.buffer.from_bytes(packed)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        content = await asyncio.to_thread(self._codec.decode, chunk_bytes.to_bytes())
        return chunk_spec.prototype.buffer.from_bytes(cast(bytes, content))
