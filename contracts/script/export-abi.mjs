#!/usr/bin/env node
// Writes ABI and creation bytecode of every contract of contracts/src into the Python package, which deploys and calls
// them: running a venue then needs neither node nor solc. Reads what `forge build` left in contracts/out.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "../src");
const out = join(here, "../out");
const target = join(here, "../../src/synchromesh/settlement/abi");

/** Names of the contracts that can be deployed; one to a file, and named like it. */
function contracts() {
  const files = readdirSync(sources, { recursive: true }).filter((path) => path.endsWith(".sol"));
  const names = files.map((path) => ({ path, name: basename(path, ".sol") }));
  return names
    .filter(({ path, name }) => new RegExp(`^contract ${name}\\b`, "m").test(readFileSync(join(sources, path), "utf8")))
    .map(({ name }) => name)
    .sort();
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const written = contracts();
for (const name of written) {
  const artifact = JSON.parse(readFileSync(join(out, `${name}.sol`, `${name}.json`), "utf8"));
  const text = JSON.stringify({ abi: artifact.abi, bytecode: artifact.bytecode.object });
  writeFileSync(join(target, `${name}.json`), text);
}
console.log(`${written.length} contracts for the Python package`);
