"""Write small files as Keras 1, 2 and 3 wrote them, with random weights, and what their models compute, in numpy's f64.

Needs h5py and numpy (Debian: apt-get install python3-h5py), not Keras: the layouts are those of files that Keras wrote.

    /usr/bin/python3 scripts/record-keras-files.py

makes test/fixtures/keras anew. HDF5 keeps no times here, so the same versions of h5py give the same bytes.
"""

import io
import json
import os
import zipfile

import h5py
import numpy as np

folder = os.path.join(os.path.dirname(__file__), "../test/fixtures/keras")
os.makedirs(folder, exist_ok=True)
random = np.random.default_rng(7)


def numbers(*shape):
    return random.normal(0, 0.7, shape).astype(np.float32)


def hard(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, kernel, recurrent, bias, gate, mask=None):
    """x (T, D); gates i, f, c, o along the last axis."""
    units = recurrent.shape[0]
    h, c, out = np.zeros(units), np.zeros(units), []
    for t, row in enumerate(x):
        if mask is None or mask[t]:
            i, f, g, o = np.split(row @ kernel + h @ recurrent + bias, 4)
            c = gate(f) * c + gate(i) * np.tanh(g)
            h = gate(o) * np.tanh(c)
        out.append(h)
    return np.array(out)


def gru(x, kernel, recurrent, bias, gate, mask=None):
    """The reset gate before the product; gates z, r, h."""
    units = recurrent.shape[0]
    h, out = np.zeros(units), []
    kz, kr, kh = np.split(kernel, 3, 1)
    rz, rr, rh = np.split(recurrent, 3, 1)
    bz, br, bh = np.split(bias, 3)
    for t, row in enumerate(x):
        if mask is None or mask[t]:
            z = gate(row @ kz + h @ rz + bz)
            r = gate(row @ kr + h @ rr + br)
            g = np.tanh(row @ kh + (r * h) @ rh + bh)
            h = z * h + (1 - z) * g
        out.append(h)
    return np.array(out)


def group_of(parent, name, arrays, **options):
    group = parent.create_group(name)
    group.attrs["weight_names"] = [key.encode() for key in arrays]
    for key, value in arrays.items():
        group.create_dataset(key, data=value, track_times=False, **options)
    return group


def save(name, fill):
    path = os.path.join(folder, name)
    with h5py.File(path, "w") as file:
        fill(file)


outputs = {}

# Keras 1: an array for each gate, in the order i, c, f, o; the architecture beside the weights, and no version in the file.
D, U = 2, 3
parts = {g: (numbers(D, U), numbers(U, U), numbers(U)) for g in "icfo"}
dense = numbers(U, 2), numbers(2)


def keras1(file):
    file.attrs["layer_names"] = [b"lstm_1", b"dense_1", b"activation_1"]
    arrays = {f"lstm_1_{letter}_{g}:0": parts[g][k] for g in "icfo" for k, letter in enumerate("WUb")}
    group_of(file, "lstm_1", arrays)
    group_of(file, "dense_1", {"dense_1_W:0": dense[0], "dense_1_b:0": dense[1]})
    file.create_group("activation_1").attrs["weight_names"] = np.array([], "S1")


save("keras1.hdf5", keras1)
config = {
    "class_name": "Sequential",
    "keras_version": "1.1.1",
    "config": [
        {"class_name": "LSTM", "config": {"name": "lstm_1", "trainable": True, "batch_input_shape": [None, 4, D], "output_dim": U,
                                          "inner_activation": "hard_sigmoid", "activation": "tanh", "consume_less": "cpu", "dropout_U": 0.0,
                                          "dropout_W": 0.1, "return_sequences": False, "go_backwards": False, "stateful": False}},
        {"class_name": "Dense", "config": {"name": "dense_1", "trainable": True, "output_dim": 2, "activation": "linear", "bias": True}},
        {"class_name": "Activation", "config": {"name": "activation_1", "trainable": True, "activation": "softmax"}},
    ],
}
with open(os.path.join(folder, "keras1.json"), "w") as file:
    json.dump(config, file)
x = numbers(4, D)
joined = [np.concatenate([parts[g][k] for g in "ifco"], -1) for k in range(3)]
logits = lstm(x.astype(float), *joined, hard)[-1] @ dense[0] + dense[1]
outputs["keras1"] = {"x": x.tolist(), "y": (np.exp(logits) / np.exp(logits).sum()).tolist()}

# Keras 2: a functional model, names over several attributes, a packed array, an array of f16 and one of f64; a GRU without `reset_after`.
V = 5
table = numbers(V, D)
ways = [(numbers(D, 3 * U), numbers(U, 3 * U), numbers(3 * U)) for _ in range(2)]
kernel2 = numbers(2 * U, 2).astype(np.float16)
bias2 = numbers(2).astype(np.float64)


