import { useLive } from '@/live/hooks';
import { linkStatus } from '@/live/status';
import { duration } from '@/shared/format';
import { Alert } from '@/shared/ui/Alert';
import styles from './Banner.module.css';

function useTrouble(): { tone: 'warn' | 'danger'; text: string } | null {
  const status = useLive(linkStatus);
  const quiet = useLive((state) =>
    state.link.lastMessageAt ? duration(state.now - state.link.lastMessageAt) : '',
  );
  const database = useLive((state) => state.health?.database);
  const engineAlive = useLive((state) => state.health?.streamer.alive);
  const since = quiet && ` Last word ${quiet} ago.`;
  if (status === 'disconnected') {
    return { tone: 'danger', text: `The server cannot be reached. What you see may be out of date.${since}` };
  }
  if (status === 'reconnecting' || status === 'stale') {
    return {
      tone: 'warn',
      text: `No live data at the moment; prices and positions may be out of date.${since}`,
    };
  }
  if (engineAlive === false) {
    return {
      tone: 'danger',
      text: 'The engine is not running: only the stops kept at the exchange protect open positions, and new signals wait.',
    };
  }
  if (database === 'unavailable') {
    return {
      tone: 'danger',
      text: 'The database does not answer: closes go through, new positions are not opened.',
    };
  }
  return null;
}

/** What is wrong right now and what it means for open positions. */
export function Banner() {
  const trouble = useTrouble();
  if (!trouble) return null;
  return (
    <div className={styles.banner}>
      <Alert tone={trouble.tone}>{trouble.text}</Alert>
    </div>
  );
}
