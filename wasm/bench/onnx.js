// A plain DiT of our weights files as an ONNX model: the same function as core/model, in the
// operators that onnxruntime is fastest with. The metadata and names are those of core/model's
// Config and Parameters.
import protobuf from "protobufjs";

// The part of onnx.proto that the models here need.
const schema = `syntax = "proto2";
package onnx;
message AttributeProto { optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; repeated int64 ints = 8; optional int32 type = 20; }
message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
message NodeProto { repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4; repeated AttributeProto attribute = 5; optional string domain = 7; }
message ModelProto { optional int64 ir_version = 1; optional string producer_name = 2; optional GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8; }
message GraphProto { repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5; repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; }
message TensorProto { repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; optional bytes raw_data = 9; }
message Dimension { optional int64 dim_value = 1; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorTypeProto { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
message TypeProto { optional TensorTypeProto tensor_type = 1; }
message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }`;
const Model = protobuf.parse(schema, { keepCase: true }).root.lookupType("onnx.ModelProto");

const FLOAT = 1,
  INT64 = 7;

/** Reads a safetensors file of float32: its metadata and a Map from name to {shape, data}. */
export function readSafetensors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = data_offsets;
    if (dtype !== "F32") throw new Error(`${name}: ${dtype}, want F32`);
    tensors.set(name, {
      shape,
      data: new Float32Array(
        Uint8Array.from(bytes.subarray(8 + length + from, 8 + length + to)).buffer,
      ),
    });
  }
  return { metadata: header.__metadata__, tensors };
}

/** A graph under construction: each method adds nodes and returns the name of their result. */
class Graph {
  nodes = [];
  initializers = new Map();
  count = 0;

  constant(name, dims, data) {
    const type = data instanceof Float32Array ? FLOAT : INT64;
    this.initializers.set(name, {
      name,
      dims,
      data_type: type,
      raw_data: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    });
    return name;
  }
  number(v) {
    return this.constant(`number ${v}`, [], Float32Array.of(v));
  }
  shape(...dims) {
    return this.constant(`shape ${dims}`, [dims.length], BigInt64Array.from(dims.map(BigInt)));
  }
  op(type, inputs, attributes = {}, { outputs = 1, domain } = {}) {
    const names = Array.from({ length: outputs }, () => `v${this.count++}`);
    const attribute = Object.entries(attributes).map(([name, v]) => {
      if (typeof v === "string") return { name, type: 3, s: Buffer.from(v) };
      if (Array.isArray(v)) return { name, type: 7, ints: v };
      if (typeof v === "object") return { name, type: 1, f: v.float };
      return { name, type: 2, i: v };
    });
    this.nodes.push({
      input: inputs,
      output: names,
      name: `${type} ${this.nodes.length}`,
      op_type: type,
      attribute,
      domain,
    });
    return outputs === 1 ? names[0] : names;
  }
  add = (a, b) => this.op("Add", [a, b]);
  mul = (a, b) => this.op("Mul", [a, b]);
  silu = (a) => this.mul(a, this.op("Sigmoid", [a]));
  reshape = (a, ...dims) => this.op("Reshape", [a, this.shape(...dims)]);

  encode(inputs, outputs) {
    const info = ([name, dims]) => ({
      name,
      type: {
        tensor_type: { elem_type: FLOAT, shape: { dim: dims.map((d) => ({ dim_value: d })) } },
      },
    });
    return Model.encode(
      Model.fromObject({
        ir_version: 9,
        opset_import: [
          { domain: "", version: 20 },
          { domain: "com.microsoft", version: 1 },
        ],
        producer_name: "symdiff-bench",
        graph: {
          name: "dit",
          node: this.nodes,
          initializer: [...this.initializers.values()],
          input: inputs.map(info),
          output: outputs.map(info),
        },
      }),
    ).finish();
  }
}

/**
 * The network of a weights file of kind "dit" for a batch of molecules of one size: inputs z
 * (batch, atoms, 3+F) and t (1, 1), output eps (batch, atoms, 3+F).
 */
