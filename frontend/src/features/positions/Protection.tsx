import type { Position } from '@/api/types';
import { useLive, useServerNow } from '@/live/hooks';
import { isHealthOld } from '@/live/status';
import { CheckIcon, CloseIcon, ShieldAlertIcon, ShieldIcon, WarningIcon } from '@/shared/ui/icons';
import styles from './Protection.module.css';
import { type Layer, residentLayer, watchedLayer } from './protection';

const MARKS = { ok: CheckIcon, warn: WarningIcon, missing: CloseIcon, pending: WarningIcon };

function LayerLine({ layer }: { layer: Layer }) {
  const Mark = MARKS[layer.state];
  return (
    <span className={styles.layer} data-state={layer.state} title={layer.title}>
      <Mark size={12} />
      <span className="num">{layer.words}</span>
    </span>
  );
}

/** Both layers of protection: the watched stop and the one kept at the exchange. */
export function Protection({ position }: { position: Position }) {
  const now = useServerNow();
  const engineAlive = useLive((state) => (isHealthOld(state) ? undefined : state.health?.streamer.alive));
  const watched = watchedLayer(position, engineAlive);
  const resident = residentLayer(position, now);
  const missing = watched.state === 'missing' || resident.state === 'missing';
  const Shield = missing ? ShieldAlertIcon : ShieldIcon;
  return (
    <span
      className={styles.protection}
      data-missing={missing || undefined}
      data-testid={`protection-${position.symbol}`}
    >
      <span className={styles.shield}>
        <Shield size={20} />
      </span>
      <span className={styles.layers}>
        <LayerLine layer={watched} />
        <LayerLine layer={resident} />
      </span>
    </span>
  );
}
