"""
Tokens a second of whole training steps by PyTorch on CUDA: graphics.py SHAPE SECONDS, SHAPE as lstm-512-1-32-64. LSTM and GRU are cuDNN's;
other cells are a loop over their equations. Exit 1 where there is no CUDA.
"""
import sys
import time

try:
    import torch
except ImportError:
    sys.exit(1)
if not torch.cuda.is_available():
    sys.exit(1)

cell, units, layers, batch, steps = sys.argv[1].split("-")
units, layers, batch, steps = int(units), int(layers), int(batch), int(steps)
seconds = float(sys.argv[2])
vocabulary = 256
nn = torch.nn


class LayerNormLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.x, self.h = nn.Linear(units, 4 * units), nn.Linear(units, 4 * units, bias=False)
        self.norms = nn.ModuleList([nn.LayerNorm(units) for _ in range(5)])

    def forward(self, x):
        h = c = x.new_zeros(batch, units)
        projected, out = self.x(x), []
        for t in range(steps):
            f, i, g, o = [norm(one) for norm, one in zip(self.norms, (projected[t] + self.h(h)).chunk(4, 1))]
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.norms[4](c))
            out.append(h)
        return torch.stack(out)


class MinGru(nn.Module):
    def __init__(self):
        super().__init__()
        self.z, self.n = nn.Linear(units, units), nn.Linear(units, units)

    def forward(self, x):
        z, n = torch.sigmoid(self.z(x)), self.n(x)
        h, out = x.new_zeros(batch, units), []
        for t in range(steps):
            h = (1 - z[t]) * h + z[t] * n[t]
            out.append(h)
        return torch.stack(out)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.dense = nn.Embedding(vocabulary, units), nn.Linear(units, vocabulary)
        if cell in ("lstm", "gru"):
            self.layers = nn.ModuleList([(nn.LSTM if cell == "lstm" else nn.GRU)(units, units, layers)])
        elif cell in ("layer.norm.lstm", "min.gru"):
            self.layers = nn.ModuleList([(LayerNormLstm if cell == "layer.norm.lstm" else MinGru)() for _ in range(layers)])
        else:
            sys.exit(1)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x)
            x = x[0] if isinstance(x, tuple) else x
        return self.dense(x)


torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
model = Model().cuda()
optimizer = torch.optim.Adam(model.parameters(), fused=True)
tokens = torch.randint(vocabulary, (steps, batch), device="cuda")


def update():
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(tokens).reshape(-1, vocabulary), tokens.reshape(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


for _ in range(5):
    update()
torch.cuda.synchronize()
start, updates = time.time(), 0
while time.time() - start < seconds:
    update()
    torch.cuda.synchronize()
    updates += 1
print(updates * batch * steps / (time.time() - start))
