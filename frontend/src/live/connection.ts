import { ApiError } from '@/api/problem';
import type { LiveMessage } from '@/api/types';
import { backoff } from './backoff';
import { Sequence, type Sequenced } from './sequence';
import { heard, setLink } from './store';

const PING_MS = 30_000;
/** The server speaks every 2 s: this long without a word, the link is dead although nobody closed it. */
const SILENCE_MS = 20_000;
const RESYNC_AGAIN_MS = 5_000;

export interface LiveOptions {
  ticket: () => Promise<string>;
  /** Called for each message that counts, in order and once. */
  apply: (message: LiveMessage) => void;
  socket?: (url: string) => WebSocket;
  random?: () => number;
}

const isSequenced = (message: LiveMessage): message is Sequenced => 'seq' in message;

/** One WebSocket that is kept open: ticket, hello, ping, resume after a loss, snapshot after a gap. */
export class LiveConnection {
  readonly #options: LiveOptions;
  readonly #sequence = new Sequence();
  #socket: WebSocket | null = null;
  #failures = 0;
  #running = false;
  #attempt = 0;
  #askedAt = 0;
  #heardAt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    window.addEventListener('online', this.#hurry);
    document.addEventListener('visibilitychange', this.#hurry);
    void this.#connect();
  }

  stop(): void {
    this.#running = false;
    window.removeEventListener('online', this.#hurry);
    document.removeEventListener('visibilitychange', this.#hurry);
    clearTimeout(this.#retry);
    this.#drop();
    setLink({ phase: 'idle' });
  }

  /** The network or the user is back: do not sit out a long wait. */
  readonly #hurry = () => {
    if (document.hidden || this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    void this.#connect();
  };

  async #connect(): Promise<void> {
    const attempt = ++this.#attempt;
    const current = () => this.#running && attempt === this.#attempt;
    setLink({ phase: 'connecting' });
    let ticket: string;
    try {
      ticket = await this.#options.ticket();
    } catch (thrown) {
      // The session is over: whoever keeps it sends the user to log in.
      if (thrown instanceof ApiError && thrown.status === 401) return;
      if (current()) this.#retryLater();
      return;
    }
    if (current()) this.#open(ticket);
  }

  #open(ticket: string): void {
    const { protocol, host } = window.location;
    const url = `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws?ticket=${encodeURIComponent(ticket)}`;
    const socket = this.#options.socket?.(url) ?? new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#heardAt = Date.now();
      setLink({ phase: 'open', everOpen: true, lastMessageAt: this.#heardAt });
      this.#hello();
      this.#ping = setInterval(() => this.#send({ action: 'ping' }), PING_MS);
      this.#watch = setInterval(() => this.#check(), 1000);
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (socket === this.#socket && typeof event.data === 'string') this.#receive(event.data);
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#drop();
      if (this.#running) this.#retryLater();
    };
  }

  #check(): void {
    const now = Date.now();
    if (now - this.#heardAt > SILENCE_MS) {
      this.#drop();
      this.#retryLater();
    } else if (this.#sequence.awaitingSnapshot && now - this.#askedAt > RESYNC_AGAIN_MS) this.#hello();
  }

  #receive(text: string): void {
    const message = read(text);
    if (!message) return;
    this.#heardAt = Date.now();
    if (this.#failures > 0) {
      this.#failures = 0;
      setLink({ failures: 0 });
    }
    heard(message.ts);
    if (!isSequenced(message)) {
      this.#options.apply(message);
      return;
    }
    const { apply, resync } = this.#sequence.take(message);
    for (const ready of apply) this.#options.apply(ready);
    if (resync) this.#hello();
  }

  #hello(): void {
    this.#askedAt = Date.now();
    const from = this.#sequence.resumeFrom;
    this.#send(from === undefined ? { action: 'hello' } : { action: 'hello', last_seq: from });
  }

  #send(message: { action: 'hello'; last_seq?: number } | { action: 'ping' }): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #drop(): void {
    clearInterval(this.#ping);
    clearInterval(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    this.#attempt++;
    this.#sequence.disconnected();
    socket?.close();
  }

  #retryLater(): void {
    const wait = backoff(this.#failures, (this.#options.random ?? Math.random)());
    this.#failures += 1;
    setLink({ phase: 'waiting', failures: this.#failures });
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.#connect();
    }, wait);
  }
}

/** A message of the version we know; anything else is ignored. */
function read(text: string): LiveMessage | null {
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message !== 'object' || message === null || !('v' in message) || message.v !== 1) return null;
    return message as LiveMessage;
  } catch {
    return null;
  }
}
