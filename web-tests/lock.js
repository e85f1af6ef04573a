// Brings package-lock.json up to date and keeps host names out of it: any registry may serve these
// packages, the integrity hashes decide. `npm run lock`.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('package-lock.json', import.meta.url);

execFileSync('npm', ['install', '--package-lock-only'], { cwd: new URL('.', import.meta.url), stdio: 'inherit' });
const lock = JSON.parse(readFileSync(file, 'utf8'));
for (const entry of Object.values(lock.packages)) {
  delete entry.funding;
  delete entry.resolved;
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
