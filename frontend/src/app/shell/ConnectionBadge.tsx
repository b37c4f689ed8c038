import { VisuallyHidden } from '@mantine/core';
import { useLive } from '@/live/hooks';
import { type LinkStatus, linkStatus, silence } from '@/live/status';
import { Tag, type Tone } from '@/shared/ui/Tag';

const LOOKS: Record<LinkStatus, { tone: Tone; words: string; title: string }> = {
  connecting: { tone: 'neutral', words: 'Connecting', title: 'Opening the live connection' },
  live: { tone: 'accent', words: 'Live', title: 'Connected; the server is speaking' },
  stale: {
    tone: 'warn',
    words: 'Stale',
    title: 'Connected, but the server has gone quiet: what you see may be old',
  },
  reconnecting: { tone: 'warn', words: 'Reconnecting', title: 'The live connection was lost; trying again' },
  disconnected: {
    tone: 'danger',
    words: 'Disconnected',
    title: 'The server cannot be reached; still trying',
  },
};

/** How far what is on screen can be trusted. */
export function ConnectionBadge() {
  const status = useLive(linkStatus);
  const seconds = useLive((state) => (linkStatus(state) === 'stale' ? silence(state) : 0));
  const { tone, words, title } = LOOKS[status];
  return (
    <>
      <Tag
        tone={tone}
        dot
        pulse={status === 'reconnecting' || status === 'connecting'}
        title={title}
        data-testid="connection-badge"
        data-status={status}
      >
        <span className="num">{status === 'stale' ? `${words} ${seconds} s` : words}</span>
      </Tag>
      <VisuallyHidden role="status">Connection: {words}</VisuallyHidden>
    </>
  );
}
