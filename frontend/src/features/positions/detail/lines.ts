import type { Position } from '@/api/types';
import { type Decimal, multiply, parse, plain } from '@/shared/decimal';
import type { ProtectionDraft } from '../useProtectionDraft';
import type { ChartLine } from './priceChart';

/** The nearest price the exchange takes, as text. `tick` is the instrument's; without it two decimals. */
export function snap(price: number, tick: Decimal | null): string {
  const step = tick && tick.units > 0n ? tick : { units: 1n, scale: 2 };
  const steps = BigInt(Math.max(1, Math.round(price / (Number(step.units) / 10 ** step.scale))));
  return plain(multiply({ units: steps, scale: 0 }, step));
}

const drawn = (price: string | Decimal | null): number | null => {
  const decimal = typeof price === 'string' ? parse(price) : price;
  return decimal && Number(plain(decimal));
};

/** What is drawn across the chart: entry, both stops, targets; where the draft has moved a level, it is there. */
export function linesOf(position: Position, draft: ProtectionDraft): ChartLine[] {
  const open = position.status === 'open';
  const lines: (Omit<ChartLine, 'price'> & { price: number | null })[] = [
    {
      id: 'entry',
      title: 'Entry',
      price: drawn(position.entry_price),
      tone: 'entry',
      draggable: false,
      draft: false,
    },
  ];
  if (position.status !== 'closed') {
    const moved = draft.change?.stop_loss !== undefined || draft.stop.error !== null;
    lines.push(
      {
        id: 'resident',
        title: 'Exchange stop',
        price: drawn(position.resident_stop.price),
        tone: 'resident',
        draggable: false,
        draft: false,
      },
      {
        id: 'stop',
        title: moved ? 'Stop, not sent' : 'Stop',
        price: drawn(draft.stop.price),
        tone: 'stop',
        draggable: open,
        draft: moved,
      },
      ...draft.rungs.map((rung, index) => {
        const armed = position.take_profit.some(
          ({ price, status }) => status === 'armed' && drawn(price) === drawn(rung.price),
        );
        return {
          id: `target-${index}`,
          title: `${armed ? '' : 'Not sent: '}${rung.portion} target`,
          price: drawn(rung.price),
          tone: 'target' as const,
          draggable: open,
          draft: !armed,
        };
      }),
    );
  }
  return lines.filter((line): line is ChartLine => line.price !== null);
}
