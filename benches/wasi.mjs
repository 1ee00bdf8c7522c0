// Runs a wasm32-wasip1 program in V8, the engine that Envoy has.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [program, ...args] = process.argv.slice(2);
// Absolute paths would be looked for below the one folder that the program sees.
const { CARGO_TARGET_DIR, ...env } = process.env;
const wasi = new WASI({
  version: "preview1",
  args: [program, ...args],
  env,
  preopens: { ".": process.cwd(), [process.cwd()]: process.cwd() },
});
const module = await WebAssembly.compile(await readFile(program));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
