"""Record files that PyTorch writes, with what their models compute: the reference of the tests of our reader.

Run with any Python 3 that has torch (recorded with 1.13, the version of Debian 12's python3-torch):

    python3 scripts/record-pytorch-models.py > test/fixtures/pytorch-models.json

Each case is one small model with random weights, saved by torch.save in one of the ways that it has, over one batch of random
sequences: `file` is the file in base64, `x` what went in and `output` what came out, (batch, steps, features). Outputs are
computed in float64 from the weights that are saved.
"""
import base64
import os
import io
import json
import warnings

import numpy
import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(17)
D, H, V, T, B = 2, 3, 5, 4, 2


class Tagger(nn.Module):
    """An embedding, a recurrent layer, a linear layer: what most people have."""

    def __init__(self, rnn, outputs=V, norm=False, width=D):
        super().__init__()
        self.embedding = nn.Embedding(V, width)
        self.rnn = rnn
        directions = 2 if rnn.bidirectional else 1
        size = (rnn.proj_size or rnn.hidden_size) * directions
        if norm:
            self.norm = nn.LayerNorm(size)
        self.fc = nn.Linear(size, outputs)

    def forward(self, x):
        y, _ = self.rnn(self.embedding(x))
        return self.fc(self.norm(y) if hasattr(self, "norm") else y)


class Alone(nn.Module):
    """A recurrent layer alone."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        return self.rnn(x)[0]


class Loop(nn.Module):
    """A cell in a loop over the steps."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        state, outputs = None, []
        for step in x.unbind(1):
            state = self.cell(step, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, 1)


class WithHead(nn.Module):
    """A recurrent layer, and a head whose functions are modules."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(D, H, nonlinearity="relu", batch_first=True)
        self.head = nn.Sequential(nn.Linear(H, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2), nn.LogSoftmax(-1))

    def forward(self, x):
        return self.head(self.rnn(x)[0])


class Loose(nn.Module):
    """Two linear layers, with a function between them that is in the code alone."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(D, H, batch_first=True)
        self.fc1 = nn.Linear(H, 4)
        self.fc2 = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(self.rnn(x)[0])))


