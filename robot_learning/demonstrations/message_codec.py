"""CDR to fields and back, by the definitions that a bag carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from mcap.records import Schema
from mcap_ros2._dynamic import serialize_dynamic  # what mcap_ros2.writer itself encodes with
from mcap_ros2.decoder import DecoderFactory

from robot_learning.demonstrations.bag_writer import CDR, ROS2MSG, Stream


class CodecError(ValueError):
    """A message is not what its definition says."""


class Decoder:
    """Decodes messages of any stream that carries a definition."""

    def __init__(self) -> None:
        self._decoders: dict[str, Callable[[bytes], Any]] = {}

    def decode(self, stream: Stream, data: bytes) -> Any:
        """The message, its fields as attributes.

        Raises:
            CodecError: there is no definition, or the bytes do not follow it.
        """
        decoder = self._decoders.get(stream.type_name)
        if decoder is None:
            decoder = self._decoders[stream.type_name] = self._make(stream)
        try:
            return decoder(data)
        except Exception as error:  # whatever a reader of bytes trips over
            raise CodecError(
                f"{stream.topic}: {len(data)} bytes are no {stream.type_name}: {error}"
            ) from None

    def _make(self, stream: Stream) -> Callable[[bytes], Any]:
        number = len(self._decoders) + 1
        schema = Schema(number, stream.definition.encode(), ROS2MSG, stream.type_name)
        try:
            # Its own factory: the library remembers decoders by a schema's number alone.
            decoder = DecoderFactory().decoder_for(CDR, schema) if stream.definition else None
        except Exception as error:
            raise CodecError(f"{stream.topic}: definition cannot be read: {error}") from None
        if decoder is None:
            raise CodecError(f"{stream.topic}: no definition of {stream.type_name or 'its type'}")
        return decoder


def encode(type_name: str, definition: str, fields: Mapping[str, Any]) -> bytes:
    """Fields, nested as mappings, as CDR; those not given are zero or empty."""
    return bytes(_encoder(type_name, definition)(fields))


@lru_cache(maxsize=64)
def _encoder(type_name: str, definition: str) -> Callable[[Any], bytes]:
    return serialize_dynamic(type_name, definition)[type_name]
