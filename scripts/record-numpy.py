"""Record arrays as NumPy writes them: the reference of the tests of our reader.

Run with any Python 3 that has numpy (recorded with 1.24):

    python3 scripts/record-numpy.py > test/fixtures/numpy.json
"""
import base64
import io
import json

import numpy

NAMES = {"f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64"}
NAMES |= {"u1": "U8", "u2": "U16", "u4": "U32", "u8": "U64", "b1": "BOOL", "c8": "C64"}

random = numpy.random.default_rng(3)
cases = []


def record(name, array, dtype, version=None):
    buffer = io.BytesIO()
    numpy.lib.format.write_array(buffer, array, version=version)
    flat = array.flatten()
    # A complex number is two.
    data = [part for one in flat for part in (one.real, one.imag)] if dtype == "C64" else flat
    cases.append(
        {
            "name": name,
            "file": base64.b64encode(buffer.getvalue()).decode(),
            "dtype": dtype,
            "shape": list(array.shape),
            # As texts where a number of JSON would be rounded.
            "data": [str(int(v)) if dtype in ("I64", "U64") else int(v) if dtype[0] in "IUB" else float(v) for v in data],
        }
    )


for code, dtype in NAMES.items():
    for order in ["<", ">"] if code[1] != "1" else ["|"]:
        values = random.normal(size=(2, 3, 2)) * 50
        array = (values > 0 if code == "b1" else numpy.abs(values) if code[0] == "u" else values).astype(order + code)
        if code in ("i8", "u8"):
            array[0, 0, 0] = 2**63 - 1
        record(f"{order}{code}", array, dtype)
        record(f"{order}{code}, Fortran", numpy.asfortranarray(array), dtype)
record("no axes", numpy.float32(1.5).reshape(()), "F32")
record("one axis, Fortran", numpy.asfortranarray(numpy.arange(3, dtype="<i4")), "I32")
record("empty", numpy.zeros((0, 4), "<f4"), "F32")
record("version 2", numpy.arange(4, dtype="<f4").reshape(2, 2), "F32", (2, 0))
record("version 3", numpy.arange(4, dtype="<f4").reshape(2, 2), "F32", (3, 0))

print('{"cases": [')
print(",\n".join(json.dumps(case) for case in cases))
print("]}")
