import type { SignalStatus as Status } from '@/api/types';
import { Tag, type Tone } from '@/shared/ui/Tag';

const LOOKS: Record<Status, { tone: Tone; words: string; title: string }> = {
  accepted: { tone: 'info', words: 'Waiting', title: 'Stored; the engine takes it next' },
  executing: { tone: 'info', words: 'Executing', title: 'The engine acts on it' },
  executed: { tone: 'profit', words: 'Executed', title: 'Done' },
  refused: { tone: 'warn', words: 'Refused', title: 'Backstop declined to act' },
  expired: {
    tone: 'neutral',
    words: 'Expired',
    title: 'Too old to act on, or its limit order was not filled in time',
  },
  failed: { tone: 'danger', words: 'Failed', title: 'The exchange declined, or a reversal stopped half way' },
  superseded: { tone: 'neutral', words: 'Superseded', title: 'Another signal or command took its place' },
  rejected: { tone: 'danger', words: 'Rejected', title: 'The alert was not valid' },
};

export function SignalStatus({ status }: { status: Status }) {
  const { tone, words, title } = LOOKS[status];
  const busy = status === 'accepted' || status === 'executing';
  return (
    <Tag tone={tone} dot={busy} pulse={busy} title={title}>
      {words}
    </Tag>
  );
}
