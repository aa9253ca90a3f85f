#!/bin/sh
# Which layer's weights a folder of a .keras file holds does not follow from the order in which config.json lists the layers.
#
# Version: Keras 3.15.1, backend JAX; 3.16.0 has the same code.
# Guess: `model.weights.h5` holds a folder for each layer, named after its class and numbered where there are several: dense, dense_1,
#   dense_2, in the order in which config.json lists the layers. A file that lists them in another order, each still after what it reads, and
#   numbers the folders by it, says the same model.
# Seen: when a functional model is loaded, its layers are sorted anew by their distance from the output, and that order numbers the
#   folders; no name is compared. Keras writes config.json in the same order, so the two agree in its own files. In a file that lists a layer
#   near the output first, and numbers the folders as listed, layers of equal shapes get each other's weights, without an error.
# Output:
#   keras 3.15.1
#   made: near, far, farther; config.json: far, farther, near
#   listed as made, folders by that order: loaded, near has the numbers of farther
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
import io, json, sys, zipfile
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
print("made: near, far, farther; config.json:", ", ".join(listed))
weights = archive.read("model.weights.h5")
with h5py.File(io.BytesIO(weights)) as file:
    folders = {str(file["layers"][k]["vars"].attrs["name"]): k for k in file["layers"] if k.startswith("dense")}

# The same model, whose layers are listed as they were made, and the same arrays in folders that are numbered by that list.
order = ["near", "far", "farther"]
layers_of = config["config"]["layers"]
dense = {one["name"]: one for one in layers_of if one["class_name"] == "Dense"}
others = [one for one in layers_of if one["class_name"] != "Dense"]
config["config"]["layers"] = [others[0], *(dense[name] for name in order), *others[1:]]
moved = io.BytesIO(weights)
with h5py.File(moved, "r+") as file:
    group = file["layers"]
    for name, folder in folders.items():
        group.move(folder, "of_" + name)
    for k, name in enumerate(order):
        group.move("of_" + name, "dense" if k == 0 else f"dense_{k}")
with zipfile.ZipFile("moved.keras", "w") as out:
    for name in archive.namelist():
        new = {"model.weights.h5": moved.getvalue(), "config.json": json.dumps(config)}
        out.writestr(name, new.get(name, archive.read(name)))
loaded = keras.saving.load_model("moved.keras")
kernel = np.asarray(loaded.get_layer("near").kernel)
same = [name for name in order if np.array_equal(kernel, np.asarray(model.get_layer(name).kernel))]
print("listed as made, folders by that order: loaded, near has the numbers of", ", ".join(same))
sys.exit(0 if listed == ["far", "farther", "near"] and same == ["farther"] else 1)
EOP
KERAS_BACKEND=jax venv/bin/python show.py 2>errors.log || { tail -n 3 errors.log >&2; exit 1; }
