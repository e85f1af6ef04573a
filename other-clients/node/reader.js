// Reads a stream with one library, and prints what a program is given by it.
//
//   node reader.js <library> <base address of the notification service>
//
// A line of JSON for each event: {id, event, data}. Those that come back by themselves are left to
// it; the others are opened anew with the last id, as their documentation says.

import { fetchEventSource } from '@microsoft/fetch-event-source';
import EventSource2 from 'eventsource2';
import { EventSource as EventSource3 } from 'eventsource3';
import { EventSource as EventSource4 } from 'eventsource4';
import polyfill from 'event-source-polyfill';
import { WebSocket as PartySocket } from 'partysocket';
import Reconnecting from 'reconnecting-eventsource';
import { EventSource as UndiciSource } from 'undici';
import websocket from 'websocket';
import { WebSocket } from 'ws';

const PAUSE_MS = 300;
/** Longer than two heartbeats of the service in the test. */
const SILENCE_MS = 5_000;
const NAMES = ['message', 'ready', 'reset'];

const [library, base] = process.argv.slice(2);
let lastId = '';

function tell(id, event, data) {
  lastId = id || lastId;
  process.stdout.write(`${JSON.stringify({ id, event, data })}\n`);
}

/** @param {string} text a frame: what is in the log has an id, `ready` and `cursor` a cursor */
function tellFrame(text) {
  const frame = JSON.parse(text);
  tell(frame.id ?? frame.cursor, frame.type, text);
}

/** An `EventSource` of some make. One that has given up for good is opened anew. */
function readSource(Source, options, watch = (_source, _open) => {}) {
  const open = () => {
    const query = lastId ? `?lastEventId=${lastId}` : '';
    const source = new Source(`${base}/events${query}`, options);
    for (const name of NAMES) {
      source.addEventListener(name, (event) => tell(event.lastEventId, name, event.data));
    }
    source.addEventListener('error', () => {
      if (source.readyState === 2) setTimeout(open, PAUSE_MS);
    });
    watch(source, open);
  };
  open();
}

/** Opens a source anew that has been silent for so long that its stream must have been cut. */
function watchHeartbeats(source, open) {
  const silent = () => {
    source.close();
    open();
  };
  let timer = setTimeout(silent, SILENCE_MS);
  for (const name of [...NAMES, 'heartbeat']) {
    source.addEventListener(name, () => {
      clearTimeout(timer);
      timer = setTimeout(silent, SILENCE_MS);
    });
  }
}

const socketAddress = () =>
  `${base.replace('http', 'ws')}/ws?history=0${lastId ? `&last_event_id=${lastId}` : ''}`;

/** A WebSocket by the browsers' interface, of some make. */
function readSocket(Socket) {
  const socket = new Socket(socketAddress());
  socket.onmessage = (event) => tellFrame(String(event.data));
  socket.onerror = () => {};
  socket.onclose = () => setTimeout(() => readSocket(Socket), PAUSE_MS);
}

const LIBRARIES = {
  eventsource2: () => readSource(EventSource2),
  eventsource3: () => readSource(EventSource3),
  eventsource4: () => readSource(EventSource4),
  // Of a response that is cut in the middle it says nothing, and does not come back (7.30).
  undici: () => readSource(UndiciSource, undefined, watchHeartbeats),
  'event-source-polyfill': () => readSource(polyfill.EventSourcePolyfill),
  'reconnecting-eventsource': () => readSource(Reconnecting.default ?? Reconnecting, { eventSourceClass: EventSource2 }),
  'fetch-event-source': () => {
    // It asks the page whether it is seen.
    Object.assign(globalThis, {
      window: globalThis,
      document: { hidden: false, addEventListener() {}, removeEventListener() {} },
    });
    fetchEventSource(`${base}/events`, {
      openWhenHidden: true,
      onmessage: ({ id, event, data }) => tell(id, event || 'message', data),
      onclose: () => {
        throw new Error('the stream ended');
      },
      onerror: () => PAUSE_MS,
    });
  },
  ws: () => readSocket(WebSocket),
  websocket: () => readSocket(websocket.w3cwebsocket),
  partysocket: () => {
    const socket = new PartySocket(socketAddress, [], { WebSocket });
    socket.addEventListener('message', (event) => tellFrame(String(event.data)));
  },
};

if (library === 'list') {
  console.log(Object.keys(LIBRARIES).join(' '));
} else {
  LIBRARIES[library]();
}
