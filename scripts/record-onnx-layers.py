"""Record ONNX files of what stands around recurrent layers, as PyTorch's exporter writes it, with inputs and outputs:
test/fixtures/onnx-layers.json. Each `file` is packed by gzip, in base64.

Run with Debian's python3-torch: /usr/bin/python3 scripts/record-onnx-layers.py
"""
import base64
import gzip
import io
import json
import os
import sys
import warnings

import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
torch.manual_seed(9)
torch.set_num_threads(1)
D, H, B, T = 3, 4, 2, 6


class Of(nn.Module):
    """A model of a function of its parts and inputs."""

    def __init__(self, forward, **parts):
        super().__init__()
        self.of = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.of(self, *inputs)


def lstm(inputs=D, **options):
    return nn.LSTM(inputs, H, batch_first=True, **options)


def gru(inputs=D, **options):
    return nn.GRU(inputs, H, batch_first=True, **options)


def steps(m, x):
    return m.rnn(x)[0]


def last(m, x):
    return m.rnn(x)[0][:, -1]


class SelfAttention(nn.Module):
    """The weighted mean of the steps, by a score of each."""

    def __init__(self):
        super().__init__()
        self.rnn, self.score, self.out = lstm(), nn.Linear(H, 1), nn.Linear(H, 2)

    def forward(self, x):
        y, _ = self.rnn(x)
        weights = torch.softmax(self.score(y), dim=1)
        return self.out((weights * y).sum(dim=1))


def x():
    return torch.randn(B, T, D)


