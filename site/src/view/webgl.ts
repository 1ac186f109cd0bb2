// Balls and sticks as impostors: each is one quad, and its pixels intersect their ray with the
// sphere or the cylinder. Around each lies an outline, drawn behind it, which shows where something
// passes in front of something else; and balls shade what is near them.

import { halfAngle, type Ball, type Renderer, type Scene } from "./scene.ts";

/** Balls that shade another. */
const shaders = 4;

/**
 * How much larger a ball shades than it is, so that bonded balls do, which do not touch; those of
 * van der Waals radii overlap as they are.
 */
const reachOf = (radius: number) => (radius < 0.8 ? 1.5 : 1.05) * radius;

// Shared by both fragment shaders: light, fog, depth, outline.
const shading = `#version 300 es
precision highp float;
uniform vec2 clipZ;      // depth = clipZ.x + clipZ.y / z
uniform vec3 fog;
uniform vec3 ink;
uniform vec2 fogRange;   // z where it begins, and where it would be complete
uniform float outline;   // width, in units of a tangent: that of a pixel, and more
out vec4 pixel;

float fogged(float z) {
  return clamp((z - fogRange.x) / (fogRange.y - fogRange.x), 0.0, 1.0);
}

void put(vec3 colour, float z) {
  pixel = vec4(mix(colour, fog, fogged(z)), 1.0);
  gl_FragDepth = 0.5 + 0.5 * (clipZ.x + clipZ.y / z);
}

vec3 lineColour(vec3 base, float z) {
  return mix(mix(ink, base * base, 0.3), fog, fogged(z));
}

// The line around a primitive whose edge is at depth z: the further out, the further back, so that
// it lies behind what it touches.
void line(float out01, float z, float coverage, vec3 base) {
  if (coverage <= 0.0) discard;
  put(ink, z - 0.18 - 0.5 * out01);
  pixel = vec4(lineColour(base, z), coverage);
}

void shade(vec3 p, vec3 n, vec3 base, float open) {
  vec3 albedo = base * base;                       // to linear light, nearly
  vec3 key = normalize(vec3(-0.45, 0.65, 0.62));
  float diffuse = max(0.0, dot(n, key) * 0.8 + 0.2);
  vec3 sky = mix(vec3(0.36, 0.34, 0.33), vec3(0.62, 0.64, 0.68), n.y * 0.5 + 0.5);
  vec3 halfway = normalize(key - normalize(p));
  float gloss = 0.16 * pow(max(0.0, dot(n, halfway)), 42.0);
  float facing = max(0.0, dot(n, -normalize(p)));
  vec3 lit = albedo * (sky * open + 0.68 * diffuse * mix(0.6, 1.0, open)) * mix(0.72, 1.0, smoothstep(0.0, 0.5, facing)) + gloss * open;
  put(sqrt(lit), p.z);
}
`;

const ballVertex = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 ball;    // centre, radius
layout(location = 2) in vec4 colour;  // and how much of a rim
${Array.from({ length: shaders }, (_, k) => `layout(location = ${3 + k}) in vec4 near${k};`).join("\n")}
uniform vec2 focal;
uniform vec2 clipZ;
uniform float outline;
out vec3 ray;
flat out vec4 sphere;
flat out vec4 base;
flat out vec4 shaders[${shaders}];

void main() {
  sphere = ball;
  base = colour;
  ${Array.from({ length: shaders }, (_, k) => `shaders[${k}] = near${k};`).join(" ")}
  vec3 toward = normalize(-ball.xyz);
  vec3 side = normalize(cross(vec3(0.0, 1.0, 0.0), toward));
  float wide = ball.w * 1.12 + 2.0 * outline * length(ball.xyz);
  vec3 p = ball.xyz + (corner.x * side + corner.y * cross(toward, side)) * wide;
  ray = p;
  gl_Position = vec4(p.xy * focal, -clipZ.x * p.z - clipZ.y, -p.z);
}
`;

const ballFragment = `${shading}
uniform vec3 accent;
in vec3 ray;
flat in vec4 sphere;
flat in vec4 base;
flat in vec4 shaders[${shaders}];

