// Bundles the console. What it writes is compiled into the binary, so it is the same bytes each time.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { build } from "esbuild";

const OUT = "../crates/orion/console";
const KINDS = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

const made = await build({
  entryPoints: { console: "src/main.tsx" },
  bundle: true,
  format: "esm",
  target: ["es2022"],
  minify: true,
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  splitting: true,
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  metafile: true,
  outdir: OUT,
  write: false,
  logLevel: "warning",
});

const brotli = (bytes) => brotliCompressSync(bytes, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
});

const files = new Map();
const names = {};
for (const file of made.outputFiles) files.set(basename(file.path), Buffer.from(file.contents));
for (const [path, { entryPoint, cssBundle }] of Object.entries(made.metafile.outputs)) {
  if (entryPoint !== "src/main.tsx") continue;
  names["console.js"] = basename(path);
  names["console.css"] = basename(cssBundle);
}
for (const name of ["icon.svg", "notices.txt"]) {
  const bytes = readFileSync(join("src", name));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  names[name] = `${basename(name, extname(name))}-${hash}${extname(name)}`;
  files.set(names[name], bytes);
}
const page = readFileSync("src/index.html", "utf8").replace(/\{\{(.*?)\}\}/g, (_, name) => `/console/${names[name]}`);
files.set("index.html", Buffer.from(page));

const rows = [...files].map(([name, bytes]) => {
  const kind = KINDS[extname(name)];
  const tag = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return `    Asset {\n        name: "${name}",\n        kind: "${kind}",\n        tag: "\\"${tag}\\"",\n        bytes: include_bytes!("${name}"),\n        brotli: include_bytes!("${name}.br"),\n    },\n`;
});
files.set("list.rs", Buffer.from(`// Written by console/build.\n&[\n${rows.join("")}]\n`));

const sizes = [...files].filter(([name]) => name !== "list.rs").map(([name, bytes]) => [name, bytes.length, brotli(bytes).length]);
const total = sizes.reduce((sum, [, , small]) => sum + small, 0);

if (process.argv.includes("--check")) {
  const differ = [...files].filter(([name, bytes]) => !same(name, bytes)).map(([name]) => name);
  const wanted = new Set([...files.keys()].flatMap((name) => [name, `${name}.br`]));
  const left = readdirSync(OUT).filter((name) => !wanted.has(name));
  if (differ.length || left.length) {
    console.error(`crates/orion/console does not match its source: ${[...differ, ...left].join(", ")}; run console/build and commit`);
    process.exit(1);
  }
} else {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  for (const [name, bytes] of files) {
    writeFileSync(join(OUT, name), bytes);
    if (name !== "list.rs") writeFileSync(join(OUT, `${name}.br`), brotli(bytes));
  }
}
for (const [name, plain, small] of sizes) console.log(`${name}  ${plain} bytes, ${small} as brotli`);
console.log(`in all ${(total / 1024).toFixed(1)} KiB as brotli`);

// Compressed bytes may differ between versions of brotli; what they hold may not.
function same(name, bytes) {
  try {
    const plain = readFileSync(join(OUT, name)).equals(bytes);
    return plain && (name === "list.rs" || brotliDecompressSync(readFileSync(join(OUT, `${name}.br`))).equals(bytes));
  } catch {
    return false;
  }
}
