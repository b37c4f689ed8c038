// Fails when src/api/schema.d.ts is not what openapi.json generates.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';

const at = (path) => new URL(`../${path}`, import.meta.url);
const header = /^\/\*\*[\s\S]*?\*\/\s*/;

const committed = readFileSync(at('src/api/schema.d.ts'), 'utf8').replace(header, '');
const generated = astToString(await openapiTS(at('openapi.json'), { defaultNonNullable: false })).replace(
  header,
  '',
);

if (committed.trim() !== generated.trim()) {
  console.error(
    `${fileURLToPath(at('src/api/schema.d.ts'))} is out of date: run "npm run gen:api" and commit it.`,
  );
  process.exit(1);
}
console.log('src/api/schema.d.ts is current.');
