// Lets Node find the vendored libraries by the names that the page's import map gives them.
import { readFileSync } from 'node:fs';
import { register } from 'node:module';

const root = new URL('../../../static/', import.meta.url);
const index = readFileSync(new URL('index.html', root), 'utf8');
const { imports } = JSON.parse(/<script type="importmap">([\s\S]*?)<\/script>/.exec(index)?.[1] ?? '{}');
const map = Object.fromEntries(
  Object.entries(imports).map(([name, path]) => [name, new URL(path, root).href]),
);

// The hooks run in a thread of their own: they travel as text.
const hooks = `
  const map = ${JSON.stringify(map)};
  export const resolve = (name, context, next) =>
    context.parentURL?.startsWith(${JSON.stringify(root.href)}) && map[name] ? { url: map[name], format: 'module', shortCircuit: true } : next(name, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
