// Brotli beside each built file, by Node's own zlib:  node tools/brotli.mjs FOLDER
//   --check OTHER   in place of making them: those of OTHER are there and hold what FOLDER's files hold
// Which bytes a compressor makes is its version's; what they hold is compared.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

const [folder, check, other] = process.argv.slice(2);
if (!folder || (check && (check !== "--check" || !other))) {
  process.stderr.write("usage: node tools/brotli.mjs FOLDER [--check OTHER]\n");
  process.exit(2);
}
const files = readdirSync(folder, { withFileTypes: true }).flatMap((one) =>
  one.isDirectory() ? readdirSync(join(folder, one.name)).map((name) => join(one.name, name)) : [one.name]).filter((name) => !name.endsWith(".br"));

function holds(name) {
  const file = join(other, `${name}.br`);
  try {
    return existsSync(file) && brotliDecompressSync(readFileSync(file), { maxOutputLength: 1 << 22 }).equals(readFileSync(join(folder, name)));
  } catch {
    return false;
  }
}

if (check) {
  const wrong = files.filter((name) => !holds(name));
  if (wrong.length > 0) {
    process.stderr.write(`console: ${wrong.map((name) => `${join(other, name)}.br`).join(", ")}: not there, or not that file by brotli: run make console-write and commit it\n`);
    process.exit(1);
  }
} else {
  for (const name of files) {
    const data = readFileSync(join(folder, name));
    const packed = brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22, [constants.BROTLI_PARAM_SIZE_HINT]: data.length } });
    writeFileSync(join(folder, `${name}.br`), packed);
  }
}
