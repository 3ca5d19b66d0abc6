"""Compress bytes and get them back: python examples/round_trip.py"""

import shazip

data = b"Neural compressors win every benchmark and are used by nobody. " * 20
packed = shazip.compress(data)
assert shazip.decompress(packed) == data

info = shazip.info(packed)
print(f"{info.original_size} bytes became {info.compressed_size}, {info.bpb:.2f} bits per byte")
