import type { Health, StreamHealth } from '@/api/types';
import { useLive } from '@/live/hooks';
import { isHealthOld } from '@/live/status';
import { duration, latency } from '@/shared/format';
import styles from './HealthStrip.module.css';

type State = 'ok' | 'warn' | 'down' | 'idle';

interface Part {
  name: string;
  state: State;
  words: string;
  title: string;
}

function stream(name: string, what: string, { state, age_ms }: StreamHealth): Part {
  const age = age_ms === null ? '' : `, last message ${latency(age_ms)} ago`;
  switch (state) {
    case 'connected':
      return {
        name,
        state: 'ok',
        words: age_ms === null ? 'ok' : latency(age_ms),
        title: `${what}: connected${age}`,
      };
    case 'stale':
      return { name, state: 'warn', words: 'stale', title: `${what}: connected but quiet${age}` };
    case 'disconnected':
      return { name, state: 'down', words: 'down', title: `${what}: disconnected${age}` };
    case 'idle':
      return { name, state: 'idle', words: 'idle', title: `${what}: not needed at the moment` };
  }
}

function banned(left: number): Part {
  return {
    name: 'Requests',
    state: 'down',
    words: 'refused',
    title: `Bybit refuses the engine's requests for ${duration(left)} more: nothing is opened, closes are still sent`,
  };
}

function partsOf({ database, streamer, bybit }: Health): Part[] {
  const heartbeat = streamer.heartbeat_age_ms;
  return [
    {
      name: 'Database',
      state: database === 'ok' ? 'ok' : 'down',
      words: database === 'ok' ? 'ok' : 'down',
      title: database === 'ok' ? 'The database answers' : 'The database does not answer',
    },
    {
      name: 'Engine',
      state: streamer.alive ? 'ok' : 'down',
      words: streamer.alive ? (heartbeat === null ? 'ok' : latency(heartbeat)) : 'down',
      title: `The engine ${streamer.alive ? 'is running' : 'is not running'}${
        heartbeat === null ? '' : `, last heartbeat ${latency(heartbeat)} ago`
      }`,
    },
    stream('Prices', "Bybit's public stream", bybit.public),
    stream('Account', "Bybit's private stream", bybit.private),
    ...(bybit.rest.state === 'banned' ? [banned(bybit.rest.retry_in_ms ?? 0)] : []),
  ];
}

/** Each hop from the exchange to this page, with the age of its last word. */
export function HealthStrip() {
  const health = useLive((state) => state.health);
  const old = useLive((state) => (isHealthOld(state) ? duration(state.now - state.healthAt) : null));
  return (
    <aside className={styles.strip} data-old={(health && old) || undefined} aria-label="System health">
      {health ? (
        partsOf(health).map(({ name, state, words, title }) => (
          <span key={name} className={styles.part} data-state={state} title={title}>
            <span className={styles.dot} />
            {name} <span className={`num ${styles.words}`}>{words}</span>
          </span>
        ))
      ) : (
        <span className={styles.part} data-state="idle">
          <span className={styles.dot} />
          Health not known yet
        </span>
      )}
      {health && old && <span className="num">as of {old} ago</span>}
      {health?.version && <span className={`num ${styles.version}`}>v{health.version}</span>}
    </aside>
  );
}
