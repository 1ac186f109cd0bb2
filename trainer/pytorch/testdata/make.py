#!/usr/bin/env python3
"""Writes the fixtures of this folder with PyTorch 1.13 (Debian: python3-torch): small networks with random weights under the published
names, in every format of a checkpoint, and hostile pickles: make.py FOLDER. The small ones are committed; a test makes all of them
where it finds PyTorch."""
import argparse, collections, json, os, pickle, struct, sys
import torch

torch.manual_seed(1)


def read(path):
    """The tensors and metadata of a safetensors file of float32."""
    b = open(path, "rb").read()
    n = struct.unpack("<Q", b[:8])[0]
    head = json.loads(b[8:8 + n])
    meta = head.pop("__metadata__")
    state = collections.OrderedDict()
    for name, info in head.items():
        at, end = info["data_offsets"]
        t = torch.frombuffer(bytearray(b[8 + n + at:8 + n + end]), dtype=torch.float32) if end > at else torch.zeros(0)
        state[name] = t.reshape(info["shape"]).clone()
    return state, meta


def polynomial2(T=1000, s=1e-5):
    x = torch.linspace(0, T, T + 1, dtype=torch.float64)
    a = (1 - (x / T) ** 2) ** 2
    ratio = torch.cat([a[:1], a[1:] / a[:-1]]).clamp(0.001, 1.0)
    a = (1 - 2 * s) * torch.cumprod(ratio, 0) + s
    return (-(torch.log(a) - torch.log(1 - a))).float()


def full(state, name):
    """As the published EnVariationalDiffusion holds it."""
    out = collections.OrderedDict(buffer=torch.zeros(1))
    out["gamma.gamma"] = polynomial2()
    for k, v in state.items():
        out["dynamics." + k] = v
    if name == "symdiff":
        h = state["gamma_enc.x_embedder.weight"].shape[0]
        out["dynamics.gamma_enc.final_layer.linear.weight"] = torch.zeros(0, h)
        out["dynamics.gamma_enc.final_layer.linear.bias"] = torch.zeros(0)
        out["dynamics.gamma_enc.final_layer.adaLN_modulation.1.weight"] = torch.zeros(2 * h, h)
        out["dynamics.gamma_enc.final_layer.adaLN_modulation.1.bias"] = torch.zeros(2 * h)
    return out


core = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "core")
os.chdir(sys.argv[1])
common = dict(include_charges=True, normalize_factors=[1, 4, 10], diffusion_steps=1000, diffusion_noise_schedule="polynomial_2",
              diffusion_noise_precision=1e-5, remove_h=False, dataset="qm9", device=torch.device("cpu"), conditioning=[])
symdiff, meta = read(core + "/model/testdata/symdiff_released.weights.safetensors")
torch.save(full(symdiff, "symdiff"), "symdiff.npy")
config = json.loads(meta["config"])
pickle.dump(argparse.Namespace(model="dit_dit_gaussian_dynamics", fix_qr=False, enc_concat_h=False, **common, **config), open("symdiff.args.pickle", "wb"))
dit, meta = read(core + "/model/testdata/dit.weights.safetensors")
torch.save({"state_dict": full(dit, "dit"), "epoch": 3}, "dit.legacy.pt", _use_new_zipfile_serialization=False)
pickle.dump(argparse.Namespace(model="dit_gaussian_dynamics", **common, **json.loads(meta["config"])), open("dit.args.pickle", "wb"), protocol=2)
edm, meta = read(core + "/egnn/testdata/egnn.weights.safetensors")
torch.save(collections.OrderedDict(("module." + k, v) for k, v in full(edm, "egnn").items()), "egnn.pt")
c = json.loads(meta["config"])
pickle.dump(argparse.Namespace(model="egnn_dynamics", nf=c.pop("hidden_nf"), condition_time=True, **common, **c), open("egnn.args.pickle", "wb"))

