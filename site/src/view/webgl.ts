// Balls and sticks as impostors: each is one quad, and its pixels intersect their ray with the sphere or the cylinder.

import { halfAngle, type Renderer, type Scene } from "./scene.ts";

// Shared by both fragment shaders: light, fog, depth.
const shading = `#version 300 es
precision highp float;
uniform vec2 clipZ;      // depth = clipZ.x + clipZ.y / z
uniform vec3 fog;
uniform vec2 fogRange;   // z where it begins, and where it would be complete
out vec4 pixel;

void shade(vec3 p, vec3 n, vec3 base, float coverage) {
  if (coverage <= 0.0) discard;
  vec3 albedo = base * base;                       // to linear light, nearly
  vec3 key = normalize(vec3(-0.45, 0.65, 0.62));
  float diffuse = max(0.0, dot(n, key) * 0.8 + 0.2);
  vec3 sky = mix(vec3(0.36, 0.34, 0.33), vec3(0.62, 0.64, 0.68), n.y * 0.5 + 0.5);
  vec3 halfway = normalize(key - normalize(p));
  float gloss = 0.16 * pow(max(0.0, dot(n, halfway)), 42.0);
  float facing = max(0.0, dot(n, -normalize(p)));
  vec3 lit = albedo * (sky + 0.68 * diffuse) * mix(0.62, 1.0, smoothstep(0.0, 0.55, facing)) + gloss;
  float far = clamp((p.z - fogRange.x) / (fogRange.y - fogRange.x), 0.0, 1.0);
  pixel = vec4(mix(sqrt(lit), fog, far), coverage);
  gl_FragDepth = 0.5 + 0.5 * (clipZ.x + clipZ.y / p.z);
}
`;

const ballVertex = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 ball;    // centre, radius
layout(location = 2) in vec4 colour;  // and how much of a rim
uniform vec2 focal;
uniform vec2 clipZ;
out vec3 ray;
flat out vec4 sphere;
flat out vec4 base;

void main() {
  sphere = ball;
  base = colour;
  vec3 toward = normalize(-ball.xyz);
  vec3 side = normalize(cross(vec3(0.0, 1.0, 0.0), toward));
  vec3 p = ball.xyz + (corner.x * side + corner.y * cross(toward, side)) * ball.w * 1.12;
  ray = p;
  gl_Position = vec4(p.xy * focal, -clipZ.x * p.z - clipZ.y, -p.z);
}
`;

const ballFragment = `${shading}
uniform vec3 accent;
in vec3 ray;
flat in vec4 sphere;
flat in vec4 base;

void main() {
  vec3 d = normalize(ray);
  float along = dot(sphere.xyz, d);
  float miss = length(sphere.xyz - along * d);     // distance of the ray from the centre
  float coverage = clamp(0.5 + (sphere.w - miss) / fwidth(miss), 0.0, 1.0);
  float inside = sqrt(max(0.0, sphere.w * sphere.w - miss * miss));
  vec3 p = (along - inside) * d;
  shade(p, normalize(p - sphere.xyz), base.rgb, coverage);
  float rim = smoothstep(0.72, 0.8, miss / sphere.w) * base.a;
  pixel.rgb = mix(pixel.rgb, accent, rim);
}
`;

const stickVertex = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 tail;    // one end, radius
layout(location = 2) in vec3 tip;     // the other end
layout(location = 3) in vec3 colour;
uniform vec2 focal;
uniform vec2 clipZ;
out vec3 ray;
flat out vec4 from;
flat out vec3 to;
flat out vec3 base;

void main() {
  from = tail;
  to = tip;
  base = colour;
  vec3 axis = normalize(tip - tail.xyz);
  vec3 side = normalize(cross(axis, tail.xyz + tip));
  vec3 front = normalize(cross(side, axis));
  if (dot(front, tail.xyz) > 0.0) front = -front;
  vec3 end = corner.y < 0.0 ? tail.xyz : tip;
  vec3 p = end + (corner.x * side * 1.25 + corner.y * axis * 0.6 + front) * tail.w;
  ray = p;
  gl_Position = vec4(p.xy * focal, -clipZ.x * p.z - clipZ.y, -p.z);
}
`;

const stickFragment = `${shading}
in vec3 ray;
flat in vec4 from;
flat in vec3 to;
flat in vec3 base;

void main() {
  vec3 d = normalize(ray);
  float span = length(to - from.xyz);
  vec3 axis = (to - from.xyz) / span;
  vec3 normal = cross(d, axis);
  float sine = length(normal);
  float miss = abs(dot(from.xyz, normal)) / sine;  // distance of the ray from the axis
  float coverage = clamp(0.5 + (from.w - miss) / fwidth(miss), 0.0, 1.0);
  vec3 across = d - dot(d, axis) * axis;
  vec3 c = from.xyz - dot(from.xyz, axis) * axis;
  float t = dot(c, across) / dot(across, across) - sqrt(max(0.0, from.w * from.w - miss * miss)) / sine;
  vec3 p = t * d;
  float along = dot(p - from.xyz, axis);
  if (along < 0.0 || along > span) discard;
  shade(p, normalize(p - from.xyz - along * axis), base, coverage);
}
`;

