// Puts Go's JavaScript support beside the compiled worker, which imports it.
import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("..", import.meta.url)); // where go.mod says which Go it is
const goroot = execFileSync("go", ["env", "GOROOT"], { cwd: top, encoding: "utf8" }).trim();
copyFileSync(join(goroot, "lib/wasm/wasm_exec.js"), join(top, "build/wasm/js/wasm_exec.js"));
