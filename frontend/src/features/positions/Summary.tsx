import { useLive } from '@/live/hooks';
import { usePlan } from '@/live/plan';
import { money } from '@/shared/format';
import { Figure, Figures } from '@/shared/ui/Figures';
import { Pnl } from '@/shared/ui/Pnl';

/** Where I really am: result, size and what the stops would leave. */
export function Summary() {
  const loaded = useLive((state) => state.loaded);
  const total = useLive((state) => state.total);
  const plan = usePlan();
  if (!loaded || total.open === 0) return null;
  return (
    <Figures label="Open positions in all">
      <Figure
        name="Open P/L"
        unit="USDT"
        note={
          total.unknown > 0
            ? `${total.unknown} of ${total.open} without a fresh price`
            : 'last price, before fees'
        }
      >
        <Pnl value={total.pnl} stale={total.stale} data-testid="total-pnl" />
      </Figure>
      <Figure name="Open" note={`${plan.long} long, ${plan.short} short`}>
        <span className="num">{total.open}</span>
      </Figure>
      <Figure name="Exposure" unit="USDT" note="quantity at entry price">
        <span className="num">{money(plan.exposure)}</span>
      </Figure>
      <Figure
        name="If every stop is hit"
        unit="USDT"
        note={
          plan.unguarded > 0 ? `${plan.unguarded} without a stop, not counted` : 'from entry, before fees'
        }
        alarm={plan.unguarded > 0}
      >
        <Pnl value={plan.atStops} />
      </Figure>
    </Figures>
  );
}