class LastStep(nn.Module):
    """Both directions, of which what the last step gives is read, or the final states."""

    def __init__(self, states):
        super().__init__()
        self.states = states
        self.rnn = nn.LSTM(D, H, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(2 * H, 2)

    def forward(self, x):
        y, (h, _) = self.rnn(x)
        return self.fc(torch.cat([h[0], h[1]], -1) if self.states else y[:, -1])


cases = []


def plain(values):
    return {"shape": list(values.shape), "data": [float(f"{v:.9g}") for v in values.flatten().tolist()]}


def written(what, **options):
    buffer = io.BytesIO()
    torch.save(what, buffer, **options)
    # A whole module names the file of its source: another folder of as many letters stands for that of this machine.
    here = os.path.dirname(os.path.abspath(__file__)).encode()
    return base64.b64encode(buffer.getvalue().replace(here, b"/" + b"x" * (len(here) - 1))).decode()


def record(name, model, what=None, tokens=False, **options):
    """`what` is saved in place of the state dictionary of the model, which gives the outputs."""
    model.eval()
    x = torch.randint(V, (B, T)) if tokens else (torch.randn(B, T, D) * 100).round() / 100
    whole = io.BytesIO()
    torch.save(model, whole)
    whole.seek(0)
    exact = torch.load(whole, map_location="cpu").double()
    with torch.no_grad():
        output = exact(x if tokens else x.double())
    file = written(model.state_dict() if what is None else what, **options)
    cases.append({"name": name, "file": file, "x": plain(x), "output": plain(output)})


def refused(name, what, **options):
    cases.append({"name": name, "file": written(what, **options)})


# Each layer alone, as a state dictionary.
record("lstm", Alone(nn.LSTM(D, H, batch_first=True)))
record("lstm, 2 layers, both directions", Alone(nn.LSTM(D, H, 2, batch_first=True, bidirectional=True)))
record("lstm without bias", Alone(nn.LSTM(D, H, batch_first=True, bias=False)))
record("lstm, projected", Alone(nn.LSTM(D, H, batch_first=True, proj_size=2)))
record("lstm, projected, 2 layers, both directions", Alone(nn.LSTM(D, H, 2, batch_first=True, bidirectional=True, proj_size=2)))
record("gru", Alone(nn.GRU(D, H, batch_first=True)))
record("gru, 2 layers, both directions", Alone(nn.GRU(D, H, 2, batch_first=True, bidirectional=True)))
record("rnn", Alone(nn.RNN(D, H, batch_first=True)))
record("rnn, 2 layers, both directions", Alone(nn.RNN(D, H, 2, batch_first=True, bidirectional=True)))
record("lstm cell", Loop(nn.LSTMCell(D, H)))
record("gru cell", Loop(nn.GRUCell(D, H)))
record("rnn cell", Loop(nn.RNNCell(D, H)))
record("gru with a layer normalisation", Tagger(nn.GRU(D, H, batch_first=True), norm=True), tokens=True)

# One model in every way.
tagger = Tagger(nn.LSTM(D, H, batch_first=True))
old = {"_use_new_zipfile_serialization": False}
record("zip", tagger, tokens=True)
record("stream", tagger, tokens=True, **old)
for protocol in [3, 4, 5]:
    record(f"zip, protocol {protocol}", tagger, tokens=True, pickle_protocol=protocol)
record("stream, protocol 4", tagger, tokens=True, pickle_protocol=4, **old)
record("module", tagger, tagger, tokens=True)
record("module, stream", tagger, tagger, tokens=True, **old)

optimizer = torch.optim.Adam(tagger.parameters())
tagger(torch.randint(V, (B, T))).sum().backward()
optimizer.step()
checkpoint = {
    "epoch": 3,
    "model_state_dict": tagger.state_dict(),
    "optimizer_state_dict": optimizer.state_dict(),
    "loss": torch.tensor(0.5),
    "vocabulary": {"a": 0, "b": 1},
}
record("checkpoint", tagger, checkpoint, tokens=True)
record("checkpoint, stream", tagger, checkpoint, tokens=True, **old)
record("module in a checkpoint", tagger, {"model": tagger, "epoch": 1}, tokens=True)
compiled = {f"_orig_mod.module.{name}": value for name, value in tagger.state_dict().items()}
record("prefixes", tagger, compiled, tokens=True)

for kind, dtype in [("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)]:
    other = Tagger(nn.LSTM(D, H, batch_first=True)).to(dtype)
    record(kind, other, tokens=True)
    if kind == "bf16":
        record("bf16, stream", other, tokens=True, **old)


def flattened(model):
    """All weights of its layer as views of one storage, as cuDNN has them."""
    flat = torch.cat([p.data.flatten() for p in model.rnn.parameters()])
    at = 0
    for p in model.rnn.parameters():
        p.data = flat[at : at + p.numel()].view(p.shape)
        at += p.numel()
    return model


# Views: of one storage; a transposed one; one with a step.
viewed = flattened(Tagger(nn.GRU(D, H, batch_first=True)))
viewed.fc.weight.data = torch.randn(H, V).t()
viewed.embedding.weight.data = torch.randn(V, 2 * D)[:, ::2]
record("views", viewed, tokens=True)
record("views, stream", viewed, tokens=True, **old)

tied = Tagger(nn.LSTM(H, H, batch_first=True), width=H)
tied.fc.weight = tied.embedding.weight
record("tied", tied, tokens=True)
record("tied, module", tied, tied, tokens=True)

head = WithHead()
record("module with a head", head, head)
record("module of relu in both directions", *[Alone(nn.RNN(D, H, batch_first=True, bidirectional=True, nonlinearity="relu"))] * 2)

# What needs a mapping.
record("two linear layers", Loose())
record("last step", LastStep(False))
record("final states", LastStep(True))

# What is refused.
weights = tagger.state_dict()
refused("quantised", {**weights, "fc.weight": torch.quantize_per_tensor(weights["fc.weight"], 0.1, 0, torch.qint8)})
refused("sparse", {**weights, "fc.weight": weights["fc.weight"].to_sparse()})
refused("whole numbers", {**weights, "fc.weight": weights["fc.weight"].to(torch.int64)})
refused("of another shape", {**weights, "rnn.bias_hh_l0": torch.zeros(5)})
refused("without a tensor", {name: value for name, value in weights.items() if name != "rnn.weight_hh_l0"})
refused("with one more", {**weights, "scale": torch.ones(3)})
refused("convolution", {**weights, "conv.weight": torch.zeros(2, 2, 3), "conv.bias": torch.zeros(2)})
refused("batch normalisation", nn.Sequential(nn.Linear(D, H), nn.BatchNorm1d(H)).state_dict())
refused("numbers alone", {"epoch": 3})

scripted = io.BytesIO()
torch.jit.save(torch.jit.script(nn.Linear(1, 1)), scripted)
cases.append({"name": "TorchScript", "file": base64.b64encode(scripted.getvalue()).decode()})



# Files as people have them.
class Characters(nn.Module):
    """A whole module whose vocabulary is an attribute of it."""

    def __init__(self):
        super().__init__()
        self.vocab_size, self.hidden_size = V, H
        self.char_to_idx = {letter: k for k, letter in enumerate("abcde")}
        self.idx_to_char = {k: letter for k, letter in enumerate("abcde")}
        self.embedding = nn.Embedding(V, D, padding_idx=0)
        self.lstm = nn.LSTM(D, H, batch_first=True)
        self.fc = nn.Linear(H, V)

    def forward(self, x):
        return self.fc(self.lstm(self.embedding(x))[0])


class CharRNN(nn.Module):
    """One-hot letters, and dropout as modules."""

    def __init__(self):
        super().__init__()
        self.chars = tuple("abcde")
        self.lstm = nn.LSTM(V, H, 2, dropout=0.5, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(H, V)

    def forward(self, x):
        return self.fc(self.dropout(self.lstm(x)[0]))


class Names(nn.Module):
    """A cell by hand, of which only the code says how its layers are used."""

    def __init__(self):
        super().__init__()
        self.hidden_size = H
        self.i2h = nn.Linear(D + H, H)
        self.i2o = nn.Linear(D + H, 2)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, x):
        h, outputs = torch.zeros(x.shape[0], H, dtype=x.dtype), []
        for step in x.unbind(1):
            both = torch.cat([step, h], 1)
            h = self.i2h(both)
            outputs.append(self.softmax(self.i2o(both)))
        return torch.stack(outputs, 1)


characters = Characters()
record("module with its vocabulary", characters, characters, tokens=True)

letters = CharRNN()
model = {"n_hidden": H, "n_layers": 2, "state_dict": letters.state_dict(), "tokens": letters.chars}
D, V = V, D  # Vectors of 5.
record("weights one level down", letters, model, **old)
D, V = V, D

names = Names()
record("a cell by hand", names, names)

# As a card has them.
location = torch.serialization.location_tag
torch.serialization.location_tag = lambda storage: "cuda:0"
record("weights of a card", flattened(Tagger(nn.RNN(D, H, batch_first=True))), tokens=True, **old)
torch.serialization.location_tag = location

refused("quantised, stream", {**weights, "fc.weight": torch.quantize_per_tensor(weights["fc.weight"], 0.1, 0, torch.qint8)}, **old)
refused("complex numbers of f64, stream", {**weights, "fc.weight": weights["fc.weight"].to(torch.complex128)}, **old)



# Batch normalisation, which reads (batch, features, steps).
class Normalized(nn.Module):
    def __init__(self, affine=True, **options):
        super().__init__()
        self.first = nn.BatchNorm1d(D, **options)
        self.rnn = nn.GRU(D, H, batch_first=True)
        self.norm = nn.BatchNorm1d(H, affine=affine)
        self.fc = nn.Linear(H, 2)
        for norm in (self.first, self.norm):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.3, 2)
            if norm.affine:
                nn.init.normal_(norm.weight)
                nn.init.normal_(norm.bias)

    def forward(self, x):
        y, _ = self.rnn(self.first(x.transpose(1, 2)).transpose(1, 2))
        return self.fc(self.norm(y.transpose(1, 2)).transpose(1, 2))


class NormalizedHead(nn.Module):
    """A head whose batch normalisation has a function behind it."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(D, H, batch_first=True)
        self.head = nn.Sequential(nn.Linear(H, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
        self.head[1].running_mean.normal_()
        self.head[1].running_var.uniform_(0.3, 2)

    def forward(self, x):
        y = self.rnn(x)[0]
        return self.head(y.reshape(-1, H)).view(*y.shape[:2], 2)


record("batch normalisation around a gru", Normalized())
record("batch normalisation without weights", Normalized(affine=False))
other = Normalized(eps=0.1)
record("batch normalisation, module", other, other)
head = NormalizedHead()
record("batch normalisation in a head, module", head, head)
record("batch normalisation between linear layers", head)


# Functions with options, and what is no layer of PyTorch.
class Double(nn.Module):
    """A function of one's own: nothing of it but its name is in a file."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        return x * 2


class Listed(nn.Module):
    """A layer in a plain list, of which PyTorch itself does not know."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(D, D, batch_first=True)
        self.more = [nn.Linear(D, D)]

    def forward(self, x):
        return self.more[0](self.rnn(x)[0])


for name, function in [("softplus", nn.Softplus()), ("softmax over the last axis of three", nn.Softmax(2))]:
    model = nn.Sequential(nn.Linear(D, H), function)
    record(name, model, model)
for name, function in [
    ("softplus with options", nn.Softplus(2.0, 1.0)),
    ("softmax over steps", nn.Softmax(1)),
    ("logarithm of softmax without an axis", nn.LogSoftmax(None)),
    ("elu", nn.ELU(0.5)),
    ("a function of one's own", Double()),
    ("a function of one's own with dropout", Double(nn.Dropout(0.5))),
    ("batch normalisation without running numbers", nn.BatchNorm1d(H, track_running_stats=False)),
]:
    refused(name, nn.Sequential(nn.Linear(D, H), function))
refused("layers in a plain list", Listed())

# Layers with 8 bits, whose weights are no tensors of a state.
wide = Tagger(nn.LSTM(H, H, batch_first=True), width=H)
quantize = torch.quantization.quantize_dynamic
for name, kinds in [("layers of 8 bits", {nn.LSTM, nn.Linear}), ("an LSTM of 8 bits", {nn.LSTM})]:
    refused(f"{name}, module", quantize(wide, kinds))
    refused(f"{name}, state", quantize(wide, kinds).state_dict())


# Names that are sorted: 10 before 2.
class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnns = nn.ModuleList(nn.RNN(D, D, bias=False, batch_first=True) for _ in range(11))

    def forward(self, x):
        for rnn in self.rnns:
            x = rnn(x)[0]
        return x


stack = Stack()
by_name = {name: value for name, value in sorted(stack.state_dict().items())}
record("sorted by name", stack, by_name)
record("sorted by name, NumPy", stack, by_name)
arrays = io.BytesIO()
numpy.savez(arrays, **{name: value.numpy() for name, value in by_name.items()})
cases[-1]["file"] = base64.b64encode(arrays.getvalue()).decode()


# What stands beside a model.
class WithLoss(Tagger):
    def __init__(self):
        super().__init__(nn.GRU(D, H, batch_first=True))
        self.criterion = nn.CrossEntropyLoss(weight=torch.rand(V))


with_loss = WithLoss()
record("weights of a loss in a state", with_loss, tokens=True)
with_loss_of_torch = nn.Sequential(nn.Linear(D, H), nn.CrossEntropyLoss(weight=torch.rand(H)))
refused("a loss in a module", with_loss_of_torch)
other = Tagger(nn.GRU(D, H, batch_first=True))
record("weights of a loss beside a state", other, {"model": other.state_dict(), "criterion": {"weight": torch.rand(V)}}, tokens=True)
record("two states", other, {"state_dict": other.state_dict(), "ema_state_dict": tagger.state_dict()}, tokens=True)
best = {name: value + 1 for name, value in other.state_dict().items()}
record("a state and its copy", other, {"state_dict": other.state_dict(), "best": best}, tokens=True)
record("averaged", other, torch.optim.swa_utils.AveragedModel(other).state_dict(), tokens=True)
refused("arrays of NumPy", {name: value.numpy() for name, value in weights.items()})

once = {name: value for name, value in tied.state_dict().items() if name != "fc.weight"}
record("tied, with the weight once", tied, once, tokens=True)
large = {name: value.double() for name, value in weights.items()}
large["fc.weight"][0, 1] = 1e300
refused("too large for f32", large)

print(f'{{"torch": "{torch.__version__}", "cases": [')
print(",\n".join(json.dumps(case) for case in cases))
print("]}")
