"""Record a file that Python's safetensors writes, with one tensor of each type, and what numpy and ml_dtypes make of it.

Run with any Python 3 that has the three (recorded with safetensors 0.8.0, numpy 2.4.6, ml_dtypes 0.6.0):

    python3 scripts/record-safetensors.py > test/fixtures/safetensors.json

`file` is the file in base64, `values` its numbers as texts (64-bit integers do not fit into JSON's), `rounded` some f32
numbers (their bits) with the bits of the nearest f16 and bf16.
"""
import base64
import json
import sys

import ml_dtypes
import numpy as np
import safetensors

random = np.random.default_rng(0)
codes = np.arange(256, dtype=np.uint8)
arrays = {
    "BOOL": ("bool", np.array([True, False, True])),
    "I8": ("int8", np.array([-128, 127], np.int8)),
    "U8": ("uint8", np.array([0, 255], np.uint8)),
    "I16": ("int16", np.array([-(2**15), 2**15 - 1], np.int16)),
    "U16": ("uint16", np.array([0, 2**16 - 1], np.uint16)),
    "I32": ("int32", np.array([-(2**31), 2**31 - 1], np.int32)),
    "U32": ("uint32", np.array([0, 2**32 - 1], np.uint32)),
    "I64": ("int64", np.array([-(2**63), 2**63 - 1, 2**53 + 1], np.int64)),
    "U64": ("uint64", np.array([0, 2**64 - 1], np.uint64)),
    "F32": ("float32", np.array([0.1, -np.inf], np.float32)),
    "F64": ("float64", np.array([0.1, 1e300])),
    "C64": ("complex64", np.array([1 + 2j, -3 - 0.5j], np.complex64)),
    "F16": ("float16", np.array([0x0001, 0x3555, 0x7BFF, 0xFC00], np.uint16).view(np.float16)),
    "BF16": ("bfloat16", np.array([0x0001, 0x3F81, 0x7F7F, 0xFF80], np.uint16).view(ml_dtypes.bfloat16)),
    "F8_E4M3": ("float8_e4m3fn", codes.view(ml_dtypes.float8_e4m3fn)),
    "F8_E5M2": ("float8_e5m2", codes.view(ml_dtypes.float8_e5m2)),
    "F8_E8M0": ("float8_e8m0fnu", codes.view(ml_dtypes.float8_e8m0fnu)),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", codes.view(ml_dtypes.float8_e4m3fnuz)),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", codes.view(ml_dtypes.float8_e5m2fnuz)),
}


def texts(name, array):
    if name == "C64":
        return [str(part) for value in array.tolist() for part in (value.real, value.imag)]
    if name.startswith(("F", "BF")):
        array = array.astype(np.float64)
    return [str(int(value)) if name == "BOOL" else str(value) for value in array.tolist()]


# Two elements of F4 are one byte: the shape that is given counts bytes, the one in the file elements.
packed = np.array([[0x21, 0x43], [0x65, 0x87]], np.uint8)
stored = {name: (dtype, array) for name, (dtype, array) in arrays.items()} | {"F4": ("float4_e2m1fn_x2", packed)}
file = safetensors.serialize(
    {
        name: safetensors.TensorSpec(dtype=dtype, shape=list(a.shape), data_ptr=a.ctypes.data, data_len=a.nbytes)
        for name, (dtype, a) in stored.items()
    },
    {"written": "by Python"},
)

# Around every size: random bits below the limits, ties between two neighbours, and what is just beside a tie.
bits = [int(b) for b in random.integers(0, 2**32, 300, dtype=np.uint64)]
for half in (0x0000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0x3C01, 0x7BFE):
    low, high = np.array([half, half + 1], np.uint16).view(np.float16).astype(np.float64)
    middle = int(np.float32((low + high) / 2).view(np.uint32))
    bits += [middle - 1, middle, middle + 1] if middle > 0 else [middle]
for top in (0x0000, 0x0001, 0x007F, 0x0080, 0x3F80, 0x3F81, 0x7F7E):
    middle = top * 65536 + 32768
    bits += [middle - 1, middle, middle + 1]
numbers = np.array(bits, np.uint32).view(np.float32)
with np.errstate(over="ignore"):
    f16, bf16 = numbers.astype(np.float16), numbers.astype(ml_dtypes.bfloat16)
rounded = [
    [int(b), int(half), int(brain)]
    for b, value, half, brain in zip(bits, numbers, f16.view(np.uint16), bf16.view(np.uint16))
    if not np.isnan(value)
]
json.dump(
    {
        "versions": {"safetensors": safetensors.__version__, "numpy": np.__version__, "ml_dtypes": ml_dtypes.__version__},
        "file": base64.b64encode(file).decode(),
        "values": {name: texts(name, array) for name, (_, array) in arrays.items()},
        "rounded": rounded,
    },
    sys.stdout,
)
