"""Record what PyTorch's optimisers and losses compute, as the reference of our tests.

Run with any Python 3 that has torch (recorded with 1.13, the version of Debian 12's python3-torch):

    python3 scripts/record-pytorch-optimizers.py > test/fixtures/pytorch-optimizers.json

Everything is computed in float64 and written with 9 significant digits; what the tests start from (parameters,
gradients, logits, targets) is rounded to float32 first, so that they start from the very same numbers.

Optimisers: the parameters of a small LSTM language model, in one run of numbers, and 20 gradients from its own backward
pass: each of another batch, at the parameters that plain gradient descent has reached. Every optimiser is given these
gradients, and its parameters after the last step are recorded. Only forms in which PyTorch's formula is also Keras's:
the momentum with a constant learning rate, RMSprop with an epsilon that vanishes (PyTorch adds it outside the root),
NAdam with a momentum decay of 1. ASGD has no counterpart in Keras.

Losses: one number a row of random outputs, and the gradient of their mean.
"""
import json
import sys

import torch
from torch.nn import functional

V, E, H, T, B = 5, 2, 3, 5, 2
STEPS = 20
CLIP_VALUE = 0.02
GRADIENT_RATE = 0.3


class LanguageModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(V, E)
        self.lstm = torch.nn.LSTM(E, H)
        self.dense = torch.nn.Linear(H, V)

    def forward(self, tokens):
        return self.dense(self.lstm(self.embedding(tokens))[0])


def exact(tensor):
    """The nearest float32 numbers, as float64."""
    return tensor.to(torch.float32).to(torch.float64)


def rounded(value):
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.9g}")


def numbers(tensor):
    return rounded(tensor.detach().tolist())


def start_and_gradients():
    """Parameters (n), and gradients (STEPS, n) along plain gradient descent."""
    model = LanguageModel()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape) * 0.4
    flat = lambda: torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
    start, gradients = exact(flat()), []
    for _ in range(STEPS):
        tokens, targets = torch.randint(V, (T, B)), torch.randint(V, (T, B))
        model.zero_grad()
        functional.cross_entropy(model(tokens).reshape(T * B, V), targets.reshape(T * B)).backward()
        gradients.append(exact(torch.cat([parameter.grad.reshape(-1) for parameter in model.parameters()])))
        for parameter in model.parameters():
            parameter.data -= GRADIENT_RATE * parameter.grad
    return start, gradients


