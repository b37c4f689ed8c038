// Fails when what a browser loads grows over its budget (gzip). Run after a build.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = { firstLoad: 250_000, route: 70_000 };
const FIRST_ROUTE = 'src/features/positions/PositionsPage.tsx';
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

function filesOf(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk || seen.has(key)) return [];
  seen.add(key);
  return [chunk.file, ...(chunk.css ?? []), ...(chunk.imports ?? []).flatMap((next) => filesOf(next, seen))];
}
const gzip = (file) => gzipSync(readFileSync(new URL(file, dist))).length;
const sum = (files) => [...files].reduce((total, file) => total + gzip(file), 0);
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

const entryKey = Object.keys(manifest).find((key) => manifest[key].isEntry);
// The first screen: what every page needs, and the page of positions.
const shell = new Set(filesOf(entryKey));
const entry = new Set([...shell, ...filesOf(FIRST_ROUTE)]);
const js = [...entry].filter((file) => file.endsWith('.js'));
const css = [...entry].filter((file) => file.endsWith('.css'));
console.log(
  `first load        ${kb(sum(entry))}  (js ${kb(sum(js))}, css ${kb(sum(css))}; budget ${kb(BUDGET.firstLoad)})`,
);

let failed = sum(entry) > BUDGET.firstLoad;
for (const key of Object.keys(manifest).filter((name) => manifest[name].isDynamicEntry)) {
  const extra = new Set(filesOf(key).filter((file) => !shell.has(file)));
  const size = sum(extra);
  const over = size > BUDGET.route;
  failed ||= over;
  console.log(
    `+ ${key.replace(/^src\/features\//, '')}  ${kb(size)}${over ? `  OVER ${kb(BUDGET.route)}` : ''}`,
  );
}
if (failed) {
  console.error('Over budget.');
  process.exit(1);
}