def node(*names):
    return [[[name, 0, 0, {}] for name in names]]


def keras2(file):
    file.attrs["keras_version"] = "2.2.4"
    file.attrs["backend"] = "tensorflow"
    file.attrs["model_config"] = json.dumps({
        "class_name": "Model",
        "config": {
            "name": "model_1",
            "layers": [
                {"name": "words", "class_name": "InputLayer", "inbound_nodes": [],
                 "config": {"batch_input_shape": [None, None], "dtype": "float32", "sparse": False, "name": "words"}},
                {"name": "embedding_1", "class_name": "Embedding", "inbound_nodes": node("words"),
                 "config": {"name": "embedding_1", "trainable": True, "input_dim": V, "output_dim": D, "mask_zero": True}},
                {"name": "both", "class_name": "Bidirectional", "inbound_nodes": node("embedding_1"),
                 "config": {"name": "both", "trainable": True, "merge_mode": "concat",
                            "layer": {"class_name": "GRU", "config": {"name": "gru_1", "units": U, "activation": "tanh",
                                                                      "recurrent_activation": "hard_sigmoid", "use_bias": True,
                                                                      "return_sequences": False, "go_backwards": False,
                                                                      "implementation": 1, "time_major": False}}}},
                {"name": "dense_1", "class_name": "Dense", "inbound_nodes": node("both"),
                 "config": {"name": "dense_1", "trainable": True, "units": 2, "activation": "relu", "use_bias": True}},
            ],
            "input_layers": [["words", 0, 0]],
            "output_layers": [["dense_1", 0, 0]],
        },
    })
    weights = file.create_group("model_weights")
    for k, names in enumerate([[b"words", b"embedding_1"], [b"both", b"dense_1"]]):
        weights.attrs[f"layer_names{k}"] = names
    group_of(weights, "embedding_1", {"embedding_1/embeddings:0": table}, compression="gzip")
    names = [[f"both/{way}_gru_1/{what}:0" for what in ("kernel", "recurrent_kernel", "bias")] for way in ("forward", "backward")]
    both = group_of(weights, "both", dict(zip(names[0] + names[1], ways[0] + ways[1])))
    del both.attrs["weight_names"]
    for k, half in enumerate(names):
        both.attrs[f"weight_names{k}"] = [name.encode() for name in half]
    group_of(weights, "dense_1", {"dense_1/kernel:0": kernel2, "dense_1/bias:0": bias2})
    weights.create_group("words").attrs["weight_names"] = np.array([], "S1")
    optimizer = file.create_group("optimizer_weights")
    optimizer.create_dataset("training/Adam/iterations:0", data=np.int64(9), track_times=False)


save("keras2.h5", keras2)
words = [3, 1, 4, 0, 2, 0]
mask = [word != 0 for word in words]
vectors = table[words].astype(float)
both = np.concatenate([gru(vectors, *ways[0], hard, mask)[-1], gru(vectors[::-1], *ways[1], hard, mask[::-1])[-1]])
outputs["keras2"] = {"x": words, "y": np.maximum(both @ kernel2.astype(float) + bias2, 0).tolist()}

# An LSTM and a GRU as cuDNN's layers write them, beside the same in Keras's order.
kernel, recurrent, bias = numbers(D, 4 * U), numbers(U, 4 * U), numbers(2, 4 * U)
gru_kernel, gru_recurrent, gru_bias = numbers(U, 3 * U), numbers(U, 3 * U), numbers(2, 3 * U)


def to_cudnn(matrix, gates, is_kernel):
    """The other way round than Keras reads it: each gate's block transposed, a kernel's in its old shape."""
    blocks = np.split(matrix, gates, 1)
    return np.concatenate([b.T.reshape(b.shape) if is_kernel else b.T for b in blocks], 1)


def recurrent_pair(name, prefix, cudnn):
    def fill(file):
        file.attrs["keras_version"] = "2.2.4"
        options = {"return_sequences": True, "trainable": True}
        plain = {} if cudnn else {"recurrent_activation": "sigmoid", "reset_after": True}
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": [
            {"class_name": prefix + "LSTM", "config": {"name": "a", "units": U, "batch_input_shape": [None, None, D], **options, **plain}},
            {"class_name": prefix + "GRU", "config": {"name": "b", "units": U, **options, **plain}},
        ]}})
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"a", b"b"]
        of = (lambda m, n, k: to_cudnn(m, n, k)) if cudnn else (lambda m, n, k: m)
        group_of(weights, "a", {"a/kernel:0": of(kernel, 4, True), "a/recurrent_kernel:0": of(recurrent, 4, False),
                                "a/bias:0": bias.ravel() if cudnn else bias.sum(0, dtype=np.float32)})
        group_of(weights, "b", {"b/kernel:0": of(gru_kernel, 3, True), "b/recurrent_kernel:0": of(gru_recurrent, 3, False),
                                "b/bias:0": gru_bias.ravel() if cudnn else gru_bias})
    save(name, fill)


