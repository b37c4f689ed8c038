import { number } from '../format';
import { Tag } from './Tag';

/** Long or short, in words and with an arrow; colour only supports it. */
export function SideTag({ side, leverage }: { side: 'long' | 'short'; leverage?: string | null }) {
  const long = side === 'long';
  return (
    <Tag tone={long ? 'profit' : 'loss'}>
      <span aria-hidden="true">{long ? '↑' : '↓'}</span>
      {long ? 'Long' : 'Short'}
      {leverage && <span className="num">{number(leverage)}×</span>}
    </Tag>
  );
}
