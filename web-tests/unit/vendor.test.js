import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { packageFile, source, vendorDir } from '../packages.js';

/** @type {{file: string, package: string, path: string, version: string, sha256: string, license: string}[]} */
const records = JSON.parse(readFileSync(new URL('vendor.json', vendorDir), 'utf8')).files;

test('the folder holds what vendor.json lists, and nothing else', () => {
  const listed = records.map((record) => record.file);
  assert.deepEqual(readdirSync(vendorDir).sort(), [...listed, 'LICENSES.md', 'vendor.json'].sort());
});

for (const record of records) {
  test(`${record.file} is the file of ${record.package} ${record.version}`, () => {
    const bytes = readFileSync(new URL(record.file, vendorDir));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), record.sha256);
    assert.ok(bytes.equals(source(record)), 'differs from the installed package');
    const installed = JSON.parse(packageFile(record.package, 'package.json').toString());
    assert.equal(installed.version, record.version);
    assert.equal(installed.license, record.license);
  });
}

test('each licence is there, word for word', () => {
  const licences = readFileSync(new URL('LICENSES.md', vendorDir), 'utf8');
  for (const record of records) {
    assert.ok(licences.includes(packageFile(record.package, 'LICENSE').toString().trim()), record.package);
    assert.ok(licences.includes(`## ${record.package} ${record.version} (${record.license})`), record.package);
  }
});
