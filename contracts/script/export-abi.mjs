#!/usr/bin/env node
// Writes ABI and creation bytecode of the contracts that the Python package deploys and calls, so that running the
// venue needs neither node nor solc. With --check it compares instead, and fails when the committed files are stale.
// Reads what `forge build` left in contracts/out.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const CONTRACTS = ["Settlement", "TestToken", "TestUSDC"];
const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../out");
const target = join(here, "../../src/synchromesh/settlement/abi");

/** The canonical text of one contract's file: two keys, the compiler's order of entries, two spaces, final newline. */
function render(name) {
  const artifact = JSON.parse(readFileSync(join(out, `${name}.sol`, `${name}.json`), "utf8"));
  return JSON.stringify({ abi: artifact.abi, bytecode: artifact.bytecode.object }, null, 2) + "\n";
}

function committed(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

const check = process.argv.includes("--check");
const stale = [];
mkdirSync(target, { recursive: true });
for (const name of CONTRACTS) {
  const path = join(target, `${name}.json`);
  const text = render(name);
  if (committed(path) === text) continue;
  stale.push(`${name}.json`);
  if (!check) writeFileSync(path, text);
}
if (check && stale.length > 0) {
  console.error(`stale: ${stale.join(", ")}; run forge build and node contracts/script/export-abi.mjs`);
  process.exitCode = 1;
} else {
  console.log(stale.length > 0 ? `wrote ${stale.join(", ")}` : "ABI files are up to date");
}
