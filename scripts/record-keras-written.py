"""Run what our writer makes for Keras: `test/formats/keras/write.test.ts` compares with what comes out.

After the tests have written the files, with any Keras 3 that is installed, once a version (recorded with 3.15.1, and with the source of
3.16.0; the backend numpy needs jax for convolutions):

    WRITTEN=/tmp/written npx vitest run --project unit test/formats/keras/write.test.ts
    KERAS_BACKEND=numpy python scripts/record-keras-written.py /tmp/written

Also lists what h5py finds in the files of weights.
"""
import io
import json
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy

folder = Path(sys.argv[1])
path = Path(__file__).parent.parent / "test/fixtures/keras-written.json"
cases = json.loads(path.read_text())


def tree_of(file):
    with zipfile.ZipFile(file) as archive:
        weights = archive.read("model.weights.h5")
    found = []

    def visit(name, item):
        dataset = isinstance(item, h5py.Dataset)
        if dataset:
            assert item.dtype == "float32" and item.chunks is None, item
        # As in JavaScript: (5), not (5,).
        what = f"({', '.join(map(str, item.shape))})" if dataset else item.attrs.get("name", "")
        found.append([f"/{name}", what])

    with h5py.File(io.BytesIO(weights)) as opened:
        opened.visititems(visit)
    return found


for k, case in enumerate(cases):
    file = folder / f"{k}.keras"
    case["tree"] = tree_of(file)
    model = keras.saving.load_model(file)
    given = list(case["inputs"].values())
    arrays = [numpy.array(one["data"], tensor.dtype).reshape(one["shape"]) for one, tensor in zip(given, model.inputs)]
    output = numpy.asarray(model(arrays if len(arrays) > 1 else arrays[0]))
    values = [float(f"{value:.9g}") for value in output.flatten().tolist()]
    case.setdefault("outputs", {})[keras.__version__] = {"shape": list(output.shape), "data": values}
    print(keras.__version__, case["name"], type(model).__name__, list(output.shape))

path.write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n")
