// The two services as people run them: real binaries, real sockets, a fresh data folder.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('../..', import.meta.url));
const binaries = resolve(here, process.env.REALTALK_BIN ?? '../target/debug');
// Where streams are run is the one setting that a whole test run chooses.
const { STREAM_ENGINE } = process.env;
const engine = STREAM_ENGINE ? { STREAM_ENGINE } : {};

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
// The last resort, for a test run that ends without its clean-up.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Milliseconds; more than anything takes on a slow machine that has other things to do. */
export const PATIENCE_MS = 120_000;

/**
 * Asks until it holds; the alternative to sleeping.
 * @template T
 * @param {string} what for the error
 * @param {() => Promise<T> | T} condition
 * @returns {Promise<NonNullable<T>>} the first truthy answer
 */
export async function until(what, condition) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// Below the ports that the system gives to clients, and in blocks, as the tests of the services take
// them: whoever holds the first port of a block has the others, too, even while nobody listens there.
const PORTS = { first: 12_000, blocks: 90, size: 200 };
let [nextPort, lastPort] = [0, 0];

/** @param {number} port @returns {Promise<import('node:net').Server | undefined>} nothing if it is taken */
async function hold(port) {
  const server = createServer().listen(port, '127.0.0.1');
  return once(server, 'listening').then(() => server, () => undefined);
}

/** @returns {Promise<number>} a port that nobody else takes */
async function freePort() {
  for (;;) {
    if (nextPort === lastPort) {
      const first = PORTS.first + Math.floor(Math.random() * PORTS.blocks) * PORTS.size;
      const block = await hold(first);
      if (!block) continue;
      block.unref();
      [nextPort, lastPort] = [first + 1, first + PORTS.size];
    }
    const port = nextPort;
    nextPort += 1;
    const server = await hold(port);
    if (!server) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** One service that can be killed and started again on its port. */
export class Service {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  #log = '';

  /**
   * @param {string} name of the binary
   * @param {number} port
   * @param {Record<string, string>} environment
   */
  constructor(name, port, environment) {
    this.name = name;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.environment = environment;
  }

  async start() {
    const child = spawn(join(binaries, this.name), {
      env: { PATH: process.env.PATH, ...engine, ...this.environment, PORT: String(this.port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    child.on('error', (error) => (this.#log += `${error}\n`));
    // Then all that it wrote is read, too.
    child.on('close', () => running.delete(child));
    for (const output of [child.stdout, child.stderr]) {
      output?.on('data', (chunk) => (this.#log = (this.#log + chunk).slice(-20_000)));
    }
    await until(`${this.name} is ready`, async () => {
      if (!running.has(child)) {
        throw new Error(`${this.name} ended (${child.signalCode ?? child.exitCode}):\n${this.#log}`);
      }
      return (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok;
    });
  }

  get running() {
    return this.#child !== undefined && running.has(this.#child);
  }

  /** Ends the process at once, as a crash or a power cut would. */
  async kill() {
    await this.#end('SIGKILL');
  }

  async stop() {
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), 5_000);
    await this.#end('SIGTERM');
    clearTimeout(timer);
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }
}

/** Both services, and the little that tests ask of them directly. */
export class Services {
  /**
   * @param {Service} message
   * @param {Service} notification
   * @param {string} folder
   */
  constructor(message, notification, folder) {
    this.message = message;
    this.notification = notification;
    this.folder = folder;
  }

  /** @param {Record<string, string>} [settings] besides those that every test needs */
  static async start(settings = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'realtalk-web-'));
    const [messagePort, notificationPort] = [await freePort(), await freePort()];
    const notificationUrl = `http://127.0.0.1:${notificationPort}`;
    const environment = {
      HOST: '127.0.0.1',
      DATA_DIR: folder,
      INTERNAL_SECRET: randomBytes(32).toString('hex'),
      MESSAGE_SERVICE_URL: `http://127.0.0.1:${messagePort}`,
      NOTIFICATION_SERVICE_URL: notificationUrl,
      PUBLIC_NOTIFICATION_URL: notificationUrl,
      DRAIN_SECS: '1',
      RUST_LOG: 'warn',
      ...settings,
    };
    const services = new Services(
      new Service('message-service', messagePort, environment),
      new Service('realtime-ntfn', notificationPort, environment),
      folder,
    );
    try {
      await Promise.all([services.message.start(), services.notification.start()]);
    } catch (error) {
      await services.stop();
      throw error;
    }
    return services;
  }

  /** The address of the web client. */
  get url() {
    return this.message.url;
  }

  /** Starts again what a test has left dead. */
  async mend() {
    for (const service of [this.message, this.notification]) {
      if (!service.running) await service.start();
    }
  }

  async stop() {
    await Promise.all([this.message.stop(), this.notification.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  /**
   * @param {string} user
   * @param {string} content
   */
  async post(user, content) {
    const response = await fetch(`${this.url}/messages`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ user, content }),
    });
    if (response.status !== 201) throw new Error(`post: ${response.status} ${await response.text()}`);
    return /** @type {Promise<{id: string, seq: number}>} */ (response.json());
  }

  /**
   * Asks the message service as somebody who has only a name.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async ask(method, path, body) {
    const response = await fetch(this.url + path, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  }

  /** @returns {Promise<number>} how many streams are open */
  async streams() {
    const metrics = await (await fetch(`${this.notification.url}/metrics`)).text();
    return Number(/^realtalk_streams (\d+)/m.exec(metrics)?.[1]);
  }

  /** @returns {Promise<string[]>} the contents of the newest 200 messages */
  async stored() {
    const response = await fetch(`${this.url}/messages?limit=200`);
    const messages = /** @type {{content: string}[]} */ (await response.json());
    return messages.map((message) => message.content);
  }
}

/**
 * Something else on the port of a stopped service: what a proxy answers during a deployment.
 * @param {number} port
 */
export async function unavailable(port) {
  let requests = 0;
  const server = createHttpServer((_, response) => {
    requests += 1;
    response.writeHead(503, { 'Access-Control-Allow-Origin': '*' }).end('unavailable');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    get requests() {
      return requests;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
