"""One step of training in PyTorch: the network of torch/network.go, its loss, AdamW and the moving average, on one batch over and over.

Reads lines from standard input and answers each with one line of JSON: "check" with the loss, "steps N" with the seconds of N steps,
"profile" with the share of matrix products in the time of the operators of a step."""
import json, math, sys, time
import torch
from torch import nn
from torch.nn import functional as F


def modulate(x, shift, scale):
    return x * (1 + scale) + shift


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, w = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        a = (q * (w // self.heads) ** -0.5 @ k.transpose(-2, -1)).softmax(-1)
        return self.proj((a @ v).transpose(1, 2).reshape(b, n, w))


class SwiGLU(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden // 2, width)

    def forward(self, x):
        a, b = self.fc1(x).chunk(2, -1)
        return self.fc2(F.silu(a) * b)


class Block(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads), SwiGLU(width, int(width * ratio))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, c):
        s1, c1, g1, s2, c2, g2 = self.adaLN_modulation(c).unsqueeze(1).chunk(6, -1)
        x = x + g1 * self.attn(modulate(self.norm(x), s1, c1))
        return x + g2 * self.mlp(modulate(self.norm(x), s2, c2))


class TimeEmbedder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t):
        w = torch.exp(-math.log(1e4) * torch.arange(128) / 128)
        a = t[:, None] * w
        return self.mlp(torch.cat([a.cos(), a.sin()], -1))


class Final(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.linear = nn.Linear(width, out)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x, c):
        s, k = self.adaLN_modulation(c).unsqueeze(1).chunk(2, -1)
        return self.linear(modulate(self.norm(x), s, k))


class DiT(nn.Module):
    def __init__(self, width, depth, heads, ratio, inputs=None, out=None):
        super().__init__()
        if inputs:
            self.x_embedder = nn.Linear(inputs, width)
        self.t_embedder = TimeEmbedder(width)
        self.blocks = nn.ModuleList(Block(width, heads, ratio) for _ in range(depth))
        if out:
            self.final_layer = Final(width, out)

    def forward(self, x, t):
        c = self.t_embedder(t)
        for block in self.blocks:
            x = block(x, c)
        return self.final_layer(x, c) if hasattr(self, "final_layer") else x


class Gaussians(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.means, self.stds = nn.Embedding(1, k), nn.Embedding(1, k)

    def forward(self, d):
        std = self.stds.weight[0].abs() + 1e-2
        return torch.exp(-0.5 * ((d - self.means.weight[0]) / std) ** 2) / (math.sqrt(2 * 3.14159) * std)


class SymDiff(nn.Module):
    def __init__(self, c):
        super().__init__()
        pos = c["Hidden"] - c["XHHidden"]
        self.gaussian_embedder = Gaussians(c["K"])
        self.xh_embedder, self.pos_embedder = nn.Linear(3 + c["Features"], c["XHHidden"]), nn.Linear(c["K"], pos)
        self.gamma_enc = DiT(c["EncHidden"], c["EncDepth"], c["EncHeads"], c["EncMLPRatio"], inputs=3 + c["NoiseDims"] + pos)
        self.gamma_dec = nn.ModuleDict({"fc1": nn.Linear(c["EncHidden"], c["DecHidden"]), "fc2": nn.Linear(c["DecHidden"], 9)})
        self.k = DiT(c["Hidden"], c["Depth"], c["Heads"], c["MLPRatio"], out=3 + c["Features"])

    def gamma(self, x, pos, t, r0, eta):
        h = self.gamma_enc(self.gamma_enc.x_embedder(torch.cat([x @ r0, eta, pos], -1)), t).mean(1)
        a = self.gamma_dec["fc2"](F.gelu(self.gamma_dec["fc1"](h))).view(-1, 3, 3)
        q = []
        for row in a.unbind(1):  # Gram-Schmidt: library QR is slower
            for _ in range(2):
                for u in q:
                    row = row - u * (u * row).sum(-1, keepdim=True)
            q.append(row / row.norm(dim=-1, keepdim=True))
        return r0 @ torch.stack(q, 1)

    def forward(self, x, h, t, r0, eta):
        g = self.gaussian_embedder(torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")[..., None])
        pos = self.pos_embedder(g.mean(2))
        gamma = self.gamma(x, pos, t, r0, eta)
        out = self.k(torch.cat([self.xh_embedder(torch.cat([x @ gamma, h], -1)), pos], -1), t)
        ox = out[..., :3]
        ox = (ox - ox.mean(1, keepdim=True)) @ gamma.transpose(1, 2)
        return torch.cat([ox, out[..., 3:]], -1)


def main():
    config, threads = json.loads(sys.argv[1]), int(sys.argv[3])
    torch.set_num_threads(threads)
    files = torch.load(sys.argv[2])
    batch = {k: files.pop("batch." + k) for k in ("x", "h", "t", "r0", "eta", "eps")}
    model = SymDiff(config)
    model.load_state_dict(files)
    parameters = list(model.parameters())
    average = [p.detach().clone() for p in parameters]
    optimiser = torch.optim.AdamW(parameters, lr=1e-5, weight_decay=1e-12, foreach=True)

    def loss():
        out = model(batch["x"], batch["h"], batch["t"], batch["r0"], batch["eta"])
        return 0.5 * ((out - batch["eps"]) ** 2).mean()

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 2.0)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_mul_(average, 0.999)
            torch._foreach_add_(average, [p.detach() for p in parameters], alpha=0.001)

    for line in sys.stdin:
        command, *rest = line.split()
        if command == "check":
            answer = {"loss": loss().item()}
        elif command == "steps":
            start = time.perf_counter()
            for _ in range(int(rest[0])):
                step()
            answer = {"seconds": time.perf_counter() - start}
        else:
            with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as p:
                step()
            times = {e.key: e.self_cpu_time_total for e in p.key_averages()}
            products = sum(v for k, v in times.items() if k in ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"))
            answer = {"gemm": products / sum(times.values())}
        print(json.dumps(answer), flush=True)


main()
