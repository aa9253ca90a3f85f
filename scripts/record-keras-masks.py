"""Record small models of Keras 3 with masks, states and parts that are not trained, and what they compute: test/fixtures/keras-masks.json.

With any Keras 3 before 3.16 (recorded with 3.15.1; the backend numpy loses masks, so use jax):

    KERAS_BACKEND=jax python scripts/record-keras-masks.py

Each model is of random weights. `file` is the .keras, `h5` the legacy file of models whose arrays are listed in another order than that of
the layers; both packed by gzip, in base64. A model is recorded only if Keras, having loaded its file, computes the same.
"""
import base64
import gzip
import io
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy
from keras import Input, Model, Sequential, layers

path = Path(__file__).parent.parent / "test/fixtures/keras-masks.json"
D, H, V = 3, 3, 8
seq = dict(return_sequences=True)
x = (None, D)
padded = numpy.array([[1, 2, 3, 0, 0], [0, 4, 5, 0, 7], [6, 7, 1, 2, 3]], "int32")
vectors = numpy.random.default_rng(5).normal(0, 1, (2, 4, D)).round(2).astype("float32")
recorded = []


def member(archive, into, info):
    copied = zipfile.ZipInfo(info.filename, (2020, 1, 1, 0, 0, 0))
    into.writestr(copied, archive.read(info))


def saved(model, name):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, name)
        model.save(file)
        loaded = keras.saving.load_model(file, compile=False)
        data = Path(file).read_bytes()
    if name.endswith(".keras"):
        into = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(into, "w") as written:
            for info in archive.infolist():
                member(archive, written, info)
        data = into.getvalue()
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode(), loaded


def plain(values):
    values = numpy.asarray(values)
    return {"shape": list(values.shape), "data": [float(f"{value:.8g}") for value in values.flatten().tolist()]}


def case(name, model, given=padded, freeze=None):
    """@param freeze sets what is not trained: then the legacy file is recorded, too"""
    random = numpy.random.default_rng(len(recorded))
    for weight in model.weights:
        values = random.normal(0, 0.6, weight.shape)
        weight.assign((numpy.abs(values) + 0.3 if "variance" in weight.path else values).astype("float32"))
    if freeze:
        freeze(model)
    outputs = model(given)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    files = {}
    for key, file in [("file", "m.keras"), *([("h5", "m.h5")] if freeze else [])]:
        files[key], loaded = saved(model, file)
        again = loaded(given)
        again = again if isinstance(again, (list, tuple)) else [again]
        assert all(numpy.abs(numpy.asarray(a) - numpy.asarray(b)).max() < 1e-6 for a, b in zip(outputs, again)), name
    recorded.append({"name": name, **files, "inputs": [plain(given)], "outputs": [plain(one) for one in outputs]})


def words(of, units=D):
    return layers.Embedding(V, units, mask_zero=True)(of)


def functional(make, shape=(None,)):
    given = Input(shape, name="in1")
    return Model(given, make(given))


def states(make):
    """A model of the states alone, side by side."""
    return functional(lambda a: layers.Concatenate()(list(make(words(a)))[1:]))


# Parts that are not trained: Keras lists their arrays behind the others in a legacy file.
def off(*parts):
    def freeze(model):
        for part in parts:
            one = model
            for step in part:
                one = one.layers[step] if isinstance(step, int) else getattr(one, step)
            one.trainable = False

    return freeze


def off_and_on(outer, inner):
    def freeze(model):
        off(outer)(model)
        one = model
        for step in inner:
            one = one.layers[step] if isinstance(step, int) else getattr(one, step)
        one.trainable = True

    return freeze


both = lambda **options: layers.Bidirectional(layers.LSTM(H, **options))
case("forward not trained", Sequential([Input(x), both(), layers.Dense(2)]), vectors, off([0, "forward_layer"]))
case("the cell of forward not trained", Sequential([Input(x), layers.Bidirectional(layers.RNN(layers.GRUCell(2)))]), vectors, off([0, "forward_layer", "cell"]))
case("forward not trained, in a model", Sequential([Input(x), Sequential([Input(x), both(**seq), layers.Dense(H)]), layers.GRU(2)]), vectors, off([0, 0, "forward_layer"]))
case("both ways not trained but back, in a model", Sequential([Input(x), Sequential([Input(x), both(**seq), layers.Dense(H)]), layers.GRU(2)]), vectors, off_and_on([0, 0], [0, 0, "backward_layer"]))


def first_cell(model):
    model.layers[0].cell.cells[0].trainable = False


def second_cell_on(model):
    model.layers[0].cell.trainable = False
    model.layers[0].cell.cells[1].trainable = True


