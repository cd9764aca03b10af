// Builds the console from its sources: node build.mjs [--out DIRECTORY]
// The output goes to ../dist, is committed, and is the same on every machine.
import { build } from 'esbuild';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const at = process.argv.indexOf('--out');
const out = at > 0 ? process.argv[at + 1] : join(here, '..', 'dist');

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.js', style: 'src/style.css', icon: 'src/icon.svg' },
  outdir: out,
  entryNames: 'assets/[name]-[hash]',
  chunkNames: 'assets/[name]-[hash]',
  loader: { '.svg': 'copy' },
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['chrome111', 'firefox113', 'safari16.4'],
  minify: true,
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'warning',
});

const named = {};
for (const [file, { entryPoint }] of Object.entries(result.metafile.outputs)) {
  if (entryPoint) named[entryPoint] = '/' + file.slice(file.indexOf('assets/'));
}
// A copied file has no entry point of its own in the report.
for (const file of result.outputFiles) {
  if (file.path.endsWith('.svg')) named['src/icon.svg'] = '/' + file.path.slice(file.path.lastIndexOf('assets/'));
}
// The browser fetches the entry's direct imports together with it.
const preloads = (file, found = new Set()) => {
  for (const { path, kind } of result.metafile.outputs[file].imports) {
    if (kind !== 'import-statement' || found.has(path)) continue;
    found.add(path);
    preloads(path, found);
  }
  return found;
};
const entry = Object.keys(result.metafile.outputs).find((file) => result.metafile.outputs[file].entryPoint === 'src/main.js');
const links = [...preloads(entry)].sort().map((file) => `<link rel="modulepreload" href="/${file.slice(file.indexOf('assets/'))}">\n  `).join('');
let page = await readFile(join(here, 'src/index.html'), 'utf8');
page = page.replace(/\{\{([^}]+)\}\}/g, (_, source) => {
  if (!named[source]) throw new Error(`index.html names ${source}, which the build did not make`);
  return named[source];
});

page = page.replace('<script', links + '<script');

await rm(out, { recursive: true, force: true });
for (const file of [...result.outputFiles, { path: join(out, 'index.html'), contents: page }]) {
  await mkdir(dirname(file.path), { recursive: true });
  await writeFile(file.path, file.contents);
}
await writeFile(join(out, 'licenses.txt'), await licenses(result.metafile));

// licenses gathers the licenses of the packages in the output.
async function licenses(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const m = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (m) packages.add(m[1]);
  }
  let text = 'The console contains these packages.\n';
  for (const name of [...packages].sort()) {
    const dir = join(here, 'node_modules', name);
    const { version, license } = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'));
    text += `\n---- ${name} ${version} (${license})\n\n${(await readFile(join(dir, 'LICENSE'), 'utf8')).trim()}\n`;
  }
  return text;
}
