"""Record pickles of every protocol: the reference of the tests of our reader.

Run with any Python 3:

    python3 scripts/record-pickles.py > test/fixtures/pickles.json

`value` describes what was pickled: [kind, content] for all but None and flags; of texts and numbers the content is a text.
"""
import base64
import json
import pickle

DATA = {
    "none": None,
    "flags": [True, False],
    "whole": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**53, -(2**53), 2**53 + 1, 2**64, -(10**40)],
    "floats": [0.0, -0.0, 0.1, -1e300, 5e-324, float("inf"), float("-inf"), float("nan")],
    "texts": ["", "plain", "zwölf\n\\u0041 Ähren", "𝄞 and ❤", "half \ud834 of a pair", "x" * 300],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, (4,))],
    "keys": {1: "a", "b": [{}], -7: {"c": ()}},
    "long": list(range(2000)),
}
shared = ["one", "list"]
DATA["twice"] = [shared, shared]
NEWER = {"bytes": [b"", b"\x00\xff", b"y" * 300], "sets": [{1}, frozenset({"a"}), set()]}


def described(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float, str)):
        return [type(value).__name__, value if isinstance(value, str) else repr(value)]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, dict):
        return ["dict", [[described(key), described(one)] for key, one in value.items()]]
    kind = "set" if isinstance(value, frozenset) else type(value).__name__
    return [kind, [described(one) for one in value]]


cases = []
for protocol in range(6):
    value = {**DATA, **NEWER} if protocol >= 4 else DATA
    cases.append(
        {
            "protocol": protocol,
            "file": base64.b64encode(pickle.dumps(value, protocol)).decode(),
            "value": described(value),
        }
    )
print('{"cases": [')
print(",\n".join(json.dumps(case) for case in cases))
print("]}")
