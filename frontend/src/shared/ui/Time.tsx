import { ago, utc } from '../format';

/** A moment, relative; the exact UTC time is its title. */
export function Ago({ at, now }: { at: string; now: number }) {
  return (
    <time dateTime={at} title={utc(at)} className="num">
      {ago(at, now)}
    </time>
  );
}