stacked = lambda: Sequential([Input(x), layers.RNN([layers.LSTMCell(H), layers.LSTMCell(H)], **seq)])
case("the first of stacked cells not trained", stacked(), vectors, first_cell)
case("stacked cells not trained but the second", stacked(), vectors, second_cell_on)
case("a model at each step, its first layer not trained", Sequential([Input(x), layers.TimeDistributed(Sequential([Input((D,)), layers.Dense(D), layers.BatchNormalization(), layers.Dense(D)]))]), vectors, off([0, "layer", 0]))
case("a layer at each step not trained, in a model", Sequential([Input(x), Sequential([Input(x), layers.TimeDistributed(layers.Dense(D)), layers.Dense(D)])]), vectors, off([0, 0, "layer"]))
case("a cell not trained, in a model", Sequential([Input(x), Sequential([Input(x), layers.RNN(layers.GRUCell(D), **seq), layers.GRU(D, **seq)])]), vectors, off([0, 0, "cell"]))
inner = lambda: Sequential([Input(x), layers.GRU(D, **seq), layers.GRU(D, **seq)])
case("a model in a model not trained but its second layer", Sequential([Input(x), Sequential([Input(x), inner(), layers.GRU(D)])]), vectors, off_and_on([0, 0], [0, 0, 1]))

# States of layers that give zeros at masked steps.
case("states of both ways, GRU", states(lambda a: layers.Bidirectional(layers.GRU(H, return_state=True, **seq))(a)))
case("states of both ways, LSTM", states(lambda a: layers.Bidirectional(layers.LSTM(H, return_state=True, **seq))(a)))
case("states with zeros at masked steps, LSTM", states(lambda a: layers.LSTM(H, return_state=True, zero_output_for_mask=True, **seq)(a)))
case("states with zeros at masked steps, GRU", functional(lambda a: layers.GRU(H, return_state=True, zero_output_for_mask=True)(words(a))[1]))


def started(a):
    masked = words(a)
    _, _, back = layers.Bidirectional(layers.GRU(H, return_state=True, **seq))(masked)
    return layers.GRU(H, **seq)(masked, initial_state=back)


case("a state of both ways as an initial state", functional(started))

# Masks that the config does not say: Keras takes them from what a layer reads.
reader = Sequential([Input(x), layers.LSTM(H, **seq)])
case("a GRU behind a model of an LSTM", functional(lambda a: layers.GRU(2)(reader(words(a)))))
late = lambda: Sequential([layers.Dense(D), layers.LSTM(H, **seq)])
case("a GRU behind a model that was built when called", functional(lambda a: layers.GRU(2)(late()(words(a)))))
case("pooling behind a model", functional(lambda a: layers.GlobalAveragePooling1D()(late()(words(a)))))
table = functional(words)
case("a GRU behind a model of an embedding", functional(lambda a: layers.GRU(2)(table(a))))
case("both ways, and at each step, behind a model of an embedding", functional(lambda a: layers.GRU(2)(layers.TimeDistributed(layers.Dense(2))(both(**seq)(table(a))))))
case("a functional model between", functional(lambda a: layers.GRU(2)(functional(lambda b: layers.LSTM(H, **seq)(layers.Dense(D)(b)), x)(words(a)))))
case("mask=None in a call", functional(lambda a: layers.LSTM(H, **seq)(words(a), mask=None)))


def decoder(a):
    masked = words(a)
    _, h, c = layers.LSTM(H, return_state=True)(masked)
    return layers.Dense(2)(layers.LSTM(H, **seq)(masked, initial_state=[h, c]))


case("a decoder with a state heeds no mask", functional(decoder))
decoding = functional(decoder)
case("a decoder with a state in a model heeds no mask", functional(lambda a: layers.Dense(2)(decoding(a))))
case("a GRU behind a decoder with a state", functional(lambda a: layers.GRU(2)(decoder(a))))
case("a GRU behind a model of a decoder with a state", functional(lambda a: layers.GRU(2)(decoding(a))))
case("two layers with the mask of an embedding", functional(lambda a: layers.GRU(2)(layers.Dropout(0.1)(layers.LSTM(H, **seq)(words(a))))))
case("a model within the model as the output", functional(lambda a: functional(lambda b: layers.GRU(H, **seq)(b), x)(words(a))))
twice = functional(lambda b: layers.GRU(H, **seq)(b), x)
case("the second call of a model as the output", functional(lambda a: twice(twice(words(a)))))

target = Path(sys.argv[1]) if len(sys.argv) > 1 else path
target.write_text(json.dumps({"keras": keras.__version__, "models": recorded}, separators=(",", ":")) + "\n")
print(len(recorded), target.stat().st_size)