void main() {
  vec3 d = normalize(ray);
  float along = dot(sphere.xyz, d);
  float miss = length(sphere.xyz - along * d);     // distance of the ray from the centre
  float soft = fwidth(miss);
  float wide = outline * along;
  if (miss > sphere.w + 0.5 * soft) {
    line((miss - sphere.w) / wide, along * d.z, clamp(0.5 + (sphere.w + wide - miss) / soft, 0.0, 1.0), base.rgb);
    return;
  }
  float inside = sqrt(max(0.0, sphere.w * sphere.w - miss * miss));
  vec3 p = (along - inside) * d;
  vec3 n = normalize(p - sphere.xyz);
  float hidden = 0.0;                              // share of the sky that other balls take: (radius / distance)^2, what is above the horizon
  for (int k = 0; k < ${shaders}; k++) {
    vec3 to = shaders[k].xyz - p;
    float far = dot(to, to);
    float size = min(1.0, shaders[k].w * inversesqrt(far));
    hidden += max(0.0, dot(n, to) * inversesqrt(far) + size) / (1.0 + size) * size * size;
  }
  shade(p, n, base.rgb, exp(-1.15 * hidden));
  float rim = smoothstep(0.72, 0.8, miss / sphere.w) * base.a;
  pixel.rgb = mix(mix(pixel.rgb, accent, rim), lineColour(base.rgb, p.z), clamp(0.5 + (miss - sphere.w) / soft, 0.0, 1.0));
}
`;

const stickVertex = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 tail;    // one end, radius
layout(location = 2) in vec3 tip;     // the other end
layout(location = 3) in vec4 first;   // colour of the half at the tail, and radius of the ball there
layout(location = 4) in vec4 second;  // the same at the tip
uniform vec2 focal;
uniform vec2 clipZ;
uniform float outline;
out vec3 ray;
flat out vec4 from;
flat out vec3 to;
flat out vec4 one;
flat out vec4 other;

void main() {
  from = tail;
  to = tip;
  one = first;
  other = second;
  vec3 axis = normalize(tip - tail.xyz);
  vec3 side = normalize(cross(axis, tail.xyz + tip));
  vec3 front = normalize(cross(side, axis));
  if (dot(front, tail.xyz) > 0.0) front = -front;
  vec3 end = corner.y < 0.0 ? tail.xyz : tip;
  float wide = tail.w * 1.25 + 2.0 * outline * length(end);
  vec3 p = end + corner.x * side * wide + (corner.y * axis * 0.6 + front) * tail.w;
  ray = p;
  gl_Position = vec4(p.xy * focal, -clipZ.x * p.z - clipZ.y, -p.z);
}
`;

const stickFragment = `${shading}
in vec3 ray;
flat in vec4 from;
flat in vec3 to;
flat in vec4 one;
flat in vec4 other;

void main() {
  vec3 d = normalize(ray);
  float span = length(to - from.xyz);
  vec3 axis = (to - from.xyz) / span;
  vec3 normal = cross(d, axis);
  float sine = length(normal);
  float miss = abs(dot(from.xyz, normal)) / sine;  // distance of the ray from the axis
  float soft = fwidth(miss);
  vec3 across = d - dot(d, axis) * axis;
  vec3 c = from.xyz - dot(from.xyz, axis) * axis;
  float middle = dot(c, across) / dot(across, across);
  float t = middle - sqrt(max(0.0, from.w * from.w - miss * miss)) / sine;
  vec3 p = t * d;
  float along = dot(p - from.xyz, axis);
  if (along < 0.0 || along > span) discard;
  // The halves meet in the middle of what the balls leave to see.
  vec4 base = along < 0.5 * (span + one.w - other.w) ? one : other;
  float wide = outline * t;
  if (miss > from.w + 0.5 * soft) {
    line((miss - from.w) / wide, p.z, clamp(0.5 + (from.w + wide - miss) / soft, 0.0, 1.0), base.rgb);
    return;
  }
  float gap = min(one.w > 0.0 ? along - one.w : 1.0, other.w > 0.0 ? span - along - other.w : 1.0);
  shade(p, normalize(p - from.xyz - along * axis), base.rgb, mix(0.35, 1.0, smoothstep(-0.08, 0.3, gap)));
  pixel.rgb = mix(pixel.rgb, lineColour(base.rgb, p.z), clamp(0.5 + (miss - from.w) / soft, 0.0, 1.0));
}
`;

