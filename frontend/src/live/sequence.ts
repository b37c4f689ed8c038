import type { LiveMessage } from '@/api/types';

export type Sequenced = Extract<LiveMessage, { seq: number }>;

interface Outcome {
  /** Messages to apply now, in order. */
  apply: Sequenced[];
  /** Something was missed: ask for a snapshot. */
  resync: boolean;
}

const NOTHING: Outcome = { apply: [], resync: false };

/** Lets each numbered message through once and in order; notices what is missing. */
export class Sequence {
  #last: number | null = null;
  #awaitingSnapshot = true;
  #held: Sequenced[] = [];

  /** What to name in `hello`; undefined asks for a snapshot. */
  get resumeFrom(): number | undefined {
    return this.#awaitingSnapshot ? undefined : (this.#last ?? undefined);
  }

  get awaitingSnapshot(): boolean {
    return this.#awaitingSnapshot;
  }

  take(message: Sequenced): Outcome {
    if (message.type === 'snapshot') return this.#restart(message);
    if (this.#awaitingSnapshot) {
      this.#held.push(message);
      return NOTHING;
    }
    const last = this.#last ?? 0;
    if (message.seq <= last) return NOTHING;
    if (message.seq === last + 1) {
      this.#last = message.seq;
      return { apply: [message], resync: false };
    }
    this.#awaitingSnapshot = true;
    this.#held = [message];
    return { apply: [], resync: true };
  }

  /** The link was lost: what was held will be sent again. */
  disconnected(): void {
    this.#held = [];
  }

  /** Newer messages may overtake the snapshot; those held are applied after it. */
  #restart(snapshot: Sequenced): Outcome {
    const held = this.#held.toSorted((a, b) => a.seq - b.seq);
    this.#last = snapshot.seq;
    this.#awaitingSnapshot = false;
    this.#held = [];
    const apply: Sequenced[] = [snapshot];
    let resync = false;
    for (const message of held) {
      const outcome = this.take(message);
      apply.push(...outcome.apply);
      resync ||= outcome.resync;
    }
    return { apply, resync };
  }
}
