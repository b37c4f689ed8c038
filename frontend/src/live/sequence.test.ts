import { describe, expect, it } from 'vitest';
import { positionMessage, snapshot } from '@/test/samples';
import { Sequence } from './sequence';

function synced(seq: number): Sequence {
  const sequence = new Sequence();
  sequence.take(snapshot(seq));
  return sequence;
}

const seqs = (outcome: { apply: { seq: number }[] }) => outcome.apply.map(({ seq }) => seq);

describe('the sequence of live messages', () => {
  it('asks for a snapshot first and resumes from the last number after', () => {
    expect(new Sequence().resumeFrom).toBeUndefined();
    const sequence = synced(7);
    expect(sequence.resumeFrom).toBe(7);
    sequence.take(positionMessage(8));
    expect(sequence.resumeFrom).toBe(8);
  });

  it('applies the next message and ignores what it has seen', () => {
    const sequence = synced(7);
    expect(seqs(sequence.take(positionMessage(8)))).toEqual([8]);
    expect(sequence.take(positionMessage(8))).toEqual({ apply: [], resync: false });
    expect(sequence.take(positionMessage(3))).toEqual({ apply: [], resync: false });
  });

  it('asks for a snapshot once when a message is missing', () => {
    const sequence = synced(7);
    expect(sequence.take(positionMessage(10))).toEqual({ apply: [], resync: true });
    expect(sequence.resumeFrom).toBeUndefined();
    expect(sequence.take(positionMessage(11))).toEqual({ apply: [], resync: false });
  });

  it('applies what overtook the snapshot, after it', () => {
    const sequence = synced(7);
    sequence.take(positionMessage(10));
    sequence.take(positionMessage(11));
    const outcome = sequence.take(snapshot(10));
    expect(seqs(outcome)).toEqual([10, 11]);
    expect(outcome.resync).toBe(false);
    expect(sequence.resumeFrom).toBe(11);
  });

  it('takes any snapshot, also one with a lower number', () => {
    const sequence = synced(90);
    expect(seqs(sequence.take(snapshot(2)))).toEqual([2]);
    expect(seqs(sequence.take(positionMessage(3)))).toEqual([3]);
  });
});