// Makes every sample that holds something opaque, where depth is nearer than the far end. The alpha
// that balls and sticks write is their coverage: it has decided by then which samples they take,
// and must not weigh a second time when the page is composed.
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

  constructor(
    gl: WebGL2RenderingContext,
    quad: WebGLBuffer,
    vertex: string,
    fragment: string,
    attributes: number[],
  ) {
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
    for (const name of ["focal", "clipZ", "fog", "fogRange", "accent", "ink", "outline"]) {
      const location = gl.getUniformLocation(this.#program, name);
      if (location) this.#uniforms.set(name, location);
    }
  }

  draw(instances: number[], uniforms: Record<string, number[]>): void {
    const gl = this.#gl;
    gl.useProgram(this.#program);
    for (const [name, location] of this.#uniforms) {
      const value = uniforms[name]!;
      if (value.length === 1) gl.uniform1fv(location, value);
      else if (value.length === 2) gl.uniform2fv(location, value);
      else gl.uniform3fv(location, value);
    }
    gl.bindVertexArray(this.#array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(instances), gl.DYNAMIC_DRAW);
    gl.drawArraysInstanced(
      gl.TRIANGLE_STRIP,
      0,
      4,
      this.#floats ? instances.length / this.#floats : 1,
    );
  }
}

/**
 * A renderer with a separate canvas for WebGL2, from which pictures are copied; undefined where
 * WebGL2 is missing.
 */
export function webgl(canvas: HTMLCanvasElement): Renderer | undefined {
  const gl = canvas.getContext("webgl2", { alpha: true, antialias: true });
  if (!gl || gl.isContextLost()) return undefined;
  const quad = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, quad);
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
  const opaque = new Batch(gl, quad, opaqueVertex, opaqueFragment, []);
  const balls = new Batch(gl, quad, ballVertex, ballFragment, [
    4,
    4,
    ...Array<number>(shaders).fill(4),
  ]);
  const sticks = new Batch(gl, quad, stickVertex, stickFragment, [4, 3, 4, 4]);
  gl.enable(gl.DEPTH_TEST);
  gl.enable(gl.SCISSOR_TEST);

  return {
    kind: "webgl2",
    draw(target, scene, width, height) {
      fit(canvas, width, height);
      gl.viewport(0, 0, width, height);
      gl.scissor(0, 0, width, height);
      gl.colorMask(true, true, true, true);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.enable(gl.SAMPLE_ALPHA_TO_COVERAGE); // smooth outlines, decided by the rays and not by the quads
      gl.depthFunc(gl.LESS);
      const uniforms = camera(scene, width, height);
      const z = scene.distance;
      sticks.draw(
        scene.sticks.flatMap(({ from, to, radius, colours: [a, b], ends: [r, s] }) => [
          from[0],
          from[1],
          from[2] - z,
          radius,
          to[0],
          to[1],
          to[2] - z,
          ...a,
          r,
          ...b,
          s,
        ]),
        uniforms,
      );
      balls.draw(
        scene.balls.flatMap((ball, i) => {
          const { at, radius, colour, mark = 0 } = ball;
          return [
            at[0],
            at[1],
            at[2] - z,
            radius,
            ...colour,
            mark,
            ...shadersOf(i, scene.balls, z),
          ];
        }),
        uniforms,
      );
      gl.disable(gl.SAMPLE_ALPHA_TO_COVERAGE);
      gl.colorMask(false, false, false, true);
      gl.depthFunc(gl.GREATER);
      opaque.draw([], uniforms);
      target.drawImage(canvas, 0, canvas.height - height, width, height, 0, 0, width, height);
    },
  };
}

/**
 * Makes the canvas large enough, and smaller again after a very large picture: viewers of other
 * sizes take turns on it.
 */
function fit(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width * canvas.height > Math.max(4e6, 2 * width * height))
    Object.assign(canvas, { width, height });
  if (canvas.width < width) canvas.width = width;
  if (canvas.height < height) canvas.height = height;
}

/** The balls that shade ball i most, as centres and radii. */
function shadersOf(i: number, balls: Ball[], z: number): number[] {
  const { at: p } = balls[i]!;
  const best: { ball: Ball; weight: number }[] = [];
  for (const [j, ball] of balls.entries()) {
    if (j === i) continue;
    const { at: q, radius } = ball;
    const square = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2;
    const weight = (radius * radius) / Math.max(square, 1e-6);
    if (weight < 0.004 || (best.length === shaders && weight <= best.at(-1)!.weight)) continue;
    let at = best.length;
    while (at && best[at - 1]!.weight < weight) at--;
    best.splice(at, 0, { ball, weight });
    if (best.length > shaders) best.pop();
  }
  const numbers = best.flatMap(({ ball: { at, radius } }) => [
    at[0],
    at[1],
    at[2] - z,
    reachOf(radius),
  ]);
  while (numbers.length < 4 * shaders) numbers.push(0, 0, 0, 0);
  return numbers;
}

function camera(
  { distance, extent, fog, accent, ink }: Scene,
  width: number,
  height: number,
): Record<string, number[]> {
  const short = Math.min(width, height);
  const f = 1 / Math.tan(halfAngle);
  const near = Math.max(0.1, distance - 2.5 * extent);
  const far = distance + 2.5 * extent;
  return {
    focal: [(f * short) / width, (f * short) / height],
    clipZ: [(far + near) / (far - near), (2 * far * near) / (far - near)],
    fog,
    accent,
    ink,
    fogRange: [-distance, -distance - 3.2 * extent],
    outline: [Math.max(1.1, short / 420) / (0.5 * f * short)],
  };
}

function link(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
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
