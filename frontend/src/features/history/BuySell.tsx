import { Tag } from '@/shared/ui/Tag';

/** The side of an order or fill, in words and with an arrow. */
export function BuySell({ side }: { side: 'buy' | 'sell' }) {
  return (
    <Tag tone={side === 'buy' ? 'profit' : 'loss'}>
      <span aria-hidden="true">{side === 'buy' ? '↑' : '↓'}</span>
      {side === 'buy' ? 'Buy' : 'Sell'}
    </Tag>
  );
}