# Our name and options; then PyTorch's optimiser with its own.
OPTIMIZERS = [
    ("sgd", {"learningRate": 0.3}, torch.optim.SGD, {"lr": 0.3}),
    ("sgd", {"learningRate": 0.1, "momentum": 0.9}, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (
        "sgd",
        {"learningRate": 0.1, "momentum": 0.9, "nesterov": True},
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    ("sgd", {"learningRate": 0.3, "clipValue": CLIP_VALUE}, torch.optim.SGD, {"lr": 0.3}),
    (
        "rmsprop",
        {"learningRate": 0.002, "epsilon": 1e-30},
        torch.optim.RMSprop,
        {"lr": 0.002, "alpha": 0.9, "eps": 1e-30},
    ),
    (
        "rmsprop",
        {"learningRate": 0.002, "rho": 0.95, "momentum": 0.8, "epsilon": 1e-30},
        torch.optim.RMSprop,
        {"lr": 0.002, "alpha": 0.95, "momentum": 0.8, "eps": 1e-30},
    ),
    (
        "rmsprop",
        {"learningRate": 0.002, "epsilon": 1e-30, "centered": True},
        torch.optim.RMSprop,
        {"lr": 0.002, "alpha": 0.9, "eps": 1e-30, "centered": True},
    ),
    (
        "rmsprop",
        {"learningRate": 0.002, "momentum": 0.5, "epsilon": 1e-30, "centered": True},
        torch.optim.RMSprop,
        {"lr": 0.002, "alpha": 0.9, "momentum": 0.5, "eps": 1e-30, "centered": True},
    ),
    ("adam", {"learningRate": 0.01}, torch.optim.Adam, {"lr": 0.01, "eps": 1e-7}),
    ("adamW", {"learningRate": 0.01}, torch.optim.AdamW, {"lr": 0.01, "eps": 1e-7, "weight_decay": 0.004}),
    (
        "adamW",
        {"learningRate": 0.02, "weightDecay": 0.5, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-5},
        torch.optim.AdamW,
        {"lr": 0.02, "eps": 1e-5, "weight_decay": 0.5, "betas": (0.8, 0.99)},
    ),
    # 1.13 multiplies by this step's momentum once too often, except in its form over many tensors.
    ("nadam", {"learningRate": 0.01}, torch.optim.NAdam, {"lr": 0.01, "eps": 1e-7, "momentum_decay": 1, "foreach": True}),
    ("asgd", {"learningRate": 0.3, "averageFrom": 2}, torch.optim.ASGD, {"lr": 0.3, "lambd": 0, "t0": 0}),
    (
        "asgd",
        {"learningRate": 0.3, "averageFrom": 8, "weightDecay": 0.05},
        torch.optim.ASGD,
        {"lr": 0.3, "lambd": 0, "t0": 6, "weight_decay": 0.05},
    ),
    ("asgd", {"learningRate": 0.3, "averageFrom": 100}, torch.optim.ASGD, {"lr": 0.3, "lambd": 0, "t0": 98}),
]


def record_optimizer(start, gradients, name, options, kind, theirs):
    parameter = torch.nn.Parameter(start.clone())
    optimizer = kind([parameter], **theirs)
    for gradient in gradients:
        limit = options.get("clipValue")
        parameter.grad = gradient.clone() if limit is None else gradient.clamp(-limit, limit)
        optimizer.step()
    assert (parameter - start).abs().max() > 0.01
    state = optimizer.state[parameter]
    average = {"average": numbers(state["ax"])} if "ax" in state else {}
    return {"name": name, "options": options, "trained": numbers(parameter), **average}


def record_losses():
    """Outputs (ROWS, V) of a model, some of them large, and targets of each kind."""
    rows = 7
    outputs = exact(torch.randn(rows, V) * torch.tensor([0.5, 1, 2, 4, 10, 30, 0.1]).reshape(rows, 1))
    targets = {
        "classes": torch.randint(V, (rows,)),
        "probabilities": exact(torch.softmax(torch.randn(rows, V), 1)),
        "switches": torch.randint(2, (rows, V)).to(torch.float64),
        "values": exact(torch.randn(rows, V) * 2),
    }
    each = lambda values: values.mean(1)
    cross_entropy = lambda **options: lambda z, t: functional.cross_entropy(z, t, reduction="none", **options)
    binary = lambda z, t: functional.binary_cross_entropy_with_logits(z, t, reduction="none")
    huber = lambda delta: lambda y, t: each(functional.huber_loss(y, t, reduction="none", delta=delta))
    losses = [
        ("sparse_categorical_crossentropy", {}, "classes", cross_entropy()),
        ("sparse_categorical_crossentropy", {"labelSmoothing": 0.1}, "classes", cross_entropy(label_smoothing=0.1)),
        ("categorical_crossentropy", {}, "probabilities", cross_entropy()),
        ("categorical_crossentropy", {"labelSmoothing": 0.2}, "probabilities", cross_entropy(label_smoothing=0.2)),
        ("binary_crossentropy", {}, "switches", lambda z, t: each(binary(z, t))),
        ("binary_crossentropy", {"features": "sum"}, "switches", lambda z, t: binary(z, t).sum(1)),
        ("binary_crossentropy", {"labelSmoothing": 0.1}, "switches", lambda z, t: each(binary(z, t * 0.9 + 0.05))),
        ("mean_squared_error", {}, "values", lambda y, t: each((y - t) ** 2)),
        ("mean_absolute_error", {}, "values", lambda y, t: each(functional.l1_loss(y, t, reduction="none"))),
        ("huber", {}, "values", huber(1.0)),
        ("huber", {"delta": 0.3}, "values", huber(0.3)),
    ]
    recorded = []
    for name, options, target, compute in losses:
        leaf = outputs.clone().requires_grad_()
        loss = compute(leaf, targets[target])
        loss.mean().backward()
        recorded.append(
            {"name": name, "options": options, "target": target, "loss": numbers(loss), "gradient": numbers(leaf.grad)}
        )
    return {
        "outputs": numbers(outputs),
        "targets": {key: value.tolist() if key == "classes" else numbers(value) for key, value in targets.items()},
        "recorded": recorded,
    }


def record_one_cycle():
    """Learning rates of PyTorch's OneCycleLR, in both forms of annealing and phases."""
    recorded = []
    for ours, theirs in [
        ({}, {}),
        ({"annealStrategy": "linear", "pctStart": 0.2}, {"anneal_strategy": "linear", "pct_start": 0.2}),
        ({"threePhase": True, "divFactor": 10}, {"three_phase": True, "div_factor": 10}),
        ({"finalDivFactor": 100, "pctStart": 0.0}, {"final_div_factor": 100, "pct_start": 0.0}),
    ]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=0.5, total_steps=STEPS, cycle_momentum=False, **theirs
        )
        rates = []
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if len(rates) < STEPS:
                schedule.step()
        recorded.append({"options": {"maxLearningRate": 0.5, "totalSteps": STEPS, **ours}, "rates": rounded(rates)})
    return recorded


def main():
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(2026)
    start, gradients = start_and_gradients()
    fixture = {
        "recordedWith": f"PyTorch {torch.__version__.split('+')[0]}, float64",
        "start": numbers(start),
        "gradients": [numbers(gradient) for gradient in gradients],
        "optimizers": [record_optimizer(start, gradients, *row) for row in OPTIMIZERS],
        "losses": record_losses(),
        "oneCycle": record_one_cycle(),
    }
    json.dump(fixture, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
