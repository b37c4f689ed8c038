import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '@/api/problem';
import type { LiveMessage } from '@/api/types';
import { positionMessage, snapshot } from '@/test/samples';
import { backoff } from './backoff';
import { LiveConnection } from './connection';
import { linkStatus } from './status';
import { live, tick } from './store';

/** A socket whose other end is the test. */
class FakeSocket {
  readyState: number = WebSocket.CONNECTING;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = WebSocket.CLOSED;
  }

  opens() {
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
  }

  says(...messages: LiveMessage[]) {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }

  breaks() {
    this.readyState = WebSocket.CLOSED;
    this.onclose?.();
  }
}

let sockets: FakeSocket[];
let applied: LiveMessage[];
let tickets: (() => Promise<string>)[];
let connection: LiveConnection;

const latest = () => {
  const socket = sockets.at(-1);
  if (!socket) throw new Error('no socket was opened');
  return socket;
};

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  applied = [];
  tickets = [];
  connection = new LiveConnection({
    ticket: () => (tickets.shift() ?? (() => Promise.resolve('one time')))(),
    apply: (message) => applied.push(message),
    socket: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    random: () => 1,
  });
});

afterEach(() => connection.stop());

async function started(): Promise<FakeSocket> {
  connection.start();
  await vi.advanceTimersByTimeAsync(0);
  latest().opens();
  return latest();
}

describe('the live connection', () => {
  it('opens with a ticket and says hello for a snapshot', async () => {
    const socket = await started();
    expect(socket.url).toContain('/ws?ticket=one%20time');
    expect(socket.sent).toEqual([{ action: 'hello' }]);
  });

  it('resumes from the last number after a loss', async () => {
    const first = await started();
    first.says(snapshot(7), positionMessage(8));
    first.breaks();
    expect(linkStatus(live.getState())).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(500);
    latest().opens();
    expect(latest()).not.toBe(first);
    expect(latest().sent).toEqual([{ action: 'hello', last_seq: 8 }]);
    latest().says(positionMessage(8), positionMessage(9));
    expect(applied.map((message) => 'seq' in message && message.seq)).toEqual([7, 8, 9]);
  });

  it('asks for a snapshot when a message is missing', async () => {
    const socket = await started();
    socket.says(snapshot(7), positionMessage(9));
    expect(socket.sent).toEqual([{ action: 'hello' }, { action: 'hello' }]);
    expect(applied).toHaveLength(1);
    socket.says(snapshot(9));
    expect(applied).toHaveLength(2);
  });

  it('pings every 30 s while the server speaks', async () => {
    const socket = await started();
    socket.says(snapshot(1));
    for (let i = 0; i < 6; i++) {
      await vi.advanceTimersByTimeAsync(5000);
      socket.says({ v: 1, type: 'pong', ts: Date.now(), data: {} });
    }
    expect(socket.sent.filter((message) => (message as { action: string }).action === 'ping')).toHaveLength(
      1,
    );
  });

  it('is stale after 5 s without a word and opens anew after 20 s', async () => {
    const socket = await started();
    socket.says(snapshot(1));
    await vi.advanceTimersByTimeAsync(4000);
    tick();
    expect(linkStatus(live.getState())).toBe('live');
    await vi.advanceTimersByTimeAsync(2000);
    tick();
    expect(linkStatus(live.getState())).toBe('stale');
    await vi.advanceTimersByTimeAsync(16_000);
    expect(sockets).toHaveLength(2);
  });

  it('waits longer with each failure, at most 30 s', () => {
    expect([0, 1, 2, 10].map((failures) => backoff(failures, 1))).toEqual([500, 1000, 2000, 30_000]);
    expect(backoff(3, 0.5)).toBe(2000);
  });

  it('keeps trying when no ticket is to be had, and says so', async () => {
    tickets = Array.from({ length: 4 }, () => () => Promise.reject(new TypeError('offline')));
    connection.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sockets).toHaveLength(1);
    latest().breaks();
    expect(linkStatus(live.getState())).toBe('disconnected');
  });

  it('stops trying when the session is over', async () => {
    tickets = [() => Promise.reject(new ApiError({ title: 'Log in', status: 401 }))];
    connection.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(0);
  });

  it('ignores what it does not understand', async () => {
    const socket = await started();
    socket.onmessage?.({ data: 'not json' });
    socket.onmessage?.({ data: '{"v":2,"type":"snapshot","seq":1,"ts":1,"data":{}}' });
    expect(applied).toEqual([]);
  });
});
