"""Record ONNX files as PyTorch's exporter writes them, with inputs and outputs: test/fixtures/onnx.json.

Run with Debian's python3-torch: /usr/bin/python3 scripts/record-onnx.py
"""
import base64
import io
import json
import os
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(7)
torch.set_num_threads(1)


class Tagger(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.lstm = nn.LSTM(4, 3, **options)
        width = 3 * (2 if options.get("bidirectional") else 1)
        self.out = nn.Linear(width, 2)

    def forward(self, tokens):
        y, _ = self.lstm(self.embedding(tokens))
        return self.out(y)


class Last(nn.Module):
    """The final state of the last layer, as classifiers read it."""

    def __init__(self, rnn, width, activation):
        super().__init__()
        self.rnn, self.out, self.activation = rnn, nn.Linear(width, 3), activation

    def forward(self, x):
        _, h = self.rnn(x)
        h = h[0] if isinstance(h, tuple) else h
        return self.activation(self.out(h[-1]))


class BothLast(Last):
    def forward(self, x):
        _, h = self.rnn(x)
        h = h[0] if isinstance(h, tuple) else h
        return self.activation(self.out(torch.cat((h[-2], h[-1]), dim=1)))


class LastStep(Last):
    def forward(self, x):
        y, _ = self.rnn(x)
        return self.activation(self.out(y[:, -1, :]))


class Mean(Last):
    def forward(self, x):
        y, _ = self.rnn(x)
        return self.activation(self.out(y.mean(dim=1)))


class Stateful(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x, h, c):
        y, (h, c) = self.rnn(x, (h, c))
        return self.out(y), h, c


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.GRU(3, 4, batch_first=True), nn.GRU(2, 4, batch_first=True)
        self.out = nn.Linear(4, 2)

    def forward(self, question, answer):
        _, h = self.encoder(question)
        y, _ = self.decoder(answer, h)
        return torch.log_softmax(self.out(y), dim=-1)


class Normalized(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj, self.gru, self.norm = nn.Linear(3, 5), nn.GRU(5, 4, batch_first=True), nn.LayerNorm(4)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        y, _ = self.gru(torch.relu(self.proj(x)))
        return torch.sigmoid(self.out(self.norm(y) * 0.5 + y))


def randn(*shape):
    return torch.randn(*shape)


batch_first = dict(batch_first=True)
CASES = {
    "tagger": (Tagger(batch_first=True), [torch.randint(0, 9, (2, 5))], ["batch", "time"]),
    "tagger, both ways, two layers": (
        Tagger(batch_first=True, num_layers=2, bidirectional=True),
        [torch.randint(0, 9, (2, 5))],
        ["batch", "time"],
    ),
    "tagger, time first": (Tagger(), [torch.randint(0, 9, (5, 2))], ["time", "batch"]),
    "last state, gru, two layers": (Last(nn.GRU(3, 4, 2, **batch_first), 4, nn.Tanh()), [randn(2, 5, 3)], ["batch", "time"]),
    "last state, rnn of relu": (
        Last(nn.RNN(3, 4, nonlinearity="relu", **batch_first), 4, nn.Softmax(dim=-1)),
        [randn(2, 5, 3)],
        ["batch", "time"],
    ),
    "last states, both ways": (
        BothLast(nn.LSTM(3, 4, bidirectional=True, **batch_first), 8, nn.Identity()),
        [randn(2, 5, 3)],
        ["batch", "time"],
    ),
    "last step, rnn": (LastStep(nn.RNN(3, 4, **batch_first), 4, nn.Sigmoid()), [randn(2, 5, 3)], ["batch", "time"]),
    "mean of the steps": (Mean(nn.LSTM(3, 4, **batch_first), 4, nn.Identity()), [randn(2, 5, 3)], ["batch", "time"]),
    "states as inputs": (Stateful(), [randn(2, 5, 3), torch.zeros(1, 2, 4), torch.zeros(1, 2, 4)], ["batch", "time"]),
    "decoder": (Decoder(), [randn(2, 5, 3), randn(2, 4, 2)], ["batch", "time"]),
    "normalized": (Normalized(), [randn(2, 5, 3)], ["batch", "time"]),
}
NAMES = {"decoder": ["question", "answer"], "states as inputs": ["x", "h", "c"]}

recorded = []
for opset in (11, 13, 16):
    for name, (module, inputs, axes) in CASES.items():
        module.eval()
        names = NAMES.get(name, ["x"])
        sequence = {k: axis for k, axis in enumerate(axes)}
        dynamic = {}
        for one, tensor in zip(names, inputs):
            if one in ("h", "c"):
                dynamic[one] = {1: "batch"}
            elif one == "answer":
                dynamic[one] = {0: "batch", 1: "other_time"}
            else:
                dynamic[one] = sequence
        file = io.BytesIO()
        outputs = ["y"] + (["next_h", "next_c"] if name == "states as inputs" else [])
        torch.onnx.export(
            module, tuple(inputs), file, input_names=names, output_names=outputs, dynamic_axes=dynamic, opset_version=opset
        )
        with torch.no_grad():
            result = module(*inputs)
        result = result[0] if isinstance(result, tuple) else result
        recorded.append(
            {
                "name": f"{name}, opset {opset}",
                "axes": axes,
                "file": base64.b64encode(file.getvalue()).decode(),
                "inputs": [
                    {"name": one, "shape": list(t.shape), "values": t.flatten().tolist()} for one, t in zip(names, inputs)
                ],
                "shape": list(result.shape),
                "output": result.flatten().tolist(),
            }
        )

path = os.path.join(os.path.dirname(__file__), "../test/fixtures/onnx.json")
with open(path, "w") as out:
    json.dump({"torch": torch.__version__, "models": recorded}, out)
    out.write("\n")
print(len(recorded), os.path.getsize(path))
