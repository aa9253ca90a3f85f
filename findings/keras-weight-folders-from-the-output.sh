#!/bin/sh
# The folders of weights in a .keras file are numbered by a layer's distance from the output, not by the order of the layers.
#
# Version: Keras 3.15.1, backend JAX; 3.16.0 has the same code.
# Guess: `model.weights.h5` holds a folder for each layer, named after its class and numbered where there are several: dense, dense_1,
#   dense_2, in the order in which layers were made, or in which config.json lists them.
# Seen: in a functional model they are numbered in another order: layers are sorted by how far they are from the output, the farthest first.
#   config.json lists `near` before `farther`, and the folder of `farther` comes before that of `near`. The numbers are worked out anew when
#   a file is loaded, and no name is compared: a file in which the folders of layers of equal shapes are numbered as config.json lists
#   the layers is loaded without an error, with the weights of one layer in another.
# Output:
#   keras 3.15.1
#   config.json: near, far, farther
#   folders: dense is far, dense_1 is farther, dense_2 is near
#   numbered as listed: loaded, near has the numbers of farther
#
# Needs Python 3.11 or later with venv, and its package index. Nothing is installed, and the temporary folder is removed. Exit 0: as
# said above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v python3 >/dev/null || cannot "there is no python3."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
python3 -m venv venv >venv.log 2>&1 || cannot "venv: $(tail -n 1 venv.log)"
venv/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 >pip.log 2>&1 || cannot "pip: $(tail -n 1 pip.log)"

cat >show.py <<'EOP'
import io, json, shutil, sys, zipfile
import h5py, keras, numpy as np
from keras import Input, Model, layers

print("keras", keras.__version__)
x = Input((2,))
near = layers.Dense(2, name="near")(x)
far = layers.Dense(2, name="far")(x)
model = Model(x, layers.Add()([layers.Dense(2, name="farther")(far), near]))
model.save("model.keras")

archive = zipfile.ZipFile("model.keras")
config = json.loads(archive.read("config.json"))
listed = [one["name"] for one in config["config"]["layers"] if one["class_name"] == "Dense"]
print("config.json:", ", ".join(listed))
weights = archive.read("model.weights.h5")
with h5py.File(io.BytesIO(weights)) as file:
    folders = {str(file["layers"][k]["vars"].attrs["name"]): k for k in file["layers"] if k.startswith("dense")}
print("folders:", ", ".join(f"{folder} is {name}" for name, folder in sorted(folders.items(), key=lambda pair: pair[1])))

# The same arrays in folders that are numbered as the layers are listed.
moved = io.BytesIO(weights)
with h5py.File(moved, "r+") as file:
    group = file["layers"]
    for name, folder in folders.items():
        group.move(folder, "of_" + name)
    for k, name in enumerate(listed):
        group.move("of_" + name, "dense" if k == 0 else f"dense_{k}")
with zipfile.ZipFile("moved.keras", "w") as out:
    for name in archive.namelist():
        out.writestr(name, moved.getvalue() if name == "model.weights.h5" else archive.read(name))
loaded = keras.saving.load_model("moved.keras")
kernel = np.asarray(loaded.get_layer("near").kernel)
same = [name for name in listed if np.array_equal(kernel, np.asarray(model.get_layer(name).kernel))]
print("numbered as listed: loaded, near has the numbers of", ", ".join(same))
expected = {"far": "dense", "farther": "dense_1", "near": "dense_2"}
sys.exit(0 if listed == ["near", "far", "farther"] and folders == expected and same == ["farther"] else 1)
EOP
KERAS_BACKEND=jax venv/bin/python show.py 2>errors.log || { tail -n 3 errors.log >&2; exit 1; }