// Makes every sample that holds something opaque, where depth is nearer than the far end. The alpha that balls and sticks write is
// their coverage: it has decided by then which samples they take, and must not weigh a second time when the page is composed.
const opaqueVertex = `#version 300 es
layout(location = 0) in vec2 corner;

void main() {
  gl_Position = vec4(corner, 1.0, 1.0);
}
`;

const opaqueFragment = `#version 300 es
precision mediump float;
out vec4 pixel;

void main() {
  pixel = vec4(0.0, 0.0, 0.0, 1.0);
}
`;

/** One kind of primitive: a program and its instances. */
class Batch {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #array: WebGLVertexArrayObject;
  readonly #buffer: WebGLBuffer;
  readonly #uniforms = new Map<string, WebGLUniformLocation>();
  readonly #floats: number;

  constructor(gl: WebGL2RenderingContext, quad: WebGLBuffer, vertex: string, fragment: string, attributes: number[]) {
    this.#gl = gl;
    this.#program = link(gl, vertex, fragment);
    this.#array = gl.createVertexArray();
    this.#buffer = gl.createBuffer();
    this.#floats = attributes.reduce((a, b) => a + b, 0);
    gl.bindVertexArray(this.#array);
    gl.bindBuffer(gl.ARRAY_BUFFER, quad);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
    let offset = 0;
    attributes.forEach((size, i) => {
      gl.enableVertexAttribArray(i + 1);
      gl.vertexAttribPointer(i + 1, size, gl.FLOAT, false, 4 * this.#floats, 4 * offset);
      gl.vertexAttribDivisor(i + 1, 1);
      offset += size;
    });
    for (const name of ["focal", "clipZ", "fog", "fogRange", "accent"]) {
      const location = gl.getUniformLocation(this.#program, name);
      if (location) this.#uniforms.set(name, location);
    }
  }

  draw(instances: number[], uniforms: Record<string, number[]>): void {
    const gl = this.#gl;
    gl.useProgram(this.#program);
    for (const [name, location] of this.#uniforms) {
      const value = uniforms[name]!;
      if (value.length === 2) gl.uniform2fv(location, value);
      else gl.uniform3fv(location, value);
    }
    gl.bindVertexArray(this.#array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(instances), gl.DYNAMIC_DRAW);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.#floats ? instances.length / this.#floats : 1);
  }
}

/** A renderer for the canvas, or undefined where WebGL2 is missing. */
export function webgl(canvas: HTMLCanvasElement): Renderer | undefined {
  const gl = canvas.getContext("webgl2", { alpha: true, antialias: true });
  if (!gl) return undefined;
  const quad = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, quad);
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
  const opaque = new Batch(gl, quad, opaqueVertex, opaqueFragment, []);
  const balls = new Batch(gl, quad, ballVertex, ballFragment, [4, 4]);
  const sticks = new Batch(gl, quad, stickVertex, stickFragment, [4, 3, 3]);
  gl.enable(gl.DEPTH_TEST);

  return {
    kind: "webgl2",
    draw(scene, width, height) {
      gl.viewport(0, 0, width, height);
      gl.colorMask(true, true, true, true);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.enable(gl.SAMPLE_ALPHA_TO_COVERAGE); // smooth outlines, decided by the rays and not by the quads
      gl.depthFunc(gl.LESS);
      const uniforms = camera(scene, width, height);
      const z = scene.distance;
      sticks.draw(
        scene.sticks.flatMap(({ from, to, radius, colour }) => [
          from[0], from[1], from[2] - z, radius, to[0], to[1], to[2] - z, ...colour,
        ]),
        uniforms,
      );
      balls.draw(
        scene.balls.flatMap(({ at, radius, colour, mark = 0 }) => [at[0], at[1], at[2] - z, radius, ...colour, mark]),
        uniforms,
      );
      gl.disable(gl.SAMPLE_ALPHA_TO_COVERAGE);
      gl.colorMask(false, false, false, true);
      gl.depthFunc(gl.GREATER);
      opaque.draw([], uniforms);
    },
  };
}

function camera({ distance, extent, fog, accent }: Scene, width: number, height: number): Record<string, number[]> {
  const short = Math.min(width, height);
  const f = 1 / Math.tan(halfAngle);
  const near = Math.max(0.1, distance - 2.5 * extent);
  const far = distance + 2.5 * extent;
  return {
    focal: [(f * short) / width, (f * short) / height],
    clipZ: [(far + near) / (far - near), (2 * far * near) / (far - near)],
    fog,
    accent,
    fogRange: [-distance, -distance - 3.2 * extent],
  };
}

function link(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(program)!.map((shader) => gl.getShaderInfoLog(shader));
    throw new Error(`shader: ${[gl.getProgramInfoLog(program), ...logs].join(" ")}`);
  }
  return program;
}
