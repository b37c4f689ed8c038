import { useMemo } from 'react';
import { add, multiply, parse, ZERO } from '@/shared/decimal';
import { useLive } from './hooks';
import { profit } from './quote';

/** What is open and what its stops would leave, in USDT before fees. */
export function usePlan() {
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
