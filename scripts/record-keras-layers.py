"""Record small models of Keras 3 with the layers that stand around recurrent ones, and what they compute: test/fixtures/keras-layers.json.

With any Keras 3 before 3.16 (recorded with 3.15.1; the backend numpy needs jax for convolutions):

    KERAS_BACKEND=numpy python scripts/record-keras-layers.py

Weights are random; `file` is the .keras in base64, its members packed more tightly than Keras does. Masked steps of inputs are zeros.
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
from keras import Input, Model, Sequential, layers, ops

path = Path(__file__).parent.parent / "test/fixtures/keras-layers.json"
random = numpy.random.default_rng(11)
B, T, D, H, V = 2, 5, 3, 4, 7
seq = dict(return_sequences=True)


def vectors(steps=T, features=D, batch=B):
    return random.normal(0, 1, (batch, steps, features)).round(2).astype("float32")


def tokens(steps=T, batch=B):
    return random.integers(1, V, (batch, steps)).astype("int32")


def padded(values):
    """The last two steps of the first example, and the first of the second, do not count."""
    values = values.copy()
    values[0, -2:] = 0
    values[1, :1] = 0
    return values


def lstm(units=H, **options):
    return layers.LSTM(units, **options)


def functional(make, *shapes):
    inputs = [Input(shape, name=f"in{k + 1}") for k, shape in enumerate(shapes)]
    return Model(inputs, make(*inputs))


def several(make, *shapes):
    """A model of several outputs, each of its own layers."""
    inputs = [Input(shape, name=f"in{k + 1}") for k, shape in enumerate(shapes)]
    return Model(inputs, list(make(*inputs)))


cases = []


def case(name, model, *inputs):
    cases.append((name, model, inputs))


x = (None, D)
FUNCTIONS = [
    "elu", "selu", "softplus", "softsign", "swish", "exponential", "leaky_relu", "mish", "hard_silu", "log_softmax", "relu6", "gelu",
    "celu", "hard_sigmoid", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "log_sigmoid", "squareplus",
    "sparse_plus", "sparse_sigmoid",
]  # fmt: skip
case("activations of Dense", several(lambda a: [layers.Dense(4, activation=f, name=f"d_{f}")(a) for f in FUNCTIONS], x), vectors())
case("activations of LSTM", several(lambda a: [lstm(2, activation=f, name=f"l_{f}", **seq)(a) for f in ["gelu", "elu", "swish", "softsign", "hard_shrink"]], x), vectors())
case("activation layers", several(lambda a: [
    layers.LeakyReLU()(a), layers.LeakyReLU(negative_slope=0.1)(a), layers.ELU(alpha=0.7)(a), layers.ReLU(max_value=1.5)(a),
    layers.Softmax()(a), layers.PReLU(shared_axes=[1])(a), layers.Activation("gelu")(a), layers.Activation("tanh")(a),
], x), vectors())  # fmt: skip
case("PReLU of one vector", Sequential([Input(x), lstm(), layers.Dense(5), layers.PReLU(), layers.Dense(2)]), vectors())
case("PReLU of each step", Sequential([Input((T, D)), lstm(**seq), layers.PReLU(), layers.Dense(2)]), vectors())
case("batch normalisation, sequential", Sequential([
    Input(x), layers.BatchNormalization(), lstm(**seq), layers.BatchNormalization(scale=False), lstm(), layers.BatchNormalization(center=False),
    layers.Dense(2), layers.BatchNormalization(epsilon=0.1), layers.Activation("relu"),
]), vectors())  # fmt: skip
case("batch normalisation at each step", Sequential([Input(x), lstm(**seq), layers.TimeDistributed(layers.BatchNormalization()), layers.Dense(2)]), vectors())
case("batch normalisation, masked", functional(lambda a: layers.Dense(2)(lstm()(layers.BatchNormalization()(layers.Masking()(a)))), x), padded(vectors()))
case("rms normalisation", Sequential([Input(x), lstm(**seq), layers.RMSNormalization(), layers.Dense(2)]), vectors())
case("unit normalisation", Sequential([Input(x), lstm(), layers.UnitNormalization(), layers.Dense(2)]), vectors())


def merges(a):
    p, q, r = lstm(**seq)(a), layers.GRU(H, **seq)(a), layers.Dense(H)(a)
    return [
        layers.Subtract()([p, q]), layers.Multiply()([p, q, r]), layers.Average()([p, q, r]), layers.Maximum()([p, q, r]),
        layers.Minimum()([p, q]), layers.Add()([p, q, r]), layers.Concatenate()([p, q, r]),
    ]  # fmt: skip


case("merges", several(merges, x), vectors())
case("merges of vectors", several(lambda a, b: [layers.Subtract()([lstm()(a), lstm()(b)]), layers.Maximum()([layers.GRU(H)(a), layers.GRU(H)(b)])], x, x), vectors(), vectors())
case("a dot product of two vectors", functional(lambda a, b: layers.Dot(axes=1)([lstm()(a), lstm()(b)]), x, x), vectors(), vectors())
case("a cosine of two vectors", functional(lambda a, b: layers.Dot(axes=1, normalize=True)([lstm()(a), lstm()(b)]), x, x), vectors(), vectors())
case("masks of merges", functional(lambda a, b: layers.Dense(2)(lstm()(layers.Maximum()([layers.Embedding(V, H, mask_zero=True)(a), layers.Embedding(V, H, mask_zero=True)(b)]))), (None,), (None,)), padded(tokens()), tokens())
case("masks of concatenations", functional(lambda a, b: layers.Dense(2)(lstm()(layers.Concatenate()([layers.Embedding(V, H, mask_zero=True)(a), layers.Embedding(V, H, mask_zero=True)(b)]))), (None,), (None,)), padded(tokens()), tokens())


def merged_steps(a):
    words = layers.Embedding(V, H, mask_zero=True)(a)
    read = lstm(**seq)(words)
    return layers.Dense(2)(lstm(3)(layers.Concatenate()([layers.Add()([words, read]), layers.Maximum()([words, read])])))


case("one mask, merged", functional(merged_steps, (None,)), padded(tokens()))


def arithmetic(a):
    p, q = lstm(**seq)(a), layers.Dense(H)(a)
    v = lstm()(a)
    return [p + q, p - q, p * q, p * 0.5, 1.0 - p, p / 2.0, -p, ops.tanh(p), ops.relu(p + q), ops.maximum(p, q), v * v, ops.sigmoid(p) * q, p + 1.0]


case("operations on arrays", several(arithmetic, x), vectors())
case("last step by a slice", functional(lambda a: layers.Dense(2)(lstm(**seq)(a)[:, -1, :]), x), vectors())
case("last step by a slice of two axes", functional(lambda a: layers.Dense(2)(lstm(**seq)(a)[:, -1]), x), vectors())
case("means by operations", several(lambda a: [ops.mean(lstm(**seq)(a), axis=1), ops.max(lstm(**seq)(a), axis=1), ops.sum(lstm(**seq)(a), axis=1)], x), vectors())

inner = Sequential([Input(x), lstm(**seq), layers.Dense(3, activation="tanh")], name="inner")
case("a sequential in a sequential", Sequential([Input(x), layers.Dense(D), inner, layers.GRU(2)]), vectors())
tower = functional(lambda a: layers.Dense(H, activation="tanh")(lstm()(a)), x)
case("one tower for two inputs", functional(lambda a, b: layers.Dense(2)(layers.Concatenate()([tower(a), tower(b)])), x, x), vectors(), vectors())
words = Sequential([Input((None,)), layers.Embedding(V, D, mask_zero=True), lstm(3)], name="words")
case("a masked tower for two inputs", functional(lambda a, b: layers.Dense(2)(layers.Subtract()([words(a), words(b)])), (None,), (None,)), padded(tokens()), tokens())
encoder = several(lambda a: lstm(return_state=True)(a)[1:], x)
case("a model of several outputs in a model", functional(lambda a, b: lstm(**seq)(b, initial_state=encoder(a)), x, x), vectors(), vectors())
deep = Sequential([Input(x), layers.Dense(4), Sequential([Input((None, 4)), lstm(), layers.Dense(2)], name="deeper")], name="deep")
case("three levels", Sequential([Input(x), layers.Dropout(0.1), deep, layers.Dense(2)]), vectors())
two = functional(lambda a, b: layers.Dense(2)(layers.Add()([layers.Dense(H)(a), lstm(**seq)(b)])), x, x)
case("a model of two inputs in a model", functional(lambda a, b: layers.GRU(2)(two([b, a])), x, x), vectors(), vectors())
head = Sequential([Input((H,)), layers.Dense(3, activation="relu"), layers.BatchNormalization(), layers.Dense(2)], name="head")
case("a model at each step", Sequential([Input(x), lstm(**seq), layers.TimeDistributed(head)]), vectors())


normal = Sequential([Input((None, H)), layers.BatchNormalization(), layers.Dense(3, activation="relu"), layers.BatchNormalization()], name="normal")
frozen = Sequential([Input((None,)), layers.Embedding(V, D, trainable=False), lstm(**seq)], name="frozen")
case("normalisation in a model within the model", Sequential([Input((None,)), frozen, layers.BatchNormalization(), normal, layers.GRU(2)]), tokens())
residual = functional(lambda a: layers.Add()([a, layers.Dense(D, activation="tanh")(a)]) * 0.5, x)
case("a model with a merge, twice", functional(lambda a: layers.GRU(2)(residual(residual(a))), x), vectors())
case("a model as the first layer", Sequential([Sequential([Input(x), lstm(**seq)], name="base"), layers.Dense(2)]), vectors())


def shared_embedding(a, b):
    table = layers.Embedding(V, D)
    return layers.Dense(2)(layers.Concatenate()([lstm()(table(a)), layers.GRU(H)(table(b))]))


def shared_masked_embedding(a, b):
    table, reader = layers.Embedding(V, D, mask_zero=True), lstm()
    return layers.Dense(2)(layers.Subtract()([reader(table(a)), reader(table(b))]))


case("an embedding for two inputs", functional(shared_embedding, (None,), (None,)), tokens(), tokens())
case("an embedding and an LSTM for two inputs, masked", functional(shared_masked_embedding, (None,), (None,)), padded(tokens()), tokens())


def shared_others(a, b):
    norm, norm2, both, act = layers.LayerNormalization(), layers.BatchNormalization(), layers.Bidirectional(lstm(2, **seq)), layers.PReLU(shared_axes=[1])
    return layers.Add()([norm2(norm(act(both(a)))), norm2(norm(act(both(b))))])


case("other layers for two inputs", functional(shared_others, x, x), vectors(), vectors())
case("pooling", several(lambda a: [layers.GlobalAveragePooling1D()(lstm(**seq)(a)), layers.GlobalMaxPooling1D()(lstm(**seq)(a))], x), vectors())
case("pooling, masked", several(lambda a: [layers.GlobalAveragePooling1D()(lstm(**seq)(layers.Masking()(a))), layers.GlobalMaxPooling1D()(lstm(**seq)(layers.Masking()(a)))], x), padded(vectors()))
case("pooling, axes kept", several(lambda a: [layers.Dense(2)(layers.Flatten()(layers.GlobalAveragePooling1D(keepdims=True)(lstm(**seq)(a))))], x), vectors())

conv = layers.Conv1D
case("causal convolution", Sequential([Input(x), conv(4, 3, padding="causal", activation="relu"), lstm()]), vectors())
case("same convolution", Sequential([Input(x), conv(4, 3, padding="same", activation="relu"), conv(3, 4, padding="same"), lstm(), layers.Dense(2)]), vectors())
case("same convolution, steps", Sequential([Input(x), conv(4, 5, padding="same", activation="tanh", use_bias=False), lstm(**seq)]), vectors())
case("convolution, gelu", Sequential([Input(x), conv(4, 3, padding="causal", activation="gelu"), conv(4, 3, padding="causal", activation="elu"), lstm()]), vectors())
case("dilated convolution", Sequential([Input(x), conv(4, 3, padding="causal", dilation_rate=2, activation="relu"), conv(4, 2, padding="same", dilation_rate=3), lstm()]), vectors(9))
case("valid convolution, then an LSTM", Sequential([Input(x), conv(4, 3, activation="relu"), lstm(), layers.Dense(2)]), vectors())
case("valid convolution, then both ways", Sequential([Input(x), conv(4, 3, activation="relu"), layers.Bidirectional(lstm(2)), layers.Dense(2)]), vectors())
case("valid convolution, then pooling", several(lambda a: [layers.GlobalMaxPooling1D()(conv(4, 3)(a)), layers.GlobalAveragePooling1D()(conv(4, 2, activation="relu")(a))], x), vectors())
case("two valid convolutions", Sequential([Input(x), conv(4, 3, activation="relu"), layers.BatchNormalization(), conv(4, 2), layers.Dropout(0.1), lstm(**seq), layers.GRU(3)]), vectors(8))
case("valid convolution, steps", Sequential([Input(x), conv(4, 3, activation="relu"), lstm(**seq), layers.Dense(2)]), vectors())
case("strided convolution", Sequential([Input((8, D)), conv(4, 4, strides=2, padding="same", activation="relu"), lstm()]), vectors(8))
case("strided valid convolution", Sequential([Input((8, D)), conv(4, 2, strides=2, activation="relu"), lstm()]), vectors(8))
case("max pooling", Sequential([Input((8, D)), conv(4, 3, padding="same", activation="relu"), layers.MaxPooling1D(2), lstm(), layers.Dense(2)]), vectors(8))
case("max pooling of any length", Sequential([Input(x), conv(4, 3, padding="same"), layers.MaxPooling1D(2, padding="same"), lstm()]), vectors(7))
case("average pooling", Sequential([Input((8, D)), layers.Dense(3), layers.AveragePooling1D(4), lstm(**seq), layers.GRU(2)]), vectors(8))
case("max pooling, a rest left", Sequential([Input((7, D)), layers.Dense(3), layers.MaxPooling1D(3), lstm()]), vectors(7))
case("convolution, pooling, LSTM", Sequential([Input((12, D)), conv(4, 5, activation="relu"), layers.MaxPooling1D(4), lstm(), layers.Dense(1, activation="sigmoid")]), vectors(12))
case("separable convolution", Sequential([Input(x), layers.SeparableConv1D(4, 3, padding="same", activation="relu"), lstm()]), vectors())
case("depthwise convolution", Sequential([Input(x), layers.DepthwiseConv1D(3, padding="same"), lstm()]), vectors())
case("zero padding", Sequential([Input(x), layers.ZeroPadding1D((2, 0)), conv(4, 3), lstm()]), vectors())
case("noise and dropout", Sequential([Input(x), layers.GaussianNoise(0.1), layers.SpatialDropout1D(0.2), lstm(dropout=0.1, **seq), layers.GaussianDropout(0.1), layers.Dropout(0.1, noise_shape=(None, 1, H)), layers.AlphaDropout(0.1), lstm(), layers.ActivityRegularization(0.1)]), vectors())
case("an autoencoder", Sequential([Input((T, D)), lstm(**seq), lstm(2), layers.RepeatVector(T), lstm(2, **seq), lstm(**seq), layers.TimeDistributed(layers.Dense(D))]), vectors())
case("an autoencoder of any length", Sequential([Input(x), lstm(2), layers.RepeatVector(T), lstm(2, **seq), layers.TimeDistributed(layers.Dense(D))]), vectors())
case("a forecast of other steps", Sequential([Input((T, D)), lstm(3), layers.RepeatVector(3), lstm(2, **seq), layers.TimeDistributed(layers.Dense(1))]), vectors())
case("flattened steps", Sequential([Input((T, D)), lstm(**seq), layers.Flatten(), layers.Dense(3, activation="relu"), layers.Dense(2)]), vectors())
case("flattened vector", Sequential([Input(x), lstm(), layers.Flatten(), layers.Dense(2)]), vectors())
case("a reshaped end", Sequential([Input((T, D)), lstm(), layers.Dense(6), layers.Reshape((3, 2))]), vectors())
case("one feature by a reshape", Sequential([Input((T,)), layers.Reshape((T, 1)), lstm(), layers.Dense(2)]), vectors(T, 1)[:, :, 0])
case("steps without a feature at the end", Sequential([Input((T, D)), lstm(**seq), layers.Dense(1), layers.Reshape((T,))]), vectors())
case("permuted features", Sequential([Input((T, D)), layers.Permute((2, 1)), lstm()]), vectors())
case("attention by permutations", functional(lambda a: layers.Dense(2)(layers.Flatten()(layers.Multiply()([a, layers.Permute((2, 1))(layers.Dense(T, activation="softmax")(layers.Permute((2, 1))(a)))]))), (T, D)), vectors())
case("cropped steps", functional(lambda a: layers.Dense(2)(layers.Concatenate()([lstm()(layers.Cropping1D((1, 0))(a)), layers.GRU(2)(a)])), x), vectors())
case("up-sampling", Sequential([Input((4, D)), lstm(**seq), layers.UpSampling1D(2), lstm()]), vectors(4))
case("dot attention", functional(lambda a: layers.Dense(2)(layers.GlobalAveragePooling1D()((lambda h: layers.Attention()([h, h]))(lstm(**seq)(a)))), x), vectors())
case("dot attention, scaled", functional(lambda a, b: layers.Attention(use_scale=True)([lstm(**seq)(b), layers.Dense(3)(a), layers.GRU(H, **seq)(a)]), x, x), vectors(), vectors())
case("additive attention", functional(lambda a, b: layers.Dense(2)(layers.AdditiveAttention()([lstm(**seq)(b), lstm(**seq)(a)])), x, x), vectors(), vectors())
case("dot attention, masked", functional(lambda a: layers.Dense(2)(layers.GlobalAveragePooling1D()((lambda h: layers.Attention()([h, h]))(lstm(**seq)(layers.Masking()(a))))), x), padded(vectors()))
case("bidirectional, then norm", Sequential([Input(x), layers.Bidirectional(layers.GRU(3, **seq)), layers.LayerNormalization(), layers.Bidirectional(lstm(2)), layers.BatchNormalization(), layers.Dense(2, activation="softmax")]), vectors())
case("embedding, spatial dropout, both ways, both poolings", functional(lambda a: (lambda h: layers.Dense(1, activation="sigmoid")(layers.Dense(4, activation="relu")(layers.concatenate([layers.GlobalAveragePooling1D()(h), layers.GlobalMaxPooling1D()(h)]))))(layers.Bidirectional(lstm(3, **seq))(layers.SpatialDropout1D(0.2)(layers.Embedding(V, D)(a)))), (None,)), tokens())
case("rescaling and normalisation", Sequential([Input(x), layers.Rescaling(0.5, offset=-1.0), layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]), lstm()]), vectors())
case("identity", Sequential([Input(x), layers.Identity(), lstm(), layers.Activation("linear")]), vectors())
case("einsum dense", Sequential([Input(x), lstm(**seq), layers.EinsumDense("btd,de->bte", output_shape=(None, 3), bias_axes="e", activation="relu")]), vectors())

# Those of which a legacy file is recorded, too: its arrays are in lists.
LEGACY = [
    "a sequential in a sequential", "a masked tower for two inputs", "three levels", "normalisation in a model within the model",
    "an embedding for two inputs", "PReLU of one vector", "a model at each step",
]  # fmt: skip


def randomized(model):
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        values = random.normal(0, 0.6, weight.shape)
        if "variance" in weight.path:
            values = numpy.abs(values) + 0.3
        if weight.path.endswith("normalization/count") or weight.dtype.startswith("int") or "uint" in weight.dtype:
            continue
        weight.assign(values.astype("float32"))


def packed(model):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "m.keras")
        model.save(file)
        with zipfile.ZipFile(file) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return base64.b64encode(into.getvalue()).decode()


def half_masked(layer):
    """A merge of what is masked with what is not, before what looks at masks and what does not."""

    def made(a):
        both = layer([layers.Embedding(V, H, mask_zero=True)(a), layers.Embedding(V, H)(a)])
        return layers.Dense(2)(layers.Concatenate()([lstm(3)(layers.Dense(4, activation="tanh")(both)), layers.GlobalAveragePooling1D()(both)]))

    return functional(made, (None,))


case("one mask, added", functional(lambda a: (lambda words: layers.Dense(2)(lstm(3)(layers.Concatenate()([layers.Add()([words, lstm(**seq)(words)]), words]))))(layers.Embedding(V, H, mask_zero=True)(a)), (None,)), padded(tokens()))
for merging in ("Add", "Subtract", "Average", "Concatenate", "Multiply", "Maximum", "Minimum"):
    case(f"{merging} of masked and unmasked", half_masked(getattr(layers, merging)()), padded(tokens()))
case("max pooling that reaches behind the end", Sequential([Input((7, D)), layers.MaxPooling1D(2, padding="same"), lstm()]), vectors(7))
case("average pooling that reaches behind the end", Sequential([Input((7, D)), layers.AveragePooling1D(3, padding="same"), lstm()]), vectors(7))
case("pooling of all steps, padding same", Sequential([Input((6, D)), layers.AveragePooling1D(3, padding="same"), lstm()]), vectors(6))


def legacy(model):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "m.h5")
        model.save(file)
        return base64.b64encode(gzip.compress(Path(file).read_bytes(), 9, mtime=0)).decode()


def plain(values):
    values = numpy.asarray(values)
    return {"shape": list(values.shape), "data": [float(f"{value:.8g}") for value in values.flatten().tolist()]}


recorded = []
for name, model, inputs in cases:
    randomized(model)
    given = inputs if len(inputs) > 1 else inputs[0]
    outputs = model(list(given) if len(inputs) > 1 else given)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    old = {"h5": legacy(model)} if name in LEGACY else {}
    recorded.append({"name": name, "file": packed(model), **old, "inputs": [plain(one) for one in inputs], "outputs": [plain(one) for one in outputs]})
target = Path(sys.argv[1]) if len(sys.argv) > 1 else path
target.write_text(json.dumps({"keras": keras.__version__, "models": recorded}, separators=(",", ":")) + "\n")
print(len(recorded), target.stat().st_size)