lin = nn.Linear
CASES = {
    "slice of the steps, the first left out": (Of(lambda m, x: m.rnn(x[:, 1:])[0][:, -1], rnn=lstm()), [x()]),
    "slice of the steps, the last left out": (Of(lambda m, x: m.rnn(x[:, :-1])[0][:, -1], rnn=lstm()), [x()]),
    "differences of steps": (Of(lambda m, x: m.rnn(x[:, 1:] - x[:, :-1])[0][:, -1], rnn=lstm()), [x()]),
    "outputs from the second on": (Of(lambda m, x: m.out(m.rnn(x)[0][:, 1:]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "conv, same": (Of(lambda m, x: m.rnn(torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 3, padding=1), rnn=lstm(5)), [x()]),
    "conv, valid": (Of(lambda m, x: m.rnn(torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 3), rnn=lstm(5)), [x()]),
    "conv, causal": (Of(lambda m, x: m.rnn(torch.relu(m.conv(F.pad(x.transpose(1, 2), (2, 0)))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 3), rnn=lstm(5)), [x()]),
    "conv, same, steps": (Of(lambda m, x: m.rnn(torch.tanh(m.conv(x.transpose(1, 2))).transpose(1, 2))[0], conv=nn.Conv1d(D, 5, 5, padding=2), rnn=gru(5)), [x()]),
    "conv, batch norm, max pool": (Of(lambda m, x: m.rnn(F.max_pool1d(torch.relu(m.norm(m.conv(x.transpose(1, 2)))), 2).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 3, padding=1), norm=nn.BatchNorm1d(5), rnn=lstm(5)), [x()]),
    "conv, dilated": (Of(lambda m, x: m.rnn(torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 3, padding=2, dilation=2), rnn=lstm(5)), [x()]),
    "conv, kernel of 1": (Of(lambda m, x: m.rnn(torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 1), rnn=lstm(5)), [x()]),
    "conv, valid, both directions": (Of(lambda m, x: m.out(m.rnn(m.conv(x.transpose(1, 2)).transpose(1, 2))[0][:, -1]), conv=nn.Conv1d(D, 5, 3), rnn=lstm(5, bidirectional=True), out=lin(2 * H, 2)), [x()]),
    "conv, valid, both directions, steps": (Of(lambda m, x: m.out(m.rnn(m.conv(x.transpose(1, 2)).transpose(1, 2))[0]), conv=nn.Conv1d(D, 5, 3), rnn=lstm(5, bidirectional=True), out=lin(2 * H, 2)), [x()]),
    "conv, valid, both directions, states": (Of(lambda m, x: (lambda h: m.out(torch.cat([h[0], h[1]], -1)))(m.rnn(m.conv(x.transpose(1, 2)).transpose(1, 2))[1][0]), conv=nn.Conv1d(D, 5, 3), rnn=lstm(5, bidirectional=True), out=lin(2 * H, 2)), [x()]),
    "conv, valid, mean": (Of(lambda m, x: m.conv(x.transpose(1, 2)).mean(-1), conv=nn.Conv1d(D, 5, 3)), [x()]),
    "conv, valid, max and sum": (Of(lambda m, x: (lambda y: m.out(torch.cat([y.max(-1)[0], y.sum(-1)], 1)))(torch.tanh(m.conv(x.transpose(1, 2)))), conv=nn.Conv1d(D, 5, 3), out=lin(10, 2)), [x()]),
    "conv, valid, then same": (Of(lambda m, x: m.rnn(m.two(torch.relu(m.conv(x.transpose(1, 2)))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 3), two=nn.Conv1d(5, 4, 3, padding=1), rnn=gru(4)), [x()]),
    "conv, valid, two layers": (Of(lambda m, x: m.rnn(m.conv(x.transpose(1, 2)).transpose(1, 2))[1][-1], conv=nn.Conv1d(D, 5, 2), rnn=gru(5, num_layers=2)), [x()]),
    "conv, stride 2": (Of(lambda m, x: m.rnn(torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 2, stride=2), rnn=lstm(5)), [x()]),
    "conv, stride 2, padded": (Of(lambda m, x: m.rnn(torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 3, stride=2, padding=1), rnn=lstm(5)), [x()]),
    "conv, valid, max pool": (Of(lambda m, x: m.rnn(F.max_pool1d(m.conv(x.transpose(1, 2)), 2).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 3), rnn=lstm(5)), [x()]),
    "average pool": (Of(lambda m, x: m.rnn(F.avg_pool1d(x.transpose(1, 2), 3).transpose(1, 2))[0][:, -1], rnn=lstm()), [x()]),
    "max pool, overlapping": (Of(lambda m, x: m.rnn(F.max_pool1d(x.transpose(1, 2), 3, stride=1).transpose(1, 2))[0][:, -1], rnn=lstm()), [x()]),
    "slice of the steps, both ends": (Of(lambda m, x: m.rnn(x[:, 1:-2])[0].mean(1), rnn=lstm()), [x()]),
    "slice of the steps, its first": (Of(lambda m, x: m.out(m.rnn(x)[0][:, 2:])[:, 0], rnn=lstm(), out=lin(H, 2)), [x()]),
    "slice of a slice": (Of(lambda m, x: m.rnn(x[:, 1:][:, :-1])[0][:, 1:].max(1)[0], rnn=gru()), [x()]),
    "slices of other lengths": (Of(lambda m, x: m.rnn(x[:, 2:] + x[:, :-2])[0][:, -1] + m.two(x[:, 1:])[0][:, -1], rnn=lstm(), two=gru()), [x()]),
    "slices that do not fit": (Of(lambda m, x: m.rnn(x)[0][:, 1:].sum(1) + m.rnn(x[:, 1:] * x[:, -1:])[0][:, -1], rnn=lstm()), [x()]),
    "slice and all steps side by side": (Of(lambda m, x: m.rnn(torch.cat([x[:, 1:], x[:, 1:] - x[:, :-1]], -1))[0][:, -1], rnn=lstm(2 * D)), [x()]),
    "slice of the steps, fixed": (Of(lambda m, x: m.rnn(x[:, 1:-1])[0][:, -1], rnn=lstm()), [x()]),
    "slice of the steps, fixed, its last by number": (Of(lambda m, x: m.out(m.rnn(x[:, 2:])[0][:, 3]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "last three steps, fixed": (Of(lambda m, x: m.rnn(x[:, -3:])[0][:, -1], rnn=lstm()), [x()]),
    "conv, valid, fixed": (Of(lambda m, x: m.rnn(torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2))[0][:, -1], conv=nn.Conv1d(D, 5, 4), rnn=lstm(5)), [x()]),
    "sum of the steps": (Of(lambda m, x: m.out(m.rnn(x)[0].sum(dim=1)), rnn=lstm(), out=lin(H, 2)), [x()]),
    "max of the steps": (Of(lambda m, x: m.out(m.rnn(x)[0].max(dim=1)[0]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "max of the steps, amax": (Of(lambda m, x: m.out(m.rnn(x)[0].amax(dim=1)), rnn=lstm(), out=lin(H, 2)), [x()]),
    "mean and max": (Of(lambda m, x: (lambda y: m.out(torch.cat([y.mean(1), y.max(1)[0]], 1)))(m.rnn(x)[0]), rnn=lstm(), out=lin(2 * H, 2)), [x()]),
    "adaptive mean": (Of(lambda m, x: m.out(F.adaptive_avg_pool1d(m.rnn(x)[0].transpose(1, 2), 1).squeeze(-1)), rnn=lstm(), out=lin(H, 2)), [x()]),
    "adaptive max": (Of(lambda m, x: m.out(F.adaptive_max_pool1d(m.rnn(x)[0].transpose(1, 2), 1).squeeze(-1)), rnn=lstm(), out=lin(H, 2)), [x()]),
    "batch norm of the steps": (Of(lambda m, x: m.out(m.norm(m.rnn(x)[0].transpose(1, 2)).transpose(1, 2)), rnn=lstm(), norm=nn.BatchNorm1d(H), out=lin(H, 2)), [x()]),
    "batch norm of the last": (Of(lambda m, x: m.out(m.norm(m.rnn(x)[0][:, -1])), rnn=lstm(), norm=nn.BatchNorm1d(H), out=lin(H, 2)), [x()]),
    "batch norm of the inputs": (Of(lambda m, x: m.rnn(m.norm(x.transpose(1, 2)).transpose(1, 2))[0][:, -1], rnn=lstm(), norm=nn.BatchNorm1d(D)), [x()]),
    "gelu": (Of(lambda m, x: m.out(F.gelu(m.l(m.rnn(x)[0]))), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "gelu, tanh": (Of(lambda m, x: m.out(F.gelu(m.l(m.rnn(x)[0]), approximate="tanh")), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "hard swish": (Of(lambda m, x: m.out(F.hardswish(m.l(m.rnn(x)[0]))), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "leaky relu": (Of(lambda m, x: m.out(F.leaky_relu(m.l(m.rnn(x)[0]), 0.1)), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "elu": (Of(lambda m, x: m.out(F.elu(m.l(m.rnn(x)[0]), 0.7)), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "selu": (Of(lambda m, x: m.out(F.selu(m.l(m.rnn(x)[0]))), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "celu": (Of(lambda m, x: m.out(F.celu(m.l(m.rnn(x)[0]), 0.6)), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "softplus": (Of(lambda m, x: m.out(F.softplus(m.l(m.rnn(x)[0]))), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "silu": (Of(lambda m, x: m.out(F.silu(m.l(m.rnn(x)[0]))), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "mish": (Of(lambda m, x: m.out(F.mish(m.l(m.rnn(x)[0]))), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "prelu": (Of(lambda m, x: m.out(m.act(m.l(m.rnn(x)[0][:, -1]))), rnn=lstm(), l=lin(H, 5), act=nn.PReLU(), out=lin(5, 2)), [x()]),
    "prelu of each feature": (Of(lambda m, x: m.out(m.act(m.l(m.rnn(x)[0][:, -1]))), rnn=lstm(), l=lin(H, 5), act=nn.PReLU(5), out=lin(5, 2)), [x()]),
    "softsign": (Of(lambda m, x: m.out(F.softsign(m.l(m.rnn(x)[0]))), rnn=lstm(), l=lin(H, 5), out=lin(5, 2)), [x()]),
    "log sigmoid": (Of(lambda m, x: F.logsigmoid(m.l(m.rnn(x)[0])), rnn=lstm(), l=lin(H, 5)), [x()]),
    "hard tanh": (Of(lambda m, x: F.hardtanh(m.l(m.rnn(x)[0])), rnn=lstm(), l=lin(H, 5)), [x()]),
    "relu6": (Of(lambda m, x: F.relu6(m.l(m.rnn(x)[0])), rnn=lstm(), l=lin(H, 5)), [x()]),
    "hard sigmoid": (Of(lambda m, x: F.hardsigmoid(m.l(m.rnn(x)[0])), rnn=lstm(), l=lin(H, 5)), [x()]),
    "glu": (Of(lambda m, x: m.out(F.glu(m.l(m.rnn(x)[0]))), rnn=lstm(), l=lin(H, 6), out=lin(3, 2)), [x()]),
    "arithmetic": (Of(lambda m, x: (lambda y: m.out(((y - 0.1) * 2 / 3) ** 2 + torch.sqrt(torch.abs(y) + 1) - torch.exp(-y)))(m.rnn(x)[0]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "dropout and identity": (Of(lambda m, x: m.out(m.i(m.drop(m.rnn(x)[0]))), rnn=lstm(), drop=nn.Dropout(0.3), i=nn.Identity(), out=lin(H, 2)), [x()]),
    "casts": (Of(lambda m, x: m.out(m.rnn(m.table(x.long()))[0]), table=nn.Embedding(9, D), rnn=lstm(), out=lin(H, 2)), [torch.randint(0, 9, (B, T)).float()]),
    "casts to double and back": (Of(lambda m, x: m.out(m.rnn(x)[0].double().float()), rnn=lstm(), out=lin(H, 2)), [x()]),
    "norm of the inputs": (Of(lambda m, x: m.out(m.rnn((x - 0.5) / 2)[0]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "standardised steps": (Of(lambda m, x: m.out(m.rnn((x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5))[0]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "unit length": (Of(lambda m, x: F.normalize(m.out(m.rnn(x)[0][:, -1]), dim=-1), rnn=lstm(), out=lin(H, 2)), [x()]),
    "layer norm": (Of(lambda m, x: m.out(m.norm(m.rnn(x)[0])), rnn=lstm(), norm=nn.LayerNorm(H), out=lin(H, 2)), [x()]),
    "weighted mean of the steps": (SelfAttention(), [x()]),
    "weighted mean of the steps, by matrices": (Of(lambda m, x: (lambda y: m.out(torch.bmm(torch.softmax(m.score(torch.tanh(m.l(y))), dim=1).transpose(1, 2), y).squeeze(1)))(m.rnn(x)[0]), rnn=lstm(bidirectional=True), l=lin(2 * H, 3), score=lin(3, 1, bias=False), out=lin(2 * H, 2)), [x()]),
    "weighted mean of the steps, scores squeezed": (Of(lambda m, x: (lambda y: m.out((torch.softmax(m.score(y).squeeze(-1), dim=1).unsqueeze(-1) * y).sum(1)))(m.rnn(x)[0]), rnn=gru(), score=lin(H, 1), out=lin(H, 2)), [x()]),
    "weighted mean of the inputs": (Of(lambda m, x: m.out((torch.softmax(m.score(x), 1) * x).sum(1)), score=lin(D, 1), out=lin(D, 2)), [x()]),
    "residual": (Of(lambda m, x: m.out(x + m.rnn(x)[0][:, :, :D]), rnn=lstm(), out=lin(D, 2)), [x()]),
    "states joined": (Of(lambda m, x: (lambda h: m.out(torch.cat([h[0], h[1]], -1)))(m.rnn(x)[1][0]), rnn=lstm(num_layers=2), out=lin(2 * H, 2)), [x()]),
    "states flattened": (Of(lambda m, x: m.out(m.rnn(x)[1].permute(1, 0, 2).reshape(-1, 2 * H)), rnn=gru(num_layers=2), out=lin(2 * H, 2)), [x()]),
    "halves of both directions added": (Of(lambda m, x: (lambda y: m.out(y[:, :, :H] + y[:, :, H:]))(m.rnn(x)[0]), rnn=lstm(bidirectional=True), out=lin(H, 2)), [x()]),
    "both directions viewed": (Of(lambda m, x: m.out(m.rnn(x)[0].view(B, T, 2, H).sum(2)), rnn=lstm(bidirectional=True), out=lin(H, 2)), [x()]),
    "last of forward, first of backward": (Of(lambda m, x: (lambda y: m.out(torch.cat([y[:, -1, :H], y[:, 0, H:]], -1)))(m.rnn(x)[0]), rnn=lstm(bidirectional=True), out=lin(2 * H, 2)), [x()]),
    "flattened steps": (Of(lambda m, x: m.out(m.rnn(x)[0].reshape(x.shape[0], -1)), rnn=lstm(), out=lin(T * H, 2)), [x()]),
    "flattened steps, fixed": (Of(lambda m, x: m.out(torch.flatten(m.rnn(x)[0], 1)), rnn=lstm(), out=lin(T * H, 2)), [x()]),
    "reshaped for a linear layer and back": (Of(lambda m, x: (lambda y: m.out(y.reshape(-1, H)).view(x.shape[0], x.shape[1], 2))(m.rnn(x)[0]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "one feature": (Of(lambda m, x: m.out(m.rnn(x.unsqueeze(-1))[0][:, -1]), rnn=lstm(1), out=lin(H, 1)), [torch.randn(B, T)]),
    "last steps of an input added": (Of(lambda m, x: m.out(m.rnn(x)[0][:, -1]) + x[:, -1, :2], rnn=lstm(), out=lin(H, 2)), [x()]),
    "vector at each step": (Of(lambda m, x, v: m.out(m.rnn(torch.cat([x, v.unsqueeze(1).expand(-1, x.shape[1], -1)], -1))[0]), rnn=lstm(D + 2), out=lin(H, 2)), [x(), torch.randn(B, 2)]),
    "two inputs": (Of(lambda m, a, b: m.out(torch.cat([m.one(a)[0][:, -1], m.two(b)[0][:, -1]], -1)), one=lstm(), two=gru(), out=lin(2 * H, 2)), [x(), x()]),
    "minimum, maximum, clamp": (Of(lambda m, x: (lambda y: m.out(torch.minimum(torch.maximum(y, -y), y.clamp(-0.2, 0.3))))(m.rnn(x)[0]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "where": (Of(lambda m, x: (lambda y: m.out(torch.where(y > 0, y, 0.1 * y)))(m.rnn(x)[0]), rnn=lstm(), out=lin(H, 2)), [x()]),
    "repeated for a decoder": (Of(lambda m, x: m.out(m.two(m.one(x)[1][0][-1].unsqueeze(1).repeat(1, T, 1))[0]), one=lstm(), two=lstm(H), out=lin(H, D)), [x()]),
}  # fmt: skip


def rounded(tensor):
    return [float(f"{value:.8g}") for value in tensor.flatten().tolist()]


def randomized(module):
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.5)
        if name.endswith("running_var"):
            buffer.uniform_(0.3, 2)
    for norm in module.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.LayerNorm)):
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)


recorded = []
for opset in (11, 16):
    for name, (module, inputs) in CASES.items():
        if opset == 16:
            randomized(module)
        elif name == "weighted mean of the inputs":
            # In this opset only a layer behind it would tell which axis is time.
            continue
        module.eval()
        names = ["x", "z"][: len(inputs)]
        fixed = "fixed" in name or "viewed" in name or "repeated" in name or name.startswith("flattened")
        dynamic = {one: {0: "batch"} if fixed or t.dim() < 2 or one == "z" and t.dim() == 2 else {0: "batch", 1: "time"} for one, t in zip(names, inputs)}
        file = io.BytesIO()
        try:
            torch.onnx.export(module, tuple(inputs), file, input_names=names, output_names=["y"], dynamic_axes=dynamic, opset_version=opset)
        except Exception as error:
            print(f"{name}, opset {opset}: not exported: {str(error).splitlines()[0][:120]}")
            continue
        with torch.no_grad():
            result = module(*inputs)
        recorded.append({
            "name": f"{name}, opset {opset}",
            "file": base64.b64encode(gzip.compress(file.getvalue(), 9, mtime=0)).decode(),
            "inputs": [{"name": one, "shape": list(t.shape), "data": rounded(t)} for one, t in zip(names, inputs)],
            "outputs": [{"shape": list(result.shape), "data": rounded(result)}],
        })

path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../test/fixtures/onnx-layers.json")
with open(path, "w") as out:
    json.dump({"torch": torch.__version__, "models": recorded}, out, separators=(",", ":"))
    out.write("\n")
print(len(recorded), os.path.getsize(path))
