import { useMemo } from 'react';
import { useLive } from '@/live/hooks';
import { profit } from '@/live/quote';
import { add, multiply, parse, ZERO } from '@/shared/decimal';
import { money } from '@/shared/format';
import { Pnl } from '@/shared/ui/Pnl';
import styles from './Summary.module.css';

function usePlan() {
  const positions = useLive((state) => state.positions);
  return useMemo(() => {
    const plan = { exposure: ZERO, atStops: ZERO, unguarded: 0, long: 0, short: 0 };
    for (const position of Object.values(positions)) {
      const qty = parse(position.qty);
      const entry = parse(position.entry_price);
      const stop = parse(position.stop_loss);
      plan[position.side] += 1;
      if (qty && entry) plan.exposure = add(plan.exposure, multiply(qty, entry));
      const loss = stop && qty && profit(position, qty, stop);
      if (loss) plan.atStops = add(plan.atStops, loss);
      else if (position.status !== 'opening') plan.unguarded += 1;
    }
    return plan;
  }, [positions]);
}

/** Where I really am: result, size and what the stops would leave. */
export function Summary() {
  const loaded = useLive((state) => state.loaded);
  const total = useLive((state) => state.total);
  const plan = usePlan();
  if (!loaded || total.open === 0) return null;
  return (
    <dl className={styles.summary}>
      <div className={styles.item}>
        <dt>Open P/L</dt>
        <dd>
          <Pnl value={total.pnl} stale={total.stale} data-testid="total-pnl" /> <small>USDT</small>
        </dd>
        <dd className={styles.note}>
          {total.unknown > 0
            ? `${total.unknown} of ${total.open} without a fresh price`
            : 'last price, before fees'}
        </dd>
      </div>
      <div className={styles.item}>
        <dt>Open</dt>
        <dd className="num">{total.open}</dd>
        <dd className={styles.note}>
          {plan.long} long, {plan.short} short
        </dd>
      </div>
      <div className={styles.item}>
        <dt>Exposure</dt>
        <dd className="num">
          {money(plan.exposure)} <small>USDT</small>
        </dd>
        <dd className={styles.note}>quantity at entry price</dd>
      </div>
      <div className={styles.item}>
        <dt>If every stop is hit</dt>
        <dd>
          <Pnl value={plan.atStops} /> <small>USDT</small>
        </dd>
        <dd className={styles.note} data-alarm={plan.unguarded > 0 || undefined}>
          {plan.unguarded > 0 ? `${plan.unguarded} without a stop, not counted` : 'from entry, before fees'}
        </dd>
      </div>
    </dl>
  );
}
