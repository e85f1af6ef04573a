// Copies the client's libraries out of the installed npm packages, unchanged, and records where each
// byte came from. Run it after raising a version in package.json: `npm run vendor`.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { packageFile, source, vendorDir } from './packages.js';

const files = [
  { file: 'preact.js', package: 'preact', path: 'dist/preact.mjs' },
  { file: 'hooks.js', package: 'preact', path: 'hooks/dist/hooks.mjs' },
  { file: 'signals-core.js', package: '@preact/signals-core', path: 'dist/signals-core.mjs' },
  { file: 'signals.js', package: '@preact/signals', path: 'dist/signals.mjs' },
  { file: 'htm.js', package: 'htm', path: 'dist/htm.mjs' },
];

const records = files.map((entry) => {
  const bytes = source(entry);
  writeFileSync(new URL(entry.file, vendorDir), bytes);
  const { version, license } = JSON.parse(packageFile(entry.package, 'package.json').toString());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { ...entry, version, sha256, license };
});
writeFileSync(new URL('vendor.json', vendorDir), `${JSON.stringify({ files: records }, null, 2)}\n`);

const packages = [...new Set(files.map((entry) => entry.package))];
const sections = packages.map((name) => {
  const { version, license } = JSON.parse(packageFile(name, 'package.json').toString());
  const text = packageFile(name, 'LICENSE').toString().trim();
  return `## ${name} ${version} (${license})\n\n\`\`\`text\n${text}\n\`\`\`\n`;
});
writeFileSync(
  new URL('LICENSES.md', vendorDir),
  [
    '# Licences of the vendored libraries\n',
    'The files in this folder are unchanged copies; `vendor.json` names their sources.\n',
    ...sections,
  ].join('\n'),
);
