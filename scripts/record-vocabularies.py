"""Record vocabularies as Python's pickle and Keras's Tokenizer write them, into test/fixtures/vocabularies.json, pickles as base64.

    KERAS_BACKEND=jax python3 scripts/record-vocabularies.py

Ran with Python 3.11 and Keras 3.15.1.
"""

import base64
import json
import pathlib
import pickle

import keras
from keras.src.legacy.preprocessing.text import Tokenizer

texts = ["The cat sat.", "The mat"]
words = Tokenizer(oov_token="<OOV>")
words.fit_on_texts(texts)
few = Tokenizer(num_words=4, lower=False, filters=".")
few.fit_on_texts(texts)
characters = Tokenizer(char_level=True)
characters.fit_on_texts(["abcab"])
cycle = []
cycle.append(cycle)


class Call:
    def __reduce__(self):
        return print, ("run",)


def pickled(value, protocol=4):
    return base64.b64encode(pickle.dumps(value, protocol=protocol)).decode()


tokenizers = {"words": words, "few": few, "characters": characters}
recorded = {
    "keras": keras.__version__,
    "tokenizers": {
        name: {"json": one.to_json(), "pickle": pickled(one), "sequences": one.texts_to_sequences(texts + ["The zebra, cat"])}
        for name, one in tokenizers.items()
    },
    "tables": {
        str(protocol): {
            "numbers": pickled({"a": 1, "b": 2, "é": 3}, protocol),
            "tokens": pickled({0: "\n", 1: "a", 2: "b"}, protocol),
            "list": pickled(["\n", "a", "b"], protocol),
            "tuple": pickled(("\n", "a", "b"), protocol),
        }
        for protocol in (2, 3, 4, 5)
    },
    "refused": {
        "function": pickled(print),
        "call": pickled(Call()),
        "set": pickled({"a", "b"}),
        "bytes": pickled(b"ab"),
        "cycle": pickled(cycle),
    },
}
target = pathlib.Path(__file__).parent.parent / "test/fixtures/vocabularies.json"
target.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n")