recurrent_pair("plain.h5", "", False)
recurrent_pair("cudnn.h5", "CuDNN", True)

# Keras 3: an archive, in which two masked LSTMs follow each other; the version says whether the second gets the mask.
first = numbers(D, 4 * U), numbers(U, 4 * U), numbers(4 * U)
second = numbers(U, 4 * U), numbers(U, 4 * U), numbers(4 * U)


def layer(class_name, **config):
    return {"module": "keras.layers", "class_name": class_name, "config": {"trainable": True, **config}, "registered_name": None}


def keras3(name, version):
    def vars_of(file, path, label, arrays):
        group = file.create_group(f"layers/{path}/vars")
        group.attrs["name"] = label
        for k, value in enumerate(arrays):
            group.create_dataset(str(k), data=value, track_times=False)

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        vars_of(file, "embedding", "words", [table])
        vars_of(file, "lstm/cell", "", first)
        vars_of(file, "lstm_1/cell", "", second)
        file.create_group("optimizer/vars").create_dataset("0", data=np.int64(3), track_times=False)
    options = {"units": U, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "return_sequences": True}
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
        {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, None], "dtype": "int32", "name": "in"}},
        layer("Embedding", name="words", input_dim=V, output_dim=D, mask_zero=True),
        layer("LSTM", name="first layer", **options),
        layer("LSTM", name="constructor", **options),
    ]}}
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for member, data in [("metadata.json", json.dumps({"keras_version": version})), ("config.json", json.dumps(config)),
                             ("model.weights.h5", memory.getvalue())]:
            archive.writestr(zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0)), data)


keras3("masked-3.15.keras", "3.15.0")
keras3("masked-3.16.keras", "3.16.0")
lower = lstm(vectors, *first, sigmoid, mask)
outputs["masked-3.15"] = {"x": words, "y": lstm(lower, *second, sigmoid, mask).tolist()}
outputs["masked-3.16"] = {"x": words, "y": lstm(lower, *second, sigmoid).tolist()}


# What a reader of HDF5 has to look out for.
def odd(file):
    file.create_dataset("numbers/f16", data=np.array([1.5, -0.0, 6e-8, np.inf], np.float16), track_times=False)
    file.create_dataset("numbers/big", data=np.array([[1.5, -2]], ">f4"), track_times=False)
    file.create_dataset("numbers/i8", data=np.array([-3, 4], np.int8), track_times=False)
    file.create_dataset("numbers/u64", data=np.array([2**40], np.uint64), track_times=False)
    file.create_dataset("numbers/one", data=np.float64(0.1), track_times=False)
    file.create_dataset("numbers/gzip", data=np.arange(6, dtype=np.float32).reshape(2, 3), compression="gzip", shuffle=True, track_times=False)
    file.create_dataset("numbers/zeros", data=np.zeros(2**12, np.float32), compression="gzip", track_times=False)
    file.create_dataset("numbers/lzf", data=np.arange(64, dtype=np.float32), compression="lzf", track_times=False)
    file.create_dataset("numbers/huge", shape=(2**20, 2**10), dtype=np.float32, track_times=False)
    file.create_dataset("numbers/huge_packed", shape=(2**20, 2**10), dtype=np.float32, compression="gzip", track_times=False)
    file.create_dataset("texts/fixed", data=np.array([b"ab", b"cde"], "S4"), track_times=False)
    file.create_dataset("texts/variable", data=["größe", ""], dtype=h5py.string_dtype(), track_times=False)
    file.attrs["one"] = "größe"
    file.attrs["several"] = [b"a", b"bc"]
    file.attrs["none"] = np.array([], "S1")
    file.attrs["number"] = 3
    file["links/inside"] = h5py.SoftLink("/numbers/i8")
    file["links/relative"] = h5py.SoftLink("inside")
    file["links/nowhere"] = h5py.SoftLink("/gone")
    file["links/circle"] = h5py.SoftLink("/links/circle2")
    file["links/circle2"] = h5py.SoftLink("/links/circle")
    file["links/outside"] = h5py.ExternalLink("/etc/passwd", "/")
    file["links/up"] = file["/"]


save("odd.h5", odd)
with open(os.path.join(folder, "outputs.json"), "w") as file:
    json.dump(outputs, file, indent=1)