export function exportDiT(bytes, batch, atoms) {
  const { metadata, tensors } = readSafetensors(bytes);
  const c = JSON.parse(metadata.config);
  if (metadata.kind !== "dit" || c.mlp_type !== "mlp")
    throw new Error(`${metadata.kind} with ${c.mlp_type}: want a dit with mlp`);
  const g = new Graph();
  const rows = batch * atoms,
    d = c.hidden_size,
    width = tensors.get("xh_embedder.weight").shape[1];
  const weight = (name) => {
    const { shape, data } = tensors.get(name);
    return g.constant(name, shape, data);
  };
  const linear = (x, name) =>
    g.op("Gemm", [x, weight(`${name}.weight`), weight(`${name}.bias`)], { transB: 1 });
  const slice = (a, from, to) => g.op("Slice", [a, g.shape(from), g.shape(to), g.shape(2)]);

  // SiLU of the time embedding: (1, width), shared by the batch.
  const frequencies = Float32Array.from({ length: 128 }, (_, i) => 10000 ** (-i / 128));
  const angles = g.mul("t", g.constant("frequencies", [1, 128], frequencies));
  const sinusoids = g.op("Concat", [g.op("Cos", [angles]), g.op("Sin", [angles])], { axis: 1 });
  const cond = g.silu(
    linear(g.silu(linear(sinusoids, "model.t_embedder.mlp.0")), "model.t_embedder.mlp.2"),
  );

  // Gaussians of the distances, averaged over j, then one linear layer.
  const x = slice("z", 0, 3);
  const difference = g.op("Sub", [
    g.reshape(x, batch, atoms, 1, 3),
    g.reshape(x, batch, 1, atoms, 3),
  ]);
  const distance = g.op("Sqrt", [
    g.op("ReduceSumSquare", [difference, g.shape(3)], { keepdims: 1 }),
  ]);
  const std = tensors.get("gaussian_embedder.stds.weight").data.map((s) => Math.abs(s) + 1e-2);
  const u = g.op("Div", [
    g.op("Sub", [
      distance,
      g.constant("means", [c.K], tensors.get("gaussian_embedder.means.weight").data),
    ]),
    g.constant("stds", [c.K], std),
  ]);
  const gaussians = g.mul(
    g.op("Exp", [g.mul(g.mul(u, u), g.number(-0.5))]),
    g.constant(
      "norms",
      [c.K],
      std.map((s) => 1 / (Math.sqrt(2 * 3.14159) * s)),
    ),
  );
  const position = linear(
    g.reshape(g.op("ReduceMean", [gaussians, g.shape(2)], { keepdims: 0 }), rows, c.K),
    "pos_embedder",
  );
  let h = g.op("Concat", [linear(g.reshape("z", rows, width), "xh_embedder"), position], {
    axis: 1,
  });

  const ones = g.constant("ones", [d], new Float32Array(d).fill(1)),
    zeros = g.constant("zeros", [d], new Float32Array(d));
  const modulated = (a, shift, scale) =>
    g.add(
      g.mul(
        g.op("LayerNormalization", [a, ones, zeros], { axis: -1, epsilon: { float: 1e-6 } }),
        g.add(scale, g.number(1)),
      ),
      shift,
    );
  const modulation = (name, parts) =>
    g.op("Split", [linear(cond, name)], { axis: 1, num_outputs: parts }, { outputs: parts });
  for (let l = 0; l < c.depth; l++) {
    const name = `model.blocks.${l}.`;
    const m = modulation(`${name}adaLN_modulation.1`, 6);
    const qkv = g.reshape(linear(modulated(h, m[0], m[1]), `${name}attn.qkv`), batch, atoms, 3 * d);
    const [q, k, v] = g.op("Split", [qkv], { axis: 2, num_outputs: 3 }, { outputs: 3 });
    const attention = g.op(
      "MultiHeadAttention",
      [q, k, v],
      { num_heads: c.num_heads },
      { domain: "com.microsoft" },
    );
    h = g.add(h, g.mul(linear(g.reshape(attention, rows, d), `${name}attn.proj`), m[2]));
    const hidden = g.op(
      "FastGelu",
      [linear(modulated(h, m[3], m[4]), `${name}mlp.fc1`)],
      {},
      { domain: "com.microsoft" },
    );
    h = g.add(h, g.mul(linear(hidden, `${name}mlp.fc2`), m[5]));
  }
  const [shift, scale] = modulation("model.final_layer.adaLN_modulation.1", 2);
  const out = g.reshape(
    linear(modulated(h, shift, scale), "model.final_layer.linear"),
    batch,
    atoms,
    width,
  );
  const ox = slice(out, 0, 3);
  const free = g.op("Sub", [ox, g.op("ReduceMean", [ox, g.shape(1)], { keepdims: 1 })]);
  g.nodes.push({
    input: [free, slice(out, 3, width)],
    output: ["eps"],
    name: "eps",
    op_type: "Concat",
    attribute: [{ name: "axis", type: 2, i: 2 }],
  });
  return g.encode(
    [
      ["z", [batch, atoms, width]],
      ["t", [1, 1]],
    ],
    [["eps", [batch, atoms, width]]],
  );
}