# GeoLDM: the whole state_dict is in the reference file
for name in "geoldm", "geoldm_latent2":
    latent, meta = read(core + "/geoldm/testdata/" + name + ".weights.safetensors")
    torch.save(latent, name + ".npy")
    pickle.dump(argparse.Namespace(device=torch.device("cpu"), conditioning=[], ae_path=None, **json.loads(meta["config"])), open(name + ".args.pickle", "wb"))



def egnn(prefix, inputs, outputs, nf, layers):
    """Random weights of EDM's network under the published names."""
    sizes = [("embedding", inputs, nf), ("embedding_out", nf, outputs)]
    for b in range(layers):
        gcl, equiv = f"e_block_{b}.gcl_0.", f"e_block_{b}.gcl_equiv.coord_mlp."
        sizes += [(gcl + "edge_mlp.0", 2 * nf + 2, nf), (gcl + "edge_mlp.2", nf, nf), (gcl + "node_mlp.0", 2 * nf, nf),
                  (gcl + "node_mlp.2", nf, nf), (gcl + "att_mlp.0", nf, 1), (equiv + "0", 2 * nf + 2, nf), (equiv + "2", nf, nf)]
        sizes.append((equiv + "4", nf, 1))
    out = collections.OrderedDict()
    for name, i, o in sizes:
        layer = torch.nn.Linear(i, o)
        out[prefix + "egnn." + name + ".weight"] = layer.weight.detach() * (0.01 if name.endswith("coord_mlp.4") else 1)
        if not name.endswith("coord_mlp.4"):
            out[prefix + "egnn." + name + ".bias"] = layer.bias.detach()
    return out


# a small GeoLDM of two latent features, for tests without PyTorch
nf, latent, features = 8, 2, 6
state = collections.OrderedDict(buffer=torch.zeros(1))
state["gamma.gamma"] = polynomial2()
state.update(egnn("dynamics.", latent + 1, latent + 1, nf, 2))
state["vae.buffer"] = torch.zeros(1)
state.update(egnn("vae.encoder.", features, nf, nf, 1))
for name, o in ("0", nf), ("2", 2 * latent + 1):
    layer = torch.nn.Linear(nf, o)
    state[f"vae.encoder.final_mlp.{name}.weight"], state[f"vae.encoder.final_mlp.{name}.bias"] = layer.weight.detach(), layer.bias.detach()
state.update(egnn("vae.decoder.", latent, features, nf, 2))
torch.save(state, "geoldm_small.npy")
pickle.dump(argparse.Namespace(
    device=torch.device("cpu"), conditioning=[], ae_path=None, nf=nf, n_layers=2, latent_nf=latent, model="egnn_dynamics", attention=True,
    tanh=True, norm_constant=1, inv_sublayers=1, sin_embedding=False, normalization_factor=1, aggregation_method="sum", condition_time=True,
    include_charges=True, normalize_factors=[1, 4, 10], diffusion_steps=1000, diffusion_noise_schedule="polynomial_2",
    diffusion_noise_precision=1e-5, remove_h=False, dataset="qm9", trainable_ae=True, train_diffusion=True),
    open("geoldm_small.args.pickle", "wb"))

# every type, views with strides, shared storage, empty tensors
base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
views = collections.OrderedDict(
    whole=base, transposed=base.t(), column=base[:, 2], part=base[1:3, ::2], scalar=torch.tensor(2.5), empty=torch.zeros(0, 3),
    f16=torch.tensor([1.5, -2, 6e-8]).half(), bf16=torch.tensor([1.5, -2]).bfloat16(), f64=torch.tensor([1 / 3]).double(),
    i64=torch.tensor([1 << 40, -1]), u8=torch.tensor([255], dtype=torch.uint8), flag=torch.tensor([True, False]),
    parameter=torch.nn.Parameter(torch.ones(2, 2)))
torch.save(views, "types.pt")
torch.save(views, "types.legacy.pt", _use_new_zipfile_serialization=False)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/symdiff-pickle-was-run",)


pickle.dump(Evil(), open("evil.pickle", "wb"))
torch.save(collections.OrderedDict(w=torch.ones(2), x=Evil()), "evil.pt")
torch.save(torch.nn.Linear(2, 2), "module.pt")
